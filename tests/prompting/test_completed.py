"""Exercises done teach a head of their own: by it alone times of `objective: completed` move."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from fakes import NINE, UNKNOWN, Practice, fixed, protocol, sqlite_url
from learning_runs import Run, answer, learner

from engine.commands import starting
from engine.commands.learning_log import learning_state
from engine.commands.postponing import not_now
from engine.learning_records import ANSWERED, COMPLETED, RELEVANCE, Artifact, LearningKind, Sign
from engine.records import Decision
from engine.store import artifacts, decisions, marks, open_database
from models.artifact import ArtifactError, dumps
from models.receptivity import Receptivity
from models.relevance import Relevance
from prompting.decide import Policies
from prompting.explaining import explain
from prompting.fitting import FEWEST_SIGNS, exercises, fit_completed
from prompting.heads import read
from prompting.knowing import Knowledge
from prompting.objectives import objectives_of
from prompting.policies import ADAPTIVE, POOLED
from prompting.promotion import FEWEST_WEIGHED, held_out_signs, judge_signs
from prompting.refitting import refitted
from prompting.replaying import replay
from prompting.standing import Standing, now_known

EXERCISE = "ba.plan-tomorrow"
START = datetime(2027, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=28)


def done(practice: Practice) -> list[tuple[str, bool]]:
    """Return who has done an exercise, or let it pass."""
    with practice.db.read() as tx:
        found = marks.exercise_signs(tx, exercises=exercises(), now=practice.clock())
    return [(one.person, one.good) for one in found]


def test_an_exercise_is_known_once_its_time_is_over_and_done_if_it_was_answered_before(
    anywhere: Practice,
):
    own = {"content": EXERCISE, "id": "own", "trigger": {"kind": "patient_initiated"}}
    document = protocol(fixed("09:00", content=EXERCISE), own)
    names = ("done", "late", "let pass", "declined", "may not have come")
    people = {name: anywhere.enrol(document) for name in names}
    keys = {name: str(person.patient.id) for name, person in people.items()}
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.pusher.by_token[people["may not have come"].phones[0].push_token] = UNKNOWN
    anywhere.tick()
    prompts = {
        name: next(one.id for one in anywhere.prompts(person) if one.sent_at)
        for name, person in people.items()
    }
    anywhere.clock.forward(minutes=59)
    answer(anywhere, people["done"], prompts["done"], anywhere.clock(), anywhere.clock(), EXERCISE)
    not_now(
        anywhere.db, people["declined"].phones[0], prompts["declined"], "work", now=anywhere.clock()
    )
    assert done(anywhere) == [], "all are open still"
    anywhere.clock.forward(minutes=1)
    answer(anywhere, people["late"], prompts["late"], anywhere.clock(), anywhere.clock(), EXERCISE)
    starting.start(anywhere.db, people["late"].phones[0], "own", now=anywhere.clock())
    anywhere.clock.forward(hours=3)
    assert Counter(done(anywhere)) == Counter(
        [(keys["done"], True), (keys["late"], False), (keys["let pass"], False)]
    )


def test_what_is_no_exercise_does_not_count(practice: Practice):
    practice.enrol(protocol(fixed("08:00")))
    practice.plan()
    practice.decide()
    practice.tick()
    practice.clock.forward(days=1)
    assert done(practice) == []


def sent_exercises(count: int, *, early: bool = False, seed: int = 3) -> list[Sign]:
    """Return exercises of 30 people over four weeks, done in the evening; or in the morning."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        hour = float(rng.uniform(8, 21))
        made.append(
            Sign(
                person=str(number % 30),
                at=START + timedelta(days=number % 28, hours=hour),
                zone="UTC",
                kind=marks.EXERCISE,
                good=bool(rng.random() < (0.85 if (hour > 14) != early else 0.25)),
                prompt_id=UUID(int=number),
            )
        )
    return made


SENT = sent_exercises(2_000)
KEPT = held_out_signs(SENT, marks.EXERCISE, now=NOW)
USED = [one for one in SENT if one not in KEPT]


