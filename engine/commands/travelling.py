"""Following patients from one time zone to another."""

import logging
from dataclasses import dataclass
from datetime import datetime

from engine.commands.scheduling import move_to_zone
from engine.errors import NotFound
from engine.localtime import UnknownZone, zone
from engine.records import Device, LogEntry, LogKind
from engine.store import Database, ReadTx, WriteTx, held, people, schedule_log

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ZoneTold:
    """What became of a device's word: the zone the patient lives in, and whether it was known."""

    zone: str
    known: bool


def report_zone(db: Database, device: Device, zone_name: str, *, now: datetime) -> ZoneTold:
    """Take in where a device says it is, and let the patient live there if that is news.

    Of several devices the one that moved last counts; one that repeats what it said before, such
    as a tablet left at home, changes nothing while another is in use. A name our zone data do not
    know is logged, and the last good zone kept. Raises NotFound without such a patient.
    """
    with db.write() as tx:
        current = people.zones_of(tx, [device.patient_id]).get(device.patient_id)
        if current is None:
            raise NotFound("patient")
        if not _is_known(zone_name):
            _alarm(tx, device, zone_name, current, now)
            return ZoneTold(current, known=False)
        news = _is_news(tx, device, zone_name)
        held.note_zone(tx, device.id, zone_name, now=now)
        if zone_name == current or not news:
            return ZoneTold(current, known=True)
        move_to_zone(tx, device.patient_id, zone_name, now=now)
    return ZoneTold(zone_name, known=True)


def _is_known(name: str) -> bool:
    try:
        zone(name)
    except UnknownZone:
        return False
    return True


def _is_news(tx: ReadTx, device: Device, zone_name: str) -> bool:
    devices = held.held(tx, device.patient_id)
    before = next((one.zone for one in devices if one.device_id == device.id), None)
    return before != zone_name or len(devices) == 1


def _alarm(tx: WriteTx, device: Device, zone_name: str, kept: str, now: datetime) -> None:
    _log.error("device %s: unknown time zone %.64r; %s is kept", device.id, zone_name, kept)
    entry = LogEntry(
        patient_id=device.patient_id,
        at=now,
        by="phone",
        kind=LogKind.ZONE_UNKNOWN,
        detail={"zone": zone_name[:64], "kept": kept},
    )
    schedule_log.add_entries(tx, [entry])
