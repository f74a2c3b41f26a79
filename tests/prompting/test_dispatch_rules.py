"""Whose rules hold at the moment of sending: the patient's own, and those of where they may be."""

from datetime import UTC, date, datetime, timedelta

import pytest
from fakes import MONDAY, NINE, Person, Practice, at_nine, fixed, protocol

from engine.prompt import Reason, State
from engine.records import RulesVersion
from engine.store import devices, people, rules

HOUR = timedelta(hours=1)


def first(practice: Practice, person: Person):
    return practice.prompts(person)[0]


def narrowed(practice: Practice, person: Person, **document: object) -> None:
    """Store rules of the patient behind the planner's back, as if they came after the draw."""
    with practice.db.write() as tx:
        rules.add_rules(
            tx,
            RulesVersion(
                patient_id=person.patient.id,
                version=1,
                document=document,
                set_by="patient",
                set_at=practice.clock(),
            ),
        )


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"quiet_hours": [{"from": "08:30", "to": "09:30"}]}, Reason.QUIET),
        ({"pauses": [{"from": "2027-03-01", "to": "2027-03-01"}]}, Reason.PAUSED),
        ({"pauses": [{"from": "2027-02-01"}]}, Reason.PAUSED),
        ({"without": ["checkin.momentary"]}, Reason.LEFT_OUT),
        ({"quiet_hours": [{"from": "09:01", "to": "10:00"}]}, None),
        ({"pauses": [{"from": "2027-03-02", "to": "2027-03-09"}]}, None),
        ({"per_day": 1}, None),
    ],
)
def test_the_patients_own_rules_hold_even_when_set_after_the_draw(
    anywhere: Practice, document, reason: Reason | None
):
    person = at_nine(anywhere)
    narrowed(anywhere, person, **document)
    anywhere.tick()
    found = first(anywhere, person)
    assert found.reason == reason
    assert found.state == (State.ACCEPTED if reason is None else State.CANCELLED)


