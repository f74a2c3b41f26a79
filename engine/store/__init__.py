"""The store: the only room that knows SQLAlchemy.

`database` opens transactions, `tables` describes rows (private to this package), `migrations`
moves a database forward, and each other module is the repository of one subject. Repositories are
functions of a transaction; they take and return values of `engine.records`, never rows.
"""

from engine.store.database import Database, ReadTx, WriteTx, open_database
from engine.store.migrate import migrate, pending_migrations

__all__ = ["Database", "ReadTx", "WriteTx", "migrate", "open_database", "pending_migrations"]
