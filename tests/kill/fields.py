"""Running lanes beside each other: processes that each have a database and share one stub."""

import gc
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import scripted_fcm
from arena import Arena, Figures
from ground import PEOPLE, Ground, postgres_addresses, sqlite_addresses, workspace
from lanes import Shared
from processes import await_change, end, fork

LANES = 3
"""More than there are cores: a lane often waits, for a hang or for a worker to get to its point."""
_LONGEST_SECONDS = 600.0

Part = Callable[[Arena, int], Figures]
"""What a lane does, given its arena and its number: everything of its share."""


@contextmanager
def stub(lanes: Sequence[Shared]) -> Iterator[int]:
    """Run the scripted FCM in a process of its own; yield its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=500)
    pid = fork(lambda: scripted_fcm.run(listener, lanes))
    port = int(listener.getsockname()[1])
    listener.close()
    try:
        yield port
    finally:
        end(pid)


@dataclass(frozen=True)
class Field:
    """How lanes are laid out: the kind of database, their number, who lives there."""

    kind: str
    lanes: int = LANES
    people: int = PEOPLE
    reminders: bool = True
    planted: str = ""

    def addresses(self, directory: Path) -> list[str]:
        """Return prepared databases, one a lane."""
        population = {"people": self.people, "reminders": self.reminders}
        if self.kind == "postgres":
            return postgres_addresses(self.lanes, **population)
        return sqlite_addresses(self.lanes, directory, **population)


def run(field: Field, part: Part) -> tuple[Figures, float]:
    """Return the figures of all lanes and how many seconds they took, preparation not counted."""
    directory = workspace()
    try:
        urls = field.addresses(directory)
        gc.collect()
        gc.freeze()  # or each fork copies what the collector touches
        shared = [Shared() for _ in urls]
        began = time.monotonic()
        with stub(shared) as port:
            pids = [
                fork(
                    partial(
                        _lane, Ground(lane, url, shared[lane], field.planted), port, directory, part
                    )
                )
                for lane, url in enumerate(urls)
            ]
            figures = _gather(pids, directory)
        return figures, time.monotonic() - began
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _lane(ground: Ground, port: int, directory: Path, part: Part) -> None:
    _errors_to(directory / f"errors-{ground.lane}")
    ground.warm()
    arena = Arena(ground, port)
    figures = part(arena, ground.lane)
    arena.close()
    ground.close()
    (directory / f"figures-{ground.lane}.json").write_text(json.dumps(asdict(figures)))


def _errors_to(path: Path) -> None:
    """Send what this process and its workers write on stderr to a file: some are meant to fail."""
    sys.stderr.flush()
    with path.open("w") as file:
        os.dup2(file.fileno(), 2)


def _gather(pids: Sequence[int], directory: Path) -> Figures:
    total = Figures()
    waiting = list(pids)
    try:
        while waiting:
            ended = await_change(waiting[0], _LONGEST_SECONDS)
            lane = len(pids) - len(waiting)
            if ended is not None:
                waiting.pop(0)
            if ended is None or ended.code or ended.signal:
                told = (directory / f"errors-{lane}").read_text()[-3000:]
                raise RuntimeError(f"lane {lane} of the harness failed ({ended}):\n{told}")
            total.add(Figures(**json.loads((directory / f"figures-{lane}.json").read_text())))
    finally:
        for pid in waiting:
            end(pid)
    return total
