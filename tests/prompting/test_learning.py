"""From answers and silences to the model, and what survives a restart."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest
from builders import ANSWERS
from fakes import MONDAY, NINE, UNKNOWN, Person, Practice, at_nine, protocol, windowed

from content.library import Library
from engine.commands import answering
from engine.learning_records import Artifact, Outcome
from engine.prompt import State
from engine.store import artifacts, learning
from prompting.decide import Policies
from prompting.learning import Learner
from prompting.policies import ADAPTIVE

HOURS = np.arange(8, 20, 0.5)[None, :]


def learner(practice: Practice, *, epsilon: float = 0.1, hour: int = 3) -> Learner:
    return Learner(practice.db, epsilon=epsilon, refit_hour_utc=hour)


def prompted(practice: Practice, **options) -> tuple[Person, UUID]:
    """Return a person who was just sent the prompt of a window, and the prompt."""
    person = practice.enrol(protocol(windowed("08:00-12:00", **options)))
    practice.plan()
    practice.decide()
    practice.clock.now = practice.prompts(person)[0].due_at
    practice.tick()
    return person, practice.prompts(person)[0].id


def answer(
    practice: Practice, person: Person, prompt_id: UUID, at: datetime, *, received: datetime
) -> None:
    library = Library.builtin()
    submission = answering.Submission(
        id=uuid4(),
        prompt_id=prompt_id,
        content_id="checkin.momentary",
        content_version=library.get("checkin.momentary").version,
        answers=ANSWERS["checkin.momentary"],
        opened_at=None,
        answered_at=at,
    )
    answering.submit_response(
        practice.db, person.phones[0], submission, library, device_now=received, now=received
    )


def outcomes(practice: Practice) -> list[Outcome]:
    with practice.db.read() as tx:
        return learning.outcomes_after(tx, 0)


def gather(practice: Practice, days: int, *, persons: int = 4, start: int = 0) -> None:
    """Store outcomes of people who answer before eleven, known day by day."""
    people = [practice.enrol(protocol(windowed("08:00-12:00"))) for _ in range(persons)]
    practice.clock.now = MONDAY + timedelta(days=start)
    for day in range(days):
        morning = practice.clock()
        practice.plan()
        practice.decide()
        drawn = [(p, one) for one in people for p in practice.prompts(one, morning.date())]
        for prompt, person in sorted(drawn, key=lambda pair: pair[0].due_at):
            practice.clock.now = prompt.due_at
            practice.tick()
            if prompt.due_at.hour < 9 or day % 3 == 0:
                answer(practice, person, prompt.id, prompt.due_at, received=prompt.due_at)
        practice.clock.now = morning + timedelta(days=1)
    learner(practice).close_outcomes(now=practice.clock())


def scores(one: Learner, person: str) -> np.ndarray:
    return one.policy().model.slot_scores(HOURS, np.array([0]), np.array([person]))


def test_silence_becomes_an_outcome_of_zero_once_its_time_is_up(anywhere: Practice):
    person, prompt_id = prompted(anywhere)
    one = learner(anywhere)
    sent_at = anywhere.clock()
    assert one.close_outcomes(now=sent_at + timedelta(minutes=15)) == 0
    assert one.close_outcomes(now=sent_at + timedelta(minutes=15, seconds=1)) == 1
    assert one.close_outcomes(now=sent_at + timedelta(days=1)) == 0
    (outcome,) = outcomes(anywhere)
    assert (outcome.prompt_id, outcome.y) == (prompt_id, 0)
    assert outcome.person == str(person.patient.id)
    local = sent_at + timedelta(hours=1)
    assert outcome.hour == pytest.approx(local.hour + local.minute / 60)


@pytest.mark.parametrize(("minutes", "y"), [(1, 1), (15, 1), (16, 0)])
def test_an_answer_counts_when_it_came_in_time(anywhere: Practice, minutes: int, y: int):
    person, prompt_id = prompted(anywhere)
    at = anywhere.clock() + timedelta(minutes=minutes)
    answer(anywhere, person, prompt_id, at, received=at)
    learner(anywhere).close_outcomes(now=at)
    assert [(o.prompt_id, o.y) for o in outcomes(anywhere)] == [(prompt_id, y)]


def test_an_answer_given_in_time_but_received_late_corrects_the_silence(anywhere: Practice):
    person, prompt_id = prompted(anywhere)
    one = learner(anywhere)
    at = anywhere.clock() + timedelta(minutes=3)
    later = anywhere.clock() + timedelta(days=1)
    one.close_outcomes(now=later)
    assert [o.y for o in outcomes(anywhere)] == [0]
    answer(anywhere, person, prompt_id, at, received=later)
    assert [o.y for o in outcomes(anywhere)] == [1]
    assert one.close_outcomes(now=later) == 0


def test_the_first_outcome_of_a_prompt_stands(anywhere: Practice):
    prompted(anywhere)
    later = anywhere.clock() + timedelta(hours=1)
    learner(anywhere).close_outcomes(now=later)
    (first,) = outcomes(anywhere)
    again = {name: getattr(first, name) for name in ("prompt_id", "person", "hour", "day_type")}
    with anywhere.db.write() as tx:
        rows = [{**again, "day": first.day, "arm": first.arm, "y": 1}]
        assert learning.add_outcomes(tx, rows, now=later) == 0
    assert outcomes(anywhere) == [first]


def test_an_answer_after_its_time_does_not_change_the_silence(anywhere: Practice):
    person, prompt_id = prompted(anywhere)
    one = learner(anywhere)
    later = anywhere.clock() + timedelta(minutes=40)
    one.close_outcomes(now=later)
    answer(anywhere, person, prompt_id, later, received=later)
    one.close_outcomes(now=later)
    assert [o.y for o in outcomes(anywhere)] == [0]


def test_silence_after_an_unknown_sending_teaches_nothing(anywhere: Practice):
    anywhere.pusher.script = [UNKNOWN]
    person, prompt_id = prompted(anywhere)
    assert anywhere.prompt(person, prompt_id).state == State.UNKNOWN
    learner(anywhere).close_outcomes(now=anywhere.clock() + timedelta(days=1))
    assert outcomes(anywhere) == []


def test_an_answer_after_an_unknown_sending_teaches_all_the_same(anywhere: Practice):
    anywhere.pusher.script = [UNKNOWN]
    person, prompt_id = prompted(anywhere)
    at, later = anywhere.clock() + timedelta(minutes=2), anywhere.clock() + timedelta(days=1)
    one = learner(anywhere)
    one.close_outcomes(now=later)
    answer(anywhere, person, prompt_id, at, received=later)
    one.close_outcomes(now=later)
    assert [o.y for o in outcomes(anywhere)] == [1]


def test_prompts_at_set_times_teach_nothing(practice: Practice):
    at_nine(practice)
    practice.tick()
    learner(practice).close_outcomes(now=NINE + timedelta(days=1))
    assert outcomes(practice) == []


def test_a_new_clinic_is_prompted_uniformly_until_the_first_fit(practice: Practice):
    policy = learner(practice).policy()
    assert (policy.name, policy.version, policy.epsilon) == (ADAPTIVE, "untrained", 1.0)


@pytest.fixture
def taught(practice: Practice) -> Practice:
    gather(practice, days=9)
    return practice


def test_the_model_is_fitted_at_once_and_then_once_a_day(practice: Practice):
    one = learner(practice)
    due = datetime(2027, 3, 2, 3, tzinfo=UTC)
    assert one.refit_if_due(now=due + timedelta(hours=5)), "declared hours count from day one"
    for hours in (5.5, 12, 23.9):
        assert not one.refit_if_due(now=due + timedelta(hours=hours))
    assert one.refit_if_due(now=due + timedelta(hours=24))
    assert one.refit_if_due(now=due + timedelta(hours=57)), "a missed hour is made up for"


def test_a_restarted_learner_is_equal_to_the_one_that_went_on(taught: Practice):
    went_on = learner(taught)
    assert went_on.refit(now=taught.clock())
    known = len(outcomes(taught))
    gather(taught, days=2, start=20)
    assert went_on.update(now=taught.clock()) == len(outcomes(taught)) - known > 0
    restarted = learner(taught)
    assert restarted.policy().version == went_on.policy().version
    assert restarted.policy().version.endswith(f"+{outcomes(taught)[-1].seq}")
    for person in {o.person for o in outcomes(taught)}:
        np.testing.assert_allclose(scores(restarted, person), scores(went_on, person), atol=1e-12)


def test_new_outcomes_change_the_model_at_once(taught: Practice):
    one = learner(taught)
    one.refit(now=taught.clock())
    person = outcomes(taught)[0].person
    before = scores(one, person)
    late = Outcome(
        seq=0, prompt_id=uuid4(), person=person, hour=15.0, day_type=0, day=1, arm=ADAPTIVE, y=1
    )
    with taught.db.read() as tx:
        last = learning.last_seq(tx)
    one._known.take_in([replace(late, seq=last + number) for number in range(1, 11)])
    assert np.abs(scores(one, person) - before).max() > 0.01


def break_artifact(practice: Practice, version: str) -> None:
    broken = Artifact(
        version=version, created_at=practice.clock(), learned_through=0, blob=b"not a model"
    )
    with practice.db.write() as tx:
        artifacts.add_artifact(tx, broken)


def test_a_broken_artifact_falls_back_to_the_one_before(
    taught: Practice, caplog: pytest.LogCaptureFixture
):
    one = learner(taught)
    one.refit(now=taught.clock())
    break_artifact(taught, "broken")
    with caplog.at_level(logging.ERROR):
        restarted = learner(taught)
    assert restarted.policy().version == one.policy().version
    assert "artifact broken is unusable" in caplog.text


def test_with_only_broken_artifacts_prompting_goes_on_uniformly(practice: Practice):
    for number in range(3):
        break_artifact(practice, f"broken{number}")
    one = learner(practice)
    practice.policies = Policies(one.policy())
    person, prompt_id = prompted(practice)
    decision = practice.decision(person, prompt_id)
    assert practice.prompt(person, prompt_id).state == State.ACCEPTED
    assert len(set(decision.propensities)) == 1
    assert one.close_outcomes(now=practice.clock() + timedelta(hours=1)) == 1


def test_a_worker_takes_over_the_model_another_worker_has_fitted(taught: Practice):
    fits, follows = learner(taught), learner(taught)
    assert follows.policy().version == "untrained"
    fits.refit(now=taught.clock())
    follows.update(now=taught.clock())
    assert follows.policy().version == fits.policy().version
    fits.refit(now=taught.clock() + timedelta(days=1))
    follows.update(now=taught.clock())
    assert follows.policy().version == fits.policy().version


def test_the_policy_mixes_in_the_uniform_share_it_was_given(taught: Practice):
    one = learner(taught, epsilon=0.3)
    one.refit(now=taught.clock())
    taught.policies = Policies(one.policy())
    taught.clock.now = MONDAY + timedelta(days=21)
    person = taught.enrol(protocol(windowed("08:00-12:00")), control_share=0)
    taught.plan()
    taught.decide()
    decision = taught.decision(person, taught.prompts(person)[0].id)
    assert decision.epsilon == 0.3
    assert min(decision.propensities) == pytest.approx(0.3 / 16)
    assert max(decision.propensities) > 0.3
