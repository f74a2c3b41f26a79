"""A clinic in a database, quickly: as many made-up patients and due prompts as asked for.

The repositories store one thing at a time, as a clinic makes them; a benchmark needs many thousands
at once, so here rows go straight into the tables, a statement for each table.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import insert

from benchmarks.clinic import PROTOCOL, ZONE, person
from engine.commands.enrolling import sha256
from engine.localtime import tzdata_version
from engine.planning import PROMPTS
from engine.prompt import State
from engine.protocol import dump_protocol, parse_protocol
from engine.store import Database, tables

NEVER = date(2099, 1, 1)
"""Planned through this day, enrolments keep the planner idle."""
EXPIRES_AFTER = timedelta(hours=1)
_CHUNK = 5_000


def token(number: int) -> str:
    """Return the push token of the patient with this number, as long as a real one."""
    return f"emu-{uuid5(PROMPTS, str(number)).hex}:{'A' * 127}"


def credential(number: int) -> str:
    """Return what the phone of the patient with this number signs its requests with."""
    return f"benchmark-{person(number).hex}"


def enrolment(number: int) -> UUID:
    """Return the id of the enrolment of the patient with this number."""
    return uuid5(person(number), "enrolment")


def add_patients(db: Database, numbers: Sequence[int], *, now: datetime) -> None:
    """Store a patient with a protocol, an enrolment and a phone for each number."""
    document = dump_protocol(parse_protocol(PROTOCOL))
    for begin in range(0, len(numbers), _CHUNK):
        some = numbers[begin : begin + _CHUNK]
        with db.write() as tx:
            for table, rows in _people(some, document, now):
                tx.conn.execute(insert(table), rows)


def _people(
    numbers: Sequence[int], document: dict[str, Any], now: datetime
) -> list[tuple[Any, list[dict[str, Any]]]]:
    ids = [(number, person(number), uuid5(person(number), "protocol")) for number in numbers]
    patients = [
        {"id": patient, "name": f"B-{number}", "zone": ZONE, "created_at": now}
        for number, patient, _ in ids
    ]
    protocols = [{"id": protocol, "name": "Benchmark", "created_at": now} for _, _, protocol in ids]
    versions = [
        {
            "protocol_id": protocol,
            "version": 1,
            "document": document,
            "created_by": "benchmark",
            "created_at": now,
        }
        for _, _, protocol in ids
    ]
    enrolments = [
        {
            "id": enrolment(number),
            "patient_id": patient,
            "protocol_id": protocol,
            "seed": number,
            "control_share": 0.2,
            "first_day": now.date(),
            "planned_through": NEVER,
            "created_at": now,
        }
        for number, patient, protocol in ids
    ]
    devices = [
        {
            "id": uuid5(patient, "device"),
            "patient_id": patient,
            "credential_sha256": sha256(credential(number)),
            "platform": "android",
            "zone": ZONE,
            "push_token": token(number),
            "created_at": now,
        }
        for number, patient, _ in ids
    ]
    return [
        (tables.Patient, patients),
        (tables.Protocol, protocols),
        (tables.ProtocolVersion, versions),
        (tables.Enrolment, enrolments),
        (tables.Device, devices),
    ]


def add_due(
    db: Database, numbers: Sequence[int], *, due_at: datetime, **changes: object
) -> list[str]:
    """Store for each number a prompt due at `due_at`, with `changes`; return their ids."""
    ids: list[str] = []
    for begin in range(0, len(numbers), _CHUNK):
        some = numbers[begin : begin + _CHUNK]
        rows = [due_prompt(number, due_at) | changes for number in some]
        with db.write() as tx:
            tx.conn.execute(insert(tables.Prompt), rows)
        ids += [str(row["id"]) for row in rows]
    return ids


def due_prompt(number: int, due_at: datetime) -> dict[str, Any]:
    """Return the row of a prompt due at `due_at` to the patient with this number."""
    patient = person(number)
    return {
        "id": uuid4(),
        "enrolment_id": enrolment(number),
        "patient_id": patient,
        "protocol_id": uuid5(patient, "protocol"),
        "protocol_version": 1,
        "zone": ZONE,
        "tzdata": tzdata_version(),
        "assignment": "checkin.momentary",
        "content_id": "checkin.momentary",
        "local_date": due_at.astimezone(UTC).date(),
        "window": 0,
        "start_at": due_at,
        "end_at": due_at + timedelta(minutes=30),
        "slots": [int(due_at.timestamp())],
        "timing": "fixed",
        "objective": "answered",
        "representative": False,
        "within_seconds": 900,
        "expires_after_seconds": int(EXPIRES_AFTER.total_seconds()),
        "state": State.PLANNED,
        "decided_at": due_at,
        "due_at": due_at,
        "expires_at": due_at + EXPIRES_AFTER,
    }
