import json
from pathlib import Path

import pytest
from content_documents import unhurried
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from content.conditions import Condition, comparisons, holds

CONDITION = TypeAdapter(Condition)
SHARED = json.loads((Path(__file__).parent / "condition_vectors.json").read_text())


@pytest.mark.parametrize("vector", SHARED["vectors"], ids=lambda vector: json.dumps(vector["when"]))
def test_a_condition_has_the_truth_the_shared_vectors_state(vector):
    condition = CONDITION.validate_python(vector["when"])
    assert holds(condition, SHARED["answers"], SHARED["scores"]) is vector["holds"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"item": "a", "op": "like", "value": 1}, "'answered'"),
        ({"op": "eq", "value": 1}, "either an item or a score"),
        ({"item": "a", "score": "b", "op": "eq", "value": 1}, "either an item or a score"),
        ({"item": "a", "op": "answered", "value": 1}, "takes no value"),
        ({"item": "a", "op": "in", "value": 1}, "takes a list"),
        ({"item": "a", "op": "in", "value": []}, "must be text, a finite number"),
        ({"item": "a", "op": "eq", "value": [1]}, "one value, not a list"),
        ({"item": "a", "op": "eq"}, "one value, not a list"),
        ({"item": "a", "op": "eq", "value": float("nan")}, "finite"),
        ({"item": "a", "op": "eq", "value": {"x": 1}}, "must be text, a finite number"),
        ({"all": []}, "1 to 1000 entries"),
        ({"all": [{"item": "a", "op": "answered"}], "any": []}, "not permitted"),
        ("a > 3", "must be a condition"),
        (None, "must be a condition"),
    ],
)
def test_a_condition_outside_the_closed_tree_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        CONDITION.validate_python(wrong)


LEAVES = st.builds(
    lambda item, op, value: {"item": item, "op": op, "value": value},
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]),
    st.integers(0, 3) | st.booleans() | st.sampled_from(["x", "y"]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=8,
)
ANSWERS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 3) | st.booleans() | st.sampled_from(["x", "y"]) | st.just(["x", "y"]),
)


@unhurried
@given(TREES, ANSWERS)
def test_every_tree_obeys_de_morgan_and_survives_its_own_json(tree, answers):
    condition = CONDITION.validate_python(tree)
    truth = holds(condition, answers, {})
    assert holds(CONDITION.validate_python({"not": tree}), answers, {}) is not truth
    doubled = CONDITION.validate_python({"not": {"any": [{"not": tree}, {"not": tree}]}})
    assert holds(doubled, answers, {}) is truth
    dumped = CONDITION.dump_python(condition, mode="json", by_alias=True, exclude_none=True)
    assert dumped == tree


@unhurried
@given(TREES)
def test_without_answers_every_comparison_is_false(tree):
    for _, leaf in comparisons(CONDITION.validate_python(tree)):
        assert not holds(leaf, {}, {})


@unhurried
@given(st.integers(0, 3), st.integers(0, 3))
def test_exactly_one_of_less_equal_and_greater_holds(answer, value):
    truths = [
        holds(CONDITION.validate_python({"item": "a", "op": op, "value": value}), {"a": answer}, {})
        for op in ("lt", "eq", "gt")
    ]
    assert sum(truths) == 1
