"""What `strace` saw of one folder, as events in their order; pure.

The trace is that of `COMMAND`: strings in hex, descriptors with their paths. Whatever it cannot
read for certain (two calls at once, a call it does not know, a file written through memory) it
refuses, so that nothing is judged by half a trace. SQLite's `-shm` is left out: it is not durable,
and SQLite makes it anew from the log.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

COMMAND = (
    "strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "1000000", "-e", "signal=none", "-e",
    "trace=openat,?open,?creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,ftruncate,"
    "truncate,fallocate,?unlink,unlinkat,?rename,?renameat,renameat2,?link,linkat,mmap,sendfile,"
    "copy_file_range",
)  # fmt: skip
FOLDER = ""
"""The name under which the folder itself is synced."""


class Unreadable(ValueError):
    """The trace cannot be judged."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file was opened; it was made if it was not there, and emptied if `emptied`."""

    name: str
    emptied: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes were written at an offset."""

    name: str
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Sized:
    """A file was cut or lengthened to `size` bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """A file, or the folder, was synced, and the call has returned."""

    name: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A name was unlinked."""

    name: str


@dataclass(frozen=True, slots=True)
class Marked:
    """The traced process said something to the outside."""

    text: str


Event = Opened | Written | Sized | Synced | Removed | Marked

_CALL = re.compile(r"(?:\d+ +)?(?P<call>\w+)\((?P<given>.*)\) += (?P<result>-?\w+)(?P<at>.*)")
_ON_FILE = re.compile(r"\d+<(?P<path>[^>]*)>(?:, )?(?P<rest>.*)")
_BYTES = re.compile(r'"(?P<data>[^"]*)"(?:, (?P<numbers>[\d, ]+))?')
_NAMED = re.compile(r'(?:AT_FDCWD<[^>]*>, )?"(?P<path>[^"]*)"(?:, 0)?')


def events(lines: Iterable[str], folder: str, marks: str) -> Iterator[Event]:
    """Yield what happened to the files of a folder, and what was written to the file `marks`.

    Both are absolute paths, `marks` outside of the folder. Raises Unreadable.
    """
    inside, outside = _hex(folder), _hex(marks)
    for line in lines:
        if outside in line or inside in line:
            yield from _event(line.rstrip("\n"), folder, marks)


def _event(line: str, folder: str, marks: str) -> Iterator[Event]:
    call = _CALL.fullmatch(line)
    if call is None:
        raise Unreadable(f"not one whole call: {line[:200]}")
    if call["result"].startswith("-"):
        return
    if call["call"] in {"open", "openat", "creat"}:
        name = _name(_text(call["at"].strip("<>")), folder)
        flags = call["given"]
        if name and (call["call"] == "creat" or "O_CREAT" in flags or "O_TRUNC" in flags):
            yield Opened(name, call["call"] == "creat" or "O_TRUNC" in flags)
    elif call["call"] in {"unlink", "unlinkat"}:
        named = _NAMED.fullmatch(call["given"])
        if named is None:
            raise Unreadable(f"not a name: {line[:200]}")
        if name := _name(_text(named["path"]), folder):
            yield Removed(name)
    elif call["call"] == "mmap":
        _refuse_writing(call["given"], folder)
    else:
        yield from _on_file(call, folder, marks)


def _on_file(call: re.Match[str], folder: str, marks: str) -> Iterator[Event]:
    on = _ON_FILE.fullmatch(call["given"])
    if on is None:
        raise Unreadable(f"not a file: {call[0][:200]}")
    path = _text(on["path"])
    if path == marks and call["call"] == "write":
        yield Marked(_data(on["rest"])[0].decode())
        return
    name = _name(path, folder)
    if name is None:
        return
    if call["call"] in {"fsync", "fdatasync"}:
        yield Synced(name)
    elif call["call"] == "ftruncate":
        yield Sized(name, int(on["rest"]))
    elif call["call"] == "pwrite64":
        data, (_, at) = _data(on["rest"])
        yield Written(name, at, data[: int(call["result"])])
    else:
        raise Unreadable(f"{call['call']} is not known: {call[0][:200]}")


def _data(given: str) -> tuple[bytes, list[int]]:
    found = _BYTES.fullmatch(given)
    if found is None:
        raise Unreadable(f"not all of its bytes: {given[-100:]}")
    numbers = [int(number) for number in (found["numbers"] or "").split(",") if number]
    return bytes.fromhex(found["data"].replace("\\x", "")), numbers


def _refuse_writing(given: str, folder: str) -> None:
    path = re.search(r"<([^>]*)>", given)
    if path and "PROT_WRITE" in given and "MAP_SHARED" in given and _name(_text(path[1]), folder):
        raise Unreadable(f"a file is written through memory: {given}")


def _name(path: str, folder: str) -> str | None:
    """Return a file's name in the folder; None for other files and those that are left out."""
    if path == folder:
        return FOLDER
    name = path.removeprefix(f"{folder}/")
    return None if name == path or name.endswith("-shm") else name


def _hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def _text(written: str) -> str:
    return bytes.fromhex(written.replace("\\x", "")).decode()
