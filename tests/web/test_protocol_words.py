"""Protocols in plain words: every kind of trigger, and every reason why a prompt is left out."""

from own_times import BLENDED

from api.web.preview_view import REASONS
from api.web.protocol_words import protocol_words
from content.library import Library
from engine import planned
from engine.protocol import dump_protocol, parse_protocol

LIBRARY = Library.builtin()
DOCUMENT = dump_protocol(parse_protocol(BLENDED))


def test_every_kind_of_trigger_is_told_in_plain_words() -> None:
    told = protocol_words(DOCUMENT, LIBRARY)
    assert told["Phases"] == (
        "waiting until first-session; then treatment for 84 days; "
        "then aftercare for 90 days, thinning out to 20 % of the prompts"
    )
    assert told["Thought record (whenever)"] == (
        "whenever the patient likes, at most 2 a day; open for 1 hour"
    )
    assert told["Thought record (after-smoking)"].startswith(
        "10 minutes after the patient reports \N{LEFT DOUBLE QUOTATION MARK}smoked"
    )
    assert told["Thought record (after-distress)"] == (
        "when the score negative affect of Check-in is at least 60; open for 1 hour; "
        "only in treatment and aftercare"
    )
    assert (
        "at 10:30, 17:15, each time only with a chance of 50 %"
        in (told["Plan one thing for tomorrow (nudge)"])
    )


def test_what_holds_beside_the_trigger_is_told_too() -> None:
    further = {
        "content": "phq9",
        "trigger": {"kind": "event", "when": {"missed": "checkin.momentary"}},
        "reminders": ["15m", "30m"],
        "bursts": {"on": "7d", "off": "21d"},
        "dates": {"from": "2027-01-04", "to": "2027-06-30", "except": ["2027-03-01"]},
        "per_day": 1,
        "priority": 10,
    }
    several = {
        "content": "checkin.momentary",
        "trigger": {
            "kind": "window",
            "windows": [{"from": "10:00", "to": "20:00"}],
            "per_window": 3,
            "gap": "60m",
        },
    }
    document = {**BLENDED, "phases": [], "assignments": [several, further]}
    told = protocol_words(dump_protocol(parse_protocol(document)), LIBRARY)
    assert told["PHQ-9"] == (
        "when Check-in was missed; open for 1 hour; reminded after 15 minutes and 30 minutes; "
        "7 days on, 21 days off; from 4 Jan 2027 to 30 Jun 2027 not on 1 Mar 2027; "
        "at most 1 a day; priority 10"
    )
    assert told["Check-in"].startswith(
        "3 times, at least 1 hour apart, in each of 10:00\N{EN DASH}20:00"
    )


def test_every_reason_for_leaving_out_has_words() -> None:
    texts = {
        value for name, value in vars(planned).items() if name.isupper() and isinstance(value, str)
    }
    assert texts == set(REASONS)
