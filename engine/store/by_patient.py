"""Whose prompts: a condition on patients that the index of prompts serves.

Prompts are found by enrolment and day. An index by patient beside it would be written anew with
each change of a prompt's state on PostgreSQL, and there are few enrolments to a patient.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, select

from engine.store import tables

_enrolments = tables.Enrolment


def of_patient(patient: "UUID | BindParameter[Any]") -> ColumnElement[bool]:
    """Return the condition that a prompt is this patient's."""
    return _of(_enrolments.patient_id == patient)


def of_patients(patient_ids: Sequence[UUID]) -> ColumnElement[bool]:
    """Return the condition that a prompt is one of these patients'."""
    return _of(_enrolments.patient_id.in_(patient_ids))


def _of(whose: ColumnElement[bool]) -> ColumnElement[bool]:
    return tables.Prompt.enrolment_id.in_(select(_enrolments.id).where(whose))
