"""Prompts that repeat, fade or follow events; patients' own rules; the log of schedules."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

import engine.store.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OLD_UNIQUE = "uq_prompts_enrolment_id_assignment_local_date_window"
UNIQUE = f"{OLD_UNIQUE}_repeat"
PARENT = "fk_prompts_parent_id_prompts"
RUNNING_OUT = (
    "state = 'accepted' AND kind = 'prompt'"
    " AND answered_at IS NULL AND declined_at IS NULL AND missed_at IS NULL"
)
OLD_UNLEARNED = "sent_at IS NOT NULL AND closed_at IS NULL"
UNLEARNED = f"{OLD_UNLEARNED} AND kind = 'prompt'"
PARTIAL = {
    "ix_prompts_undecided": ("start_at", "state = 'planned' AND decided_at IS NULL"),
    "ix_prompts_due": ("due_at", "state IN ('planned', 'retry') AND decided_at IS NOT NULL"),
    "ix_prompts_busy": ("lease_until", "state IN ('claimed', 'sending')"),
}


def upgrade() -> None:
    _change_prompts()
    _add_columns("decisions", _decision_columns())
    _add_columns("devices", _device_columns())
    for name, parts in _tables().items():
        op.create_table(name, *parts)
    op.create_index("ix_patient_reports_patient_id", "patient_reports", ["patient_id"])
    op.create_index("ix_unavailabilities_patient_id", "unavailabilities", ["patient_id"])
    op.create_index("ix_schedule_log_patient_id", "schedule_log", ["patient_id", "at"])


def downgrade() -> None:
    # Rows of the newer kinds have no place in the older shape.
    op.execute("DELETE FROM prompts WHERE kind != 'prompt'")
    op.execute("UPDATE prompts SET state = 'cancelled' WHERE state = 'withheld'")
    for name in reversed(_tables()):
        op.drop_table(name)
    for table, columns in (("decisions", _decision_columns()), ("devices", _device_columns())):
        for column in columns:
            op.drop_column(table, column.name)
    op.drop_index("ix_prompts_running_out", table_name="prompts")
    _drop_partial_indexes()
    with op.batch_alter_table("prompts") as batch:
        batch.drop_index("ix_prompts_parent_id")
        batch.drop_constraint(UNIQUE, type_="unique")
        batch.drop_constraint(PARENT, type_="foreignkey")
        for column in _prompt_columns():
            batch.drop_column(column.name)
        batch.create_unique_constraint(
            OLD_UNIQUE, ["enrolment_id", "assignment", "local_date", "window"]
        )
    _create_partial_indexes(OLD_UNLEARNED)


def _change_prompts() -> None:
    """SQLite makes the table anew for this, so its partial indexes go first and come again."""
    _drop_partial_indexes()
    with op.batch_alter_table("prompts") as batch:
        for column in _prompt_columns():
            batch.add_column(column)
        batch.drop_constraint(OLD_UNIQUE, type_="unique")
        batch.create_unique_constraint(
            UNIQUE, ["enrolment_id", "assignment", "local_date", "window", "repeat"]
        )
        batch.create_foreign_key(PARENT, "prompts", ["parent_id"], ["id"])
        batch.create_index("ix_prompts_parent_id", ["parent_id"])
    # Nothing hangs on a missed prompt in the protocols so far, and none of them is news.
    op.execute("UPDATE prompts SET missed_at = expires_at WHERE answered_at IS NULL")
    _create_partial_indexes(UNLEARNED)
    _create_partial("ix_prompts_running_out", "expires_at", RUNNING_OUT)
    _check_references()


def _check_references() -> None:
    """Raise, and so undo everything, where a row now refers to one that is not there."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise RuntimeError(f"a row of {broken[0]} refers to a missing row of {broken[2]}")


def _drop_partial_indexes() -> None:
    for name in (*PARTIAL, "ix_prompts_unlearned"):
        op.drop_index(name, table_name="prompts")


def _create_partial_indexes(unlearned: str) -> None:
    for name, (column, predicate) in PARTIAL.items():
        _create_partial(name, column, predicate)
    _create_partial("ix_prompts_unlearned", "sent_at", unlearned)


def _create_partial(name: str, column: str, predicate: str) -> None:
    where = sa.text(predicate)
    op.create_index(name, "prompts", [column], sqlite_where=where, postgresql_where=where)


def _add_columns(table: str, columns: Iterator[sa.Column[Any]]) -> None:
    for column in columns:
        op.add_column(table, column)


