import dataclasses

import numpy as np
import pytest
from worlds_played import flat, play, play_knowing, play_uniform

from models.simulation import adversarial, ema, fast15, holiday, shift_work
from models.simulation.catalogue import WORLDS
from models.simulation.checked import CheckedWorld
from models.simulation.moments import after_answer_and_miss, moments
from models.simulation.tuning import Tuning

FACTORIES = pytest.mark.parametrize("make", WORLDS.values(), ids=WORLDS)


@pytest.fixture(scope="module")
def uniform():
    return {name: play_uniform(WORLDS[name]) for name in ("ema", "fast15", "dropout")}


@pytest.fixture(scope="module")
def knowing():
    return {name: play_knowing(WORLDS[name]) for name in ("ema", "fast15")}


@pytest.mark.parametrize(
    ("name", "rate", "person", "tod", "day"),
    [("ema", 0.807, 0.118, 0.050, 0.127), ("fast15", 0.40, 0.146, 0.053, 0.097)],
)
def test_moments_are_those_measured_on_public_data(uniform, name, rate, person, tod, day):
    found = moments(*flat(uniform[name].answered))
    assert found.rate == pytest.approx(rate, abs=0.02)
    assert found.s_person == pytest.approx(person, abs=0.012)
    assert found.s_person_tod == pytest.approx(tod, abs=0.006)
    assert found.s_person_day == pytest.approx(day, abs=0.012)


def test_an_answer_follows_an_answer_more_often_than_a_miss(uniform):
    series = uniform["ema"].answered.reshape(-1, 1000)
    answer, miss = after_answer_and_miss(series)
    assert answer == pytest.approx(0.85, abs=0.02)
    assert miss == pytest.approx(0.64, abs=0.02)


@pytest.mark.parametrize(("name", "low", "high"), [("ema", 0.033, 0.043), ("fast15", 0.040, 0.057)])
def test_knowing_every_rhythm_gains_a_few_points_and_no_more(uniform, knowing, name, low, high):
    lift = knowing[name].probability[-7:].mean() - uniform[name].probability[-7:].mean()
    assert low < lift < high


def test_quick_answers_in_the_hour_long_world_vary_as_in_public_data(uniform):
    quick = moments(*flat(uniform["ema"].delay <= 15.0))
    assert 0.45 < quick.rate < 0.60
    assert quick.s_person == pytest.approx(0.16, abs=0.015)
    assert quick.s_person_tod == pytest.approx(0.055, abs=0.008)
    assert quick.s_person_day == pytest.approx(0.09, abs=0.015)


def test_a_quick_answer_leaves_more_to_gain_than_any_answer(uniform, knowing):
    runs = uniform["ema"], knowing["ema"]
    quick = [(run.delay <= 15.0).mean() for run in runs]
    assert quick[1] - quick[0] > 1.2 * (runs[1].answered.mean() - runs[0].answered.mean())


@FACTORIES
def test_a_world_keeps_the_contract(make):
    world = CheckedWorld(make(50, 7, 1), 50)
    found = play(world, lambda d, b: np.full(50, (d + b) % 7), 7)
    assert found.answered.shape == (7, 4, 50)
    assert set(np.unique([world.day_type(day) for day in range(7)])) == {0, 1}
    assert np.concatenate([np.arange(28)[block] for block in world.blocks]).tolist() == [*range(28)]
    assert (world.slot_hours[0], world.slot_hours[-1]) == (8.0, 21.5)
    for name, hours in world.declared.items():
        said = hours[~np.isnan(hours)]
        assert ((said >= 0) & (said < 24)).all(), name
    assert np.isfinite(world.declared["wake"]).all()


