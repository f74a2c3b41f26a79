"""Telling a sender that waits from one that has stopped, in made-up time."""

import socket
import struct
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import pytest

from prompting.dispatch.dispatcher import LEASE
from prompting.fcm.limits import DEFAULT_LIMITS
from prompting.fcm.sender.hearing import SIGNS, Silence, bound_reading, hear
from prompting.fcm.sender.wire import Alive, Done

PATIENCE = 20.0
LOOK = PATIENCE / SIGNS


class Line:
    """A connection on which each look takes as long as is said, and then, perhaps, something comes.

    Whoever looks more often than that finds something.
    """

    def __init__(self, *looks: float) -> None:
        self.looks = list(looks)
        self.now = 1000.0

    def poll(self, seconds: float) -> bool:
        assert seconds == LOOK
        if not self.looks:
            return True
        self.now += self.looks.pop(0)
        return False

    def recv(self) -> Alive:
        return Alive()

    def hear(self, *, pending: Callable[[], bool] = lambda: True) -> object:
        return hear(self, patience=PATIENCE, pending=pending, monotonic=lambda: self.now)  # type: ignore[arg-type]


@pytest.fixture
def ends() -> Iterator[tuple["Connection[object, object]", socket.socket]]:
    near, far = socket.socketpair()
    bound_reading(near, 0.05)
    with far, Connection(near.detach()) as conn:
        yield conn, far


def test_a_sender_that_speaks_in_time_is_heard():
    assert Line(*[LOOK] * (SIGNS - 1)).hear() == Alive()


def test_one_that_says_nothing_for_so_long_is_given_up():
    line = Line(*[LOOK] * 100)
    with pytest.raises(Silence):
        line.hear()
    assert line.now == 1000 + PATIENCE


def test_one_that_has_nothing_to_send_may_be_silent_for_ever():
    assert Line(*[LOOK] * 1000).hear(pending=lambda: False) == Alive()


def test_silence_counts_from_when_there_is_something_to_send():
    line = Line(*[LOOK] * 1000)
    with pytest.raises(Silence):
        line.hear(pending=lambda: line.now > 1100)
    assert line.now == 1100 + PATIENCE


@pytest.mark.parametrize("night", [PATIENCE / 2, 8 * 3600.0])
def test_after_standing_still_itself_the_near_side_gives_the_sender_all_its_time_again(night):
    line = Line(*[LOOK] * (SIGNS - 1), night, *[LOOK] * 1000)
    with pytest.raises(Silence):
        line.hear()
    assert line.now == 1000 + PATIENCE - LOOK + night + PATIENCE


def test_looks_that_come_late_on_a_busy_machine_do_not_put_it_off_for_ever():
    line = Line(*[3 * LOOK] * 1000)
    with pytest.raises(Silence):
        line.hear()
    assert line.now < 1000 + PATIENCE + 3 * LOOK


def test_one_that_stops_in_the_middle_of_a_message_is_given_up(ends):
    conn, far = ends
    far.sendall(struct.pack("!i", 100) + b"half of it")
    with pytest.raises(Silence):
        hear(conn, patience=PATIENCE, pending=lambda: True)


def test_what_it_says_and_its_end_are_heard(ends):
    conn, far = ends
    with Connection(far.detach()) as speaking:
        speaking.send(Done(1, ["name"]))
    assert hear(conn, patience=PATIENCE, pending=lambda: True) == Done(1, ["name"])
    with pytest.raises(EOFError):
        hear(conn, patience=PATIENCE, pending=lambda: True)


def test_silence_is_known_long_before_a_lease_runs_out():
    assert DEFAULT_LIMITS.silence_seconds <= LEASE.total_seconds() / 3
