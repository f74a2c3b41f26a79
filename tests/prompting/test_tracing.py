"""The trace of prompts that were really sent, on both databases."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fakes import NINE, TOKEN_DEAD, UNKNOWN, Practice, at_nine, throttled

from engine.commands import answering
from engine.commands.tracing import trace
from engine.errors import NotFound
from engine.prompt import State


def texts(practice: Practice, prompt_id) -> list[str]:
    return [f"{line.local:%H:%M} {line.text}" for line in trace(practice.db, prompt_id).lines]


def test_a_prompt_through_an_outage_is_told_from_plan_to_confirmation(anywhere: Practice):
    person = at_nine(anywhere, deduplicates=True)
    prompt = anywhere.prompts(person)[0]
    anywhere.pusher.script = [throttled(60), UNKNOWN]
    anywhere.live(NINE + timedelta(minutes=4), step=timedelta(minutes=1))
    now = anywhere.clock()
    receipt = answering.ReceiptIn(prompt_id=prompt.id, kind="delivered", at=now)
    answering.record_receipts(anywhere.db, person.phones[0], [receipt], device_now=now, now=now)
    told = texts(anywhere, prompt.id)
    assert told[0] == "09:00 planned for 09:00"
    assert told[1] == "09:00 Firebase busy (429, attempt 1), next try 09:01"
    assert told[2].startswith("09:01 no clear answer from Firebase, it may have arrived (503, att")
    assert told[3:] == ["09:02 sent to phone (attempt 3)", "09:04 phone confirmed"]
    assert trace(anywhere.db, prompt.id).summary == "sent 09:01, phone confirmed 09:04"


def test_a_prompt_that_found_no_phone_says_so(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.pusher.script = [TOKEN_DEAD]
    anywhere.tick()
    prompt = anywhere.prompts(person)[0]
    found = trace(anywhere.db, prompt.id)
    assert (found.state, found.summary) == (State.FAILED, "not sent: no phone to send to")


def test_reminders_are_told_with_their_prompt(anywhere: Practice):
    person = at_nine(anywhere, reminders=["15m"])
    prompt = next(p for p in anywhere.prompts(person) if p.expires_at)
    anywhere.live(NINE + timedelta(minutes=20), step=timedelta(minutes=1))
    assert "09:15 reminder (1): sent to phone (attempt 1)" in texts(anywhere, prompt.id)


def test_nothing_of_what_is_asked_stands_in_a_trace(anywhere: Practice):
    person = at_nine(anywhere)
    anywhere.tick()
    prompt = anywhere.prompts(person)[0]
    assert "checkin" not in repr(trace(anywhere.db, prompt.id))


def test_the_trace_of_another_patients_prompt_is_not_found(anywhere: Practice):
    person = at_nine(anywhere)
    prompt = anywhere.prompts(person)[0]
    assert trace(anywhere.db, prompt.id, patient_id=person.patient.id).prompt_id == prompt.id
    with pytest.raises(NotFound):
        trace(anywhere.db, prompt.id, patient_id=uuid4())
    with pytest.raises(NotFound):
        trace(anywhere.db, uuid4())