def test_nothing_is_learned_of_exercises_before_there_are_enough():
    assert fit_completed(SENT[: FEWEST_SIGNS - 1], {}) is None
    model = fit_completed(SENT[:FEWEST_SIGNS], {"0": (7.0, 23.0, None, None)})
    assert type(model) is Receptivity
    model = fit_completed(USED, {})
    morning, evening = model.predict_proba([[9.0, 19.0]], [0], ["0"])[0]
    assert evening > morning + 0.3


def test_the_chance_knows_how_eager_a_person_is():
    eager = [replace(one, good=one.person == "0") for one in SENT if one.person in {"0", "1"}]
    others = [one for one in SENT if one.person not in {"0", "1"}]
    model = fit_completed([*eager, *others], {})
    often, seldom = model.predict_proba([[14.0]] * 2, [0, 0], ["0", "1"])[:, 0]
    assert often > seldom + 0.4


def test_nobody_moves_the_times_of_all_however_many_exercises_they_were_sent():
    alone = [replace(one, person="x") for one in sent_exercises(2_000, early=True, seed=4)]
    moved = fit_completed([*USED, *alone], {})
    morning, evening = moved.slot_scores([[9.0, 19.0]], [0], ["nobody"])[0]
    assert evening > morning + 0.5


def store_says(monkeypatch: pytest.MonkeyPatch, signs: list[Sign]) -> None:
    monkeypatch.setattr(marks, "exercise_signs", lambda tx, *, exercises, now: signs)


def test_held_out_exercises_are_left_out_of_the_fit(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
):
    store_says(monkeypatch, SENT)
    artifact, detail = refitted(practice.db, COMPLETED, now=NOW)
    assert (detail["head"], detail["signs"], detail["n"]) == (COMPLETED, len(USED), len(KEPT))
    assert 0.17 * len(SENT) < len(KEPT) < 0.23 * len(SENT)
    store_says(monkeypatch, [replace(one, good=one.good != (one in KEPT)) for one in SENT])
    assert refitted(practice.db, COMPLETED, now=NOW)[0].version == artifact.version
    store_says(monkeypatch, SENT[:20])
    assert refitted(practice.db, COMPLETED, now=NOW) is None


def test_a_model_that_gets_exercises_wrong_is_kept_back_and_with_few_it_is_taken():
    good, bad = fit_completed(USED, {}), fit_completed(sent_exercises(2_000, early=True), {})
    verdict = judge_signs(bad, good, KEPT, {})
    assert not verdict.promoted
    assert "its probabilities are further from what happened" in verdict.reasons
    assert judge_signs(good, bad, KEPT, {}).promoted
    assert 0.7 < judge_signs(good, good, KEPT, {}).new.slope < 1.4
    few = judge_signs(bad, good, KEPT[: FEWEST_WEIGHED - 1], {})
    assert few.promoted
    assert few.note == f"not weighed: 49 held out, and fewer than {FEWEST_WEIGHED} tell nothing"


def test_a_model_kept_back_is_logged_by_its_head_and_the_one_before_decides(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
):
    one = learner(practice.db)
    store_says(monkeypatch, SENT)
    one.refit(now=NOW)
    first = learning_state(practice.db).events[0]
    assert (first.kind, first.detail["head"]) == (LearningKind.PROMOTED, COMPLETED)
    assert first.detail["note"] == "not weighed: no model stands"
    assert one.policy().version.endswith(f"~{first.version}")
    # What was held out tells of evenings still; the rest has been poisoned.
    store_says(monkeypatch, [*KEPT, *sent_exercises(2_000, early=True)[len(KEPT) :]])
    monkeypatch.setattr("prompting.refitting.held_out_signs", lambda signs, kind, *, now: KEPT)
    one.refit(now=NOW + timedelta(hours=1))
    newest = learning_state(practice.db).events[0]
    assert (newest.kind, newest.detail["head"]) == (LearningKind.KEPT_BACK, COMPLETED)
    assert newest.detail["reasons"]
    assert one.policy().version.endswith(f"~{first.version}")
    assert learner(practice.db).policy().version.endswith(f"~{first.version}"), "after a restart"


