"""Hours told at onboarding time the first prompts; signs of good moments time relevance."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest
from fakes import MONDAY, Person, Practice, protocol, windowed
from learning_runs import Run, answer, learner

from engine.commands import declaring, marking, starting
from engine.commands.postponing import not_now
from engine.errors import FieldsRefused, NotFound
from engine.learning_records import RELEVANCE, DeclaredHours, Sign
from engine.records import PatientReport
from engine.store import artifacts, events, marks
from models.relevance import Relevance
from prompting.decide import Policies
from prompting.explaining import explain
from prompting.fitting import FEWEST_SIGNS, fit_relevance
from prompting.replaying import replay


def declare(practice: Practice, person: Person, **hours) -> int:
    return declaring.declare_hours(
        practice.db, person.patient.id, DeclaredHours(**hours), by="test", now=practice.clock()
    )


def test_what_was_declared_last_counts(anywhere: Practice):
    person = anywhere.enrol(protocol(windowed("08:00-12:00")))
    key = person.patient.id
    assert declaring.declared_by(anywhere.db, key) is None
    assert declare(anywhere, person, wake=time(7, 30), bed=time(23)) == 1
    assert declare(anywhere, person, work_start=time(9), work_end=time(17, 15)) == 2
    assert declaring.declared_by(anywhere.db, key) == (None, None, 9.0, 17.25)
    assert declare(anywhere, person) == 3
    assert declaring.declared_by(anywhere.db, key) is None


@pytest.mark.parametrize(
    ("hours", "path"),
    [
        ({"wake": time(7)}, "bed"),
        ({"work_end": time(17)}, "work_start"),
        ({"wake": time(7), "bed": time(7)}, "bed"),
        ({"wake": time(7, tzinfo=UTC), "bed": time(23)}, "wake"),
    ],
)
def test_half_a_span_is_refused_with_the_field_that_is_wrong(practice: Practice, hours, path):
    person = practice.enrol(protocol(windowed("08:00-12:00")))
    with pytest.raises(FieldsRefused, match=f"^{path}:"):
        declare(practice, person, **hours)
    with pytest.raises(NotFound):
        declaring.declare_hours(
            practice.db, uuid4(), DeclaredHours(), by="test", now=practice.clock()
        )


def test_declared_hours_bear_on_the_very_first_prompt_and_are_on_record(practice: Practice):
    sleeper = practice.enrol(protocol(windowed("08:00-12:00")), control_share=0.0)
    other = practice.enrol(protocol(windowed("08:00-12:00")), control_share=0.0)
    declare(practice, sleeper, wake=time(10), bed=time(2))
    one = learner(practice.db)
    one.refit(now=practice.clock())
    practice.policies = Policies(one.policy())
    practice.plan()
    practice.decide()
    first, second = (
        practice.decision(person, practice.prompts(person)[0].id) for person in (sleeper, other)
    )
    assert first.features["declared"] == [10.0, 2.0, None, None]
    best = [p for p in first.propensities if p > 0.01]
    hours = first.features["hours"]
    assert min(h for h, p in zip(hours, first.propensities, strict=True) if p > 0.01) >= 10.5
    assert len(best) < len(first.propensities)
    assert "declared" not in second.features
    assert len(set(second.propensities)) == 1, "of the other nothing is known"
    assert replay(practice.db).differences == []


def sent(practice: Practice, **options) -> tuple[Person, UUID]:
    person = practice.enrol(protocol(windowed("08:00-12:00", **options)))
    practice.plan()
    practice.decide()
    practice.clock.now = practice.prompts(person)[0].due_at
    practice.tick()
    return person, practice.prompts(person)[0].id


def signs(practice: Practice, exercises: tuple[str, ...] = ()) -> list[Sign]:
    with practice.db.read() as tx:
        return marks.signs(tx, exercises=exercises, now=practice.clock())


def test_a_mark_is_a_sign_and_the_last_word_counts(anywhere: Practice):
    person, prompt_id = sent(anywhere)
    phone = person.phones[0]
    for good in (True, False):
        marking.mark_moment(anywhere.db, phone, prompt_id, good=good, now=anywhere.clock())
    (sign,) = signs(anywhere)
    assert (sign.kind, sign.good, sign.person) == ("mark", False, str(person.patient.id))
    assert sign.at == anywhere.prompt(person, prompt_id).due_at
    assert sign.zone == person.patient.zone


def test_only_the_patient_marks_and_only_what_came(anywhere: Practice):
    _, prompt_id = sent(anywhere)
    stranger = anywhere.enrol(protocol(windowed("13:00-14:00")))
    anywhere.plan()
    waiting = anywhere.prompts(stranger)[0].id
    for phone, key in ((stranger.phones[0], prompt_id), (stranger.phones[0], waiting)):
        with pytest.raises(NotFound):
            marking.mark_moment(anywhere.db, phone, key, good=True, now=anywhere.clock())
    assert signs(anywhere) == []


def test_an_exercise_let_pass_is_a_sign_and_one_declined_is_none(anywhere: Practice):
    person, _ = sent(anywhere)
    exercises = ("checkin.momentary",)
    assert signs(anywhere, exercises) == [], "it is still open"
    anywhere.clock.forward(days=1)
    assert [(s.kind, s.good) for s in signs(anywhere, exercises)] == [("exercise", False)]
    assert signs(anywhere) == [], "a questionnaire is no exercise"
    anywhere.clock.forward(days=-1)
    again, prompt_id = sent(anywhere)
    not_now(anywhere.db, again.phones[0], prompt_id, "work", now=anywhere.clock())
    anywhere.clock.forward(days=1)
    assert {s.person for s in signs(anywhere, exercises)} == {str(person.patient.id)}


def test_what_a_patient_starts_unasked_is_a_sign_of_when_it_was_started(anywhere: Practice):
    own = {"content": "ba.plan-tomorrow", "id": "own", "trigger": {"kind": "patient_initiated"}}
    person = anywhere.enrol(protocol(windowed("08:00-12:00"), own))
    anywhere.plan()
    phone, started_at = person.phones[0], anywhere.clock()
    begun = starting.start(anywhere.db, phone, "own", now=started_at)
    anywhere.clock.forward(minutes=5)
    assert signs(anywhere) == [], "it was not finished"
    now = anywhere.clock()
    answer(anywhere, person, begun.id, now, now, "ba.plan-tomorrow")
    (sign,) = signs(anywhere, ("ba.plan-tomorrow",))
    assert (sign.kind, sign.good, sign.at) == ("self_started", True, started_at)
    assert fit_relevance([sign] * FEWEST_SIGNS, {}) is not None


def test_distress_that_was_reported_is_a_sign(anywhere: Practice):
    person, _ = sent(anywhere)
    for name in ("distress", "smoked"):
        report = PatientReport(
            id=uuid4(),
            patient_id=person.patient.id,
            device_id=person.phones[0].id,
            name=name,
            happened_at=anywhere.clock(),
            device_at=anywhere.clock(),
            received_at=anywhere.clock(),
        )
        with anywhere.db.write() as tx:
            events.add_report(tx, report)
    assert [(s.kind, s.good) for s in signs(anywhere)] == [("distress", True)]


def moments(count: int, *, person: str = "p", late: bool = True) -> list[Sign]:
    """Return marks of somebody whose good moments are late in the morning, or early."""
    at = datetime(2027, 3, 1, 8, tzinfo=UTC)
    made = []
    for number in range(count):
        hour = number % 4
        when = at + timedelta(days=number // 4, hours=hour)
        made.append(Sign(person=person, at=when, zone="UTC", kind="mark", good=(hour >= 2) == late))
    return made


def test_good_moments_are_learned_once_there_are_enough_signs():
    assert fit_relevance(moments(FEWEST_SIGNS - 1), {}) is None
    model = fit_relevance(moments(200), {"p": (7.0, 23.0, None, None)})
    assert isinstance(model, Relevance)
    early, late = model.predict_proba(np.array([[8.5, 11.5]]), np.array([0]), np.array(["p"]))[0]
    assert late > early + 0.2


class Marked(Run):
    """Days of people who answer early in a window and call late moments good."""

    def __init__(self, practice: Practice) -> None:
        super().__init__(practice, persons=4, control_share=0.3)
        self.moments: list[tuple[Person, UUID, bool]] = []

    def is_lark(self, person: Person) -> bool:
        return True

    def _react(self, token: str, prompt_id: UUID) -> None:
        now = self.practice.clock()
        person = next(one for one in self.people if one.phones[0].push_token == token)
        marking.mark_moment(
            self.practice.db, person.phones[0], prompt_id, good=now.hour % 12 >= 9, now=now
        )
        super()._react(token, prompt_id)


def test_relevance_times_prompts_for_good_moments_is_on_record_and_replays(practice: Practice):
    run = Marked(practice)
    run.live(5)
    with practice.db.read() as tx:
        (head, *_) = artifacts.promoted(tx, limit=5, head=RELEVANCE)
    assert run.learner.policy().version.endswith(f"~{head.version}")
    for objective in ("relevance", "answered"):
        person = practice.enrol(protocol(windowed_for(objective)), control_share=0.0)
        practice.plan()
        practice.policies = Policies(run.learner.policy())
        practice.decide()
        decision = practice.decision(person, practice.prompts(person)[0].id)
        assert decision.features["rests_on"] == objective
        assert explain(decision).rests_on == explain(decision).objective == objective
        assert ("why" in decision.features) == (objective == "answered")
    found = replay(practice.db)
    assert found.differences == []
    assert found.decisions > 4 * 4 * 4


def windowed_for(objective: str) -> dict[str, object]:
    window = {"from": "08:00", "to": "12:00"}
    trigger = {"kind": "window", "windows": [window], "timing": "adaptive"}
    return {
        "content": "checkin.momentary", "trigger": trigger | {"objective": objective},
    }  # fmt: skip


def test_until_good_moments_are_known_relevance_rests_on_answers(practice: Practice):
    person = practice.enrol(protocol(windowed_for("relevance")), control_share=0.0)
    one = learner(practice.db)
    one.refit(now=practice.clock())
    practice.policies = Policies(one.policy())
    practice.plan()
    practice.decide()
    told = explain(practice.decision(person, practice.prompts(person)[0].id))
    assert (told.objective, told.rests_on) == ("relevance", "answered")
    assert practice.clock() >= MONDAY
