import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.settings import Settings
from prompting.fcm.connections import Limits
from prompting.fcm.emulator.faults import FaultKind, FaultRule
from prompting.fcm.outcome import Kind
from prompting.pusher import UNBOUNDED, FcmPusher, pusher_from
from prompting.serving import served

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def pusher_to() -> Iterator[Callable[..., FcmPusher]]:
    pushers: list[FcmPusher] = []

    def make(url: str) -> FcmPusher:
        pushers.append(FcmPusher(url, "clinic", None, limits=Limits(timeout_seconds=3)))
        return pushers[-1]

    yield make
    for pusher in pushers:
        pusher.close(drain_seconds=0)


def test_outcomes_stand_in_the_order_of_the_pushes(pusher_to, emulator, make_push):
    pusher = pusher_to(emulator.url)
    emulator.app.faults.set([FaultRule(kind=FaultKind.UNREGISTERED, token="emu-gone")])
    pushes = [make_push(token) for token in ("emu-a", "emu-gone", "emu-b")]
    outcomes = pusher.push_many(pushes, now=NOON)
    assert [outcome.kind for outcome in outcomes] == [
        Kind.ACCEPTED,
        Kind.TOKEN_DEAD,
        Kind.ACCEPTED,
    ]
    assert pusher.push_many([], now=NOON) == []


def test_two_batches_are_under_way_at_once(pusher_to, counting, make_push):
    endpoint = counting(seconds=0.3)
    with served(endpoint.app) as url:
        pusher = pusher_to(f"{url}/prefix")
        futures = [pusher.submit([make_push()], now=NOON) for _ in range(2)]
        kinds = [outcome.kind for future in futures for outcome in future.result(5)]
    assert kinds == [Kind.ACCEPTED] * 2
    assert endpoint.most == 2


def test_while_firebase_is_in_trouble_there_is_no_room_and_it_says_until_when(
    pusher_to, emulator, make_push
):
    pusher = pusher_to(emulator.url)
    assert pusher.room() == UNBOUNDED
    assert pusher.open_until(NOON) is None
    emulator.app.faults.set([FaultRule(kind=FaultKind.THROTTLED, retry_after="20")])
    for _ in range(5):
        pusher.push_many([make_push()], now=NOON)
    assert pusher.room() == 0
    until = pusher.open_until(NOON)
    assert timedelta(seconds=19) < until - NOON <= timedelta(seconds=20)
    assert pusher.push_many([make_push()], now=NOON)[0].code == "BREAKER_OPEN"
    assert emulator.app.log.received == 5


def test_closing_lets_a_batch_end_and_leaves_no_thread(counting, make_push):
    endpoint = counting(seconds=0.2)
    with served(endpoint.app) as url:
        pusher = FcmPusher(f"{url}/prefix", "clinic", None)
        sending = pusher.submit([make_push()], now=NOON)
        while endpoint.open < 1:
            time.sleep(0.005)
        pusher.close()
        assert sending.result(0)[0].kind is Kind.ACCEPTED
    assert not [thread for thread in threading.enumerate() if thread.name == "fcm"]


def test_an_unusable_endpoint_is_refused_and_leaves_no_thread():
    with pytest.raises(ValueError, match=r"^endpoint: "):
        FcmPusher("ftp://somewhere", "clinic", None)
    assert not [thread for thread in threading.enumerate() if thread.name == "fcm"]


def test_the_rate_limit_is_a_setting(emulator, make_push, monkeypatch):
    monkeypatch.setenv("WELLTIMED_FCM_PER_MINUTE", "60")
    pusher = pusher_from(Settings(), emulator_url=emulator.url)
    pushes = [make_push(), make_push(minutes=0.5 / 60)]
    codes = [outcome.code for outcome in pusher.push_many(pushes, now=NOON)]
    pusher.close()
    assert codes == [None, "EXPIRED"]


def test_without_firebase_and_emulator_it_says_what_to_set(monkeypatch):
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "WELLTIMED_FCM_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="set GOOGLE_APPLICATION_CREDENTIALS, or WELLTIMED_FCM"):
        pusher_from(Settings())
