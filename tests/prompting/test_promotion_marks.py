"""A model of good moments that is worse does not get to decide either; too few marks say so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from fakes import Practice
from learning_runs import learner

from engine.commands.learning_log import learning_state
from engine.learning_records import RELEVANCE, LearningKind, Sign
from engine.store import artifacts, marks
from engine.store.marks import MARK
from prompting.fitting import fit_relevance
from prompting.promotion import FEWEST_WEIGHED, RECENT_SIGNS, held_out_signs, judge_signs
from prompting.refitting import refitted

START = datetime(2027, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=28)


def marked(count: int, *, flip: bool = False, seed: int = 3) -> list[Sign]:
    """Return marks of 30 people over four weeks, who like evenings; or mornings if flipped."""
    rng = np.random.default_rng(seed)
    signs = []
    for number in range(count):
        hour = float(rng.uniform(8, 21))
        good = rng.random() < (0.85 if (hour > 14) != flip else 0.25)
        at = START + timedelta(days=number % 28, hours=hour)
        signs.append(
            Sign(
                person=str(number % 30), at=at, zone="UTC", kind="mark", good=bool(good),
                prompt_id=UUID(int=number),
            )
        )  # fmt: skip
    return signs


SIGNS = marked(2_000)
KEPT = held_out_signs(SIGNS, MARK, now=NOW)
USED = [one for one in SIGNS if one not in KEPT]
GOOD, BAD = fit_relevance(USED, {}), fit_relevance(marked(2_000, flip=True), {})


def test_one_in_five_recent_marks_is_held_out_always_the_same_ones_and_no_other_sign():
    assert 0.17 * len(SIGNS) < len(KEPT) < 0.23 * len(SIGNS)
    later = held_out_signs(SIGNS, MARK, now=NOW + timedelta(days=10))
    assert later == [one for one in KEPT if one.at >= NOW + timedelta(days=10) - RECENT_SIGNS]
    of_another_kind = [replace(one, kind="exercise") for one in SIGNS]
    assert held_out_signs(of_another_kind, MARK, now=NOW) == []


def test_a_model_that_gets_good_moments_wrong_is_kept_back():
    verdict = judge_signs(BAD, GOOD, KEPT, {})
    assert not verdict.promoted
    assert verdict.reasons == (
        "its probabilities are further from what happened",
        "its probabilities are worse calibrated",
    )
    assert verdict.new.brier > verdict.standing.brier + 0.1
    assert verdict.new.value is None
    assert verdict.note is None


def test_a_better_model_or_the_same_again_may_decide():
    assert judge_signs(GOOD, BAD, KEPT, {}).promoted
    same = judge_signs(GOOD, GOOD, KEPT, {})
    assert same.promoted
    assert same.new == same.standing
    assert 0.7 < same.new.slope < 1.4


def test_with_too_few_marks_the_new_model_is_taken_and_the_verdict_says_so():
    few = judge_signs(BAD, GOOD, KEPT[:49], {})
    assert few.promoted
    assert few.note == f"not weighed: 49 held out, and fewer than {FEWEST_WEIGHED} tell nothing"
    assert judge_signs(BAD, GOOD, [], {}).n == 0
    assert judge_signs(GOOD, None, KEPT, {}).note == "not weighed: no model stands"
    assert judge_signs(GOOD, None, KEPT, {}).new.brier < 0.25


def test_a_broken_model_does_not_pass_as_a_good_one():
    class Broken(type(GOOD)):
        def predict_proba(self, *args, **options):
            return np.full((len(KEPT), 1), np.nan)

    with pytest.raises(ValueError, match="must be finite"):
        judge_signs(Broken(), GOOD, KEPT, {})


def signs_in_store(monkeypatch: pytest.MonkeyPatch, signs: list[Sign]) -> None:
    monkeypatch.setattr(marks, "signs", lambda tx, *, exercises, now: signs)


def test_a_model_kept_back_is_stored_logged_and_the_one_before_decides(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
):
    one = learner(practice.db)
    signs_in_store(monkeypatch, SIGNS)
    one.refit(now=NOW)
    before = one.policy().version
    first, answers = learning_state(practice.db).events[:2]
    assert (first.kind, first.detail["head"]) == (LearningKind.PROMOTED, RELEVANCE)
    assert first.detail["note"] == "not weighed: no model stands"
    assert "head" not in answers.detail

    # What was held out tells of evenings still; the rest has been poisoned.
    poisoned = [*KEPT, *marked(2_000, flip=True)[len(KEPT) :]]
    monkeypatch.setattr("prompting.refitting.held_out_signs", lambda signs, kind, *, now: KEPT)
    signs_in_store(monkeypatch, poisoned)
    one.refit(now=NOW + timedelta(hours=1))
    newest = learning_state(practice.db).events[0]
    assert newest.kind == LearningKind.KEPT_BACK
    assert newest.detail["n"] == len(KEPT)
    assert newest.detail["reasons"]
    moments = before.partition("~")[2]
    assert one.policy().version.endswith(f"~{moments}")
    assert learner(practice.db).policy().version.endswith(f"~{moments}"), "nor after a restart"
    with practice.db.read() as tx:
        assert not artifacts.of_version(tx, newest.version).promoted
        assert artifacts.newest_version(tx, RELEVANCE) == moments


def test_held_out_marks_are_left_out_of_the_fit(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
):
    signs_in_store(monkeypatch, SIGNS)
    artifact, detail = refitted(practice.db, RELEVANCE, now=NOW)
    assert (detail["signs"], detail["n"]) == (len(USED), len(KEPT))
    turned = [
        Sign(**{name: getattr(s, name) for name in ("person", "at", "zone", "kind", "prompt_id")},
             good=not s.good) if s in KEPT else s
        for s in SIGNS
    ]  # fmt: skip
    signs_in_store(monkeypatch, turned)
    assert refitted(practice.db, RELEVANCE, now=NOW)[0].version == artifact.version
    signs_in_store(monkeypatch, SIGNS[:20])
    assert refitted(practice.db, RELEVANCE, now=NOW) is None
