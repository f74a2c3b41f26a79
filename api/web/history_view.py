"""Who changed a patient's times, when and what, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.web import wording
from api.web.course_view import rules_words
from api.web.protocol_words import differences, protocol_words, titles_of
from content.library import Library
from engine.commands.history import HistoryEntry
from engine.records import LogKind, ProtocolVersion, RulesVersion
from engine.rules import PatientRules

MOST = 40
PEOPLE = {"patient": "the patient", "phone": "the phone", "planning": "the planner"}
TITLES: Mapping[str, str] = {
    LogKind.RULES: "The patient's own rules",
    LogKind.ZONE: "Time zone",
    LogKind.ZONE_UNKNOWN: "Unknown time zone",
    LogKind.MILESTONE: "Event of the course",
    LogKind.NOT_FOLLOWED: "No prompt after an event",
    LogKind.TZDATA_MOVED: "Zone data",
    LogKind.TZDATA_ENDED: "Zone data",
}
Words = list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change: its heading, when and by whom, and what was and became of each thing."""

    title: str
    at: str
    by: str
    text: str
    changes: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the history is told from; versions newest first, of the protocol and of own rules."""

    entries: Sequence[HistoryEntry]
    versions: Sequence[ProtocolVersion]
    rules: Sequence[RulesVersion]


def history_lines(past: Past, library: Library, zone_name: str) -> list[Entry]:
    """Return the newest changes in words, newest first."""
    published = _protocol_changes(past.versions, library)
    titles = titles_of(past.versions[0].document, library)
    ruled = _rules_changes(past.rules, titles)
    lines = []
    for entry in past.entries[:MOST]:
        # Several of one instant are told in the order in which they were made.
        if entry.kind == LogKind.PROTOCOL:
            title, text, changes = published[entry.at].pop(0)
        elif entry.kind == LogKind.RULES:
            title, text, changes = ruled[entry.at].pop(0)
        else:
            title, text, changes = TITLES[entry.kind], _sentence(entry.summary), []
        by, at = PEOPLE.get(entry.by, entry.by), wording.moment(entry.at, zone_name)
        lines.append(Entry(title=title, at=at, by=by, text=text, changes=changes))
    return lines


Told = dict[datetime, list[tuple[str, str, Words]]]


def _protocol_changes(versions: Sequence[ProtocolVersion], library: Library) -> Told:
    told: Told = {}
    before: dict[str, str] | None = None
    for version in reversed(versions):
        words = protocol_words(version.document, library)
        changes = [] if before is None else differences(before, words)
        text = "The first schedule." if before is None else ""
        if before is not None and not changes:
            text = "Nothing that shows in the schedule."
        told.setdefault(version.created_at, []).append(
            (f"Version {version.version}", text, changes)
        )
        before = words
    return told


def _rules_changes(versions: Sequence[RulesVersion], titles: Mapping[str, str]) -> Told:
    told: Told = {}
    before: dict[str, str] = {}
    for version in reversed(versions):
        words = dict(rules_words(PatientRules.model_validate(version.document), titles))
        changes = differences(before, words, absent="not set")
        text = "" if changes else "Nothing was changed."
        told.setdefault(version.set_at, []).append((TITLES[LogKind.RULES], text, changes))
        before = words
    return told


def _sentence(summary: str) -> str:
    return f"{summary[:1].upper()}{summary[1:]}."
