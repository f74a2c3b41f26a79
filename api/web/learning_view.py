"""What the therapist sees of learning: objectives, marks, declared hours, the curve; in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.services import Services
from api.web import wording
from api.web.reach_view import CurveView, curve_views
from content.library import Library
from engine.commands import declaring, marking
from engine.learning_records import DeclaredHours, DeclaredVersion, MarkCounts
from engine.records import Patient
from prompting.explaining import Explanation
from prompting.heads import HEADS
from prompting.objectives import ObjectiveNow, objectives_of
from prompting.policies import ADAPTIVE, UNIFORM

OBJECTIVES = {
    "answered": "an answer in time",
    "completed": "an exercise done in time",
    "relevance": "an answer at a good moment",
}
HOURS = (("wake", "bed", "Awake"), ("work_start", "work_end", "At work, on work days"))
FIELDS = {
    "wake": "Usually gets up",
    "bed": "Goes to bed",
    "work_start": "Work begins",
    "work_end": "Work ends",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveLine:
    """An assignment in windows: what its times are chosen for, and what they rest on now."""

    title: str
    objective: str
    rests_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningView:
    """The parts of the patient page that are about learning; no curves while there is no model.

    `declared` are label and text, `told` says by whom and when; `fields` are the form's.
    """

    curves: tuple[CurveView, ...]
    objectives: list[ObjectiveLine]
    marks: str
    declared: list[tuple[str, str]]
    told: str | None
    version: int
    fields: list[tuple[str, str, str]]


def learning_view(
    services: Services,
    patient: Patient,
    document: Mapping[str, Any],
    typed: Mapping[str, str] | None = None,
) -> LearningView:
    """Return it for a patient whose protocol is `document`; `typed` fills the form if given."""
    policy = services.settings.policy
    found = declaring.declared_version(services.db, patient.id)
    written = written_hours(found.hours if found else DeclaredHours())
    return LearningView(
        curves=curve_views(services.standing.curves(patient.id), document),
        objectives=[
            _line(one, services.library, policy)
            for one in objectives_of(services.db, services.standing, patient.id, policy=policy)
        ],
        marks=_marked(marking.moments_of(services.db, patient.id)),
        declared=[
            (label, f"{written[start]}{wording.DASH}{written[end]}")
            for start, end, label in HOURS
            if written[start]
        ],
        told=None if found is None else _told(found, patient.zone),
        version=found.version if found else 0,
        fields=[(name, label, (typed or written)[name]) for name, label in FIELDS.items()],
    )


def written_hours(hours: DeclaredHours) -> dict[str, str]:
    """Return the hours as a form has them, empty where none was told."""
    return {name: "" if (at := getattr(hours, name)) is None else f"{at:%H:%M}" for name in FIELDS}


def why_words(why: Explanation) -> str:
    """Return what a prompt's time was to be chosen for and what its draw went by, if either."""
    if why.objective is None:
        return ""
    asked = f"The schedule asks for moments that favour {OBJECTIVES[why.objective]};"
    if why.rests_on is None:
        return f"{asked} no model bore on this draw."
    if why.rests_on == why.objective:
        return f"{asked} this draw went by what is known of that."
    return f"{asked} this draw went by what is known of {OBJECTIVES[why.rests_on]}."


def _line(one: ObjectiveNow, library: Library, policy: str) -> ObjectiveLine:
    return ObjectiveLine(
        title=wording.title_of(library, one.assignment, one.content_id),
        objective=OBJECTIVES[one.objective] if one.timing == ADAPTIVE else "not adapted",
        rests_on=_rests_on(one, policy),
    )


def _rests_on(one: ObjectiveNow, policy: str) -> str:
    if one.timing != ADAPTIVE:
        return "chance: every moment is as likely"
    if one.rests_on is None:
        whole_clinic = "chance, as is set for the whole clinic"
        return whole_clinic if policy == UNIFORM else "chance, until there is a model"
    if one.rests_on == one.objective:
        return "what it is chosen for"
    if policy != ADAPTIVE:
        return "answers in time: the policy of the clinic knows nothing else"
    return f"answers in time, until enough is known of {HEADS[one.objective].about}"


def _marked(counts: MarkCounts) -> str:
    if not counts.good + counts.bad:
        return "The patient has not said of any prompt yet whether the moment was good."
    said = (wording.counted(number, "time") for number in (counts.good, counts.bad))
    return "Asked whether the moment was good, the patient said yes {} and no {}.".format(*said)


def _told(found: DeclaredVersion, zone_name: str) -> str:
    by = "the patient" if found.declared_by == "patient" else found.declared_by
    return f"entered by {by}, {wording.moment(found.declared_at, zone_name)}"
