"""The world outside, in two processes of their own: the API, and the phones that call it.

The clinic's jobs run in the parent, so that all share the machine's cores as in real life. The
parent says over a pipe what comes to the phones; what they do goes over HTTP to the API, on the
virtual clock that all processes read.
"""

import asyncio
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
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
    """The parent's ends of the pipes. One order to the phones is under way at a time."""

    api: Connection
    phones: Connection
    busy: bool = False

    def enrol(self, members: Sequence[Member]) -> list[str]:
        """Enrol a phone for each member; return the phones' push tokens, in order.

        Waits until the API serves. Raises OutsideFailed if it does not.
        """
        if not self.api.poll(START_SECONDS):
            raise OutsideFailed("the API of the demo did not start")
        try:
            self.phones.send(self.api.recv())
        except (EOFError, BrokenPipeError) as error:
            raise OutsideFailed("a process of the demo ended while starting") from error
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
        self.phones.send((name, given))
        self.busy = True

    def _reply(self) -> Any:  # noqa: ANN401 (whatever the order asked for)
        try:
            fault, reply = self.phones.recv()
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
    """Yield the way to the phones; both processes end with the block. Raises OutsideFailed."""
    with (
        _process(_serve, settings, clock) as api,
        _process(_answer, emulator_url, seed) as phones,
    ):
        yield Outside(api, phones)


@contextmanager
def _process(target: Callable[..., None], *given: object) -> Iterator[Connection]:
    """Yield a pipe to a process that has begun to start and ends with the block."""
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=target, args=(*given, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.terminate()


def _serve(settings: Settings, clock: SharedClock, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    db = open_database(settings.database_url)
    limiter = Limiter(tries_per_minute=10_000)  # all phones of the demo share one address
    with served(api_app(settings, db, clock=clock, limiter=limiter)) as url:
        pipe.send(url)
        pipe.poll(None)
    db.close()


def _answer(emulator_url: str, seed: int, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        api_url = pipe.recv()
    except EOFError:
        return  # the parent gave up before it began
    asyncio.run(_obey(pipe, Phones(api_url, emulator_url, Library.builtin(), seed)))


async def _obey(pipe: Connection, phones: Phones) -> None:
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
