import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.clock import VirtualClock
from prompting.fcm.emulator.mailbox import Letter, Mailroom

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def letter(seq: int) -> Letter:
    return Letter(seq, NOON + timedelta(hours=1), {})


def mailroom(count: int = 0, **limits: Any) -> Mailroom:
    """A mailroom with letters 1 to `count` for one device."""
    mail = Mailroom(VirtualClock(NOON), **limits)
    for seq in range(1, count + 1):
        mail.put("emu-a", str(seq), letter(seq))
    return mail


async def take(letters: AsyncIterator[Letter], count: int) -> list[int]:
    async with asyncio.timeout(60):
        return [(await anext(letters)).seq for _ in range(count)]


async def waits(letters: AsyncGenerator[Letter]) -> bool:
    """Whether nothing more is there to take; ends the stream."""
    step = asyncio.ensure_future(anext(letters))
    await asyncio.sleep(0.01)
    done = step.done()
    step.cancel()
    await asyncio.wait([step])
    await letters.aclose()
    return not done


async def test_the_mailroom_gives_up_the_oldest_when_full():
    letters = mailroom(5, kept=3).letters("emu-a")
    assert await take(letters, 3) == [3, 4, 5]
    assert await waits(letters)


async def test_what_a_stream_took_for_certain_does_not_come_again():
    mail = mailroom(2, confirm_seconds=0)
    first = mail.letters("emu-a")
    assert await take(first, 2) == [1, 2]
    assert await waits(first)
    assert await waits(mail.letters("emu-a"))


async def test_what_a_dying_stream_swallowed_comes_again_also_to_one_already_open():
    mail = mailroom(1, confirm_seconds=60)
    dying, other = mail.letters("emu-a"), mail.letters("emu-b")
    assert await take(dying, 1) == [1]
    step = asyncio.ensure_future(anext(dying))
    await asyncio.sleep(0)
    fresh = mail.letters("emu-a")
    waiting = asyncio.ensure_future(anext(fresh))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    step.cancel()
    assert (await asyncio.wait_for(waiting, 60)).seq == 1
    assert await waits(other)
    await fresh.aclose()


async def test_a_letter_being_sent_when_the_stream_breaks_is_not_lost():
    mail = mailroom(1, confirm_seconds=0)
    broken = mail.letters("emu-a")
    assert await take(broken, 1) == [1]
    await broken.aclose()
    assert await take(mail.letters("emu-a"), 1) == [1]


async def test_a_last_event_id_confirms_what_came_before():
    mail = mailroom(3, confirm_seconds=60)
    first = mail.letters("emu-a")
    assert await take(first, 3) == [1, 2, 3]
    resumed = mail.letters("emu-a", after=2)
    assert await take(resumed, 1) == [3]
    await first.aclose()
    assert await waits(resumed)


async def test_two_streams_of_one_device_both_get_what_comes():
    mail = mailroom()
    streams = [mail.letters("emu-a"), mail.letters("emu-a")]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)
    mail.put("emu-a", "1", letter(1))
    assert [(await asyncio.wait_for(step, 60)).seq for step in waiting] == [1, 1]
    assert mail.listening == 2
    for each in streams:
        await each.aclose()
    assert mail.listening == 0
