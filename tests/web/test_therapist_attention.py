"""Who comes first on a caseload, at the edges of each rule."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from api.web.caseload_view import attention
from engine.records import CaseloadRow, Counts, Patient

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FINE = Counts(planned=20, sent=20, delivered=20, opened=16, answered=16)


def row(**changes):
    patient = Patient(
        id=UUID(int=1), name="P", zone="Europe/Berlin", created_at=NOW - timedelta(days=30)
    )
    values = {
        "patient": patient,
        "counts": FINE,
        "last_answer_at": NOW - timedelta(hours=1),
        "risk_at": None,
        "devices": 1,
    }
    return CaseloadRow(**values | changes)


def reasons(before=FINE, latest=FINE, **changes):
    return attention(row(**changes), before=before, latest=latest, now=NOW)


def test_a_patient_who_does_well_gives_no_reason():
    assert reasons() == ()


def test_a_risk_answer_counts_for_seven_days():
    week = timedelta(days=7)
    assert reasons(risk_at=NOW - week + SECOND) == ("Risk answer",)
    assert reasons(risk_at=NOW - week) == ()


def test_silence_counts_from_the_third_day_and_only_where_something_was_sent():
    days = timedelta(days=3)
    told = ("Nothing answered for 3 days",)
    assert reasons(last_answer_at=NOW - days) == told
    assert reasons(last_answer_at=NOW - days + SECOND) == ()
    assert reasons(last_answer_at=NOW - days, latest=Counts(planned=9)) == ()


def test_someone_who_began_yesterday_is_not_called_silent():
    newcomer = Patient(
        id=UUID(int=2), name="N", zone="Europe/Berlin", created_at=NOW - timedelta(days=1)
    )
    assert reasons(patient=newcomer, last_answer_at=None) == ()


@pytest.mark.parametrize(
    ("now", "before", "falls"),
    [
        ((6, 10), (9, 10), True),
        ((7, 10), (9, 10), False),  # exactly 20 points are not more than 20
        ((0, 4), (9, 10), False),  # too few to compare
        ((0, 10), (4, 4), False),
        ((9, 10), (2, 10), False),
    ],
)
def test_a_fall_needs_more_than_twenty_points_and_enough_prompts(now, before, falls):
    def counts(pair):
        answered, delivered = pair
        return Counts(planned=delivered, sent=delivered, delivered=delivered, answered=answered)

    told = reasons(counts=counts(now), before=counts(before))
    assert told == (("Answers fell against the week before",) if falls else ())


def test_all_reasons_are_told_the_gravest_first():
    told = reasons(risk_at=NOW, devices=0, last_answer_at=NOW - timedelta(days=9))
    assert told == ("Risk answer", "No phone connected", "Nothing answered for 3 days")
