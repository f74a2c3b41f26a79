"""The demo's clinic: one therapist, her protocol, and patients who are numbers, not people."""

from dataclasses import dataclass
from datetime import time
from uuid import UUID, uuid5

from api.auth import add_clinician
from api.services import Services
from engine.commands.enrolling import Course, add_patient, issue_code
from engine.protocol import parse_protocol
from engine.records import Clinician, Patient
from models.simulation.ema import FIRST_HOUR, PER_BLOCK, SLOTS

ZONE = "Europe/Berlin"
EMAIL = "therapist@welltimed.example"
PASSWORD = "welltimed-demo"
SLOT_MINUTES = 30
CHECKIN = "checkin.momentary"
PLAN_AT, PHQ9_AT = time(20, 15), time(17, 45)
SET_TIMES = (PLAN_AT, PHQ9_AT)
_SPACE = UUID("6f0b8a50-5d39-4f2c-9d0a-3f6c2f1f7a11")


def _clock(hour: float) -> str:
    return f"{int(hour):02d}:{round(hour % 1 * 60):02d}"


def _windows() -> list[dict[str, str]]:
    """Return the blocks of the simulated world as windows of a protocol."""
    starts = [FIRST_HOUR + 0.5 * at for at in range(0, SLOTS, PER_BLOCK)]
    return [{"from": _clock(at), "to": _clock(at + PER_BLOCK / 2)} for at in starts]


PROTOCOL: dict[str, object] = {
    "schema": "welltimed-protocol/1",
    "name": "Behavioural activation, blended",
    "quiet_hours": [{"from": "22:00", "to": "08:00"}],
    "limits": {"per_day": 6, "min_gap": "20m"},
    "assignments": [
        {
            "content": CHECKIN,
            "trigger": {
                "kind": "window",
                "windows": _windows(),
                "timing": "adaptive",
                "objective": "answered",
                "within": "15m",
                "slot": f"{SLOT_MINUTES}m",
            },
            "expires_after": "60m",
        },
        {
            "content": "ba.plan-tomorrow",
            "trigger": {
                "kind": "fixed",
                "at": [PLAN_AT.strftime("%H:%M")],
                "days": ["sun", "wed"],
            },
            "expires_after": "60m",
        },
        {
            "content": "phq9",
            "trigger": {"kind": "interval", "every": "14d", "at": PHQ9_AT.strftime("%H:%M")},
            "expires_after": "4h",
            "sampling": "representative",
        },
    ],
}
"""What the simulated patients live under."""

NEWCOMER_PROTOCOL: dict[str, object] = {
    **PROTOCOL,
    "name": "Try it yourself",
    "quiet_hours": [],
}
"""The newcomer's own: no quiet hours, so that the first prompt comes whenever the demo is tried."""


@dataclass(frozen=True, slots=True)
class Member:
    """A simulated patient and the code for the phone."""

    patient: Patient
    code: str


def add_therapist(services: Services) -> Clinician:
    """Store the therapist whose sign-in the demo prints."""
    return add_clinician(
        services.db,
        email=EMAIL,
        name="Demo therapist",
        role="therapist",
        password=PASSWORD,
        now=services.clock(),
    )


def add_member(services: Services, therapist: Clinician, number: int, seed: int) -> Member:
    """Store one simulated patient; ids follow from the seed, so a run can be repeated."""
    key = uuid5(_SPACE, f"{seed}/{number}")
    patient = Patient(id=key, name=f"Patient {number:02d}", zone=ZONE, created_at=services.clock())
    return _enrolled(services, therapist, patient, PROTOCOL, seed)


def add_newcomer(services: Services, therapist: Clinician, zone: str, seed: int) -> Member:
    """Store the patient whom the newcomer's own browser will play."""
    key = uuid5(_SPACE, f"{seed}/newcomer")
    name = "You (the newcomer)"
    patient = Patient(id=key, name=name, zone=zone, created_at=services.clock())
    return _enrolled(services, therapist, patient, NEWCOMER_PROTOCOL, seed)


def _enrolled(
    services: Services,
    therapist: Clinician,
    patient: Patient,
    document: dict[str, object],
    seed: int,
) -> Member:
    protocol = parse_protocol(document, known_content=services.library.vocabulary())
    course = Course(protocol=protocol, seed=seed, control_share=services.settings.control_share)
    add_patient(
        services.db,
        patient,
        course,
        therapist_ids=[therapist.id],
        by=therapist.name,
        enrolment_id=uuid5(_SPACE, f"enrolment/{patient.id}"),
    )
    code, _ = issue_code(services.db, patient.id, by=therapist.id, now=patient.created_at)
    return Member(patient=patient, code=code)
