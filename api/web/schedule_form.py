"""The schedule form: between a protocol document and named text fields, both ways and pure.

A field's name is its path in the document ("assignments[0].trigger.windows[1].from"), so a fault
finds its field by itself. Lists end in an empty row that adds one; a row left empty is removed.
All that the form does not show stays as it is in the document.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.durations import format_duration, parse_duration
from engine.errors import FieldFault

Document = dict[str, Any]
_LOOSE_TIME = re.compile(r"(\d{1,2})(?:[:.h ]?(\d{2}))?")
_PLACE = re.compile(r"assignments\[\d+\]")
_NUMBER = re.compile(r"\[(\d+)\]")
_PARTS = (
    ("quiet_hours", "quiet time"),
    ("windows", "window"),
    ("timing", "moment within the window"),
    ("expires_after", "stays open for"),
    ("per_day", "most prompts a day"),
    ("min_gap", "between two prompts"),
    ("at", "time"),
)
PER_DAY, MIN_GAP = "limits.per_day", "limits.min_gap"


@dataclass(slots=True)
class Parsed:
    """What a filled-in form means: the document, and where its list items stood in the form."""

    document: Document
    places: dict[str, str] = field(default_factory=dict)


def shown(document: Mapping[str, Any]) -> dict[str, str]:
    """Return every field of the form, in its order, with the text the document gives it."""
    fields: dict[str, str] = {}
    for place, assignment in enumerate(document["assignments"]):
        path = f"assignments[{place}]"
        _show_trigger(fields, f"{path}.trigger", assignment["trigger"])
        fields[f"{path}.expires_after"] = _minutes(assignment.get("expires_after", "60m"))
    _show_spans(fields, "quiet_hours", document.get("quiet_hours", ()))
    limits = document.get("limits", {})
    fields[PER_DAY] = str(limits.get("per_day") or "")
    fields[MIN_GAP] = _minutes(limits.get("min_gap", "0m"))
    return fields


def _show_trigger(fields: dict[str, str], path: str, trigger: Mapping[str, Any]) -> None:
    """Put in the times of a trigger; what follows events or the patient's wish has none."""
    at = trigger.get("at", ())
    if trigger["kind"] == "window":
        _show_spans(fields, f"{path}.windows", trigger["windows"])
        fields[f"{path}.timing"] = trigger.get("timing", "uniform")
    elif isinstance(at, str):
        fields[f"{path}.at"] = at
    elif at:
        for number, one in enumerate([*at, ""]):
            fields[f"{path}.at[{number}]"] = one


def _show_spans(fields: dict[str, str], path: str, spans: list[dict[str, str]]) -> None:
    for number, span in enumerate([*spans, {"from": "", "to": ""}]):
        fields[f"{path}[{number}].from"] = span["from"]
        fields[f"{path}[{number}].to"] = span["to"]


