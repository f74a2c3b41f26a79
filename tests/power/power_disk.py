"""What is on the disk when the power goes: what was synced, and any part of what came since; pure.

The rules are those of Pillai et al. (2014, "All File Systems Are Not Created Equal") for a file
system that promises no more than POSIX does: a write is durable once its file has been synced, a
name (made or unlinked) once its folder has. Of what is not durable any subset is on the disk, by
sectors of 512 bytes, in any order; a file may have any length it had since. What lies between what
was written may hold zeros or whatever the disk held before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from power_trace import FOLDER, Event, Marked, Opened, Removed, Sized, Synced, Unreadable, Written

SECTOR = 512
Image = dict[str, bytes]
"""The files of the folder after the power is back, by name."""


@dataclass(frozen=True, slots=True)
class File:
    """A file's durable bytes, and what happened to it since, oldest first."""

    durable: bytes = b""
    pending: tuple[Written | Sized, ...] = ()

    def written(self) -> bytes:
        """Return the file as programs see it."""
        held = bytearray(self.durable)
        for change in self.pending:
            _apply(held, change)
        return bytes(held)

    def torn(self, random: Random) -> bytes:
        """Return what may be on the disk of it."""
        held, lengths = bytearray(self.durable), [len(self.durable)]
        versions: dict[int, list[bytes]] = {}
        for change in self.pending:
            _apply(held, change)
            lengths.append(len(held))
            if isinstance(change, Written) and change.data:
                last = change.at + len(change.data) - 1
                for start in range(change.at // SECTOR * SECTOR, last + 1, SECTOR):
                    versions.setdefault(start, []).append(bytes(held[start : start + SECTOR]))
        length = random.choice([*lengths, lengths[-1], max(lengths)])
        found = bytearray(self.durable[:length])
        missing = length - len(found)
        found += random.randbytes(missing) if random.random() < 0.5 else bytes(missing)
        share = random.random()
        for start, each in versions.items():
            if random.random() < share:
                sector = each[-1] if random.random() < 0.5 else random.choice(each)
                found[start : start + len(sector)] = sector
        return bytes(found[:length])


@dataclass(frozen=True, slots=True)
class Disk:
    """For each name what it may lead to: first what is durable, last what programs see."""

    names: Mapping[str, tuple[File | None, ...]] = field(default_factory=dict)

    def after(self, event: Event) -> "Disk":
        """Return the disk after an event. Raises Unreadable if the file is not there."""
        match event:
            case Marked():
                return self
            case Synced(name) if name == FOLDER:
                ends = {name: each[-1] for name, each in self.names.items()}
                return Disk({name: (end,) for name, end in ends.items() if end is not None})
            case Synced(name):
                return self._changed(name, File(self._file(name).written()))
            case Opened(name, emptied):
                found = self.names.get(name, (None,))
                if found[-1] is None:
                    return Disk({**self.names, name: (*found, File())})
                return self.after(Sized(name, 0)) if emptied else self
            case Removed(name):
                self._file(name)
                return Disk({**self.names, name: (*self.names[name], None)})
            case Written(name) | Sized(name):
                file = self._file(name)
                return self._changed(name, replace(file, pending=(*file.pending, event)))

    def _file(self, name: str) -> File:
        found = self.names.get(name, (None,))[-1]
        if found is None:
            raise Unreadable(f"{name} is not there")
        return found

    def _changed(self, name: str, file: File) -> "Disk":
        return Disk({**self.names, name: (*self.names[name][:-1], file)})

    def synced(self) -> Image:
        """Return the disk with nothing but what was synced."""
        firsts = {name: each[0] for name, each in self.names.items()}
        return {name: first.durable for name, first in firsts.items() if first is not None}

    def written(self) -> Image:
        """Return the disk with everything that was written."""
        lasts = {name: each[-1] for name, each in self.names.items()}
        return {name: last.written() for name, last in lasts.items() if last is not None}

    def torn(self, random: Random) -> Image:
        """Return the disk with some of what was written since it was synced."""
        chosen = {name: random.choice(each) for name, each in self.names.items()}
        return {name: file.torn(random) for name, file in chosen.items() if file is not None}


def holding(image: Image) -> Disk:
    """Return a disk on which these files are durable."""
    return Disk({name: (File(data),) for name, data in image.items()})


def replayed(disk: Disk, events: Iterable[Event]) -> Disk:
    """Return the disk after these events."""
    for event in events:
        disk = disk.after(event)
    return disk


def _apply(held: bytearray, change: Written | Sized) -> None:
    if isinstance(change, Sized):
        del held[change.size :]
        held += bytes(change.size - len(held))
        return
    held += bytes(max(0, change.at - len(held)))
    held[change.at : change.at + len(change.data)] = change.data
