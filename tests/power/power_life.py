"""The process whose power goes: a practice on SQLite that sends, and takes what phones report.

It is the product's own planner, draws, dispatcher and commands; only the sender is one that writes
down what leaves. What the outside has seen of it (a push that left, an answer or a report that was
acknowledged) stands in the file of marks, one JSON object a line. It lives two lives, as after a
restart: the last connection to close works the log into the file and unlinks it.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import UUID

from builders import ANSWERS
from fakes import ACCEPTED, NINE, UNKNOWN, Person, Practice, fixed, protocol, throttled, windowed
from sqlalchemy import event

from content.library import Library
from engine.commands import answering
from engine.delivery_records import Intent
from engine.records import Device
from engine.store import Database, delivery, migrate, open_database
from engine.store.database import WriteTx
from prompting.fcm.message import Push

LIBRARY = Library.builtin()
CONTENT = "checkin.momentary"
PLANTS = ("normal", "off", "early-answers", "late-intents")
"""Mistakes: two settings of `synchronous`, an answer acknowledged before it is committed, and a
push that leaves before its intent is. "none" is the product as it is."""
DISK, MARKS, NAME = "disk", "marks", "welltimed.db"
OUTCOMES = (ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, UNKNOWN, throttled(30))
ANSWERED = 0.8
"""Share of what arrived that is answered."""
Mark = Callable[..., None]


def main() -> None:
    asked = _parser().parse_args()
    for plant in asked.plants.split(","):
        play(asked.home / plant, plant, asked)


def play(home: Path, plant: str, asked: argparse.Namespace) -> None:
    """Live in the folder `home/disk`, with the marks beside it."""
    marks = os.open(home / MARKS, os.O_WRONLY | os.O_CREAT)

    def mark(**said: Any) -> None:
        os.write(marks, json.dumps(said).encode() + b"\n")

    random = Random(asked.seed)
    opened = partial(_opened, home / DISK / NAME, plant, asked.checkpoint)
    practice = Practice(opened())
    migrate(practice.db)
    people = [_person(practice, number) for number in range(asked.people)]
    practice.clock.now = NINE
    with _noting_what_leaves(practice, plant, mark):
        for life in range(2):
            if life:
                practice.db = opened()
            for _ in range(asked.steps):
                _step(practice, people, plant, mark, random)
            practice.db.close()
    os.close(marks)


def _opened(file: Path, plant: str, checkpoint: int) -> Database:
    db = open_database(f"sqlite:///{file}")

    @event.listens_for(db._engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        if checkpoint:
            connection.execute(f"PRAGMA wal_autocheckpoint={checkpoint}")
        if plant in {"normal", "off"}:
            connection.execute(f"PRAGMA synchronous={plant.upper()}")

    return db


def _person(practice: Practice, number: int) -> Person:
    document = protocol(
        fixed("09:00", "10:40", "12:00", "13:20", id="set"),
        windowed("09:40-10:20", "11:00-11:40", id="window"),
    )
    return practice.enrol(document, deduplicates=bool(number % 2))


def _step(
    practice: Practice, people: Sequence[Person], plant: str, mark: Mark, random: Random
) -> None:
    """Plan, draw and send; then those who got something tell of it, and most answer."""
    phones = {phone.push_token: phone for person in people for phone in person.phones}
    practice.plan()
    practice.decide()
    outcomes = random.choices(OUTCOMES, k=10 * len(people))
    practice.pusher.pushed, practice.pusher.script = [], list(outcomes)
    practice.tick()
    for push, outcome in zip(practice.pusher.pushed, outcomes, strict=False):
        if outcome is ACCEPTED:
            _report(practice, phones[push.token], push, mark)
            if random.random() < ANSWERED:
                _answer(practice, phones[push.token], push, plant, mark, random)
    practice.clock.forward(minutes=10)


def _report(practice: Practice, phone: Device, push: Push, mark: Mark) -> None:
    now = practice.clock()
    reported = answering.ReceiptIn(prompt_id=push.prompt_id, kind="delivered", at=now)
    answering.record_receipts(practice.db, phone, [reported], device_now=now, now=now)
    mark(reported=push.prompt_id.hex)


def _answer(
    practice: Practice, phone: Device, push: Push, plant: str, mark: Mark, random: Random
) -> None:
    now = practice.clock()
    submission = answering.Submission(
        id=UUID(int=random.getrandbits(128)),
        prompt_id=push.prompt_id,
        content_id=CONTENT,
        content_version=LIBRARY.get(CONTENT).version,
        answers=ANSWERS[CONTENT] | {"valence": random.randrange(101)},
        opened_at=None,
        answered_at=now,
    )
    acknowledge = partial(mark, acknowledged=submission.id.hex, answers=submission.answers)
    if plant == "early-answers":
        acknowledge()
    answering.submit_response(practice.db, phone, submission, LIBRARY, device_now=now, now=now)
    if plant != "early-answers":
        acknowledge()


@contextmanager
def _noting_what_leaves(practice: Practice, plant: str, mark: Mark) -> Iterator[None]:
    add_intents = delivery.add_intents

    def left(pushes: Sequence[Push]) -> None:
        for push in pushes:
            mark(left=push.prompt_id.hex, repeat=push.repeat)

    def send_before_commit(
        tx: WriteTx, intents: Sequence[Intent], owner: str, **others: Any
    ) -> None:
        add_intents(tx, intents, owner, **others)
        for intent in intents:
            mark(left=intent.push_id.hex, repeat=intent.repeat)

    if plant == "late-intents":
        with patch.object(delivery, "add_intents", send_before_commit):
            yield
    else:
        practice.pusher.before = left
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Practices that are traced, one after the other.")
    parser.add_argument("home", type=Path)
    parser.add_argument("--plants", default="none", help="each lives in a folder of this name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="of ten minutes, in each life")
    parser.add_argument("--checkpoint", type=int, default=0, help="pages; 0: as the product")
    return parser


if __name__ == "__main__":
    main()
