from types import SimpleNamespace

import numpy as np
import pytest

from models.simulation.checked import CheckedWorld, WorldFault

N = 3
HOURS = ("wake", "bed", "work_start", "work_end")


def parts(**changed):
    """A world of three persons in two blocks, with some parts changed or left out (...)."""
    whole = {
        "slot_hours": [8, 9, 10, 18, 19],
        "blocks": (slice(0, 3), slice(3, 5)),
        "declared": None,
        "day_type": lambda day: [0, 1, 0],
        "respond": lambda day, block, slot: ([1, 0, True], [4.0, np.nan, 0.0], [0.5, 0.0, 1.0]),
        "oracle": lambda day, block: [0, 1, 1],
    } | changed
    return SimpleNamespace(**{name: part for name, part in whole.items() if part is not ...})


def test_lists_and_whole_numbers_pass_for_arrays_and_booleans():
    world = CheckedWorld(parts(), N)
    answered, delay, probability = world.respond(0, 0, np.zeros(N, dtype=int))
    assert answered.tolist() == [True, False, True]
    assert answered.dtype == np.bool_
    np.testing.assert_array_equal(delay, [4.0, np.nan, 0.0])
    assert probability.dtype == np.float64
    assert world.day_type(0).dtype == np.int64
    assert world.oracle(0, 1).tolist() == [0, 1, 1]
    assert world.slot_hours.tolist() == [8.0, 9.0, 10.0, 18.0, 19.0]


def test_declared_hours_pass_with_gaps():
    hours = {name: [7.0, np.nan, 9.0] for name in HOURS}
    world = CheckedWorld(parts(declared=hours), N)
    np.testing.assert_array_equal(world.declared["wake"], [7.0, np.nan, 9.0])


def respond(answered=(1, 0, 1), delay=(1.0, 1.0, 1.0), probability=(0.5, 0.5, 0.5)):
    return lambda day, block, slot: (answered, delay, probability)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"declared": ..., "oracle": ...}, "the world lacks declared, oracle; it needs slot_hours"),
        ({"respond": 7}, "respond: must be a method"),
        ({"slot_hours": [[8.0]]}, r"slot_hours: must have shape \(slots,\), got \(1, 1\)"),
        ({"slot_hours": []}, "slot_hours: must have shape"),
        ({"slot_hours": [8.0, 25.0]}, "slot_hours: must be hours of the day"),
        ({"slot_hours": [8.0, np.nan]}, "slot_hours: must be hours of the day"),
        ({"slot_hours": ["eight"]}, "slot_hours: must hold numbers"),
        ({"blocks": []}, "blocks: must be a list of at least one slice"),
        ({"blocks": [slice(0, 3), 4]}, r"blocks\[1\]: must be a slice, got int"),
        ({"blocks": [slice(5, 9)]}, r"blocks\[0\]: must hold some of the 5 slots"),
        ({"declared": {"wake": [7, 7, 7]}}, "declared: must be None or hold wake, bed, work_start"),
        (
            {"declared": {name: [7, 7] for name in HOURS}},
            r"declared: wake: must have shape \(3,\), got \(2,\)",
        ),
        (
            {"declared": {name: [-7, 7, 7] for name in HOURS}},
            "declared: wake: must be hours",
        ),
    ],
)
def test_a_part_that_is_missing_or_wrong_is_named_at_once(changed, message):
    with pytest.raises(WorldFault, match=message):
        CheckedWorld(parts(**changed), N)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"respond": lambda *_: None}, r"must return \(answered, delay_minutes, probability\)"),
        ({"respond": respond(answered=[1, 0])}, r"answered: must have shape \(3,\), got \(2,\)"),
        ({"respond": respond(answered=[1, 0, 2])}, "answered: must hold whole numbers from 0 to 1"),
        ({"respond": respond(delay=5.0)}, r"delay_minutes: must have shape \(3,\), got \(\)"),
        ({"respond": respond(delay=[-1, 1, 1])}, "delay_minutes: must not be negative"),
        ({"respond": respond(probability=[1.1, 0, 0])}, "probability: must be between 0 and 1"),
        ({"respond": respond(probability=[np.nan, 0, 0])}, "probability: must be between 0 and 1"),
    ],
)
def test_a_wrong_response_is_named_when_it_is_given(changed, message):
    with pytest.raises(WorldFault, match=message):
        CheckedWorld(parts(**changed), N).respond(0, 0, np.zeros(N, dtype=int))


def test_wrong_types_of_day_and_wrong_oracles_are_named():
    with pytest.raises(WorldFault, match="day_type: must hold whole numbers from 0 to 1"):
        CheckedWorld(parts(day_type=lambda day: [0, 1, 6]), N).day_type(0)
    with pytest.raises(WorldFault, match="oracle: must hold whole numbers from 0 to 1"):
        CheckedWorld(parts(oracle=lambda day, block: [0, 1, 2]), N).oracle(0, 1)
