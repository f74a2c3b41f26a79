"""The near side of a sender in a process of its own: starts it, feeds it, outlives its death."""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from prompting.fcm.breaker import Standing
from prompting.fcm.bucket import DEFAULT_PER_MINUTE
from prompting.fcm.limits import DEFAULT_LIMITS, Limits
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.fcm.sender.hearing import Silence, bound_reading, hear
from prompting.fcm.sender.wire import Batch, Close, Done, Orders, Ready, Told, expanded, packed

log = logging.getLogger(__name__)

_LOST = SendOutcome(Kind.UNKNOWN, code="SENDER_ENDED", detail="the sending process ended")
_SILENT = SendOutcome(
    Kind.UNKNOWN, code="SENDER_SILENT", detail="the sending process was silent and was killed"
)
_REFUSED = SendOutcome(Kind.NOT_SENT, code="CLIENT_CLOSED", detail="there is no sending process")
_START_SECONDS = 30.0
_RESTART_SECONDS = 1.0
"""At least this lies between two starts, should the process die again and again."""
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}
"""Of its many threads hardly any ever runs, and glibc would give each memory of its own."""
_END_SECONDS = 5.0
"""What the process gets to end beyond the time it may drain."""


class SenderProcess:
    """A pusher whose connections, rate limit and breaker live in a process of their own.

    Should that process die, what it was sending is of unknown fate, and the next is started. One
    that falls silent while it has something to send is killed, and then the same holds. It ends
    with this one, however this one ends. Safe to use from any thread.

    Raises:
        ValueError: if endpoint, project, key or limits cannot be used.
        OSError: if the key cannot be read.
        RuntimeError: if the process cannot be started.
    """

    def __init__(
        self,
        endpoint: str,
        project: str | None,
        key: Path | None = None,
        *,
        per_minute: int = DEFAULT_PER_MINUTE,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._orders = Orders(
            endpoint=endpoint, project=project, key=key, per_minute=per_minute, limits=limits
        )
        self._lock = threading.Lock()
        self._closed = False
        self._started_at = time.monotonic()
        self._far = _Far(self._orders)

    def submit(self, pushes: Sequence[Push], *, now: datetime) -> Future[list[SendOutcome]]:
        """Begin to send each push at most once; outcomes will stand in the order of `pushes`."""
        return self._alive().submit(pushes, now)

    def push_many(self, pushes: Sequence[Push], *, now: datetime) -> list[SendOutcome]:
        """Send each push at most once; outcomes stand in the order of `pushes`."""
        return self.submit(pushes, now=now).result()

    def room(self) -> int:
        """Return how many pushes it makes sense to claim now: 0 while FCM is in trouble.

        Nor is there room while the process is not there.
        """
        far = self._alive()
        return 0 if far.ended else far.standing.room(time.monotonic())

    def open_until(self, now: datetime) -> datetime | None:
        """Return until when nothing will be sent as FCM is in trouble; None if it is not."""
        left = self._far.standing.open_for(time.monotonic())
        return now + left if left else None

    def close(self, *, drain_seconds: float | None = None) -> None:
        """Let what is under way end, by default as long as one attempt takes; end the process."""
        with self._lock:
            self._closed = True
        bound = self._orders.limits.timeout_seconds + 1 if drain_seconds is None else drain_seconds
        self._far.close(drain_seconds, within=bound + _END_SECONDS)

    @property
    def pid(self) -> int:
        """Return the id of the process that sends."""
        return self._far.process.pid

    def _alive(self) -> "_Far":
        """Return the process, a new one if it has died and it is not too soon."""
        with self._lock:
            far = self._far
            if not far.ended or self._closed:
                return far
            now = time.monotonic()
            if now - self._started_at < _RESTART_SECONDS:
                return far
            self._started_at = now
            try:
                self._far = _Far(self._orders)
            except (ValueError, RuntimeError, OSError):
                log.exception("the sending process cannot be started")
            return self._far


class _Far:
    """One process, from its start to its end."""

    def __init__(self, orders: Orders) -> None:
        near, far = socket.socketpair()
        self._patience = orders.limits.silence_seconds
        bound_reading(near, self._patience)
        with far:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __package__, str(far.fileno())],
                stdin=subprocess.DEVNULL,
                env=os.environ | _ENVIRONMENT,
                pass_fds=[far.fileno()],
            )
        self._conn: Connection[Any, Any] = Connection(near.detach())
        self._speaking = threading.Lock()
        """Apart from the other, for who speaks may have to wait until the process reads."""
        self._lock = threading.Lock()
        self._pending: dict[int, tuple[int, Future[list[SendOutcome]]]] = {}
        self._last = 0
        self.ended = False
        self.standing = Standing()
        self._greet(orders)
        self._listener = threading.Thread(target=self._listen, name="fcm", daemon=True)
        self._listener.start()

    def submit(self, pushes: Sequence[Push], now: datetime) -> Future[list[SendOutcome]]:
        future: Future[list[SendOutcome]] = Future()
        with self._lock:
            if self.ended:
                future.set_result([_REFUSED] * len(pushes))
                return future
            self._last += 1
            number = self._last
            self._pending[number] = (len(pushes), future)
        self._tell(Batch(number, now, time.monotonic(), packed(pushes)))
        return future

    def close(self, drain_seconds: float | None, *, within: float) -> None:
        impatience = threading.Timer(within, self.process.kill)
        impatience.start()  # before speaking: one that has stopped may not even read
        self._tell(Close(drain_seconds))
        self.process.wait()
        impatience.cancel()
        self._listener.join()
        with self._speaking:
            self._conn.close()

    def _tell(self, order: Batch | Close) -> None:
        # If it has died, the listener finds the end of the stream and sees to what is lost.
        with self._speaking, suppress(OSError):
            self._conn.send(order)

    def _greet(self, orders: Orders) -> None:
        """Hand over the orders and wait until they are understood."""
        trouble: Exception | None = RuntimeError("the sending process did not start")
        try:
            self._conn.send(orders)
            if self._conn.poll(_START_SECONDS):
                ready: Ready = self._conn.recv()
                trouble = ready.trouble
        except (EOFError, OSError):
            pass  # it has ended already
        if trouble is not None:
            self._conn.close()
            self.process.kill()
            self.process.wait()
            raise trouble

    def _listen(self) -> None:
        fate = _LOST
        try:
            while True:
                self._hear(hear(self._conn, patience=self._patience, pending=self._is_pending))
        except Silence:
            self.process.kill()
            fate = _SILENT
        except (EOFError, OSError):
            pass
        with self._lock:
            self.ended = True
            lost = list(self._pending.values())
            self._pending.clear()
        for count, future in lost:
            future.set_result([fate] * count)
        if self.process.wait() or lost:
            log.error(
                "%s (%s); %d messages are of unknown fate",
                fate.detail,
                self.process.returncode,
                sum(count for count, _ in lost),
            )

    def _is_pending(self) -> bool:
        return bool(self._pending)

    def _hear(self, told: Told) -> None:
        if isinstance(told, Standing):
            self.standing = told
        elif isinstance(told, Done):
            with self._lock:
                _, future = self._pending.pop(told.number)
            future.set_result(expanded(told.outcomes))
