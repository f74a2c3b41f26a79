"""Declared hours, prompts in quick succession, and what a pilot study teaches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import context
from models.artifact import dumps, loads
from models.pilot import Pilot
from models.receptivity import Receptivity

HOURS = np.arange(6.0, 24.0, 0.5)
EARLY, LATE = (6.0, 22.0, np.nan, np.nan), (9.5, 24.5, np.nan, np.nan)
NURSE = (6.0, 22.0, 13.0, 21.0)


def clinic(persons=150, days=14, seed=0, asleep=-3.0, wrong=0.0):
    """Larks and owls who do not answer in bed; `wrong` of them declare the other's hours."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), days * 4)
    day = np.tile(np.repeat(np.arange(days), 4), persons)
    hour = rng.choice(HOURS, person.size)
    wake = np.where(np.arange(persons) % 2, EARLY[0], LATE[0])
    bed = np.where(np.arange(persons) % 2, EARLY[1], LATE[1])
    up = (hour + 0.25 > wake[person]) & (hour + 0.25 < bed[person])
    y = rng.random(person.size) < 1 / (1 + np.exp(-(1.0 + np.where(up, 0.0, asleep))))
    lies = rng.random(persons) < wrong
    declared = {str(who): EARLY if (who % 2 == 1) != lies[who] else LATE for who in range(persons)}
    X = np.column_stack([hour, np.zeros(hour.size)])
    return X, y.astype(int), person, day, declared


def contrast(model, declared, hours=(7.0, 15.0)):
    """How much better the second hour is than the first for somebody new who declares this."""
    scores = model.slot_scores(
        [hours], [0], ["new"], declared=None if declared is None else {"new": declared}
    )
    return float(scores[0, 1] - scores[0, 0])


def test_hours_declared_by_a_newcomer_choose_the_time_before_any_answer():
    X, y, person, day, declared = clinic()
    model = Receptivity().fit(X, y, person=person, day=day, declared=declared)
    assert contrast(model, LATE) > 1.5
    assert abs(contrast(model, EARLY)) < 0.6
    assert contrast(model, EARLY) < contrast(model, None) < contrast(model, LATE)


def test_common_sense_comes_before_data():
    model = Receptivity().partial_fit(np.empty((0, 2)), [], person=[])
    assert contrast(model, LATE) > 0.5
    assert abs(contrast(model, EARLY)) < 0.2
    assert contrast(model, NURSE, (14.0, 11.0)) > 0.05
    assert contrast(model, None) == 0.0


def test_one_wrong_declaration_in_seven_weakens_what_is_learned_and_no_more():
    fits = []
    for wrong in (0.0, 0.15):
        X, y, person, day, declared = clinic(wrong=wrong)
        fits.append(Receptivity().fit(X, y, person=person, day=day, declared=declared))
    assert 0.4 < contrast(fits[1], LATE) / contrast(fits[0], LATE) < 0.95


def test_a_person_who_declared_wrongly_is_followed_by_their_answers():
    X, y, person, day, declared = clinic(days=40, wrong=0.15)
    model = Receptivity(optimism=0.0).fit(X, y, person=person, day=day, declared=declared)
    liars = [who for who in range(1, 150, 2) if declared[str(who)] == LATE]  # larks who say owl
    assert len(liars) > 5
    scores = model.slot_scores([[7.5, 15.0]] * len(liars), [0] * len(liars), liars)
    rise = scores[:, 1] - scores[:, 0]
    assert rise.mean() < 0.6 * contrast(model, LATE, (7.5, 15.0))


def test_without_declarations_everything_is_as_if_they_did_not_exist():
    X, y, person, day, _ = clinic(persons=20)
    plain = Receptivity().fit(X, y, person=person, day=day)
    empty = Receptivity().fit(X, y, person=person, day=day, declared={})
    unknown = Receptivity().fit(X, y, person=person, day=day, declared=np.full((y.size, 4), np.nan))
    for other in (empty, unknown):
        np.testing.assert_array_equal(
            other.slot_scores([HOURS], [0], [1]), plain.slot_scores([HOURS], [0], [1])
        )


def test_a_mapping_and_rows_say_the_same():
    X, y, person, day, declared = clinic(persons=20)
    rows = np.array([declared[str(who)] for who in person])
    fits = [
        Receptivity().fit(X, y, person=person, day=day, declared=given_)
        for given_ in (declared, rows)
    ]
    assert contrast(fits[0], LATE) == contrast(fits[1], LATE)


