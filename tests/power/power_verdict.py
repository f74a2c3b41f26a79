"""Judging what is there when the power is back, by what the outside had seen before it went."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from power_disk import Image
from power_life import NAME
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from engine.store import open_database

_TRIES = (
    "SELECT coalesce(p.parent_id, p.id), p.repeat, count(*) FROM attempts a"
    " JOIN prompts p ON p.id = a.prompt_id GROUP BY 1, 2"
)


@dataclass
class Promised:
    """What was acknowledged and what left, up to some instant."""

    answers: dict[str, Any] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)
    left: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, mark: str) -> None:
        """Take in one line of the marks."""
        said = json.loads(mark)
        if "acknowledged" in said:
            self.answers[said["acknowledged"]] = said["answers"]
        elif "reported" in said:
            self.reported.add(said["reported"])
        else:
            self.left[said["left"], said["repeat"]] += 1


def judged(image: Image, promised: Promised, folder: Path) -> list[str]:
    """Return what is broken in this image; it is put into `folder`, opened and taken away again."""
    for name, data in image.items():
        (folder / name).write_bytes(data)
    db = open_database(f"sqlite:///{folder / NAME}")
    found = []
    try:
        with db.read() as tx:
            for fault in _faults(tx.conn, promised):
                found.append(fault)
    except (DatabaseError, ValueError) as error:
        found.append(f"it cannot be read: {error}")
    finally:
        db.close()
        for file in folder.iterdir():
            file.unlink()
    return found


def _faults(conn: Connection, promised: Promised) -> Iterable[str]:
    def rows(statement: str) -> list[Any]:
        return conn.exec_driver_sql(statement).all()

    if (told := rows("PRAGMA integrity_check")) != [("ok",)]:
        yield f"integrity_check: {told[:3]}"
    if told := rows("PRAGMA foreign_key_check"):
        yield f"foreign_key_check: {told[:3]}"
    if not (promised.answers or promised.reported or promised.left):
        return  # nothing was said yet: before its first migration it has no tables
    stored = {
        key: json.loads(given or "null") for key, given in rows("SELECT id, answers FROM responses")
    }
    answered = {key for (key,) in rows("SELECT prompt_id FROM responses")}
    for response, given in promised.answers.items():
        if stored.get(response) != given:
            yield f"an acknowledged answer is lost: {response}"
    marked = {key for (key,) in rows("SELECT id FROM prompts WHERE answered_at IS NOT NULL")}
    if answered != marked:
        yield "answers and the prompts they answer do not go together"
    known = {key for (key,) in rows("SELECT prompt_id FROM receipts WHERE kind = 'delivered'")}
    for prompt in promised.reported - known:
        yield f"an acknowledged report is lost: {prompt}"
    tries = {(prompt, repeat): count for prompt, repeat, count in rows(_TRIES)}
    for push, times in promised.left.items():
        if tries.get(push, 0) < times:
            yield f"a push left and its intent is not on record: {push[0]}"
