"""A claim is a lock and no longer a state of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Nothing was sent in these claims, so each is again what its earlier attempts left behind.
FREE_CLAIMS = """
UPDATE prompts SET
    state = CASE
        WHEN delivered_at IS NOT NULL OR answered_at IS NOT NULL THEN 'accepted'
        WHEN sent_at IS NOT NULL THEN 'unknown'
        WHEN attempts > 0 THEN 'retry'
        ELSE 'planned'
    END,
    reason = CASE
        WHEN delivered_at IS NULL AND answered_at IS NULL THEN reason
    END,
    next_try_at = CASE
        WHEN delivered_at IS NOT NULL OR answered_at IS NOT NULL THEN NULL
        WHEN sent_at IS NOT NULL THEN coalesce(next_try_at, lease_until)
        ELSE next_try_at
    END,
    owner = NULL,
    lease_until = NULL
WHERE state = 'claimed'
"""


def upgrade() -> None:
    op.execute(FREE_CLAIMS)
    _index_busy("state = 'sending'")


def downgrade() -> None:
    _index_busy("state IN ('claimed', 'sending')")


def _index_busy(which: str) -> None:
    op.drop_index("ix_prompts_busy", table_name="prompts")
    op.create_index(
        "ix_prompts_busy",
        "prompts",
        ["lease_until"],
        sqlite_where=sa.text(which),
        postgresql_where=sa.text(which),
    )
