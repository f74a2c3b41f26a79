"""What may be on a disk after the power went, in the smallest cases."""

from random import Random

import pytest
from power_disk import SECTOR, Disk, holding, replayed
from power_trace import FOLDER, Event, Opened, Removed, Sized, Synced, Unreadable, Written

OLD, NEW = b"o" * SECTOR, b"n" * SECTOR


def after(*events: Event, **files: bytes) -> Disk:
    return replayed(holding(files), events)


def outcomes(disk: Disk, name: str = "x") -> set[bytes | None]:
    """Return all that 300 losses of power made of a file."""
    return {disk.torn(Random(seed)).get(name) for seed in range(300)}


def test_of_a_write_any_sectors_may_be_on_the_disk():
    disk = after(Written("x", 0, NEW + NEW), x=OLD + OLD)
    assert outcomes(disk) == {OLD + OLD, OLD + NEW, NEW + OLD, NEW + NEW}
    assert (disk.synced(), disk.written()) == ({"x": OLD + OLD}, {"x": NEW + NEW})


def test_a_write_within_a_sector_leaves_its_neighbours_alone():
    disk = after(Written("x", SECTOR - 1, b"ab"), x=OLD + OLD)
    first, second = OLD[:-1] + b"a", b"b" + OLD[1:]
    assert outcomes(disk) == {OLD + OLD, first + OLD, OLD + second, first + second}


def test_a_sector_written_twice_may_be_in_any_of_its_states():
    disk = after(Written("x", 0, b"1"), Written("x", 1, b"2"), x=OLD)
    assert outcomes(disk) == {OLD, b"1" + OLD[1:], b"12" + OLD[2:]}


def test_what_was_synced_is_there_and_what_another_file_had_synced_does_not_count():
    events = Written("x", 0, NEW), Written("y", 0, NEW), Synced("x")
    disk = after(*events, x=OLD, y=OLD)
    assert outcomes(disk) == {NEW}
    assert outcomes(disk, "y") == {OLD, NEW}


def test_an_unsynced_append_may_be_missing_or_hold_something_else():
    found = outcomes(after(Written("x", SECTOR, NEW), x=OLD))
    assert {OLD, OLD + NEW, OLD + bytes(SECTOR)} < found
    assert any(each not in {OLD, OLD + NEW, OLD + bytes(SECTOR)} for each in found)
    assert {each[:SECTOR] for each in found} == {OLD}


def test_a_file_that_was_cut_may_have_its_old_length():
    disk = after(Sized("x", SECTOR), x=OLD + OLD)
    assert outcomes(disk) == {OLD, OLD + OLD}
    assert outcomes(disk.after(Synced("x"))) == {OLD}


def test_a_file_lengthened_holds_zeros_for_programs():
    assert after(Sized("x", 3), x=b"a").written() == {"x": b"a\0\0"}
    assert after(Written("x", 2, b"b"), x=b"").written() == {"x": b"\0\0b"}


def test_a_new_file_is_there_for_certain_once_its_folder_is_synced():
    disk = after(Opened("x"), Written("x", 0, NEW), Synced("x"))
    assert outcomes(disk) == {None, NEW}
    assert disk.synced() == {}
    assert outcomes(disk.after(Synced(FOLDER))) == {NEW}


def test_an_unlinked_file_may_come_back_until_its_folder_is_synced():
    disk = after(Removed("x"), x=OLD)
    assert outcomes(disk) == {None, OLD}
    assert outcomes(disk.after(Synced(FOLDER))) == {None}


def test_a_file_made_anew_may_be_either_or_missing():
    disk = after(Removed("x"), Opened("x"), Written("x", 0, NEW), Synced("x"), x=OLD)
    assert outcomes(disk) == {OLD, None, NEW}


def test_opening_leaves_a_file_alone_unless_it_empties_it():
    assert after(Opened("x"), x=OLD).written() == {"x": OLD}
    assert after(Opened("x", emptied=True), x=OLD).written() == {"x": b""}


def test_a_write_to_what_is_not_there_is_refused():
    with pytest.raises(Unreadable, match="not there"):
        after(Written("x", 0, NEW))
