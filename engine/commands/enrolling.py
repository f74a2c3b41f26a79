"""Bringing patients and their devices in."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from engine.commands.scheduling import move_to_zone, plan_welcome
from engine.errors import CodeRefused, FieldFault, FieldsRefused, NotSignedIn
from engine.localtime import UnknownZone, zone
from engine.protocol import StudyProtocol, dump_protocol, parse_protocol
from engine.records import Device, Enrolment, Patient, ProtocolVersion
from engine.store import Database, WriteTx, devices, held, people, schedules

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, so that a code can be read out on the phone."""
CODE_LENGTH = 10
CODE_LIFETIME = timedelta(hours=24)
NAME_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a new patient is to be enrolled under."""

    protocol: StudyProtocol
    seed: int
    control_share: float


def sha256(secret: str) -> str:
    """Return the hex SHA-256 under which a secret of high entropy is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def checked_zone(name: str, *, field: str = "zone") -> str:
    """Return `name` if it is a zone we know. Raises FieldsRefused naming `field`."""
    try:
        zone(name)
    except UnknownZone as error:
        raise FieldsRefused(
            FieldFault(field, f"{name!r} is not a known time zone, like 'Europe/Berlin'")
        ) from error
    return name


def add_patient(
    db: Database,
    patient: Patient,
    course: Course,
    *,
    therapist_ids: Sequence[UUID],
    by: str,
    enrolment_id: UUID | None = None,
) -> Enrolment:
    """Store a patient with a protocol of their own, starting today on their own clock.

    Raises FieldsRefused for an empty name or an unknown zone.
    """
    name = patient.name.strip()
    if not name or len(name) > NAME_LIMIT or "\x00" in name:
        raise FieldsRefused(FieldFault("name", f"1 to {NAME_LIMIT} characters, none of them NUL"))
    tz = zone(checked_zone(patient.zone))
    now = patient.created_at
    enrolment = Enrolment(
        id=enrolment_id or uuid4(),
        patient_id=patient.id,
        zone=patient.zone,
        protocol_id=uuid4(),
        seed=course.seed,
        control_share=course.control_share,
        first_day=now.astimezone(tz).date(),
        planned_through=None,
    )
    with db.write() as tx:
        people.add_patient(tx, replace(patient, name=name), therapist_ids=therapist_ids)
        schedules.add_protocol(tx, enrolment.protocol_id, course.protocol.name, now=now)
        schedules.add_version(
            tx,
            ProtocolVersion(
                protocol_id=enrolment.protocol_id,
                version=1,
                document=dump_protocol(course.protocol),
                created_by=by,
                created_at=now,
            ),
        )
        schedules.add_enrolment(tx, enrolment, now=now)
    return enrolment


def course_from(
    document: object, *, known_content: Collection[str], control_share: float
) -> Course:
    """Return a course under `document`. Raises ProtocolFaults with every fault's path."""
    return Course(
        protocol=parse_protocol(document, known_content=known_content),
        seed=secrets.randbits(53),
        control_share=control_share,
    )


def issue_code(
    db: Database, patient_id: UUID, *, by: UUID | None, now: datetime
) -> tuple[str, datetime]:
    """Return a fresh one-time code (50 random bits) and when it ends; older ones end at once."""
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    expires_at = now + CODE_LIFETIME
    with db.write() as tx:
        devices.add_code(
            tx, sha256(code), patient_id=patient_id, created_by=by, now=now, expires_at=expires_at
        )
    return code, expires_at


def plain_code(typed: str) -> str:
    """Return a typed code without spaces and dashes, with look-alikes put right.

    Raises CodeRefused when it cannot be a code at all.
    """
    code = typed.upper().translate(str.maketrans("OIL", "011", " -"))
    if len(code) != CODE_LENGTH or any(letter not in CODE_ALPHABET for letter in code):
        raise CodeRefused(f"a code has {CODE_LENGTH} letters and digits")
    return code


def redeem_code(
    db: Database,
    typed: str,
    *,
    platform: str,
    zone_name: str,
    push_token: str | None,
    now: datetime,
    deduplicates: bool | None = None,
) -> tuple[Device, str]:
    """Turn a one-time code into a device; return it and its credential, which is shown once.

    The patient's zone becomes the phone's. What follows `push_token`, now or later, is said of
    `keep_push_token`. `deduplicates` is whether its app drops a push it has had; None leaves that
    to what is usual on its platform. Raises CodeRefused (unknown, expired, used) and
    FieldsRefused; then nothing is stored and the code stays good.
    """
    checked_zone(zone_name)
    code = plain_code(typed)
    credential = secrets.token_urlsafe(32)
    with db.write() as tx:
        patient_id = devices.use_code(tx, sha256(code), now=now)
        if patient_id is None:
            raise CodeRefused("this code is not valid: it may be mistyped, used or too old")
        device = Device(
            id=uuid4(),
            patient_id=patient_id,
            platform=platform,
            zone=zone_name,
            push_token=None,
            deduplicates=platform in devices.DROP_REPEATS if deduplicates is None else deduplicates,
        )
        devices.add_device(tx, device, sha256(credential), now=now)
        held.note_zone(tx, device.id, zone_name, now=now)
        move_to_zone(tx, patient_id, zone_name, now=now)
        if push_token:
            _keep(tx, device, push_token, now=now)
    return device, credential


def keep_push_token(db: Database, device: Device, push_token: str, *, now: datetime) -> None:
    """Store where a phone can be reached.

    Once a phone can be reached a first prompt follows, so that patient and therapist see together
    that prompts arrive; not in quiet hours, and not for each of several phones connected within a
    day. A phone is often connected a while before its owner allows it to be reached.
    """
    with db.write() as tx:
        _keep(tx, device, push_token, now=now)


def _keep(tx: WriteTx, device: Device, push_token: str, *, now: datetime) -> None:
    devices.set_push_token(tx, device.id, push_token)
    if device.push_token is None:
        plan_welcome(tx, device.patient_id, now=now)


def device_for(db: Database, credential: str) -> Device:
    """Return the device a credential belongs to. Raises NotSignedIn."""
    with db.read() as tx:
        device = devices.device_by_credential(tx, sha256(credential))
    if device is None:
        raise NotSignedIn("this device is not signed in, or no longer")
    return device
