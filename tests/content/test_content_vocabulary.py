"""The numbers an answer tells: names and ranges of items and scores."""

import pytest

from content.elements import NumberItem, Score, SliderItem
from content.library import Library
from content.scoring import score as scored
from content.vocabulary import score_bounds, values_of

LIBRARY = Library.builtin()
ITEMS = {
    "a": SliderItem(type="slider", id="a", ask="?", min=0, max=10),
    "b": NumberItem(type="number", id="b", ask="?", min=-2, max=3),
}


@pytest.mark.parametrize(
    ("kind", "more", "bounds"),
    [
        ("sum", {}, (-2, 13)),
        ("mean", {}, (-1, 6.5)),
        ("difference", {}, (-3, 12)),
        ("sum", {"missing": "prorate", "max_missing": 1}, (-4, 20)),
        ("mean", {"missing": "prorate", "max_missing": 1}, (-2, 10)),
    ],
)
def test_a_score_reaches_from_its_lowest_to_its_highest_value(kind, more, bounds):
    one = Score(id="s", kind=kind, items=("a", "b"), **more)
    assert score_bounds(one, ITEMS) == bounds


def test_every_item_of_the_library_that_takes_an_answer_is_known_with_its_range():
    checkin = LIBRARY.vocabulary()["checkin.momentary"]
    assert checkin.items["stress"] == (0, 100)
    assert checkin.items["company"] is None
    assert checkin.scores == {"negative_affect": (0, 100)}
    assert LIBRARY.vocabulary().keys() == set(LIBRARY.ids())


@pytest.mark.parametrize("content", LIBRARY, ids=lambda content: content.id)
def test_the_ends_of_all_items_give_scores_inside_the_range(content):
    values = values_of(content)
    for end in (0, -1):
        answers = {}
        for item in content.items:
            if item.type in ("slider", "number"):
                answers[item.id] = (item.min, item.max)[end]
            elif item.type == "choice":
                answers[item.id] = item.options[end].code
        for name, value in scored(content, answers).items():
            low, high = values.scores[name]
            assert value is None or low <= value <= high
