"""What is read from a trace, and what is refused."""

import pytest
from power_trace import (
    FOLDER,
    Event,
    Marked,
    Opened,
    Removed,
    Sized,
    Synced,
    Unreadable,
    Written,
    events,
)

FOLDER_PATH, MARKS = "/home/disk", "/home/marks"


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def on(path: str, descriptor: int = 4) -> str:
    return f"{descriptor}<{hexed(path)}>"


LOG = on("/home/disk/x.db-wal")
READ = f'openat(AT_FDCWD<{hexed("/")}>, "{hexed("/home/disk/x.db")}"'


def seen(*lines: str) -> list[Event]:
    return list(events([f"{line}\n" for line in lines], FOLDER_PATH, MARKS))


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (f'7 pwrite64({LOG}, "{hexed("abc")}", 3, 512) = 3', Written("x.db-wal", 512, b"abc")),
        (f'7 pwrite64({LOG}, "{hexed("abc")}", 3, 512) = 2', Written("x.db-wal", 512, b"ab")),
        (f"7 fdatasync({LOG}) = 0", Synced("x.db-wal")),
        (f"fsync({on(FOLDER_PATH)})          = 0", Synced(FOLDER)),
        (f"7 ftruncate({LOG}, 8192) = 0", Sized("x.db-wal", 8192)),
        (f'7 unlink("{hexed("/home/disk/x.db-wal")}") = 0', Removed("x.db-wal")),
        (f"7 {READ}, O_RDWR|O_CREAT, 0644) = {on('/home/disk/x.db')}", Opened("x.db")),
        (f"7 {READ}, O_WRONLY|O_TRUNC) = {on('/home/disk/x.db')}", Opened("x.db", emptied=True)),
        (f'7 write({on(MARKS)}, "{hexed("left")}", 4) = 4', Marked("left")),
    ],
)  # fmt: skip
def test_each_call_is_the_event_it_stands_for(line: str, event: Event):
    assert seen(line) == [event]


@pytest.mark.parametrize(
    "line",
    [
        f'7 pwrite64({on("/home/other/x.db")}, "{hexed("abc")}", 3, 512) = 3',
        f'7 write({on("/home/disk2/x.db")}, "{hexed("abc")}", 3) = 3',
        f'7 unlink("{hexed("/home/disk/x.db-wal")}") = -1 ENOENT (No such file or directory)',
        f"7 {READ}, O_RDONLY) = {on('/home/disk/x.db')}",
        f'7 pwrite64({on("/home/disk/x.db-shm")}, "{hexed("abc")}", 3, 512) = 3',
        f"7 mmap(NULL, 9, PROT_WRITE, MAP_SHARED, {on('/home/disk/x.db-shm')}, 0) = 0x7f",
        f"7 mmap(NULL, 32768, PROT_READ, MAP_SHARED, {on('/home/disk/x.db')}, 0) = 0x7f",
    ],
)  # fmt: skip
def test_what_is_elsewhere_fails_or_only_reads_is_no_event(line: str):
    assert seen(line) == []


@pytest.mark.parametrize(
    "line",
    [
        f"7 fdatasync({LOG} <unfinished ...>",
        f'7 pwrite64({LOG}, "{hexed("abc")}"..., 300, 512) = 300',
        f'7 write({LOG}, "{hexed("abc")}", 3) = 3',
        f"7 fallocate({LOG}, 0, 0, 100) = 0",
        f'7 rename("{hexed("/home/disk/a")}", "{hexed("/home/disk/b")}") = 0',
        f"7 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, {on('/home/disk/x.db')}, 0) = 0x7f",
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(line: str):
    with pytest.raises(Unreadable):
        seen(line)
