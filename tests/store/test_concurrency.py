"""What holds when many threads do the same thing at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from builders import ANSWERS
from fakes import MONDAY, Practice, fixed, protocol, windowed
from in_flight import LEASE, intent_for

from content.library import Library
from engine.commands import answering, enrolling
from engine.commands.scheduling import change_protocol
from engine.errors import CodeRefused, StaleVersion, WelltimedError
from engine.prompt import State
from engine.store import delivery


def at_once(n: int, act: Callable[[int], object]) -> list[object]:
    """Let `n` threads do `act` at the same time; return results and the product's own errors."""
    gate = Barrier(n)

    def run(number: int) -> object:
        gate.wait(10)
        try:
            return act(number)
        except WelltimedError as error:
            return error

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


def due_prompts(practice: Practice, patients: int) -> list:
    people = [practice.enrol(protocol(fixed("09:00", "12:00"))) for _ in range(patients)]
    practice.plan()
    practice.clock.forward(hours=1)
    practice.decide()
    return people


def test_of_many_phones_with_one_code_exactly_one_gets_in(practice: Practice):
    person = practice.enrol(protocol(fixed("12:00")), phones=0)
    code, _ = enrolling.issue_code(practice.db, person.patient.id, by=None, now=MONDAY)

    def redeem(number: int) -> object:
        return enrolling.redeem_code(
            practice.db,
            code,
            platform="web",
            zone_name="Europe/Berlin",
            push_token=f"emu-{number}",
            now=MONDAY,
        )

    results = at_once(12, redeem)
    assert sum(isinstance(result, tuple) for result in results) == 1
    assert sum(isinstance(result, CodeRefused) for result in results) == 11


def test_claims_of_several_workers_never_overlap_and_leave_nothing(practice: Practice):
    people = {person.patient.id: person for person in due_prompts(practice, 24)}
    now = practice.clock()

    def claim(number: int) -> list:
        mine = []
        while True:
            with practice.db.write() as tx:
                got = delivery.claim(tx, now=now, limit=3)
                intents = [intent_for(prompt, people[prompt.patient_id]) for prompt in got]
                delivery.add_intents(tx, intents, f"w{number}", now=now, lease=LEASE)
            if not got:
                return mine
            mine += [prompt.id for prompt in got]

    shares = at_once(4, claim)
    claimed = [prompt_id for share in shares for prompt_id in share]
    assert len(claimed) == len(set(claimed)) == 24


def test_several_workers_that_plan_at_once_plan_each_window_once(practice: Practice):
    people = [practice.enrol(protocol(windowed("09:00-12:00"))) for _ in range(8)]
    added = at_once(4, lambda _: practice.plan())
    assert all(isinstance(number, int) for number in added)
    stored = sum(len(practice.prompts(person)) for person in people)
    assert sum(added) == stored > 0


def test_several_workers_that_decide_at_once_draw_each_window_once(practice: Practice):
    people = [practice.enrol(protocol(windowed("08:00-12:00"))) for _ in range(12)]
    practice.plan()
    assert sum(at_once(4, lambda _: practice.decide())) == 12
    for person in people:
        first = practice.prompts(person)[0]
        decision = practice.decision(person, first.id)
        assert decision.slots[decision.chosen] == first.due_at


def test_several_workers_send_each_prompt_once(practice: Practice):
    due_prompts(practice, 24)
    at_once(4, lambda number: practice.tick(f"w{number}"))
    sent = [push.prompt_id for push in practice.pusher.pushed]
    assert len(sent) == len(set(sent)) == 24


def test_several_workers_send_a_patient_one_of_many_prompts_due_together(practice: Practice):
    person = practice.enrol(
        protocol(
            *(
                windowed("08:00-09:00", id=f"a{number}", expires_after="3h", timing="uniform")
                for number in range(4)
            ),
            min_gap="1m",
        )
    )
    practice.plan()
    practice.decide()
    drawn = [p for p in practice.prompts(person) if p.expires_at]
    assert len({p.due_at for p in drawn}) == len(drawn) > 2
    practice.clock.forward(hours=2)
    at_once(4, lambda number: practice.tick(f"w{number}"))
    assert len(practice.pusher.pushed) == 1
    states = [practice.prompt(person, p.id).state for p in drawn]
    assert states.count(State.ACCEPTED) == 1
    assert states.count(State.EXPIRED) == len(drawn) - 1


def test_two_therapists_who_save_at_once_do_not_overwrite_each_other(practice: Practice):
    person = practice.enrol(protocol(fixed("12:00")))

    def save(number: int) -> object:
        return change_protocol(
            practice.db,
            person.patient.id,
            protocol(fixed(f"1{number}:00")),
            expected_version=1,
            known_content=["checkin.momentary"],
            by="test",
            now=MONDAY,
        )

    results = at_once(4, save)
    assert sum(isinstance(result, StaleVersion) for result in results) == 3


def test_a_phone_that_sends_its_answer_many_times_at_once_gets_one_reply(practice: Practice):
    person = due_prompts(practice, 1)[0]
    practice.tick()
    prompt_id = practice.pusher.pushed[0].prompt_id
    library = Library.builtin()
    submission = answering.Submission(
        id=uuid4(),
        prompt_id=prompt_id,
        content_id="checkin.momentary",
        content_version=library.get("checkin.momentary").version,
        answers=ANSWERS["checkin.momentary"],
        opened_at=None,
        answered_at=practice.clock(),
    )

    def submit(_number: int) -> object:
        return answering.submit_response(
            practice.db,
            person.phones[0],
            submission,
            library,
            device_now=None,
            now=practice.clock(),
        )

    replies = at_once(6, submit)
    assert replies == [replies[0]] * 6
    assert isinstance(replies[0], answering.Reply)


def test_a_phone_that_sends_its_receipts_many_times_at_once_is_heard_once(practice: Practice):
    person = due_prompts(practice, 1)[0]
    practice.tick()
    now = practice.clock()
    prompt_id = practice.pusher.pushed[0].prompt_id
    receipts = [
        answering.ReceiptIn(prompt_id=prompt_id, kind=kind, at=now)
        for kind in answering.RECEIPT_KINDS
    ]

    def report(_number: int) -> object:
        return answering.record_receipts(
            practice.db, person.phones[0], receipts, device_now=now, now=now
        )

    assert sum(at_once(6, report)) == len(receipts)


@pytest.mark.parametrize("phones", [4])
def test_phones_enrolled_at_once_each_get_their_first_prompt(practice: Practice, phones: int):
    people = [practice.enrol(protocol(fixed("12:00")), phones=0) for _ in range(phones)]
    codes = [
        enrolling.issue_code(practice.db, person.patient.id, by=None, now=MONDAY)[0]
        for person in people
    ]

    def redeem(number: int) -> object:
        return enrolling.redeem_code(
            practice.db,
            codes[number],
            platform="web",
            zone_name="Europe/Berlin",
            push_token=f"emu-{number}",
            now=MONDAY,
        )

    assert all(isinstance(result, tuple) for result in at_once(phones, redeem))
    assert all(practice.prompts(person)[0].assignment == "welcome" for person in people)
