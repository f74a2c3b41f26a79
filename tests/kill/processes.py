"""Forking workers from a warm parent, stopping, resuming and killing them.

The parent has imported everything, compiled every statement and holds no connection and no thread;
so a worker costs a few milliseconds and opens its own handles.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

LONGEST_LIFE_SECONDS = 120.0
_POLL_SECONDS = 0.001
_PR_SET_PDEATHSIG = 1


class Ended(NamedTuple):
    """How a worker is found: stopped, killed (by `signal`), or ended with `code`."""

    stopped: bool = False
    signal: int = 0
    code: int = 0

    @property
    def killed(self) -> bool:
        return self.signal == signal.SIGKILL


def _end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however that comes about."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def fork(body: Callable[[], None]) -> int:
    """Run `body` in a new process and return its id; an error of its ends it with code 1."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _end_with_parent()
        body()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


class Standing:
    """A worker process that stays and does one job after the other; a job is what `do` takes."""

    def __init__(self, do: Callable[[Any], None]) -> None:
        self._here, self._there = multiprocessing.Pipe()
        self.pid = fork(lambda: self._serve(do))
        self._there.close()

    def ask(self, job: object, seconds: float = LONGEST_LIFE_SECONDS) -> str | None:
        """Let it do a job; return what went wrong, None if it did it in time."""
        self._here.send(job)
        if not self._here.poll(seconds):
            return "hung"
        try:
            self._here.recv()
        except EOFError:
            return "died"
        return None

    def end(self) -> None:
        end(self.pid)
        self._here.close()

    def _serve(self, do: Callable[[Any], None]) -> None:
        while True:
            do(self._there.recv())
            self._there.send(None)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def pause() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def pause_other(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def resume(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def look(pid: int) -> Ended | None:
    """Return how a worker stopped or ended since last asked; None if it is at work."""
    found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    if not found:
        return None
    if os.WIFSTOPPED(status):
        return Ended(stopped=True)
    if os.WIFSIGNALED(status):
        return Ended(signal=os.WTERMSIG(status))
    return Ended(code=os.WEXITSTATUS(status))


def await_change(pid: int, seconds: float = LONGEST_LIFE_SECONDS) -> Ended | None:
    """Wait until a worker stops or ends; None if it did neither in time."""
    deadline = time.monotonic() + seconds
    while (ended := look(pid)) is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return ended


def end(pid: int) -> None:
    """Kill a worker in whatever state it is, and wait for its end."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
