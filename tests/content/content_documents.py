"""Small sound documents for the tests of content, to be changed in one place each."""

import copy

from hypothesis import HealthCheck, settings

from content.item import ContentItem

# A busy machine must not turn a slow example into a failure; these tests are about values.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LICENCE = {"spdx": "Apache-2.0", "holder": "The Welltimed project", "source": "Written for tests."}
OPTIONS = [{"code": "low", "text": "Low", "value": 1}, {"code": "high", "text": "High", "value": 3}]

ALL_TYPES = [
    {"id": "mood", "type": "choice", "ask": "Mood?", "options": OPTIONS},
    {"id": "places", "type": "multi", "ask": "Where?", "options": OPTIONS},
    {"id": "stress", "type": "slider", "ask": "Stress?", "step": 5},
    {"id": "hours", "type": "number", "ask": "Hours?", "min": 0, "max": 24, "step": 0.1},
    {"id": "note", "type": "text", "ask": "Note?", "max_chars": 20},
    {"id": "slept", "type": "yesno", "ask": "Slept?"},
    {"id": "woke", "type": "time", "ask": "Woke?"},
    {"id": "hint", "type": "info", "text": "Nearly done."},
]


def document(**changes: object) -> dict:
    """Return a sound document with some of its keys replaced."""
    base = {
        "schema": "welltimed-content/1",
        "id": "test.all-types",
        "version": "1.0.0",
        "kind": "questionnaire",
        "language": "en",
        "title": "All types",
        "minutes": 2,
        "licence": LICENCE,
        "items": ALL_TYPES,
    }
    return copy.deepcopy(base | changes)


def content(**changes: object) -> ContentItem:
    """Return the validated document."""
    return ContentItem.model_validate(document(**changes))


def slider(name: str, **changes: object) -> dict:
    """Return a slider from 0 to 100."""
    return {"id": name, "type": "slider", "ask": f"{name}?", **changes}
