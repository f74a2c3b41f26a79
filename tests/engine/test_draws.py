"""Random choices that anyone can repeat."""

import hashlib
import math
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.draws import draw, happens, pick, uniform

PROMPT = UUID("00000000-0000-4000-8000-000000000001")


def test_the_recipe_of_a_draw_is_the_documented_one():
    text = b"welltimed-draw/1|7|00000000-0000-4000-8000-000000000001|slot"
    expected = (int(hashlib.sha256(text).hexdigest()[:16], 16) // 2**11) / 2**53
    assert uniform(7, PROMPT, "slot") == expected == 0.8545567495395329
    assert uniform(7, PROMPT, "arm") != expected


def test_draws_come_as_often_as_their_probabilities_say():
    probabilities = [0.5, 0.0, 0.3, 0.2]
    counts = [0] * 4
    for number in range(4000):
        counts[draw(1, UUID(int=number), "slot", probabilities)] += 1
    assert counts[1] == 0
    for count, probability in zip(counts, probabilities, strict=True):
        assert abs(count - 4000 * probability) < 4 * math.sqrt(4000 * 0.25)


@pytest.mark.parametrize(
    ("share", "probabilities", "index"),
    [
        (0.0, [0.0, 1.0, 0.0], 1),
        (1 - 2**-53, [0.0, 1.0, 0.0], 1),
        (1 - 2**-53, [0.1] * 10 + [0.0], 9),
        (0.5, [0.5, 0.5], 1),
        (math.nextafter(0.5, 0), [0.5, 0.5], 0),
        (0.25, [0.25, 0.0, 0.75], 2),
    ],
)
def test_the_inverse_of_the_running_sum_is_exact_at_the_edges(share, probabilities, index):
    assert pick(share, probabilities) == index


shares = st.sampled_from([0.0, 2**-53, 0.5, 1 - 2**-53]) | st.floats(0, 1, exclude_max=True)
weights = st.lists(st.sampled_from([0.0, 0.0, 1e-300, 1e-9, 1.0]) | st.floats(0, 1), min_size=1)


@given(shares, weights)
def test_what_has_probability_zero_is_never_drawn(share, weights):
    total = sum(weights)
    if total > 0:
        probabilities = [weight / total for weight in weights]
        assert probabilities[pick(share, probabilities)] > 0


@pytest.mark.parametrize(
    "wrong", [[], [0.5], [0.5, 0.6], [1.5, -0.5], [math.nan, 1.0], [math.inf], [0.0, 0.0]]
)
def test_what_is_no_distribution_is_refused(wrong):
    with pytest.raises(ValueError, match="sum to 1"):
        pick(0.5, wrong)


@given(st.floats(0, 1), st.integers(0, 2**32))
def test_whether_something_happens_is_the_draw_between_yes_and_no(probability, seed):
    yes_and_no = [probability, 1 - probability]
    assert happens(seed, PROMPT, "send", probability) == (
        draw(seed, PROMPT, "send", yes_and_no) == 0
    )


def test_what_is_certain_happens_and_what_is_impossible_does_not():
    prompts = [UUID(int=number) for number in range(500)]
    assert all(happens(1, prompt, "send", 1.0) for prompt in prompts)
    assert not any(happens(1, prompt, "send", 0.0) for prompt in prompts)
