"""The world outside in a process of its own: the patients' phones, and the API they call.

The clinic's jobs run in the parent, so the two share the machine's cores as in real life. The
parent says over a pipe what comes to the phones; what they do goes over HTTP to the API, on the
virtual clock that both processes read.
"""

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from pyreqwest.exceptions import PyreqwestError

from api.demo.clinic import Member
from api.demo.phones import Arrival, Phones
from api.limiter import Limiter
from api.serving import api_app
from content.library import Library
from engine.interpreter import settle_in
from engine.settings import Settings
from engine.store import open_database
from prompting.serving import served

START_SECONDS = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_spawn = multiprocessing.get_context("spawn")


class OutsideFailed(RuntimeError):
    """The process outside could not do what it was told; the message says why."""


class SharedClock:
    """A virtual clock that two processes read and one moves."""

    def __init__(self, start_at: datetime) -> None:
        self._micros: Synchronized[int] = _spawn.Value("q", (start_at - _EPOCH) // _MICROSECOND)

    def __call__(self) -> datetime:
        """Return the virtual instant."""
        return _EPOCH + self._micros.value * _MICROSECOND

    def move_to(self, at: datetime) -> None:
        """Move forward to `at`. Raises ValueError if that lies before the current instant."""
        if at < self():
            raise ValueError(f"a clock does not go back: {at} is before {self()}")
        self._micros.value = (at - _EPOCH) // _MICROSECOND


@dataclass(slots=True)
class Outside:
    """The parent's end of the pipe. One order is under way at a time."""

    pipe: Connection
    busy: bool = False

    def enrol(self, members: Sequence[Member]) -> list[str]:
        """Enrol a phone for each member; return the phones' push tokens, in order.

        Waits until the process is ready. Raises OutsideFailed if it is not in time.
        """
        if not self.pipe.poll(START_SECONDS):
            raise OutsideFailed("the process of the phones and the API did not start")
        self._reply()
        self._order("enrol", list(members))
        tokens: list[str] = self._reply()
        return tokens

    def begin_visits(self, now: datetime, arrivals: Sequence[Arrival]) -> None:
        """Let the phones make every call that is due by `now`, these new arrivals included."""
        self._order("visit", (now, list(arrivals)))

    def finish_visits(self) -> None:
        """Wait until the calls begun are answered; at once if none are under way."""
        if self.busy:
            self._reply()

    def _order(self, name: str, given: object) -> None:
        self.pipe.send((name, given))
        self.busy = True

    def _reply(self) -> Any:  # noqa: ANN401 (whatever the order asked for)
        try:
            fault, reply = self.pipe.recv()
        except EOFError as error:
            raise OutsideFailed("the process of the phones and the API ended") from error
        self.busy = False
        if fault is not None:
            raise OutsideFailed(fault)
        return reply


@contextmanager
def outside(
    settings: Settings, clock: SharedClock, *, emulator_url: str, seed: int
) -> Iterator[Outside]:
    """Yield the way to the process outside, which starts meanwhile and ends with the block."""
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(
        target=_live_outside, args=(settings, clock, emulator_url, seed, theirs), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield Outside(ours)
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.terminate()


def _live_outside(
    settings: Settings, clock: SharedClock, emulator_url: str, seed: int, pipe: Connection
) -> None:
    settle_in()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    db = open_database(settings.database_url)
    limiter = Limiter(tries_per_minute=10_000)  # all phones of the demo share one address
    with served(api_app(settings, db, clock=clock, limiter=limiter)) as url:
        asyncio.run(_obey(pipe, Phones(url, emulator_url, Library.builtin(), seed)))
    db.close()


async def _obey(pipe: Connection, phones: Phones) -> None:
    pipe.send((None, None))
    try:
        while True:
            name, given = await asyncio.to_thread(pipe.recv)
            try:
                reply = await _carry_out(phones, name, given)
            except (RuntimeError, PyreqwestError) as error:
                pipe.send((str(error), None))
            else:
                pipe.send((None, reply))
    except (EOFError, BrokenPipeError):
        return  # the parent has all it wanted
    finally:
        await phones.close()


async def _carry_out(phones: Phones, name: str, given: Any) -> Any:  # noqa: ANN401
    if name == "enrol":
        return await phones.enrol(given)
    now, arrivals = given
    phones.expect(arrivals)
    await phones.make_visits(now)
    return None
