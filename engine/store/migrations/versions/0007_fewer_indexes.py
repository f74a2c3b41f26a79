"""Fewer index entries to write for each change of a prompt."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# With the day in its second place the unique index serves whoever asks for days of enrolments.
OLD_UNIQUE = ("enrolment_id", "assignment", "local_date", "window", "repeat")
UNIQUE = ("enrolment_id", "local_date", "assignment", "window", "repeat")
PARTIAL = {
    "ix_prompts_undecided": ("start_at", "state = 'planned' AND decided_at IS NULL"),
    "ix_prompts_due": (
        "due_at",
        "((state IN ('planned', 'retry') AND decided_at IS NOT NULL)"
        " OR (state = 'unknown' AND next_try_at IS NOT NULL))",
    ),
    "ix_prompts_busy": ("lease_until", "state = 'sending'"),
    "ix_prompts_unlearned": (
        "sent_at",
        "sent_at IS NOT NULL AND closed_at IS NULL AND kind = 'prompt'",
    ),
    "ix_prompts_running_out": (
        "expires_at",
        "state = 'accepted' AND kind = 'prompt'"
        " AND answered_at IS NULL AND declined_at IS NULL AND missed_at IS NULL",
    ),
}


def upgrade() -> None:
    op.drop_index("ix_prompts_enrolment_day", table_name="prompts")
    op.drop_index("ix_prompts_parent_id", table_name="prompts")
    _change_unique(OLD_UNIQUE, UNIQUE)
    _create("ix_prompts_parent_id", "parent_id", "parent_id IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_prompts_parent_id", table_name="prompts")
    _change_unique(UNIQUE, OLD_UNIQUE)
    op.create_index("ix_prompts_parent_id", "prompts", ["parent_id"])
    op.create_index("ix_prompts_enrolment_day", "prompts", ["enrolment_id", "local_date"])


def _change_unique(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    """SQLite makes the table anew for this, so its partial indexes go first and come again."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        for name in PARTIAL:
            op.drop_index(name, table_name="prompts")
    with op.batch_alter_table("prompts") as batch:
        batch.drop_constraint(_name(old), type_="unique")
        batch.create_unique_constraint(_name(new), list(new))
    if sqlite:
        for name, (column, predicate) in PARTIAL.items():
            _create(name, column, predicate)
        broken = op.get_bind().exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise RuntimeError(f"a row of {broken[0]} refers to a missing row of {broken[2]}")


def _name(columns: tuple[str, ...]) -> str:
    return f"uq_prompts_{'_'.join(columns)}"


def _create(name: str, column: str, predicate: str) -> None:
    where = sa.text(predicate)
    op.create_index(name, "prompts", [column], sqlite_where=where, postgresql_where=where)