def test_partial_fit_takes_note_of_hours_and_keeps_them():
    X, y, person, day, declared = clinic()
    model = Receptivity().fit(X, y, person=person, day=day, declared=declared)
    model.partial_fit([[12.0, 0.0]], [1], person=["new"], declared={"new": LATE})
    model.partial_fit([[12.0, 0.0]], [1], person=["new"], declared={})
    scores = model.slot_scores([[7.0, 15.0]], [0], ["new"])
    assert scores[0, 1] - scores[0, 0] > 1.0


def test_a_prompt_soon_after_another_scores_less_from_the_first_day_on():
    scores = (
        Receptivity()
        .partial_fit(np.empty((0, 2)), [], person=[])
        .slot_scores([[11.0, 12.0, 14.5]] * 2, [0, 0], ["a", "b"], last_hour=[10.5, np.nan])
    )
    assert scores[0, 0] < scores[0, 1] - 0.3 < scores[0, 2]
    np.testing.assert_array_equal(scores[1], scores[1, 0])


def test_what_a_prompt_before_costs_is_learned():
    rng = np.random.default_rng(1)
    person, day = np.repeat(np.arange(100), 40), np.tile(np.repeat(np.arange(20), 2), 100)
    gap = rng.choice([0.5, 4.0], 2000)
    first = rng.choice(np.arange(9.0, 16.0, 0.5), 2000)
    hour = np.column_stack([first, first + gap]).ravel()
    close = np.column_stack([np.zeros(2000), gap < 1]).ravel() > 0
    X = np.column_stack([hour, np.zeros(hour.size)])
    for cost in (0.0, 2.0):
        y = rng.random(hour.size) < 1 / (1 + np.exp(-(1.0 - cost * close)))
        model = Receptivity().fit(X, y, person=person, day=day)
        scores = model.slot_scores([[12.0]] * 2, [0, 0], ["x", "y"], last_hour=[11.5, np.nan])
        assert scores[1, 0] - scores[0, 0] == pytest.approx(cost, abs=0.35)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("declared", {"a": (7.0, 23.0)}, "declared: must hold 4 hours a person"),
        ("declared", {"a": (7.0, 40.0, 9.0, 17.0)}, "declared: hours must lie between 0 and 36"),
        ("declared", {"a": (np.inf, 23.0, 9.0, 17.0)}, "declared: hours must lie"),
        ("declared", [[7.0, 23.0, 9.0, 17.0]] * 2, r"declared: must have shape \(1, 4\)"),
        ("last_hour", [25.0], "last_hour: must be"),
        ("last_hour", [9.0, 9.0], "last_hour: must be"),
    ],
)
def test_bad_context_is_named(argument, value, message):
    model = Receptivity().partial_fit([[9.0, 0.0]], [1], person=["b"])
    with pytest.raises(ValueError, match=message):
        model.slot_scores([[9.0]], [0], ["a"], **{argument: value})
    with pytest.raises(ValueError, match=message):
        model.partial_fit([[9.0, 0.0]], [1], person=["a"], **{argument: value})


@given(
    st.tuples(st.floats(0, 24), st.floats(0, 36), st.floats(0, 24), st.floats(0, 36)),
    st.sets(st.integers(0, 3)),
)
def test_every_cell_lies_in_exactly_one_zone(hours, missing):
    row = np.array([[np.nan if at in missing else hour for at, hour in enumerate(hours)]])
    zones = context.zones_of(row)
    sleep, work = zones % context.SLEEPS, zones // context.SLEEPS
    assert zones.max() < context.CODES
    assert (sleep == 0).all() == bool({0, 1} & missing)
    assert (sleep != 0).all() != bool({0, 1} & missing)
    assert (work[0, 48:] == (0 if len(missing) == 4 else context.FREE)).all()


