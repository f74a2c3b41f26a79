"""Planning: a day's slots from the protocol, against cron expressions for the same instants."""

from datetime import UTC, date, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

from benchmarks.clinic import ZONE
from benchmarks.compare import Contest
from engine.localtime import zone
from engine.planning import plan_day
from engine.protocol import parse_protocol

FIRST = date(2026, 11, 2)
DAYS = 56
HOURS = (9, 12, 15, 18)
PROTOCOL: dict[str, object] = {
    "schema": "welltimed-protocol/1",
    "name": "Four windows of twelve slots",
    "quiet_hours": [{"from": "21:30", "to": "08:00"}],
    "limits": {"per_day": 6, "min_gap": "45m"},
    "assignments": [
        {
            "content": "checkin.momentary",
            "trigger": {
                "kind": "window",
                "windows": [{"from": f"{at:02d}:00", "to": f"{at + 3:02d}:00"} for at in HOURS],
            },
        }
    ],
}


def contest() -> Contest:
    """Return the contest; both ways give the same instants, which is checked here."""
    protocol, tz = parse_protocol(PROTOCOL), zone(ZONE)
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]

    def planned() -> list[datetime]:
        return [
            slot
            for day in days
            for window in plan_day(protocol, day, tz, first_day=FIRST).windows
            for slot in window.slots
        ]

    def from_cron() -> list[datetime]:
        cron = CronTrigger(hour="9-20", minute="*/15", timezone=tz)
        now = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=tz)
        end = now + timedelta(days=DAYS)
        found: list[datetime] = []
        fires = cron.get_next_fire_time(None, now)
        while fires is not None and fires < end:
            found.append(fires.astimezone(UTC))
            fires = cron.get_next_fire_time(fires, fires)
        return found

    if planned() != from_cron():
        raise RuntimeError("the two ways to plan do not agree")
    return Contest(
        name="plan",
        unit="patient-days/s",
        work=DAYS,
        ours=planned,
        baseline=from_cron,
        compared=(
            f"plan_day over {DAYS} winter days of four windows of twelve slots, against the same "
            "instants from APScheduler's CronTrigger, which knows no windows, quiet hours or caps"
        ),
    )
