import subprocess
import sys
from importlib import import_module

from alembic.script import ScriptDirectory

from engine.store import migrate, open_database

steps = import_module("engine.store.migrate")


def test_the_newest_step_is_told_without_alembic():
    assert ScriptDirectory.from_config(steps._config()).get_heads() == [steps._newest()]


def test_a_worker_of_an_up_to_date_database_holds_no_alembic_firebase_or_http_client(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    db = open_database(url)
    migrate(db)
    db.close()
    program = (
        "import sys\n"
        "import prompting.pusher, prompting.worker\n"
        "from engine.store import open_database, pending_migrations\n"
        f"assert pending_migrations(open_database({url!r})) == []\n"
        "print({'alembic', 'firebase_admin', 'pyreqwest'} & set(sys.modules))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "set()\n"
