"""What workers tell of themselves, when phones were last heard of, figures over all patients."""

import sqlalchemy as sa
from alembic import op

import engine.store.types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Phones that reported or answered something are known to have lived then.
LAST_HEARD_OF = """
UPDATE devices SET seen_at = heard.at
FROM (
    SELECT device_id, max(received_at) AS at
    FROM (
        SELECT device_id, received_at FROM receipts
        UNION ALL SELECT device_id, received_at FROM responses
    ) AS told
    GROUP BY device_id
) AS heard
WHERE heard.device_id = devices.id
"""


def upgrade() -> None:
    op.add_column("devices", _instant("seen_at"))
    op.execute(LAST_HEARD_OF)
    op.add_column("workers", sa.Column("host", sa.String(200), nullable=True))
    op.add_column("workers", sa.Column("pid", sa.Integer(), nullable=True))
    op.add_column("workers", sa.Column("version", sa.String(64), nullable=True))
    op.add_column("workers", _instant("open_until"))
    op.add_column(
        "workers", sa.Column("ticks", sa.JSON(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.create_index("ix_prompts_start_at", "prompts", ["start_at"], postgresql_using="brin")


def downgrade() -> None:
    # An older release knows no tests, and would take one for something that asks.
    op.execute(
        "DELETE FROM receipts WHERE prompt_id IN (SELECT id FROM prompts WHERE kind = 'test')"
    )
    op.execute(
        "DELETE FROM attempts WHERE prompt_id IN (SELECT id FROM prompts WHERE kind = 'test')"
    )
    op.execute("DELETE FROM prompts WHERE kind = 'test'")
    op.drop_index("ix_prompts_start_at", table_name="prompts")
    for column in ("ticks", "open_until", "version", "pid", "host"):
        op.drop_column("workers", column)
    op.drop_column("devices", "seen_at")


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, engine.store.types.UtcDateTime(timezone=True), nullable=True)