def _prompt_columns() -> Iterator[sa.Column[Any]]:
    yield sa.Column("kind", sa.String(64), server_default="prompt", nullable=False)
    yield sa.Column("parent_id", sa.Uuid(), nullable=True)
    yield sa.Column("repeat", sa.Integer(), server_default="0", nullable=False)
    yield sa.Column("cause_id", sa.Uuid(), nullable=True)
    yield sa.Column("probability", sa.Double(), server_default="1.0", nullable=False)
    yield sa.Column("number", sa.Integer(), server_default="0", nullable=False)
    yield sa.Column("remaining", sa.Integer(), server_default="1", nullable=False)
    yield sa.Column("gap_seconds", sa.Integer(), server_default="0", nullable=False)
    yield sa.Column("priority", sa.Integer(), server_default="50", nullable=False)
    yield sa.Column("reminders", sa.JSON(), server_default="[]", nullable=False)
    yield sa.Column("phase", sa.String(200), nullable=True)
    yield sa.Column("tzdata", sa.String(64), nullable=True)
    yield sa.Column("offset_seconds", sa.Integer(), nullable=True)
    yield _instant("declined_at", nullable=True)
    yield _instant("missed_at", nullable=True)


def _decision_columns() -> Iterator[sa.Column[Any]]:
    yield sa.Column("probability", sa.Double(), server_default="1.0", nullable=False)
    yield sa.Column("prompted", sa.Boolean(), server_default=sa.true(), nullable=False)


def _device_columns() -> Iterator[sa.Column[Any]]:
    yield _instant("zone_at", nullable=True)
    yield _instant("schedule_at", nullable=True)
    yield sa.Column("schedule_version", sa.Integer(), nullable=True)
    yield sa.Column("schedule_rules_version", sa.Integer(), nullable=True)


def _tables() -> dict[str, list[sa.Column[Any] | sa.Constraint]]:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return {
        "patient_rules": [
            _patient("patient_rules"),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("document", sa.JSON(), nullable=False),
            sa.Column("set_by", sa.String(200), nullable=False),
            _instant("set_at"),
            sa.PrimaryKeyConstraint("patient_id", "version", name=op.f("pk_patient_rules")),
        ],
        "milestones": [
            _key("enrolment_id", "enrolments", "milestones"),
            sa.Column("name", sa.String(200), nullable=False),
            sa.Column("local_date", sa.Date(), nullable=False),
            sa.Column("recorded_by", sa.String(200), nullable=False),
            _instant("recorded_at"),
            sa.PrimaryKeyConstraint("enrolment_id", "name", name=op.f("pk_milestones")),
        ],
        "patient_reports": [
            sa.Column("id", sa.Uuid(), nullable=False),
            _patient("patient_reports"),
            _key("device_id", "devices", "patient_reports"),
            sa.Column("name", sa.String(200), nullable=False),
            _instant("happened_at"),
            _instant("device_at"),
            _instant("received_at"),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_reports")),
        ],
        "unavailabilities": [
            _key("prompt_id", "prompts", "unavailabilities"),
            _patient("unavailabilities"),
            _key("device_id", "devices", "unavailabilities"),
            sa.Column("reason", sa.String(64), nullable=False),
            _instant("told_at"),
            sa.PrimaryKeyConstraint("prompt_id", name=op.f("pk_unavailabilities")),
        ],
        "schedule_log": [
            sa.Column("seq", serial, autoincrement=True, nullable=False),
            _patient("schedule_log"),
            sa.Column("prompt_id", sa.Uuid(), nullable=True),
            _instant("at"),
            sa.Column("by", sa.String(200), nullable=False),
            sa.Column("kind", sa.String(64), nullable=False),
            sa.Column("detail", sa.JSON(), nullable=False),
            sa.PrimaryKeyConstraint("seq", name=op.f("pk_schedule_log")),
        ],
        "meta": [
            sa.Column("key", sa.String(64), nullable=False),
            sa.Column("value", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
        ],
    }


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, engine.store.types.UtcDateTime(timezone=True), nullable=nullable)


def _patient(table: str) -> sa.Column[Any]:
    return _key("patient_id", "patients", table)


def _key(name: str, other: str, table: str) -> sa.Column[Any]:
    reference = sa.ForeignKey(f"{other}.id", name=op.f(f"fk_{table}_{name}_{other}"))
    return sa.Column(name, sa.Uuid(), reference, nullable=False)