def test_zones_of_a_day_are_where_they_belong():
    zones = context.zones_of(np.array([[7.0, 23.0, 9.0, 17.0]]))[0]
    sleep, work = zones % context.SLEEPS, zones // context.SLEEPS
    at = lambda hour: int(2 * hour)  # noqa: E731
    assert sleep[at(3.0)] == sleep[at(23.5)] == context.ASLEEP
    assert sleep[at(6.5)] == context.ABOUT_TO_WAKE
    assert [sleep[at(h)] for h in (7.0, 7.5, 8.0, 12.0)] == [4, 5, 6, context.AWAKE]
    assert [sleep[at(h)] for h in (21.5, 22.0, 22.5)] == [7, 8, 9]
    assert [work[at(h)] for h in (8.5, 9.0, 12.5, 13.0, 16.5, 17.0, 18.0)] == [
        context.BEFORE_WORK, context.AT_WORK, context.EARLY_BREAK, context.LATE_BREAK,
        context.AT_WORK, context.AFTER_WORK, context.FREE,
    ]  # fmt: skip
    assert (work[48:] == context.FREE).all()


@given(st.floats(0, 24), st.floats(0, 24))
def test_gap_zones_are_those_of_the_hours_between(hour, before):
    gap = hour - before
    expected = 0 if gap < 0 or gap >= 3 else int(gap) + 1
    assert context.gap_zone([gap])[0] == expected


def test_gaps_are_found_within_a_day_of_a_person_only():
    gaps = context.gaps_before(
        np.array([0, 0, 0, 1, 0]),
        np.array([1, 1, 2, 1, 1]),
        np.array([12.0, 9.0, 13.0, 10.0, 12.5]),
    )
    np.testing.assert_array_equal(gaps, [3.0, np.nan, np.nan, np.nan, 0.5])


def study(seed, days=20, slope=0.8, base=0.8, persons=80, own=0.8):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), days * 4)
    day = np.tile(np.repeat(np.arange(days), 4), persons)
    hour = rng.choice(np.arange(8.0, 22.0, 0.5), person.size)
    evening = np.where(hour >= 15.0, 1.0, -1.0)
    logit = base + slope * evening + own * np.where(person % 2, 1.0, -1.0) * evening
    y = rng.random(person.size) < 1 / (1 + np.exp(-logit))
    return np.column_stack([hour, np.zeros(hour.size)]), y.astype(int), person, day


def fitted(data, **more):
    X, y, person, day = data
    return Receptivity(optimism=0.0).fit(X, y, person=person, day=day, **more)


def test_a_pilot_gives_its_curve_before_the_first_answer():
    pilot = fitted(study(1)).to_arrays()
    fresh = Receptivity().fit(np.empty((0, 2)), [], person=[], pilot=pilot)
    learned = contrast(fresh, None, (10.0, 19.0))
    assert learned == pytest.approx(1.6, abs=0.5)
    assert fresh.deviation_sd_ == pytest.approx(float(pilot["scales"][1]), rel=0.3)


def test_a_pilot_speeds_up_and_is_outweighed_in_time():
    pilot = fitted(study(1, slope=0.8)).to_arrays()
    few, many = study(2, slope=-0.8, days=1), study(2, slope=-0.8, days=60)
    bent, freed = (contrast(fitted(data, pilot=pilot), None, (10.0, 19.0)) for data in (few, many))
    assert bent > 0.3
    assert freed < -1.0


def test_a_pilot_of_more_eager_patients_does_not_make_these_eager():
    pilot = fitted(study(1, base=2.5)).to_arrays()
    here = study(2, base=-0.5, days=10)
    chance = fitted(here, pilot=pilot).predict_proba([[12.0]], [0], ["new"])[0, 0]
    assert chance == pytest.approx(
        fitted(here).predict_proba([[12.0]], [0], ["new"])[0, 0], abs=0.08
    )


def test_a_pilot_knows_how_persons_differ():
    pilot = fitted(study(1, days=40)).to_arrays()
    few = study(2, days=3)
    alone, helped = fitted(few), fitted(few, pilot=pilot)

    def told_apart(model):
        scores = model.slot_scores([[10.0, 19.0]] * 2, [0, 0], [1, 2])
        rise = scores[:, 1] - scores[:, 0]
        return rise[0] - rise[1]

    assert told_apart(helped) > told_apart(alone)
    assert Pilot.of(pilot, persons=7.0).persons == 7.0


def test_context_survives_an_artifact():
    X, y, person, day, declared = clinic(persons=30)
    model = Receptivity().fit(X, y, person=person, day=day, declared=declared)
    copy, _ = loads(dumps(model, {}))
    for who in (LATE, EARLY, None):
        assert contrast(copy, who) == contrast(model, who)
    np.testing.assert_array_equal(copy.ledger_.zones, model.ledger_.zones)
