"""One traced life, and the power taken from it at many instants."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fakes import sqlite_url
from power_disk import Disk, Image, holding
from power_life import DISK, MARKS
from power_trace import COMMAND, Event, Marked, Synced, events
from power_verdict import Promised, judged

HERE = Path(__file__).parent
PATHS = [str(HERE), str(HERE.parent), str(HERE.parents[1])]


@dataclass(frozen=True, slots=True)
class Life:
    """What was durable before the first call, what happened then, and what was there at the end."""

    start: Image
    events: Sequence[Event]
    end: Image


@dataclass
class Found:
    """What came of taking the power away."""

    cuts: int = 0
    images: int = 0
    guilty: int = 0
    faults: list[str] = field(default_factory=list)


def why_not() -> str | None:
    """Return why nothing can be traced here; None if it can."""
    if shutil.which("strace") is None:
        return "no strace found: install it"
    tried = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True)
    return None if tried.returncode == 0 else f"strace may not trace: {tried.stderr.decode()}"


def traced(plants: Sequence[str], *arguments: str, fresh: bool = False) -> dict[str, Life]:
    """Let practices live under strace, one for each plant; return what was seen of each.

    Each begins on a migrated file, or where `fresh` in an empty folder.
    """
    with tempfile.TemporaryDirectory(prefix="welltimed-power-") as made:
        home = Path(made).resolve()
        starts = {plant: _prepared(home / plant / DISK, fresh=fresh) for plant in plants}
        command = [*COMMAND, "-o", str(home / "trace"), sys.executable, str(HERE / "power_life.py")]
        done = subprocess.run(
            [*command, str(home), "--plants", ",".join(plants), *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(PATHS), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return {
            plant: Life(starts[plant], _events(home, plant), _files(home / plant / DISK))
            for plant in plants
        }


def _prepared(folder: Path, *, fresh: bool) -> Image:
    folder.mkdir(parents=True)
    if not fresh:
        sqlite_url(folder)
    return _files(folder)


def _files(folder: Path) -> Image:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _events(home: Path, plant: str) -> list[Event]:
    with (home / "trace").open(encoding="ascii") as lines:
        return list(events(lines, str(home / plant / DISK), str(home / plant / MARKS)))


def instants(life: Life, wanted: int | None, random: Random) -> set[int]:
    """Return after how many events the power goes.

    At each mark and right before and after each sync, and at as many instants between; `wanted`
    limits them to a sample.
    """
    marks = [n for n, e in enumerate(life.events, 1) if isinstance(e, Marked)]
    syncs = [n for n, e in enumerate(life.events) if isinstance(e, Synced)]
    chosen = {*marks, *syncs, *(n + 1 for n in syncs), len(life.events)}
    between = [n for n in range(len(life.events)) if n not in chosen]
    chosen |= set(random.sample(between, min(len(chosen), len(between))))
    if wanted is None:
        return chosen
    return set(random.sample(sorted(chosen), min(wanted, len(chosen))))


def power_lost(life: Life, *, seed: int, wanted: int | None = None, torn: int = 4) -> Found:
    """Take the power away at many instants and judge what may be on the disk then.

    Of each instant: nothing that was not synced, everything, and `torn` subsets by chance; images
    that are the same are judged once.
    """
    random, found, promised = Random(seed), Found(), Promised()
    disk = holding(life.start)
    when = instants(life, wanted, random)
    with tempfile.TemporaryDirectory(prefix="welltimed-power-", dir=_memory()) as folder:
        for number, event in enumerate([None, *life.events]):
            if event is not None:
                disk = disk.after(event)
            if isinstance(event, Marked):
                promised.add(event.text)
            if number not in when:
                continue
            found.cuts += 1
            for image in _images(disk, torn, random):
                found.images += 1
                faults = judged(image, promised, Path(folder))
                found.guilty += bool(faults)
                found.faults += [f"after {number} events: {fault}" for fault in faults]
    return found


def _memory() -> str | None:
    """Return a folder in memory, where an image's own syncs cost nothing; None without one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _images(disk: Disk, torn: int, random: Random) -> Iterator[Image]:
    seen = set()
    for image in (disk.synced(), disk.written(), *(disk.torn(random) for _ in range(torn))):
        held = frozenset(image.items())
        if held not in seen:
            seen.add(held)
            yield image