def test_the_patients_own_cap_holds_where_it_is_lower(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00", "10:00", "11:00"), per_day=3))
    anywhere.plan()
    for hour in range(3):
        anywhere.clock.now = NINE + hour * HOUR
        anywhere.decide()
    narrowed(anywhere, person, per_day=2)
    anywhere.clock.now = NINE
    anywhere.live(NINE + 3 * HOUR)
    today = [p for p in anywhere.prompts(person) if p.local_date == NINE.date()]
    assert [p.reason for p in today] == [None, None, Reason.TOO_MANY]


def test_what_is_on_its_way_counts_for_the_next_batch(anywhere: Practice):
    """The next batch is made ready while nobody knows yet what became of the one before."""
    anywhere.batch = 1
    person = anywhere.enrol(protocol(fixed("09:00", id="a"), fixed("09:04", id="b")))
    anywhere.draw_day(person)
    narrowed(anywhere, person, per_day=1)
    anywhere.clock.now = NINE + timedelta(minutes=4)
    anywhere.tick()
    assert len(anywhere.pusher.pushed) == 1
    today = [p for p in anywhere.prompts(person) if p.local_date == NINE.date()]
    assert [p.reason for p in today] == [None, Reason.TOO_MANY]


def test_the_daily_cap_is_that_of_the_patients_date_far_from_greenwich(anywhere: Practice):
    """In the morning of Auckland the date of Greenwich is yesterday's."""
    anywhere.enrol(protocol(fixed("09:00"), per_day=1), zone_name="Pacific/Auckland")
    anywhere.live(NINE + 72 * HOUR, step=HOUR)
    assert len(anywhere.pusher.pushed) == 3


@pytest.mark.parametrize(
    ("zones", "sent"),
    [
        (("Europe/Berlin", "Europe/Berlin"), True),
        (("Europe/Berlin", "Europe/London"), True),
        (("Europe/Berlin", "America/New_York"), False),
        (("America/New_York", "Europe/Berlin"), False),
        (("Europe/Berlin", "Not/AZone"), True),
    ],
)
def test_while_two_phones_disagree_the_quiet_hours_of_both_zones_hold(
    anywhere: Practice, zones: tuple[str, str], sent: bool
):
    person = anywhere.enrol(protocol(fixed("09:00"), quiet="21:00-08:00"), phones=0)
    for place, name in enumerate(zones):
        anywhere.add_phone(person.patient, place, zone_name=name)
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.tick()
    assert (len(anywhere.pusher.pushed) == 1) is sent
    assert first(anywhere, person).reason == (None if sent else Reason.QUIET)


def test_a_phone_that_is_signed_out_takes_no_part_in_the_dispute(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00"), quiet="21:00-08:00"), phones=1)
    away = anywhere.add_phone(person.patient, 7, zone_name="America/New_York")
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    with anywhere.db.write() as tx:
        devices.retire_device(tx, away.id, now=NINE)
    anywhere.tick()
    assert first(anywhere, person).state == State.ACCEPTED


def test_one_phone_that_reports_another_zone_disputes_nothing(anywhere: Practice):
    person = anywhere.enrol(protocol(fixed("09:00"), quiet="21:00-08:00"), phones=0)
    anywhere.add_phone(person.patient, zone_name="America/New_York")
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    anywhere.tick()
    assert first(anywhere, person).state == State.ACCEPTED


@pytest.mark.parametrize(("planned_in", "state"), [(None, "accepted"), ("Not/AZone", "cancelled")])
def test_a_zone_that_is_not_known_any_more_is_never_taken_for_utc(
    anywhere: Practice, planned_in: str | None, state: str
):
    person = anywhere.enrol(protocol(fixed("09:00"), quiet="10:00-11:00"))
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.decide()
    with anywhere.db.write() as tx:
        people.set_zone(tx, person.patient.id, "Lost/Zone")
        if planned_in:
            tx.conn.exec_driver_sql(f"UPDATE prompts SET zone = '{planned_in}'")
    anywhere.tick()
    with anywhere.db.read() as tx:
        found = tx.conn.exec_driver_sql(
            "SELECT state, reason FROM prompts WHERE decided_at IS NOT NULL"
        ).one()
    assert found.state == state
    assert found.reason == (Reason.NO_ZONE if planned_in else None)


def all_due(practice: Practice, person: Person, at: datetime, zone_name: str, day: date) -> None:
    """Make the next planned prompt due at `at`, as if planned in that zone for that day."""
    with practice.db.write() as tx:
        key = tx.conn.exec_driver_sql(
            "SELECT id FROM prompts WHERE decided_at IS NULL ORDER BY start_at LIMIT 1"
        ).scalar_one()
        times = [at.isoformat(" "), (at + HOUR).isoformat(" ")]
        tx.conn.exec_driver_sql(
            f"UPDATE prompts SET decided_at = '{times[0]}', due_at = '{times[0]}',"
            f" expires_at = '{times[1]}', zone = '{zone_name}', local_date = '{day}'"
            f" WHERE id = '{key}'"
        )


def test_a_traveller_whose_day_grows_gets_no_more_than_a_days_prompts_in_24_hours(
    practice: Practice,
):
    person = practice.enrol(protocol(fixed("09:00", "13:00"), per_day=2))
    practice.plan()
    practice.clock.now = MONDAY
    practice.live(NINE + 5 * HOUR)
    assert len(practice.pusher.pushed) == 2
    with practice.db.write() as tx:
        people.set_zone(tx, person.patient.id, "Pacific/Honolulu")
    late = NINE.replace(tzinfo=None) + 12 * HOUR  # ten in the morning of the same date there
    all_due(practice, person, late, "Pacific/Honolulu", date(2027, 2, 28))
    practice.clock.now = late.replace(tzinfo=UTC)
    practice.tick()
    assert len(practice.pusher.pushed) == 2
    assert Reason.TOO_MANY_24H in {p.reason for p in practice.prompts(person)}


def test_who_stays_may_get_todays_first_prompt_less_than_24_hours_after_yesterdays_last_ones(
    anywhere: Practice,
):
    anywhere.enrol(protocol(fixed("09:00", "20:00"), per_day=2))
    anywhere.plan()
    anywhere.clock.now = NINE
    anywhere.live(NINE + 25 * HOUR)
    assert len(anywhere.pusher.pushed) == 3
