"""The windows and patients that the benchmarks work on: as many as asked for, nobody in them."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import numpy as np

from engine.planning import prompt_id
from engine.prompt import State
from engine.records import StoredWindow
from models.receptivity import Receptivity
from models.simulation.ema import make

ZONE = "Europe/Berlin"
DAY = date(2026, 11, 20)
OPENS_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_SPACE = UUID("4a3d1c52-53a4-4f0e-9b59-0f6a4f2e9c11")

PROTOCOL: dict[str, object] = {
    "schema": "welltimed-protocol/1",
    "name": "Benchmark",
    "assignments": [
        {"content": "checkin.momentary", "trigger": {"kind": "fixed", "at": ["10:00"]}}
    ],
}


def person(number: int) -> UUID:
    """Return the id of a made-up patient."""
    return uuid5(_SPACE, str(number))


def window(
    number: int, *, slots: tuple[datetime, ...], timing: str, place: int = 0
) -> StoredWindow:
    """Return a window of the patient with this number; `place` is the window's own number."""
    enrolment = uuid5(_SPACE, f"enrolment/{number}")
    return StoredWindow(
        id=prompt_id(enrolment, "checkin.momentary", DAY, place),
        enrolment_id=enrolment,
        patient_id=person(number),
        protocol_id=uuid5(_SPACE, f"protocol/{number}"),
        protocol_version=1,
        zone=ZONE,
        assignment="checkin.momentary",
        content_id="checkin.momentary",
        local_date=DAY,
        window=place,
        start_at=slots[0],
        end_at=slots[-1] + timedelta(minutes=30),
        slots=slots,
        timing=timing,
        objective="answered",
        representative=False,
        within=timedelta(minutes=15),
        expires_after=timedelta(hours=1),
        state=State.PLANNED,
        decided_at=None,
        due_at=slots[0] if len(slots) == 1 else None,
        seed=number,
        control_share=0.2,
    )


def half_hours(count: int) -> tuple[datetime, ...]:
    """Return `count` slots, one every half hour from 09:00 local time on."""
    return tuple(OPENS_AT + number * timedelta(minutes=30) for number in range(count))


def fitted_model(persons: int, days: int) -> Receptivity:
    """Return a receptivity model fitted to `days` days of uniform prompts to these patients."""
    world, rng = make(persons, days, 1), np.random.default_rng(1)
    hours, kinds, labels = [], [], []
    for day in range(days):
        for block, where in enumerate(world.blocks):
            slot = rng.integers(0, where.stop - where.start, persons)
            answered, _, _ = world.respond(day, block, slot)
            hours.append(world.slot_hours[where][slot])
            kinds.append(world.day_type(day))
            labels.append(answered)
    X = np.column_stack([np.concatenate(hours), np.concatenate(kinds)])
    keys = np.tile([str(person(number)) for number in range(persons)], len(labels))
    dates = np.repeat(np.arange(days), persons * len(world.blocks))
    return Receptivity().fit(X, np.concatenate(labels), person=keys, day=dates)
