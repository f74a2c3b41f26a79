"""Whatever happens, every prompt ends in a named state that its own attempts bear out.

A fake clock, a pusher that answers by chance, phones that report now and then, workers
that die between any two steps: the rest is the real store and the real dispatcher.
"""

import random
import shutil
import tempfile
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from fakes import (
    ACCEPTED,
    MONDAY,
    NINE,
    NOT_SENT,
    REFUSED,
    TOKEN_DEAD,
    UNKNOWN,
    Person,
    Practice,
    fixed,
    protocol,
    sqlite_url,
    throttled,
    windowed,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.commands import answering
from engine.commands.tracing import trace
from engine.localtime import in_quiet_hours, zone
from engine.prompt import ENDED, MOST_UNCERTAIN, State, proven
from engine.protocol import parse_protocol
from engine.store import open_database
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome

DOCUMENT = protocol(
    fixed("09:00", "10:30", id="set", expires_after="40m", reminders=["10m"]),
    windowed("12:00-13:00", id="drawn", expires_after="30m"),
    quiet="10:50-11:40",
    min_gap="5m",
    per_day=3,
)
QUIET = parse_protocol(DOCUMENT).quiet_hours
OUTCOMES = [
    ACCEPTED,
    UNKNOWN,
    NOT_SENT,
    REFUSED,
    TOKEN_DEAD,
    throttled(None),
    throttled(90),
    throttled(3000),
    OSError("killed while sending"),
]
MAY_HAVE_ARRIVED = (Kind.ACCEPTED, Kind.UNKNOWN)


class Killed(Exception):
    """Ends a tick as a crash would."""


class Trial:
    """One morning of two patients under what a seed says, and a record of every send."""

    def __init__(self, practice: Practice, seed: int, deduplicates: bool) -> None:
        self.practice = practice
        self.chance = random.Random(seed)
        self.people = [
            practice.enrol(DOCUMENT, phones=1 + number, deduplicates=deduplicates)
            for number in range(2)
        ]
        self.sends: dict[tuple, list[tuple[datetime, SendOutcome | Exception]]] = defaultdict(list)
        self.owners: dict[UUID, Person] = {}
        practice.pusher._push = self.answer

    def answer(self, push: Push) -> SendOutcome:
        outcome = self.chance.choice(OUTCOMES)
        self.owners[push.prompt_id] = next(
            person
            for person in self.people
            if push.token in {phone.push_token for phone in person.phones}
        )
        self.sends[push.prompt_id, push.repeat].append((self.practice.clock(), outcome))
        if isinstance(outcome, Exception):
            raise Killed from outcome
        return outcome

    def run(self) -> None:
        practice = self.practice
        practice.plan()
        while practice.clock() < NINE + timedelta(hours=6):
            practice.decide()
            try:
                self.tick()
            except Killed:
                practice.clock.forward(seconds=61)
            self.report()
            practice.clock.forward(minutes=self.chance.choice([2, 6, 14]))

    def tick(self) -> None:
        dies_at = self.chance.choice([None] * 8 + [4, 5, 6, 7])
        calls = 0

        def clock() -> datetime:
            nonlocal calls
            calls += 1
            if calls == dies_at:
                raise Killed
            return self.practice.clock()

        dispatcher = self.practice.dispatcher()
        object.__setattr__(dispatcher, "clock", clock)
        dispatcher.tick()

    def report(self) -> None:
        """Let a phone confirm something it can have got."""
        if self.chance.random() < 0.5:
            return
        for (prompt_id, _), sends in self.sends.items():
            arrived = any(
                isinstance(outcome, Exception) or outcome.kind in MAY_HAVE_ARRIVED
                for _, outcome in sends
            )
            if arrived and self.chance.random() < 0.5:
                now = self.practice.clock()
                receipt = answering.ReceiptIn(prompt_id=prompt_id, kind="delivered", at=now)
                answering.record_receipts(
                    self.practice.db,
                    self.owners[prompt_id].phones[0],
                    [receipt],
                    device_now=now,
                    now=now,
                )
                return


def rows_of(practice: Practice) -> list:
    with practice.db.read() as tx:
        return tx.conn.exec_driver_sql(
            "SELECT id, parent_id, repeat, state, reason, delivered_at, next_try_at, expires_at"
            " FROM prompts WHERE decided_at IS NOT NULL OR state != 'planned'"
        ).all()


def outcomes_of(practice: Practice, key: str) -> list[str | None]:
    with practice.db.read() as tx:
        found = tx.conn.exec_driver_sql(f"SELECT outcome FROM attempts WHERE prompt_id = '{key}'")
        return [row.outcome for row in found]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_every_prompt_ends_in_a_named_state_that_its_attempts_bear_out(
    seed: int, deduplicates: bool
):
    home = Path(tempfile.mkdtemp())
    db = open_database(sqlite_url(home))
    practice = Practice(db)
    practice.clock.now = MONDAY
    try:
        trial = Trial(practice, seed, deduplicates)
        trial.run()
        check_sends(trial, deduplicates)
        check_ends(practice)
    finally:
        db.close()
        shutil.rmtree(home)


def check_sends(trial: Trial, deduplicates: bool) -> None:
    tz = zone("Europe/Berlin")
    for sends in trial.sends.values():
        risky = [
            outcome
            for _, outcome in sends
            if isinstance(outcome, Exception) or outcome.kind in MAY_HAVE_ARRIVED
        ]
        assert len(risky) <= (MOST_UNCERTAIN if deduplicates else 1)
        for at, _ in sends:
            assert not in_quiet_hours(at, tz, QUIET)
    for (prompt_id, repeat), sends in trial.sends.items():
        row = next(
            row
            for row in rows_of(trial.practice)
            if (row.parent_id or row.id) == prompt_id.hex and row.repeat == repeat
        )
        assert all(at.isoformat(" ")[:19] < row.expires_at[:19] for at, _ in sends)


def check_ends(practice: Practice) -> None:
    for row in rows_of(practice):
        state = State(row.state)
        assert state in ENDED
        assert row.next_try_at is None or state is not State.UNKNOWN
        truth = proven(outcomes_of(practice, row.id), confirmed=row.delivered_at is not None)
        if truth is None:
            assert state in {State.FAILED, State.EXPIRED, State.CANCELLED, State.WITHHELD}
        else:
            assert state is truth
        assert (row.reason is None) == (state is State.ACCEPTED)
    for key in {row.parent_id or row.id for row in rows_of(practice)}:
        told = trace(practice.db, UUID(key))
        assert told.summary
        assert list(told.lines) == sorted(told.lines, key=lambda line: line.at)
