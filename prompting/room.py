"""What room a window has when its turn comes: rules, caps, gaps, and what has precedence.

All of this is settled apart from chance and before it. A slot is available or not by what stands
at that moment; a window without an available slot ends with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from engine.availability import available_slots
from engine.commands.basis import protocol_of
from engine.commands.replanning import WELCOME
from engine.localtime import in_quiet_hours, zone
from engine.planning import prompt_id
from engine.prompt import Reason, State
from engine.protocol import StudyProtocol
from engine.records import StoredWindow
from engine.rules import PatientRules
from engine.store import ReadTx, places, schedules, windows
from engine.store.places import Place, Taken
from engine.store.rules import rules_of
from prompting.drawing import SET_TIMES

OVER = "the window was over before a slot could be drawn"
NO_SLOT = "no slot keeps the minimum gap to other prompts"
NO_ROOM = "no room for another in its window"
OWN_QUIET = "quiet hours of the patient"
_DAY = timedelta(days=1)
_NO_GAP = timedelta(0)


@dataclass(frozen=True, slots=True)
class Room:
    """The slots a window may be sent at; where there is none, how and why it ends."""

    available: tuple[bool, ...]
    end: tuple[State, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that bears on a batch in which no enrolment comes twice."""

    protocols: dict[tuple[UUID, int], StudyProtocol]
    rules: dict[UUID, PatientRules]
    taken: dict[UUID, list[Taken]]
    places: dict[tuple[UUID, date], list[Place]]
    drawn_before: dict[UUID, datetime | None]
    rivals: dict[UUID, list[StoredWindow]]

    def room(self, window: StoredWindow, now: datetime) -> Room:
        """Return the room a window has now."""
        late = _may_be_late(window, now)
        start = min(now, window.slots[0]) if late else now
        if window.slots[-1] < start:
            return _none(window, State.EXPIRED, OVER)
        rules = self.rules[window.patient_id]
        if window.assignment in rules.without:
            return _none(window, State.CANCELLED, Reason.LEFT_OUT)
        if rules.paused(window.local_date):
            return _none(window, State.CANCELLED, Reason.PAUSED)
        if self._is_full(window, rules):
            return _none(window, State.CANCELLED, Reason.TOO_MANY)
        steps = (
            (self._spaced(window, start), NO_SLOT),
            (self._after_the_last(window), NO_ROOM),
            (_outside_own_quiet(window, rules), OWN_QUIET),
            (self._leaving_room(window), NO_SLOT),
        )
        available = (True,) * len(window.slots)
        for mask, reason in steps:
            available = tuple([a and b for a, b in zip(available, mask, strict=True)])
            if not any(available):
                return _none(window, State.CANCELLED, reason)
        return Room(available)

    def _min_gap(self, window: StoredWindow) -> timedelta:
        # For the first prompt of a phone patient and therapist are waiting.
        if window.assignment == WELCOME:
            return _NO_GAP
        return self.protocols[window.protocol_id, window.protocol_version].limits.min_gap

    def _is_full(self, window: StoredWindow, rules: PatientRules) -> bool:
        """Return whether the places of the day are taken by what is drawn or has precedence."""
        limits = self.protocols[window.protocol_id, window.protocol_version].limits
        cap = rules.capped(limits)
        if cap is None or window.assignment == WELCOME:
            return False
        before = [
            place
            for place in self.places.get((window.enrolment_id, window.local_date), [])
            if place.prompt_id != window.id and (place.settled or place.priority < window.priority)
        ]
        return len(before) >= cap

    def _spaced(self, window: StoredWindow, start: datetime) -> list[bool]:
        taken = [
            one.at
            for one in self.taken.get(window.enrolment_id, [])
            if one.prompt_id not in {window.id, window.cause_id} and _holds(one, window)
        ]
        return available_slots(window.slots, taken=taken, min_gap=self._min_gap(window), now=start)

    def _after_the_last(self, window: StoredWindow) -> list[bool]:
        """Return which slots come so long after the prompt drawn before in the same window."""
        if window.number == 0:
            return [True] * len(window.slots)
        last_at = self.drawn_before.get(_before(window))
        if last_at is None:
            return [False] * len(window.slots)
        return [slot > last_at and slot - last_at >= window.gap for slot in window.slots]

    def _leaving_room(self, window: StoredWindow) -> list[bool]:
        """Return which slots leave each window that has precedence one of its own."""
        gap = self._min_gap(window)
        if window.timing in SET_TIMES or not gap:
            return [True] * len(window.slots)
        usable = [
            self._usable(rival, gap)
            for rival in self.rivals.get(window.enrolment_id, [])
            if rival.id != window.id and rival.priority < window.priority
        ]
        return [
            all(not slots or any(abs(slot - one) >= gap for one in slots) for slots in usable)
            for slot in window.slots
        ]

    def _usable(self, rival: StoredWindow, gap: timedelta) -> list[datetime]:
        taken = [one.at for one in self.taken.get(rival.enrolment_id, []) if one.settled]
        return [slot for slot in rival.slots if all(abs(slot - at) >= gap for at in taken)]