@FACTORIES
def test_a_world_is_a_function_of_its_arguments(make):
    runs = [play(make(20, 3, seed), lambda d, b: np.full(20, d + b), 3) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(runs[0].probability, runs[1].probability)
    np.testing.assert_array_equal(runs[0].delay, runs[1].delay)
    assert not np.array_equal(runs[0].probability, runs[2].probability)


@FACTORIES
def test_luck_and_phones_do_not_depend_on_the_slots_chosen(make):
    early = play(make(300, 5, 1), lambda d, b: np.zeros(300, dtype=int), 5)
    late = play(make(300, 5, 1), lambda d, b: np.full(300, 6), 5)
    np.testing.assert_array_equal(early.probability == 0.0, late.probability == 0.0)
    # Who is more likely to answer later, and answered early, must answer later too.
    surer = late.probability >= early.probability
    assert (late.answered >= early.answered)[surer].all()


@FACTORIES
def test_the_oracle_is_best_of_all_known_slots(make):
    world = make(200, 8, 2)
    for day in (0, 5, 7):
        logit = world.systematic(day)[:, world.blocks[1]]
        np.testing.assert_array_equal(
            logit[np.arange(200), world.oracle(day, 1)], logit.max(axis=1)
        )


@pytest.mark.parametrize(("name", "expiry"), [("ema", 60.0), ("fast15", 15.0)])
def test_delays_are_minutes_before_expiry_and_only_for_answers(uniform, name, expiry):
    run = uniform[name]
    assert (np.isnan(run.delay) == ~run.answered).all()
    assert np.nanmin(run.delay) > 0.0
    assert expiry / 2 < np.nanmax(run.delay) <= expiry
    assert 3.0 < np.nanmedian(run.delay) < 15.0


def test_answers_are_drawn_with_the_probability_told(uniform):
    for run in uniform.values():
        assert run.answered.mean() == pytest.approx(run.probability.mean(), abs=0.005)
        sure = run.probability > 0.9
        assert run.answered[sure].mean() == pytest.approx(run.probability[sure].mean(), abs=0.01)


def test_answering_fades(uniform):
    weekly = uniform["ema"].probability.reshape(6, -1).mean(axis=1)
    assert (np.diff(weekly) < 0).all()


def test_prompts_close_to_each_other_are_answered_less():
    world, last = ema.make(500, 1, 3), np.array([3, 6, 0, 3])
    apart = play(ema.make(500, 1, 3), lambda d, b: np.full(500, 3), 1)
    rushed = play(world, lambda d, b: np.full(500, last[b]), 1)
    # Block 2 follows half an hour after block 1 instead of three and a half.
    assert rushed.probability[0, 2].mean() < apart.probability[0, 2].mean() - 0.08


def test_more_of_those_who_are_hard_to_keep_fall_silent(uniform):
    gone = {
        name: (run.probability[-2:].max(axis=(0, 1)) == 0).mean() for name, run in uniform.items()
    }
    assert 0.02 < gone["ema"] < 0.12
    assert 0.35 < gone["dropout"] < 0.55


def test_phones_are_off_for_the_tuned_share_and_often_stay_off():
    tuning = dataclasses.replace(ema.TUNING, offline_share=0.2, dropout_share=0.0)
    make = lambda n, d, s: ema.EmaWorld(n, d, s, tuning, ema.usual_life)  # noqa: E731
    off = play_uniform(make, 800, 14).probability.reshape(-1, 800) == 0.0
    assert off.mean() == pytest.approx(0.2, abs=0.01)
    assert off[1:][off[:-1]].mean() == pytest.approx(0.5, abs=0.02)


def test_shifts_rotate_by_week_and_the_calendar_by_six_days():
    world = shift_work.make_with(shift_work.Rota(share=1.0), 400, 42, 1)
    kinds = np.array([world.day_type(day) for day in range(12)])
    np.testing.assert_array_equal(kinds[:6], kinds[6:])
    assert (kinds[:6].sum(axis=0) == 2).all()
    working = (world.day_type(0) == 0) & (world.day_type(12) == 0) & (world.day_type(42) == 0)
    first, other, again = (world.systematic(day)[working] for day in (0, 12, 21))
    assert np.abs(first - other).mean() > 0.2
    fading = first.mean(axis=1, keepdims=True) - again.mean(axis=1, keepdims=True)
    same = (world.day_type(21) == world.day_type(0))[working]
    np.testing.assert_allclose((again + fading)[same], first[same], atol=1e-9)


def test_shift_workers_declare_the_shift_of_their_first_week():
    world = shift_work.make_with(shift_work.Rota(share=1.0), 600, 7, 1)
    starts = world.declared["work_start"]
    near = np.min(
        [np.abs((starts - shift.start + 12) % 24 - 12) for shift in shift_work.Rota().shifts],
        axis=0,
    )
    assert (near <= 2.0).all()
    assert (near == 0.0).mean() == pytest.approx(0.85, abs=0.05)
    assert all(((starts >= low) & (starts < low + 8)).any() for low in (4, 12, 20))


def test_a_holiday_moves_sleep_and_work_away_and_gives_them_back():
    sure = holiday.Holiday(share=1.0, from_day=14, to_day=14, length=14, curve_share=0.0)
    world = holiday.make_with(sure, 300, 42, 1)

    def shape(day):
        logit = world.systematic(day)
        return logit - logit.mean(axis=1, keepdims=True)

    np.testing.assert_allclose(shape(7), shape(28), atol=1e-9)  # both Mondays
    assert np.abs(shape(14) - shape(7)).mean() > 0.15
    np.testing.assert_array_equal(world.day_type(14), world.day_type(7))
    mornings = (world.systematic(14) - world.systematic(7))[:, :4].mean()
    assert mornings < -0.3  # asleep at eight


def test_a_flipped_rhythm_is_the_old_one_upside_down():
    tuned = adversarial.make_with(adversarial.Flips(share=1.0, from_day=14, to_day=14), 200, 42, 1)
    rest = adversarial.make_with(adversarial.Flips(share=0.0), 200, 42, 1)
    before, after = tuned.systematic(7), tuned.systematic(14)
    np.testing.assert_array_equal(before, rest.systematic(7))
    middle = slice(10, 20)  # awake, and on the weekend not at work

    def own(world, day):
        logit = world.systematic(day)[:, middle]
        return (logit - logit.mean(axis=1, keepdims=True)).ravel()

    correlation = np.corrcoef(own(tuned, 19), own(rest, 19))[0, 1]
    assert correlation < -0.9
    assert after.shape == before.shape


def test_some_rhythms_are_drawn_anew_once_and_for_good():
    world = ema.make(2000, 42, 1)

    def shape(day):
        logit = world.systematic(day)
        return logit - logit.mean(axis=1, keepdims=True)

    changed = np.abs(shape(0) - shape(35)).max(axis=1) > 1e-6
    assert changed.mean() == pytest.approx(0.30 * 28 / 35, abs=0.03)


def test_declared_work_hours_are_given_for_those_who_work_and_mostly_right():
    world = ema.make(1000, 1, 1)
    declared = world.declared
    assert sorted(declared) == ["bed", "wake", "work_end", "work_start"]
    assert 0.25 < np.isnan(declared["work_start"]).mean() < 0.35
    assert np.nanmedian(declared["work_end"] - declared["work_start"]) == 8.0


@pytest.mark.parametrize("turn", [(0, 1), (1, 0), (-1, 0)])
def test_a_world_prompted_out_of_order_complains(turn):
    with pytest.raises(ValueError, match="day, block: expected"):
        ema.make(2, 2, 1).respond(*turn, np.zeros(2, dtype=int))


def test_a_world_cannot_be_prompted_twice_or_beyond_its_end():
    world = ema.make(2, 1, 1)
    play(world, lambda d, b: np.zeros(2, dtype=int), 1)
    with pytest.raises(ValueError, match="day, block"):
        world.respond(0, 3, np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match="day, block"):
        world.respond(1, 0, np.zeros(2, dtype=int))


@pytest.mark.parametrize("slot", [[7, 0], [-1, 0], [0]])
def test_a_slot_outside_the_block_is_refused(slot):
    with pytest.raises(ValueError, match="slot: must be"):
        ema.make(2, 1, 1).respond(0, 0, np.array(slot))


@FACTORIES
def test_a_world_without_persons_is_refused(make):
    with pytest.raises(ValueError, match="persons, days: must be at least 1"):
        make(0, 1, 1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Tuning(dropout_share=1.5), "dropout_share: must be between 0 and 1"),
        (lambda: Tuning(day_sd=-0.1), "day_sd: must not be negative"),
        (lambda: Tuning(expiry_minutes=0.0), "expiry_minutes: must be above 0"),
        (lambda: shift_work.Rota(share=2.0), "share: must be between 0 and 1"),
        (lambda: shift_work.Rota(rotation_days=0), "rotation_days: must be at least 1"),
        (lambda: shift_work.Rota(shifts=()), "shifts: must hold at least one"),
        (lambda: holiday.Holiday(curve_share=-1.0), "curve_share: must be between 0 and 1"),
        (lambda: holiday.Holiday(from_day=9, to_day=3), "to_day: must not be before"),
        (lambda: holiday.Holiday(length=0), "length: must be at least 1"),
        (lambda: adversarial.Flips(share=-0.1), "share: must be between 0 and 1"),
        (lambda: adversarial.Flips(from_day=9, to_day=3), "to_day: must not be before"),
    ],
)
def test_parameters_out_of_range_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_worlds_differ_by_their_tuning_alone_where_they_should():
    assert fast15.TUNING.expiry_minutes == 15.0
    assert len({id(make) for make in WORLDS.values()}) == len(WORLDS) == 6
