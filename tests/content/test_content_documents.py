import pytest
from content_documents import LICENCE, OPTIONS, content, document, slider
from pydantic import ValidationError

from content.item import ContentItem


def faults(**changes):
    with pytest.raises(ValidationError) as refused:
        ContentItem.model_validate(document(**changes))
    return {
        ".".join(str(part) for part in error["loc"] if not str(part).startswith("~")): error["msg"]
        for error in refused.value.errors()
    }


def shown_if(condition):
    return [slider("first"), slider("second", show_if=condition), slider("third")]


CHOICE = {"id": "mood", "type": "choice", "ask": "Mood?", "options": OPTIONS}


@pytest.mark.parametrize(
    ("named", "because"),
    [
        ("third", "not an item asked before it"),
        ("second", "not an item asked before it"),
        ("nowhere", "not an item asked before it; known: first"),
    ],
)
def test_an_item_may_only_hang_on_items_asked_before_it(named, because):
    found = faults(items=shown_if({"any": [{"not": {"item": named, "op": "answered"}}]}))
    assert list(found) == ["items.1.show_if.any.0.not.item"]
    assert because in found["items.1.show_if.any.0.not.item"]


def test_an_item_cannot_hang_on_a_score_or_on_a_text_to_read():
    score = {"id": "x", "kind": "sum", "items": ["first"]}
    found = faults(items=shown_if({"score": "x", "op": "ge", "value": 1}), scores=[score])
    assert "items only" in found["items.1.show_if.score"]
    info = [
        {"id": "first", "type": "info", "text": "Read."},
        slider("second", show_if={"item": "first", "op": "answered"}),
    ]
    assert "not an item asked before it" in faults(items=info)["items.1.show_if.item"]


@pytest.mark.parametrize(
    ("item", "op", "value", "key", "because"),
    [
        (CHOICE, "ge", 1, "op", "use eq, ne, in, answered"),
        (CHOICE, "eq", "middle", "value", "an option code (low, high)"),
        (CHOICE, "in", ["low", "middle"], "value", "an option code"),
        (CHOICE, "eq", False, "value", "an option code"),
        (CHOICE | {"type": "multi"}, "eq", "low", "op", "use in, answered"),
        (slider("mood"), "ge", 101, "value", "a number from 0 to 100"),
        (slider("mood"), "ge", True, "value", "a number from 0 to 100"),
        (slider("mood"), "eq", "50", "value", "a number from 0 to 100"),
        ({"id": "mood", "type": "yesno", "ask": "?"}, "eq", 1, "value", "true or false"),
        ({"id": "mood", "type": "time", "ask": "?"}, "lt", 630, "value", "a time in quotes"),
        ({"id": "mood", "type": "time", "ask": "?"}, "lt", "7:30", "value", "a time in quotes"),
        ({"id": "mood", "type": "text", "ask": "?"}, "eq", "x", "op", "use answered"),
    ],
)
def test_a_comparison_must_fit_the_type_of_its_item(item, op, value, key, because):
    later = slider("later", show_if={"item": "mood", "op": op, "value": value})
    found = faults(items=[item, later])
    assert list(found) == [f"items.1.show_if.{key}"]
    assert because in found[f"items.1.show_if.{key}"]


def test_ids_are_unique_among_items_and_scores_together():
    found = faults(items=[slider("a"), slider("a")])
    assert list(found) == ["items.1.id"]
    found = faults(
        items=[slider("a"), slider("b")], scores=[{"id": "b", "kind": "sum", "items": ["a"]}]
    )
    assert list(found) == ["scores.0.id"]


def test_option_codes_are_unique_within_an_item():
    twice = [*OPTIONS, {"code": "low", "text": "Again"}]
    assert list(faults(items=[CHOICE | {"options": twice}])) == ["items.0.options.2.code"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"min": 5, "max": 5}, "max"),
        ({"min": 5, "max": 1}, "max"),
        ({"step": 7}, "step"),
        ({"step": 200}, "step"),
        ({"step": 0}, "step"),
        ({"step": -1}, "step"),
        ({"max": True}, "max"),
        ({"max": float("inf")}, "max"),
        ({"max": float("nan")}, "max"),
        ({"max": 10**400}, "max"),
        ({"ends": ["only one"]}, "ends"),
    ],
)
def test_a_slider_must_reach_from_end_to_end_in_its_steps(changes, key):
    assert list(faults(items=[slider("a", **changes)])) == [f"items.0.{key}"]