def _minutes(duration: str) -> str:
    return str(int(parse_duration(duration).total_seconds() // 60))


def parsed(document: Mapping[str, Any], typed: Mapping[str, str]) -> Parsed:
    """Return the document with what was typed put in its place; fields not given stay."""
    result = Parsed(deepcopy(dict(document)))
    changed = result.document
    if any(name.startswith("quiet_hours[") for name in typed):
        changed["quiet_hours"] = _spans("quiet_hours", typed, result.places)
    limits = changed.setdefault("limits", {})
    if PER_DAY in typed:
        limits.pop("per_day", None)
        if text := typed[PER_DAY].strip():
            limits["per_day"] = int(text) if text.isdecimal() and len(text) < 9 else text
    if MIN_GAP in typed:
        limits["min_gap"] = _duration(typed[MIN_GAP])
    for place, assignment in enumerate(changed["assignments"]):
        _put_assignment(f"assignments[{place}]", assignment, typed, result.places)
    return result


def _put_assignment(
    path: str, assignment: Document, typed: Mapping[str, str], places: dict[str, str]
) -> None:
    trigger = assignment["trigger"]
    if f"{path}.trigger.windows[0].from" in typed:
        trigger["windows"] = _spans(f"{path}.trigger.windows", typed, places)
    if f"{path}.trigger.timing" in typed:
        trigger["timing"] = typed[f"{path}.trigger.timing"]
    if f"{path}.trigger.at[0]" in typed:
        trigger["at"] = _times(f"{path}.trigger.at", typed, places)
    if f"{path}.trigger.at" in typed:
        trigger["at"] = clock_text(typed[f"{path}.trigger.at"])
    if f"{path}.expires_after" in typed:
        assignment["expires_after"] = _duration(typed[f"{path}.expires_after"])


def _spans(path: str, typed: Mapping[str, str], places: dict[str, str]) -> list[dict[str, str]]:
    spans: list[dict[str, str]] = []
    number = 0
    while f"{path}[{number}].from" in typed:
        start = clock_text(typed[f"{path}[{number}].from"])
        end = clock_text(typed.get(f"{path}[{number}].to", ""))
        if start or end:
            places[f"{path}[{len(spans)}]"] = f"{path}[{number}]"
            spans.append({"from": start, "to": end})
        number += 1
    return spans


def _times(path: str, typed: Mapping[str, str], places: dict[str, str]) -> list[str]:
    times: list[str] = []
    number = 0
    while f"{path}[{number}]" in typed:
        if at := clock_text(typed[f"{path}[{number}]"]):
            places[f"{path}[{len(times)}]"] = f"{path}[{number}]"
            times.append(at)
        number += 1
    return times


def clock_text(text: str) -> str:
    """Return "09:30" for "9:30", "930" and the like; anything else as typed, to be refused."""
    plain = text.strip()
    if len(plain) == 3 and plain.isdecimal():
        plain = "0" + plain
    match = _LOOSE_TIME.fullmatch(plain)
    return f"{int(match[1]):02d}:{match[2] or '00'}" if match else plain


def _duration(text: str) -> str:
    """Return typed minutes in the document's canonical form; anything else as typed."""
    plain = text.strip()
    if not plain.isdecimal() or len(plain) > 6:
        return plain
    return format_duration(timedelta(minutes=int(plain)))


def faults_on_fields(
    faults: tuple[FieldFault, ...], places: Mapping[str, str], fields: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return each field's message, and those messages that belong to no field."""
    by_field: dict[str, str] = {}
    others: list[str] = []
    for fault in faults:
        name = _field_of(fault.path, places, fields)
        if name is None:
            others.append(f"{fault.path}: {fault.message}")
        else:
            by_field.setdefault(name, _told(name, fault.message))
    return {name: by_field[name] for name in fields if name in by_field}, others


def _told(name: str, message: str) -> str:
    """Return the message in the form's own terms: its durations are minutes."""
    if name.endswith(("min_gap", "expires_after")) and "is not a duration" in message:
        return "must be a whole number of minutes"
    return message


def label_of(name: str, titles: Mapping[str, str]) -> str:
    """Return where a field stands in words; `titles` names each assignment's path."""
    match = _PLACE.match(name)
    section = titles.get(match[0], "") if match else ""
    number = _NUMBER.search(name[len(match[0]) :] if match else name)
    part = next(words for key, words in _PARTS if key in name)
    place = f"{part} {int(number[1]) + 1}" if number else part
    return f"{section}, {place}" if section else place[:1].upper() + place[1:]


def _field_of(path: str, places: Mapping[str, str], fields: Mapping[str, str]) -> str | None:
    for inner, outer in places.items():
        if path == inner or path.startswith(f"{inner}."):
            path = outer + path.removeprefix(inner)
            break
    if path.endswith(".sampling"):
        path = path.removesuffix("sampling") + "trigger.timing"
    if path in fields:
        return path
    return next((name for name in fields if name.startswith((f"{path}.", f"{path}["))), None)