def test_a_fit_that_fails_is_logged_and_everything_else_goes_on(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
):
    store_says(monkeypatch, [replace(one, at="never") for one in SENT])
    one = learner(practice.db)
    assert one.refit(now=NOW)
    newest = learning_state(practice.db).events[0]
    assert (newest.kind, newest.detail["head"]) == (LearningKind.FIT_FAILED, COMPLETED)
    assert "~" not in one.policy().version


@pytest.mark.parametrize(
    ("head", "model"), [(COMPLETED, Relevance), (RELEVANCE, Receptivity)], ids=str
)
def test_a_model_of_another_kind_is_not_taken_for_a_head(head: str, model: type[Receptivity]):
    X, y, person = [[9.0, 0.0], [18.0, 0.0]], [0, 1], ["a", "b"]
    blob = dumps(model().fit(X, y, person=person), {})
    with pytest.raises(ArtifactError, match=f"got {model.__name__}"):
        read(blob, head)


def asked_for(objective: str, content: str, start: str = "08:00", end: str = "12:00"):
    """Return an assignment in one adaptive window."""
    trigger = {"kind": "window", "windows": [{"from": start, "to": end}], "timing": ADAPTIVE}
    return {
        "content": content, "id": f"{content}.{objective}",
        "trigger": trigger | {"objective": objective},
    }  # fmt: skip


