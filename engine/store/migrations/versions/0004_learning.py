"""What the model knew when; models that are kept back; declared hours; marks of moments."""

from typing import Any

import sqlalchemy as sa
from alembic import op

import engine.store.types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outcomes", sa.Column("last_hour", sa.Double(), nullable=True))
    op.add_column(
        "outcomes", sa.Column("first_y", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("outcomes", _instant("revised_at", nullable=True))
    op.add_column("outcomes", _instant("dropped_at", nullable=True))
    op.execute("UPDATE outcomes SET first_y = y")
    op.add_column(
        "artifacts", sa.Column("promoted", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column("artifacts", sa.Column("curve", sa.JSON(), nullable=True))
    head = sa.Column("head", sa.String(64), server_default="answered", nullable=False)
    op.add_column("artifacts", head)
    op.create_index("ix_artifacts_version", "artifacts", ["version"])
    for name, parts in _tables().items():
        op.create_table(name, *parts)
    op.create_index("ix_marks_patient_id", "marks", ["patient_id"])


def downgrade() -> None:
    # An older release takes the newest model, and knows no silence that means nothing.
    op.execute("DELETE FROM artifacts WHERE NOT promoted OR head != 'answered'")
    op.execute("DELETE FROM outcomes WHERE dropped_at IS NOT NULL")
    for name in reversed(_tables()):
        op.drop_table(name)
    op.drop_index("ix_artifacts_version", table_name="artifacts")
    for table, columns in (
        ("artifacts", ("head", "curve", "promoted")),
        ("outcomes", ("dropped_at", "revised_at", "first_y", "last_hour")),
    ):
        for column in columns:
            op.drop_column(table, column)


def _tables() -> dict[str, list[sa.Column[Any] | sa.Constraint]]:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return {
        "learning_events": [
            sa.Column("seq", serial, autoincrement=True, nullable=False),
            _instant("at"),
            sa.Column("kind", sa.String(64), nullable=False),
            sa.Column("version", sa.String(64), nullable=True),
            sa.Column("detail", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("seq", name=op.f("pk_learning_events")),
        ],
        "declared_hours": [
            _key("patient_id", "patients", "declared_hours"),
            sa.Column("version", sa.Integer(), nullable=False),
            *(
                sa.Column(name, sa.Double(), nullable=True)
                for name in ("wake", "bed", "work_start", "work_end")
            ),
            sa.Column("declared_by", sa.String(200), nullable=False),
            _instant("declared_at"),
            sa.PrimaryKeyConstraint("patient_id", "version", name=op.f("pk_declared_hours")),
        ],
        "marks": [
            _key("prompt_id", "prompts", "marks"),
            _key("patient_id", "patients", "marks"),
            _key("device_id", "devices", "marks"),
            sa.Column("good", sa.Boolean(), nullable=False),
            _instant("marked_at"),
            sa.PrimaryKeyConstraint("prompt_id", name=op.f("pk_marks")),
        ],
    }


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, engine.store.types.UtcDateTime(timezone=True), nullable=nullable)


def _key(name: str, other: str, table: str) -> sa.Column[Any]:
    reference = sa.ForeignKey(f"{other}.id", name=op.f(f"fk_{table}_{name}_{other}"))
    return sa.Column(name, sa.Uuid(), reference, nullable=False)
