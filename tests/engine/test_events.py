"""Which prompts follow what happens, and on which days of a course; the repeats of a prompt."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import (
    Answered,
    Happening,
    Missed,
    Reported,
    Stage,
    followers,
    reports_of,
    stage_on,
    waits_for_answers,
    waits_for_silence,
)
from engine.prompt import PromptKind
from engine.protocol import StudyProtocol
from engine.repeats import reminders_of, repeat_id, snooze_of

FIRST = date(2027, 3, 1)
NOBODY: dict[str, date] = {}


def protocol(*assignments: dict[str, object], **parts: object) -> StudyProtocol:
    document = {
        "schema": "welltimed-protocol/1",
        "name": "Test",
        "assignments": [
            {"content": "check", "trigger": {"kind": "fixed", "at": ["09:00"]}},
            *assignments,
        ],
        **parts,
    }
    return StudyProtocol.model_validate(document, by_alias=True, by_name=False)


def after(name: str, when: dict[str, object], **parts: object) -> dict[str, object]:
    return {"content": "help", "id": name, "trigger": {"kind": "event", "when": when}, **parts}


ALL = protocol(
    after("score", {"score": "check.total", "op": "ge", "value": 10}),
    after("item", {"item": "check.mood", "op": "lt", "value": 3}),
    after("smoked", {"report": "smoked"}),
    after("again", {"report": "smoked"}),
    after("missed", {"missed": "check"}),
)


def answered(total: float | None, mood: float | None, content: str = "check") -> Answered:
    return Answered(content, {"total": total}, {"mood": mood})


@pytest.mark.parametrize(
    ("happening", "names"),
    [
        (answered(10, 5), ["score"]),
        (answered(9.99, 3), []),
        (answered(9.99, 2), ["item"]),
        (answered(30, 0), ["score", "item"]),
        (answered(None, None), []),
        (answered(30, 0, content="other"), []),
        (Answered("check", {"mood": 0.0}, {"total": 30.0}), []),
        (Reported("smoked"), ["smoked", "again"]),
        (Reported("slept"), []),
        (Missed("check"), ["missed"]),
        (Missed("help"), []),
    ],
)
def test_what_follows_is_what_waits_for_just_this(happening: Happening, names: list[str]):
    assert [assignment.id for assignment, _ in followers(ALL, happening)] == names


def test_a_protocol_tells_what_it_waits_for():
    plain = protocol()
    assert (waits_for_answers(ALL), waits_for_silence(ALL)) == (True, True)
    assert (waits_for_answers(plain), waits_for_silence(plain)) == (False, False)
    assert (reports_of(ALL), reports_of(plain)) == (("smoked",), ())


def stages(document: StudyProtocol, days: int, milestones: dict[str, date] = NOBODY):
    """Return the stage of the last assignment on each day, the one before the course first."""
    return [
        stage_on(
            document,
            document.assignments[-1],
            FIRST + timedelta(days=ahead),
            first_day=FIRST,
            milestones=milestones,
        )
        for ahead in range(-1, days)
    ]


HERE = Stage(None, 1.0)


@pytest.mark.parametrize(
    ("parts", "asks"),
    [
        ({}, [True, True, True, True]),
        ({"dates": {"from": "2027-03-02", "to": "2027-03-03"}}, [False, True, True, False]),
        ({"dates": {"except": ["2027-03-01"]}}, [False, True, True, True]),
        ({"bursts": {"on": "1d", "off": "2d"}}, [True, False, False, True]),
        ({"bursts": {"on": "1d", "off": "2d", "anchor": "booked"}}, [False] * 4),
    ],
)
def test_an_assignment_rests_outside_its_dates_and_bursts(parts: dict, asks: list[bool]):
    found = stages(protocol(after("a", {"report": "x"}, **parts)), 4)
    assert found == [None] + [HERE if ask else None for ask in asks]


def test_bursts_hang_on_the_date_of_their_anchor():
    parts = {"bursts": {"on": "1d", "off": "2d", "anchor": "booked"}}
    document = protocol(after("a", {"report": "x"}, **parts))
    found = stages(document, 5, {"booked": FIRST + timedelta(days=1)})
    assert [stage is not None for stage in found] == [False, False, True, False, False, True]


def test_an_assignment_rests_outside_its_phases_and_thins_out_in_one_that_fades():
    phases = [{"name": "first", "days": 1}, {"name": "late", "days": 3, "fade": {"to_share": 0.0}}]
    document = protocol(after("a", {"report": "x"}, phases=["late"]), phases=phases)
    assert stages(document, 5) == [
        None, None, Stage("late", 1.0), Stage("late", 0.5), Stage("late", 0.0), None,
    ]  # fmt: skip


DUE = datetime(2027, 3, 1, 8, tzinfo=UTC)
ids = st.uuids()


@given(ids, st.lists(st.integers(1, 600), unique=True, max_size=5).map(sorted), st.integers(1, 600))
def test_reminders_come_in_order_and_before_expiry(prompt: UUID, minutes: list[int], open_for: int):
    expires_at = DUE + timedelta(minutes=open_for)
    after_it = [timedelta(minutes=n) for n in minutes]
    found = reminders_of(prompt, after_it, due_at=DUE, expires_at=expires_at)
    assert [one.due_at - DUE for one in found] == [w for w in after_it if DUE + w < expires_at]
    assert [one.repeat for one in found] == list(range(1, len(found) + 1))
    assert {(one.parent_id, one.kind, one.expires_at) for one in found} <= {
        (prompt, PromptKind.REMINDER, expires_at)
    }


@given(ids, ids, st.integers(1, 50), st.integers(1, 50))
def test_no_two_repeats_share_an_identity(one: UUID, other: UUID, number: int, another: int):
    assert (repeat_id(one, number) == repeat_id(other, another)) == (
        (one, number) == (other, another)
    )
    snoozed = snooze_of(one, number, due_at=DUE, expires_at=DUE)
    assert (snoozed.id, snoozed.kind) == (repeat_id(one, number), PromptKind.SNOOZE)
