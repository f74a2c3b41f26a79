"""What Alembic runs: it uses the connection it was handed and knows our tables."""

from alembic import context

from engine.store import tables  # noqa: F401 (declares them)
from engine.store.types import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
