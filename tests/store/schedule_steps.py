"""Steps of patients and therapists around a schedule, for the tests of its commands."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from fakes import Person, Practice

from content.library import Library
from engine.commands import answering, reporting
from engine.commands.following import notice_missed
from engine.commands.scheduling import change_protocol
from engine.records import EVENT, Device, LogEntry, PromptRecord
from engine.store import schedule_log

LIBRARY = Library.builtin()
KNOWN = LIBRARY.ids()
CALM = {"valence": 90, "energy": 50, "stress": 10, "urge_to_avoid": 10, "company": "close"}
UPSET = {**CALM, "valence": 10, "stress": 95}


def after(when: dict[str, object], **trigger: object) -> dict[str, object]:
    """Return an assignment that follows an event."""
    assignment = {
        key: trigger.pop(key)
        for key in ("expires_after", "priority", "phases", "bursts", "reminders", "id")
        if key in trigger
    }
    return {
        "content": "cbt.thought-record",
        "trigger": {"kind": "event", "when": when, **trigger},
        **assignment,
    }


DISTRESS = {"score": "checkin.momentary.negative_affect", "op": "ge", "value": 60}


def answer(
    practice: Practice,
    person: Person,
    prompt_id: UUID,
    given: dict[str, object] = UPSET,
    *,
    at: datetime | None = None,
    response_id: UUID | None = None,
    device: Device | None = None,
) -> answering.Reply:
    """Answer a check-in, now unless told otherwise."""
    submission = answering.Submission(
        id=response_id or uuid4(),
        prompt_id=prompt_id,
        content_id="checkin.momentary",
        content_version=LIBRARY.get("checkin.momentary").version,
        answers=dict(given),
        opened_at=None,
        answered_at=at or practice.clock(),
    )
    return answering.submit_response(
        practice.db,
        device or person.phones[0],
        submission,
        LIBRARY,
        device_now=practice.clock(),
        now=practice.clock(),
    )


def report(practice: Practice, person: Person, name: str, report_id: UUID | None = None):
    """Report something by oneself."""
    return reporting.report_event(
        practice.db,
        person.phones[0],
        reporting.ReportIn(id=report_id or uuid4(), name=name, at=practice.clock()),
        device_now=practice.clock(),
        now=practice.clock(),
    )


def change(practice: Practice, person: Person, document: dict, expected: int = 1):
    """Publish another version of the protocol."""
    return change_protocol(
        practice.db,
        person.patient.id,
        document,
        expected_version=expected,
        known_content=KNOWN,
        by="Therapist One",
        now=practice.clock(),
    )


def live(practice: Practice, until: datetime, step: timedelta = timedelta(minutes=1)) -> None:
    """Plan, take in silences, decide and send every `step` until then."""
    while practice.clock() < until:
        practice.plan()
        notice_missed(practice.db, now=practice.clock())
        practice.decide()
        practice.tick()
        practice.clock.now += step


def followed(practice: Practice, person: Person) -> list[PromptRecord]:
    """Return the prompts that events brought."""
    return [prompt for prompt in practice.prompts(person) if prompt.timing == EVENT]


def logged(practice: Practice, person: Person, *kinds: str) -> list[LogEntry]:
    """Return what was logged of the person's schedule."""
    with practice.db.read() as tx:
        return schedule_log.entries_of(tx, person.patient.id, kinds=kinds or None)
