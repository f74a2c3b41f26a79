"""Less for the database to write and to ask with each prompt that is sent."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

REFERENCES = {
    "fk_attempts_device_id_devices": ("devices", "device_id"),
    "fk_attempts_prompt_id_prompts": ("prompts", "prompt_id"),
}


def upgrade() -> None:
    op.drop_index("ix_prompts_patient_day", table_name="prompts")
    with op.batch_alter_table("attempts") as batch:
        for name in REFERENCES:
            batch.drop_constraint(name, type_="foreignkey")
    _tell_postgresql("ALTER TABLE attempts SET (fillfactor = 50)")


def downgrade() -> None:
    _tell_postgresql("ALTER TABLE attempts RESET (fillfactor)")
    with op.batch_alter_table("attempts") as batch:
        for name, (table, column) in REFERENCES.items():
            batch.create_foreign_key(name, table, [column], ["id"])
    op.create_index("ix_prompts_patient_day", "prompts", ["patient_id", "local_date"])


def _tell_postgresql(statement: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(statement))
