"""Phones that drop repeats, retries of uncertain sends, and workers that tell they are alive."""

import sqlalchemy as sa
from alembic import op

import engine.store.types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DUE = (
    "((state IN ('planned', 'retry') AND decided_at IS NOT NULL)"
    " OR (state = 'unknown' AND next_try_at IS NOT NULL))"
)
OLD_DUE = "state IN ('planned', 'retry') AND decided_at IS NOT NULL"


def upgrade() -> None:
    op.add_column(
        "devices",
        sa.Column("deduplicates", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "attempts",
        sa.Column("next_try_at", engine.store.types.UtcDateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "workers",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("started_at", engine.store.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", engine.store.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("stalled", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_workers")),
    )
    _index_due(DUE)


def downgrade() -> None:
    _index_due(OLD_DUE)
    op.drop_table("workers")
    op.drop_column("attempts", "next_try_at")
    op.drop_column("devices", "deduplicates")


def _index_due(predicate: str) -> None:
    op.drop_index("ix_prompts_due", table_name="prompts")
    op.create_index(
        "ix_prompts_due",
        "prompts",
        ["due_at"],
        sqlite_where=sa.text(predicate),
        postgresql_where=sa.text(predicate),
    )