@pytest.mark.parametrize(
    ("score", "key"),
    [
        ({"items": ["nowhere"]}, "items.0"),
        ({"items": ["note"]}, "items.0"),
        ({"items": ["places"]}, "items.0"),
        ({"items": ["stress", "stress"]}, "items.1"),
        ({"items": []}, "items"),
        ({"items": ["stress"], "reverse": ["hours"]}, "reverse.0"),
        ({"items": ["stress"], "kind": "median"}, "kind"),
        ({"items": ["stress"], "kind": "difference"}, "items"),
        ({"items": ["stress"], "max_missing": 1}, "max_missing"),
        ({"items": ["stress"], "missing": "prorate"}, "max_missing"),
        ({"items": ["stress"], "missing": "prorate", "max_missing": 1}, "max_missing"),
        ({"items": ["stress"], "bands": [{"from": 0, "to": 101, "name": "all"}]}, "bands.0"),
        ({"items": ["stress"], "bands": [{"from": 9, "to": 1, "name": "all"}]}, "bands.0.to"),
        (
            {
                "items": ["stress"],
                "bands": [
                    {"from": 0, "to": 50, "name": "low"},
                    {"from": 50, "to": 100, "name": "high"},
                ],
            },
            "bands.1.from",
        ),
    ],
)
def test_a_score_that_cannot_be_computed_is_refused(score, key):
    assert list(faults(scores=[{"id": "x", "kind": "sum"} | score])) == [f"scores.0.{key}"]


def test_a_choice_counts_only_if_all_its_options_have_a_value():
    options = [OPTIONS[0], {"code": "none", "text": "None"}]
    scores = [{"id": "x", "kind": "sum", "items": ["mood"]}]
    assert content(items=[CHOICE], scores=scores)
    assert list(faults(items=[CHOICE | {"options": options}], scores=scores)) == [
        "scores.0.items.0"
    ]


def test_feedback_and_clinical_rules_name_only_what_exists():
    found = faults(
        feedback=[{"when": {"score": "x", "op": "ge", "value": 1}, "text": "Hm."}],
        safety={"risk": [{"when": {"item": "y", "op": "answered"}, "text": "Hm."}]},
    )
    assert set(found) == {"feedback.0.when.score", "safety.risk.0.when.item"}


def test_a_score_is_compared_with_numbers_only():
    found = faults(
        scores=[{"id": "x", "kind": "sum", "items": ["stress"]}],
        feedback=[{"when": {"score": "x", "op": "ge", "value": "1"}, "text": "Hm."}],
    )
    assert list(found) == ["feedback.0.when.value"]


def test_a_licence_is_required():
    without = document()
    del without["licence"]
    with pytest.raises(ValidationError, match="licence\n  Field required"):
        ContentItem.model_validate(without)


def test_a_restricted_instrument_must_not_carry_texts():
    found = faults(licence=LICENCE | {"restricted": True}, items=[CHOICE, slider("a", unit="%")])
    assert set(found) == {
        "items.0.ask",
        "items.0.options.0.text",
        "items.0.options.1.text",
        "items.1.ask",
        "items.1.unit",
    }


def test_a_restricted_instrument_without_texts_is_a_sound_skeleton():
    skeleton = content(
        licence=LICENCE | {"restricted": True},
        items=[
            {"id": "q1", "type": "choice", "options": [{"code": "0"}, {"code": "1"}]},
            {"id": "q2", "type": "slider"},
        ],
    )
    assert skeleton.items[0].ask is None


def test_other_content_must_carry_its_texts():
    found = faults(items=[{"id": "a", "type": "slider"}, {"id": "b", "type": "info"}])
    assert set(found) == {"items.0.ask", "items.1.text"}


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("schema", "welltimed-content/2"),
        ("id", "Thought Record"),
        ("id", "a..b"),
        ("id", "a."),
        ("id", 5),
        ("version", "1.0"),
        ("version", "1.0.0-beta"),
        ("version", "01.0.0"),
        ("version", 1.0),
        ("kind", "survey"),
        ("language", False),
        ("language", "English"),
        ("title", "  "),
        ("title", "\ud800"),
        ("minutes", 0),
        ("minutes", "2"),
        ("minutes", True),
        ("items", []),
        ("surprise", 1),
    ],
)
def test_a_key_with_a_value_outside_the_format_is_refused(key, wrong):
    assert list(faults(**{key: wrong})) == [key]


def test_a_document_cannot_be_changed():
    item = content()
    with pytest.raises(ValidationError, match="frozen"):
        item.title = "Other"
    assert isinstance(item.items, tuple)


def test_the_fingerprint_ignores_the_order_of_keys_and_notices_any_change():
    sound = document()
    turned = dict(reversed(list(sound.items())))
    assert ContentItem.model_validate(turned).sha256 == content().sha256
    assert content(title="Other").sha256 != content().sha256
    assert content(items=[*sound["items"][:-1]]).sha256 != content().sha256
    assert len(content().sha256) == 64


def test_a_document_is_the_same_after_a_round_trip_through_json():
    item = content()
    again = ContentItem.model_validate(
        item.model_dump(mode="json", by_alias=True, exclude_none=True)
    )
    assert again == item
    assert again.sha256 == item.sha256


def test_versions_are_ordered_as_numbers():
    assert content(version="1.10.0").version_key > content(version="1.9.9").version_key
