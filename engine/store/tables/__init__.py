"""All tables. A private detail of `engine.store`: rows and columns are not for others."""

from engine.store.tables.delivery import Attempt, Decision, Receipt, Worker
from engine.store.tables.learning import (
    Artifact,
    DeclaredHours,
    LearningEvent,
    Mark,
    Outcome,
    Response,
)
from engine.store.tables.people import Caseload, Clinician, Device, EnrolmentCode, Patient, SignIn
from engine.store.tables.prompts import BUSY, DUE, RUNNING_OUT, UNDECIDED, UNLEARNED, Prompt
from engine.store.tables.schedules import (
    Enrolment,
    Meta,
    Milestone,
    PatientReport,
    PatientRules,
    Protocol,
    ProtocolVersion,
    ScheduleLog,
    Unavailability,
)

__all__ = [
    "BUSY",
    "DUE",
    "RUNNING_OUT",
    "UNDECIDED",
    "UNLEARNED",
    "Artifact",
    "Attempt",
    "Caseload",
    "Clinician",
    "Decision",
    "DeclaredHours",
    "Device",
    "Enrolment",
    "EnrolmentCode",
    "LearningEvent",
    "Mark",
    "Meta",
    "Milestone",
    "Outcome",
    "Patient",
    "PatientReport",
    "PatientRules",
    "Prompt",
    "Protocol",
    "ProtocolVersion",
    "Receipt",
    "Response",
    "ScheduleLog",
    "SignIn",
    "Unavailability",
    "Worker",
]