def look(tx: ReadTx, batch: Sequence[StoredWindow]) -> Scene:
    """Return the scene of a batch as it stands in this transaction."""
    enrolments = [window.enrolment_id for window in batch]
    versions = schedules.versions_at(
        tx, {(window.protocol_id, window.protocol_version) for window in batch}
    )
    since = min(window.start_at for window in batch) - _DAY
    until = max(window.end_at for window in batch) + _DAY
    days = sorted({window.local_date for window in batch})
    earlier = [_before(window) for window in batch if window.number > 0]
    before = windows.windows_by_id(tx, earlier)
    return Scene(
        protocols={key: protocol_of(version) for key, version in versions.items()},
        rules=rules_of(tx, {window.patient_id for window in batch}),
        taken=places.taken_instants(tx, enrolments, since=since, until=until),
        places=places.places(tx, enrolments, days),
        drawn_before={key: window.due_at for key, window in before.items()},
        rivals=_rivals(tx, batch, days),
    )


def _rivals(
    tx: ReadTx, batch: Sequence[StoredWindow], days: Sequence[date]
) -> dict[UUID, list[StoredWindow]]:
    """Return the undrawn windows that may have precedence over one of the batch, by enrolment."""
    found: dict[UUID, list[StoredWindow]] = {}
    for rival in windows.undecided_above(
        tx,
        [window.enrolment_id for window in batch],
        priority=max(window.priority for window in batch),
        days=(days[0] - _DAY, days[-1] + _DAY),
    ):
        found.setdefault(rival.enrolment_id, []).append(rival)
    return found


def _before(window: StoredWindow) -> UUID:
    """Return the id of the prompt drawn before this one in the same window."""
    return prompt_id(window.enrolment_id, window.assignment, window.local_date, window.window - 1)


def _holds(taken: Taken, window: StoredWindow) -> bool:
    """Return whether an instant is taken as far as this window is concerned.

    A set time to come keeps its place, but for one that has precedence. A decision point keeps it
    whatever will be drawn there: looking ahead at that draw would make what is available, and so
    who is randomised, depend on the outcome.
    """
    return taken.settled or window.timing not in SET_TIMES or taken.priority <= window.priority


def _may_be_late(window: StoredWindow, now: datetime) -> bool:
    """Return whether a set time that has passed still counts: until expiry; a random slot not."""
    return window.timing in SET_TIMES and now < window.slots[0] + window.expires_after


def _outside_own_quiet(window: StoredWindow, rules: PatientRules) -> list[bool]:
    if not rules.quiet_hours:
        return [True] * len(window.slots)
    tz = zone(window.zone)
    return [not in_quiet_hours(slot, tz, rules.quiet_hours) for slot in window.slots]


def _none(window: StoredWindow, state: State, reason: str) -> Room:
    return Room((False,) * len(window.slots), (state, reason))
