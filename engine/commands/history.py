"""Who changed a patient's schedule when, and what a change would do, in words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from uuid import UUID

from engine.commands.basis import Basis, basis_for
from engine.commands.replanning import UNPLANNED
from engine.compare import Comparison, Difference, compare, differences
from engine.planned import DayPlan
from engine.planning import prompt_id
from engine.prompt import UNSENT
from engine.protocol import dump_protocol, parse_protocol
from engine.records import LogEntry, LogKind, ProtocolVersion, RulesVersion
from engine.rules import NO_RULES
from engine.store import Database, ReadTx, rules, schedule_log, schedules, windows

COMPARED_DAYS = 14
_NO_RULES = NO_RULES.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One change of a schedule: when, by whom, what in a line, and where documents differ."""

    at: datetime
    by: str
    kind: str
    summary: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """What publishing a document would do: to the coming prompts, and to the document."""

    prompts: Comparison
    differences: tuple[Difference, ...]


def compare_versions(
    db: Database,
    patient_id: UUID,
    document: object,
    *,
    known_content: Collection[str],
    now: datetime,
    days: int = COMPARED_DAYS,
) -> VersionComparison:
    """Return how the prompts of the coming days, today's included, would differ. Stores nothing.

    Prompts that are over, were sent, or ended are left out: no change can touch them. Raises
    ProtocolFaults and NotFound.
    """
    protocol = parse_protocol(document, known_content=known_content)
    with db.read() as tx:
        basis = basis_for(tx, patient_id)
        ended = _ended(tx, basis, now)
    coming = [basis.day_of(now) + timedelta(days=ahead) for ahead in range(days)]
    changed = replace(basis, protocol=protocol)
    before, after = (
        [_still_open(basis, one.plan(day), ended, now) for day in coming]
        for one in (basis, changed)
    )
    return VersionComparison(
        compare(before, after), differences(basis.version.document, dump_protocol(protocol))
    )


def _ended(tx: ReadTx, basis: Basis, now: datetime) -> set[UUID]:
    first = basis.day_of(now) - timedelta(days=1)
    found = windows.windows_from(tx, basis.enrolment.id, first)
    return {w.id for w in found if w.state not in UNSENT or w.timing in UNPLANNED}


def _still_open(basis: Basis, plan: DayPlan, ended: set[UUID], now: datetime) -> DayPlan:
    kept = [
        window
        for window in plan.windows
        if window.slots[-1] > now
        and prompt_id(basis.enrolment.id, window.assignment, window.local_date, window.window)
        not in ended
    ]
    return DayPlan(tuple(kept), plan.dropped)


def history(db: Database, patient_id: UUID) -> list[HistoryEntry]:
    """Return all changes of the patient's schedule, newest first. Raises NotFound."""
    with db.read() as tx:
        basis = basis_for(tx, patient_id)
        versions = schedules.versions(tx, basis.enrolment.protocol_id)[::-1]
        own = rules.rules_versions(tx, patient_id)[::-1]
        logged = schedule_log.entries_of(tx, patient_id)
    entries = [*_of_versions(versions), *_of_rules(own), *_of_log(logged)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _of_versions(versions: Sequence[ProtocolVersion]) -> Iterator[HistoryEntry]:
    for version in versions[:1]:
        yield HistoryEntry(
            at=version.created_at,
            by=version.created_by,
            kind=LogKind.PROTOCOL,
            summary=f"version {version.version}: the first",
        )
    for old, new in pairwise(versions):
        found = differences(old.document, new.document)
        yield HistoryEntry(
            at=new.created_at,
            by=new.created_by,
            kind=LogKind.PROTOCOL,
            summary=f"version {new.version}: {_lines(found)}",
            differences=found,
        )


def _of_rules(versions: Sequence[RulesVersion]) -> Iterator[HistoryEntry]:
    before: Mapping[str, object] = _NO_RULES
    for version in versions:
        found = differences(before, version.document)
        yield HistoryEntry(
            at=version.set_at,
            by=version.set_by,
            kind=LogKind.RULES,
            summary=f"own rules, version {version.version}: {_lines(found)}",
            differences=found,
        )
        before = version.document


def _of_log(logged: Sequence[LogEntry]) -> Iterator[HistoryEntry]:
    """Yield an entry for each thing logged; what one update of the zone data moved is one."""
    told = [e for e in logged if e.kind not in {LogKind.PROTOCOL, LogKind.RULES}]
    for (kind, at, by), group in groupby(told, key=lambda e: (e.kind, e.at, e.by)):
        entries = list(group)
        if kind in {LogKind.TZDATA_MOVED, LogKind.TZDATA_ENDED}:
            yield HistoryEntry(at=at, by=by, kind=kind, summary=_moved(kind, entries))
            continue
        for entry in entries:
            yield HistoryEntry(at=at, by=by, kind=kind, summary=_words(entry))


def _moved(kind: str, entries: Sequence[LogEntry]) -> str:
    what = "moved" if kind == LogKind.TZDATA_MOVED else "ended"
    count = len(entries)
    return f"{count} window{'s' if count > 1 else ''} {what} by zone data {entries[0].detail['to']}"


def _words(entry: LogEntry) -> str:
    detail = entry.detail
    match entry.kind:
        case LogKind.ZONE:
            return f"moved from {detail['from']} to {detail['to']}"
        case LogKind.ZONE_UNKNOWN:
            kept = f"{detail['kept']} is kept" if detail["kept"] else "nothing is planned"
            return f"unknown time zone {detail['zone']!r}; {kept}"
        case LogKind.MILESTONE:
            was = f", not {detail['was']}" if "was" in detail else ""
            return f"{detail['name']} on {detail['date']}{was}"
        case LogKind.NOT_FOLLOWED:
            return f"no {detail['assignment']} after an event: {detail['reason']}"
        case _:
            return entry.kind


def _lines(found: Sequence[Difference]) -> str:
    return "; ".join(str(one) for one in found) if found else "nothing changed"
