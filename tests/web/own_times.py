"""A blended course on the real server, and a phone of its patient in a real browser."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from builders import NOW, PROTOCOL, Clinic, empty_clinic
from page_faults import watch
from playwright.sync_api import Browser, Page, expect
from practice import served

from engine.commands import enrolling
from engine.records import Patient, PromptRecord

BLENDED: dict[str, Any] = {
    **PROTOCOL,
    "limits": {"per_day": 8, "min_gap": "30m"},
    "phases": [
        {"name": "waiting", "until": "first-session"},
        {"name": "treatment", "days": "84d"},
        {"name": "aftercare", "days": "90d", "fade": {"to_share": 0.2}},
    ],
    "assignments": [
        *PROTOCOL["assignments"],
        {
            "id": "whenever",
            "content": "cbt.thought-record",
            "trigger": {"kind": "patient_initiated", "per_day": 2},
        },
        {
            "id": "after-smoking",
            "content": "cbt.thought-record",
            "trigger": {
                "kind": "event",
                "when": {"report": "smoked"},
                "delay": "10m",
                "cooldown": "4h",
                "per_day": 2,
            },
        },
        {
            "id": "after-distress",
            "content": "cbt.thought-record",
            "trigger": {
                "kind": "event",
                "when": {"score": "checkin.momentary.negative_affect", "op": "ge", "value": 60},
            },
            "phases": ["treatment", "aftercare"],
        },
        {
            "id": "nudge",
            "content": "ba.plan-tomorrow",
            "trigger": {"kind": "micro_randomised", "at": ["10:30", "17:15"], "probability": 0.5},
            "phases": ["treatment"],
        },
    ],
}


@dataclass
class Ward:
    """The clinic with one patient in a blended course, where it is served, and their phone."""

    clinic: Clinic
    patient: Patient
    address: str
    credential: str
    device_id: UUID

    def pass_time(self, **span: float) -> None:
        """Let time pass and send what comes due meanwhile."""
        self.clinic.run_until(self.clinic.clock() + timedelta(**span))

    def records(self) -> list[PromptRecord]:
        """Return the patient's prompts of these days."""
        today, around = self.clinic.clock().date(), timedelta(days=3)
        found: list[PromptRecord] = self.clinic.records(
            self.patient, today - around, today + around
        )
        return found

    def welcome(self) -> PromptRecord:
        """Return the prompt that greeted the phone."""
        return next(one for one in self.records() if one.assignment == "welcome")


@contextmanager
def ward(folder: Path, *, now: datetime = NOW) -> Iterator[Ward]:
    """Yield a served ward whose patient's phone has just got its first prompt."""
    clinic = empty_clinic(f"sqlite:///{folder / 'ward.db'}", now)
    patient = clinic.add_patient("P-07", phone=False, protocol=BLENDED, habit=lambda *_: None)
    code, _ = enrolling.issue_code(clinic.db, patient.id, by=None, now=now)
    device, credential = enrolling.redeem_code(
        clinic.db,
        code,
        platform="web",
        zone_name="Europe/Berlin",
        push_token=f"token-{patient.id}",
        now=now,
    )
    clinic.devices[patient.id] = device
    with served(clinic) as url:
        built = Ward(clinic, patient, url, credential, device.id)
        built.pass_time(seconds=6)
        yield built
    clinic.db.close()


def phone(browser: Browser, ward: Ward, faults: list[str], **options: Any) -> Page:
    """Return the patient's page as connected; script errors and policy breaches go to `faults`."""
    settings = {
        "viewport": {"width": 390, "height": 844},
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
    }
    context = browser.new_context(**(settings | options))
    page = context.new_page()
    watch(page, faults)
    page.clock.set_system_time(ward.clinic.clock())
    device = {
        "device_id": str(ward.device_id),
        "credential": ward.credential,
        "channel": {"kind": "poll"},
    }
    page.add_init_script(
        "localStorage.getItem('welltimed.device') ?? localStorage.setItem('welltimed.device', "
        f"{json.dumps(json.dumps(device))})"
    )
    page.goto(f"{ward.address}/app/")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    return page