class Clinic(Run):
    """Days of people who answer check-ins early in the morning, and do exercises late in it."""

    def __init__(self, practice: Practice) -> None:
        super().__init__(practice, persons=0)
        document = protocol(
            asked_for("answered", "checkin.momentary"),
            asked_for("answered", "checkin.momentary", "08:15", "11:45") | {"id": "again"},
            asked_for("completed", EXERCISE),
        )
        self.people = [practice.enrol(document, control_share=0.5) for _ in range(8)]

    def _react(self, token: str, prompt_id: UUID) -> None:
        now = self.practice.clock()
        person = next(one for one in self.people if one.phones[0].push_token == token)
        content = self.practice.prompt(person, prompt_id).content_id
        early = now.hour in {7, 8}  # before 10:00 on the patients' clocks
        if self.rng.random() < (0.95 if early == (content != EXERCISE) else 0.05):
            answer(self.practice, person, prompt_id, now, now, content)

    def drawn(self) -> list[Decision]:
        """Return all draws of learned times."""
        with self.practice.db.read() as tx:
            ids = decisions.decided_since(tx, None)
            found = [one.decision for one in decisions.stored_decisions(tx, ids)]
        return [one for one in found if one.arm == ADAPTIVE]

    def newcomer(self, objective: str) -> Decision:
        """Return the draw of an exercise of somebody of whom nothing is known."""
        practice = self.practice
        document = protocol(asked_for(objective, EXERCISE))
        person = practice.enrol(document, control_share=0.0)
        practice.plan()
        practice.policies = Policies(self.learner.policy())
        practice.decide()
        return practice.decision(person, practice.prompts(person)[0].id)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A clinic after nine days, on a Wednesday morning."""
    directory: Path = tmp_path_factory.mktemp("clinic")
    db = open_database(sqlite_url(directory))
    clinic = Clinic(Practice(db))
    clinic.live(9, learn_every=3, hours=6)
    yield clinic
    db.close()


def best(decision: Decision) -> tuple[float, float]:
    """Return the earliest and the latest of the hours the model liked best."""
    law = zip(decision.features["hours"], decision.propensities, strict=True)
    liked = [hour for hour, share in law if share == max(decision.propensities)]
    return min(liked), max(liked)


def test_times_for_exercises_done_move_to_where_they_are_done_and_times_for_answers_do_not(
    lived: Clinic,
):
    done, answered = lived.newcomer(COMPLETED), lived.newcomer(ANSWERED)
    assert done.features["rests_on"] == COMPLETED
    assert best(done)[0] >= 10.0
    assert answered.features["rests_on"] == ANSWERED
    assert best(answered)[1] < 10.0
    own = [one for one in lived.drawn() if one.features.get("rests_on") == COMPLETED]
    assert np.mean([best(one)[0] >= 9.75 for one in own]) > 0.8
    before = [
        one
        for one in lived.drawn()
        if one.features["objective"] == COMPLETED and one.features.get("rests_on") == ANSWERED
    ]
    assert len(before) >= 8


def test_what_exercises_rest_on_is_shown(lived: Clinic):
    def resting(policy: str) -> dict[str, str | None]:
        found = objectives_of(db, Standing(db), lived.people[0].patient.id, policy=policy)
        return {one.objective: one.rests_on for one in found}

    db = lived.practice.db
    assert resting(ADAPTIVE) == {ANSWERED: ANSWERED, COMPLETED: COMPLETED}
    assert resting(POOLED) == {ANSWERED: ANSWERED, COMPLETED: ANSWERED}


def test_every_decision_is_recomputed_without_a_difference(lived: Clinic):
    found = replay(lived.practice.db)
    assert found.differences == []
    assert found.decisions >= 9 * 8 * 3
    heads = {one.policy_version.count("~") for one in lived.drawn()}
    assert heads == {0, 1, 2}, "one was known before the other, so records of both forms are read"


def test_the_version_names_both_heads_and_replaying_needs_them(
    lived: Clinic, monkeypatch: pytest.MonkeyPatch
):
    with lived.practice.db.read() as tx:
        newest = [artifacts.newest_version(tx, head) for head in (RELEVANCE, COMPLETED)]
    assert lived.learner.policy().version.split("~")[1:] == newest
    by_exercises = {
        one.prompt_id for one in lived.drawn() if one.features.get("rests_on") == COMPLETED
    }
    really_add = Knowledge.add

    def add_but_one(self: Knowledge, artifact: Artifact) -> None:
        if artifact.head != COMPLETED:
            really_add(self, artifact)

    monkeypatch.setattr(Knowledge, "add", add_but_one)
    found = replay(lived.practice.db).differences
    assert found
    assert {one.prompt_id for one in found} <= by_exercises


def test_a_state_without_a_head_is_made_again_from_one_with_it(lived: Clinic):
    with lived.practice.db.read() as tx:
        known = now_known(tx, artifacts.promoted(tx, limit=1))
    moments, done = known.beside[RELEVANCE], known.beside[COMPLETED]
    known.keep([moments])
    assert known.version.split("~")[1:] == [moments] != [done]
    assert known.heads.completed is None
    assert known.heads.relevance is not None


def add(practice: Practice, head: str, version: str, blob: bytes) -> None:
    with practice.db.write() as tx:
        newest = artifacts.promoted(tx, limit=1)[0]
        artifacts.add_artifact(tx, replace(newest, head=head, version=version, blob=blob))


def test_broken_artifacts_of_exercises_give_way_to_answers_and_prompts_go_on(
    practice: Practice, caplog: pytest.LogCaptureFixture
):
    clinic = Clinic(practice)
    clinic.learner.refit(now=practice.clock())
    add(practice, COMPLETED, "broken", b"no model")
    clinic.learner.update(now=practice.clock())
    drawn = clinic.newcomer(COMPLETED)
    assert drawn.features["rests_on"] == ANSWERED
    assert "~" not in drawn.policy_version
    assert "artifact broken is unusable" in caplog.text
    assert explain(drawn).rests_on == ANSWERED
    db, patient_id = practice.db, clinic.people[0].patient.id
    shown = objectives_of(db, Standing(db), patient_id, policy=ADAPTIVE)
    assert {one.rests_on for one in shown} == {ANSWERED}
    assert replay(practice.db).differences == []


def test_the_reasons_on_record_count_exercises_and_no_other_prompts(lived: Clinic):
    with lived.practice.db.read() as tx:
        known = marks.exercise_signs(tx, exercises=exercises(), now=lived.practice.clock())
        drawn = decisions.stored_decisions(tx, decisions.decided_since(tx, None))
    counted = 0
    for one in drawn:
        made = one.decision
        if made.features.get("rests_on") != COMPLETED:
            continue
        before = [
            sign.good for sign in known if sign.person == one.person and sign.at < made.decided_at
        ]
        (near, near_seen), (every, seen) = made.features["why"]["near"], made.features["why"]["all"]
        assert near <= near_seen <= seen <= len(before)
        assert near <= every <= sum(before)
        counted += seen > 0
        told = explain(made)
        assert "exercises" in told.patient or "find out" in told.patient or "random" in told.patient
        assert "usually answer" not in told.therapist
    assert counted >= 5
