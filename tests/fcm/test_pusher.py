"""The sender in a process of its own: what it promises while both sides live, and when one dies."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.settings import Settings
from prompting.fcm.bucket import DEFAULT_PER_MINUTE
from prompting.fcm.emulator.faults import FaultKind, FaultRule
from prompting.fcm.limits import Limits
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.fcm.sender import process
from prompting.fcm.sender.process import SenderProcess
from prompting.fcm.sender.wire import condensed, expanded, packed, unpacked
from prompting.pusher import UNBOUNDED, pusher_from
from prompting.serving import served

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def pusher_to() -> Iterator[Callable[..., SenderProcess]]:
    pushers: list[SenderProcess] = []

    def make(
        url: str, *, silence: float = 20, per_minute: int = DEFAULT_PER_MINUTE
    ) -> SenderProcess:
        limits = Limits(timeout_seconds=20, silence_seconds=silence)
        pushers.append(SenderProcess(url, "clinic", limits=limits, per_minute=per_minute))
        return pushers[-1]

    yield make
    for pusher in pushers:
        pusher.close(drain_seconds=0)


def pile(make_push: Callable[..., Push]) -> list[Push]:
    """Return more than a socket takes that nobody reads from."""
    return [make_push("t" * 4000) for _ in range(600)]


def another_takes_over(pusher: SenderProcess, push: Push, first: int) -> bool:
    """Wait until there is room: not at once, or a sender that always dies would never rest."""
    while not pusher.room():
        time.sleep(0.02)
    return pusher.push_many([push], now=NOON)[0].kind is Kind.ACCEPTED and pusher.pid != first


def gone(pid: int, within: float = 30.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


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
        kinds = [outcome.kind for future in futures for outcome in future.result(60)]
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


def test_closing_lets_a_batch_end_and_leaves_no_process(counting, make_push):
    endpoint = counting(seconds=0.2)
    with served(endpoint.app) as url:
        pusher = SenderProcess(f"{url}/prefix", "clinic")
        pid = pusher.pid
        sending = pusher.submit([make_push()], now=NOON)
        asyncio.run(endpoint.asked())
        pusher.close()
        assert sending.result(0)[0].kind is Kind.ACCEPTED
    assert gone(pid)


def test_what_is_submitted_after_closing_is_not_sent(emulator, make_push):
    pusher = SenderProcess(emulator.url, "clinic")
    pusher.close()
    outcome = pusher.push_many([make_push()], now=NOON)[0]
    assert outcome.code == "CLIENT_CLOSED"
    assert outcome.proven_not_delivered
    assert pusher.room() == 0


def test_an_unusable_endpoint_is_refused_and_leaves_no_process():
    before = children()
    with pytest.raises(ValueError, match=r"^endpoint: "):
        SenderProcess("ftp://somewhere", "clinic")
    assert children() == before


def test_a_key_that_cannot_be_read_is_told_as_such(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        SenderProcess("https://localhost", None, tmp_path / "none.json")
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(ValueError, match="service account"):
        SenderProcess("https://localhost", None, tmp_path / "odd.json")


def test_when_the_sending_process_dies_its_pushes_are_of_unknown_fate_and_another_takes_over(
    pusher_to, counting, make_push
):
    endpoint = counting(seconds=2)
    with served(endpoint.app) as url:
        pusher = pusher_to(f"{url}/prefix")
        first = pusher.pid
        sending = pusher.submit([make_push()], now=NOON)
        asyncio.run(endpoint.asked())
        os.kill(first, signal.SIGKILL)
        endpoint.seconds = 0
        assert [outcome.kind for outcome in sending.result(60)] == [Kind.UNKNOWN]
        assert another_takes_over(pusher, make_push(), first)


def test_a_sender_that_stops_is_killed_its_pushes_are_of_unknown_fate_and_another_takes_over(
    pusher_to, counting, make_push, caplog
):
    endpoint = counting(seconds=2)
    with served(endpoint.app) as url:
        pusher = pusher_to(f"{url}/prefix", silence=3)
        first = pusher.pid
        sending = pusher.submit([make_push()], now=NOON)
        asyncio.run(endpoint.asked())
        os.kill(first, signal.SIGSTOP)
        endpoint.seconds = 0
        (outcome,) = sending.result(60)
        assert (outcome.kind, outcome.code) == (Kind.UNKNOWN, "SENDER_SILENT")
        assert gone(first)
        assert another_takes_over(pusher, make_push(), first)
    assert len(endpoint.requests) == 2
    assert "silent and was killed (-9); 1 messages" in caplog.text


def test_a_sender_whose_event_loop_hangs_is_killed_and_another_takes_over(
    pusher_to, emulator, make_push, monkeypatch
):
    pusher = pusher_to(emulator.url, silence=3)
    first = pusher.pid
    with monkeypatch.context() as patch:
        # Whoever asks this for its first element waits for ever, and lets nobody else have a turn.
        patch.setattr(process, "packed", lambda _pushes: filter(None, itertools.repeat(0)))
        sending = pusher.submit([make_push()], now=NOON)
    (outcome,) = sending.result(60)
    assert (outcome.kind, outcome.code) == (Kind.UNKNOWN, "SENDER_SILENT")
    assert gone(first)
    assert another_takes_over(pusher, make_push(), first)
    assert emulator.app.log.received == 1


def test_whoever_hands_a_stopped_sender_more_than_the_socket_takes_is_set_free(
    pusher_to, emulator, make_push
):
    pusher = pusher_to(emulator.url, silence=1)
    os.kill(pusher.pid, signal.SIGSTOP)
    batches = [pusher.submit(pile(make_push), now=NOON) for _ in range(3)]
    outcomes = [outcome for batch in batches for outcome in batch.result(60)]
    unsent = {outcome.code for outcome in outcomes}
    assert "SENDER_SILENT" in unsent
    assert unsent <= {"SENDER_SILENT", "CLIENT_CLOSED"}
    assert emulator.app.log.received == 0


def test_closing_ends_within_its_bound_though_the_sender_has_stopped_and_reads_nothing(
    emulator, make_push, monkeypatch
):
    monkeypatch.setattr(process, "_END_SECONDS", 0.2)
    pusher = SenderProcess(emulator.url, "clinic", limits=Limits(silence_seconds=3600))
    os.kill(pusher.pid, signal.SIGSTOP)
    sending: list[Future[list[SendOutcome]]] = []
    submitting = threading.Thread(
        target=lambda: sending.append(pusher.submit(pile(make_push), now=NOON))
    )
    submitting.start()
    pusher.close(drain_seconds=0)
    submitting.join(60)
    assert {outcome.code for outcome in sending[0].result(60)} <= {"SENDER_ENDED", "CLIENT_CLOSED"}
    assert gone(pusher.pid)


def test_a_sender_that_waits_for_the_rate_limit_is_not_silent(pusher_to, emulator, make_push):
    pusher = pusher_to(emulator.url, silence=2, per_minute=60)
    first = pusher.pid
    outcomes = pusher.push_many([make_push() for _ in range(4)], now=NOON)
    assert {outcome.kind for outcome in outcomes} == {Kind.ACCEPTED}
    assert pusher.pid == first


def test_signals_to_the_whole_group_do_not_end_the_sender(pusher_to, emulator, make_push):
    pusher = pusher_to(emulator.url)
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pusher.pid, one)
    assert pusher.push_many([make_push()], now=NOON)[0].kind is Kind.ACCEPTED


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_the_sender_ends_with_the_process_it_belongs_to(sign):
    program = (
        "from prompting.fcm.sender.process import SenderProcess as S\n"
        "import time\n"
        "print(S('http://127.0.0.1:9', 'clinic').pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.send_signal(sign)
        owner.wait()
    assert gone(pid)


def test_the_time_a_batch_waited_to_be_read_counts(pusher_to, emulator, make_push):
    pusher = pusher_to(emulator.url)
    os.kill(pusher.pid, signal.SIGSTOP)
    sending = pusher.submit([make_push(minutes=0.2 / 60)], now=NOON)
    time.sleep(0.3)
    os.kill(pusher.pid, signal.SIGCONT)
    assert sending.result(60)[0].code == "EXPIRED"


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


TEXTS = st.text(max_size=20)
MAYBE = st.none() | TEXTS


@given(
    st.lists(
        st.builds(
            SendOutcome,
            st.sampled_from(Kind),
            http_status=st.none() | st.integers(100, 599),
            code=MAYBE,
            message_name=MAYBE,
            retry_after=st.none() | st.timedeltas(),
            detail=TEXTS,
        )
        | st.builds(lambda name: SendOutcome(Kind.ACCEPTED, 200, message_name=name), MAYBE)
    )
)
def test_outcomes_come_through_as_they_were(outcomes):
    assert expanded(condensed(outcomes)) == outcomes


@given(
    st.lists(
        st.builds(
            Push,
            prompt_id=st.uuids(),
            token=TEXTS,
            expires_at=st.datetimes(timezones=st.just(UTC)),
            repeat=st.integers(0, 9),
        )
    )
)
def test_pushes_come_through_as_they_were(pushes):
    assert unpacked(packed(pushes)) == pushes
