"""A test notification: it goes the way of every prompt, asks nothing, and counts for nothing.

It is asked for at this moment, so quiet hours, pauses, caps and gaps do not bear on it. Being of a
kind of its own it is no part of compliance, progress, learning or any list of prompts.
"""

from datetime import datetime, timedelta
from uuid import UUID

from engine.commands.basis import Basis, locked_basis
from engine.commands.replanning import stored
from engine.errors import NotFound, TooOften
from engine.health_records import TEST_EXPIRES, ProgressOfTest
from engine.planned import PlannedWindow
from engine.records import StoredWindow
from engine.store import Database, testing

TEST = "(test)"
"""Stands as assignment and content of tests, and can be the name of neither in a protocol."""
MOST_TESTS = 3
TESTS_WITHIN = timedelta(minutes=10)


def ask_for_test(db: Database, patient_id: UUID, *, now: datetime) -> ProgressOfTest:
    """Store a test notification to the patient's phone, due at once; return where it stands.

    Raises NotFound without an enrolment, TooOften when `MOST_TESTS` were asked for lately.
    """
    with db.write() as tx:
        basis = locked_basis(tx, patient_id)
        asked = testing.tests_since(tx, patient_id, now - TESTS_WITHIN)
        if len(asked) >= MOST_TESTS:
            raise TooOften(
                f"{MOST_TESTS} tests in {TESTS_WITHIN // timedelta(minutes=1)} minutes are enough",
                again_in=asked[-MOST_TESTS] + TESTS_WITHIN - now,
            )
        day = basis.day_of(now)
        window = _window(basis, testing.count_on(tx, basis.enrolment.id, TEST, day), now)
        testing.add_test(tx, window, expires_at=now + TEST_EXPIRES)
        found = testing.progress_of_test(tx, patient_id, window.id, now=now)
    if found is None:
        raise NotFound("test")
    return found


def progress_of(db: Database, patient_id: UUID, test_id: UUID, *, now: datetime) -> ProgressOfTest:
    """Return how far a test of this patient's came. Raises NotFound."""
    with db.read() as tx:
        found = testing.progress_of_test(tx, patient_id, test_id, now=now)
    if found is None:
        raise NotFound("test")
    return found


def _window(basis: Basis, number: int, now: datetime) -> StoredWindow:
    planned = PlannedWindow(
        assignment=TEST,
        content=TEST,
        local_date=basis.day_of(now),
        window=number,
        start_at=now,
        end_at=now + TEST_EXPIRES,
        slots=(now,),
        timing="fixed",
        expires_after=TEST_EXPIRES,
        within=TEST_EXPIRES,
    )
    return stored(basis, planned)
