import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from waiting import until

from prompting.fcm.breaker import Breaker
from prompting.fcm.bucket import LEAST_PER_MINUTE, TokenBucket
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import StaticBearer
from prompting.fcm.emulator.faults import FaultKind, FaultRule
from prompting.fcm.limits import Limits
from prompting.fcm.outcome import Kind
from prompting.serving import served

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


async def test_a_batch_beyond_the_projects_rate_waits_for_its_turns(emulator, make_push):
    client = FcmClient(emulator.url, "clinic", StaticBearer(), bucket=TokenBucket(3050))
    pushes = [make_push() for _ in range(65)]
    began = time.monotonic()
    outcomes = await client.send_many(pushes, now=NOON)
    took = time.monotonic() - began
    await client.aclose()
    assert {outcome.kind for outcome in outcomes} == {Kind.ACCEPTED}
    # 50 go at once, the other 15 at 50 a second.
    assert took >= 0.29


async def test_what_expires_while_it_waits_for_its_turn_is_not_sent(emulator, make_push):
    bucket = TokenBucket(LEAST_PER_MINUTE)
    client = FcmClient(emulator.url, "clinic", StaticBearer(), bucket=bucket)
    outcomes = await client.send_many([make_push(), make_push(minutes=0.5 / 60)], now=NOON)
    await client.aclose()
    assert [outcome.code for outcome in outcomes] == [None, "EXPIRED"]
    assert emulator.app.log.received == 1


async def test_clients_of_one_project_share_its_bucket(emulator, make_push):
    bucket = TokenBucket(LEAST_PER_MINUTE)
    for expected in (None, "EXPIRED"):
        client = FcmClient(emulator.url, "clinic", StaticBearer(), bucket=bucket)
        outcome = await client.send(make_push(minutes=0.5 / 60), now=NOON)
        await client.aclose()
        assert outcome.code == expected


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.THROTTLED])
async def test_trouble_costs_five_pushes_and_not_the_whole_batch(emulator, make_push, kind):
    limits = Limits(connections=1, streams=1)
    client = FcmClient(emulator.url, "clinic", StaticBearer(), limits=limits)
    emulator.app.faults.set([FaultRule(kind=kind, retry_after="7")])
    outcomes = await client.send_many([make_push() for _ in range(20)], now=NOON)
    held_back = outcomes[5:]
    await client.aclose()
    assert emulator.app.log.received == 5
    assert {outcome.http_status for outcome in outcomes[:5]} == {int(kind.value)}
    assert {(outcome.kind, outcome.code) for outcome in held_back} == {
        (Kind.NOT_SENT, "BREAKER_OPEN")
    }
    waits = [outcome.retry_after for outcome in held_back]
    assert timedelta(seconds=6) < min(waits) <= max(waits) <= timedelta(seconds=7)


async def test_after_the_pause_one_push_probes_and_its_success_lets_all_through(
    emulator, make_push
):
    now = [0.0]
    breaker = Breaker(monotonic=lambda: now[0])
    client = FcmClient(emulator.url, "clinic", StaticBearer(), breaker=breaker)
    emulator.app.faults.set([FaultRule(kind=FaultKind.UNAVAILABLE, times=6)])
    for _ in range(5):
        await client.send(make_push(), now=NOON)
    now[0] += 5
    outcomes = await client.send_many([make_push() for _ in range(10)], now=NOON)
    assert [outcome.http_status for outcome in outcomes] == [503] + [None] * 9
    now[0] += 10
    assert (await client.send(make_push(), now=NOON)).kind is Kind.ACCEPTED
    outcomes = await client.send_many([make_push() for _ in range(10)], now=NOON)
    await client.aclose()
    assert {outcome.kind for outcome in outcomes} == {Kind.ACCEPTED}
    assert emulator.app.log.received == 5 + 1 + 1 + 10


async def test_a_push_broken_off_half_way_gives_the_probe_back(emulator, make_push):
    now = [0.0]
    breaker = Breaker(monotonic=lambda: now[0])
    client = FcmClient(emulator.url, "clinic", StaticBearer(), breaker=breaker)
    emulator.app.faults.set([FaultRule(kind=FaultKind.UNAVAILABLE, times=5)])
    for _ in range(5):
        await client.send(make_push(), now=NOON)
    now[0] += 5
    emulator.app.faults.set([FaultRule(kind=FaultKind.HANG)])
    probe = asyncio.create_task(client.send(make_push(), now=NOON))
    await until(lambda: breaker.room == 0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert breaker.room == 1
    await client.aclose()


async def test_closing_lets_what_is_under_way_end_and_begins_nothing_more(counting, make_push):
    endpoint = counting(seconds=2)
    limits = Limits(connections=1, streams=3)
    with served(endpoint.app) as url:
        client = FcmClient(f"{url}/prefix", "p", StaticBearer(), limits=limits)
        pushes = [make_push() for _ in range(9)]
        sending = asyncio.create_task(client.send_many(pushes, now=NOON))
        await endpoint.asked(3)
        assert await client.aclose()
        outcomes = await sending
    assert sorted(outcome.kind for outcome in outcomes) == [Kind.ACCEPTED] * 3 + [Kind.NOT_SENT] * 6
    assert len(endpoint.requests) == 3


async def test_closing_waits_no_longer_than_it_is_told_and_what_is_left_is_unknown(
    counting, make_push
):
    endpoint = counting(seconds=30)
    with served(endpoint.app) as url:
        client = FcmClient(f"{url}/prefix", "p", StaticBearer())
        sending = asyncio.create_task(client.send(make_push(), now=NOON))
        await endpoint.asked()
        began = time.monotonic()
        assert not await client.aclose(drain_seconds=0.1)
        outcome = await sending
        assert time.monotonic() - began < 15
    assert outcome.kind is Kind.UNKNOWN
