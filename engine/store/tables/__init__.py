"""All tables. A private detail of `engine.store`: rows and columns are not for others."""

from engine.store.tables.delivery import Attempt, Decision, Receipt
from engine.store.tables.learning import Artifact, Outcome, Response
from engine.store.tables.people import Caseload, Clinician, Device, EnrolmentCode, Patient, SignIn
from engine.store.tables.prompts import BUSY, DUE, UNDECIDED, UNLEARNED, Prompt
from engine.store.tables.schedules import Enrolment, Protocol, ProtocolVersion

__all__ = [
    "BUSY",
    "DUE",
    "UNDECIDED",
    "UNLEARNED",
    "Artifact",
    "Attempt",
    "Caseload",
    "Clinician",
    "Decision",
    "Device",
    "Enrolment",
    "EnrolmentCode",
    "Outcome",
    "Patient",
    "Prompt",
    "Protocol",
    "ProtocolVersion",
    "Receipt",
    "Response",
    "SignIn",
]
