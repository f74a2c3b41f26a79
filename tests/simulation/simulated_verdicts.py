"""What must hold of every simulation, read from the logs of FCM and phones, not from our word.

Where a promise is about the moment of deciding (quiet hours, minimum gap, cap), the instant is the
clock's reading at the intent, and the rules are those the server could know by that transaction.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from simulated_database import instant
from simulated_fcm import Sending
from simulated_world import World

from engine.commands.scheduling import WELCOME
from engine.localtime import in_quiet_hours, zone
from engine.prompt import ENDED, MOST_UNCERTAIN, PromptKind, State
from engine.repeats import repeat_id
from prompting.fcm.outcome import Kind

UNNOTICED = timedelta(seconds=1)
"""A stop shorter than this, between the last look at the clock and the first byte, is no pause."""


def verdict(world: World) -> list[str]:
    """Return every broken promise in words; none if all hold."""
    return [
        f"{rule.__name__[1:].replace('_', ' ')}: {found}" for rule in RULES for found in rule(world)
    ]


def _shown_at_most_once(world: World) -> Iterator[str]:
    times = Counter((one.prompt_id, one.repeat) for one in world.population.shown)
    yield from (f"{_name(key)} {n} times" for key, n in times.items() if n > 1)


def _nothing_shown_after_its_expiry(world: World) -> Iterator[str]:
    for one in world.population.shown:
        if one.true_at >= one.expires_at:
            yield _name((one.prompt_id, one.repeat))


def _no_call_in_a_transaction(world: World) -> Iterator[str]:
    for pusher in world.pushers:
        yield from pusher.faults


def _intent_committed_before_the_first_byte(world: World) -> Iterator[str]:
    for sending in world.fcm.log:
        if sending.promise is None:
            yield _told(sending)
    promised = Counter(id(s.promise) for s in world.fcm.log if s.promise is not None)
    if any(n > 1 for n in promised.values()):
        yield "two POSTs for one intent"


def _strict_phones_never_get_two_that_may_arrive(world: World) -> Iterator[str]:
    open_sends: dict[Any, list[Sending]] = defaultdict(list)
    for sending in world.fcm.log:
        key = sending.push.prompt_id, sending.push.repeat
        if not sending.proven_negative:
            open_sends[key].append(sending)
    for key, sends in open_sends.items():
        if len(sends) > 1 and any(s.promise is not None and s.promise.strict for s in sends):
            yield f"{_name(key)}: {'; '.join(map(_told, sends))}"
        if len(sends) > MOST_UNCERTAIN:
            yield f"{_name(key)} may have left {len(sends)} times"


def _no_send_starts_after_expiry(world: World) -> Iterator[str]:
    for sending in world.fcm.log:
        blind = sending.blind >= UNNOTICED  # stopped where no program can look at a clock again
        reading = sending.said_now if blind else sending.reading
        if reading >= sending.push.expires_at:
            yield _told(sending)
        elif sending.promise and sending.promise.expires_at < sending.push.expires_at:
            yield f"{_told(sending)}: it told the phone a later expiry than it has"


def _none_in_quiet_hours(world: World) -> Iterator[str]:
    for sending in world.fcm.log:
        promise = sending.promise
        if promise is None:
            continue
        person = world.people[promise.patient_id]
        quiet = person.protocol.quiet_hours
        zones = person.zones_at(promise.seq)
        if any(in_quiet_hours(promise.intended_at, zone(name), quiet) for name in zones):
            yield f"{_told(sending)} in one of {sorted(zones)}"


def _minimum_gap_and_cap_hold(world: World) -> Iterator[str]:
    left: dict[UUID, dict[UUID, Sending]] = defaultdict(dict)
    for sending in world.fcm.log:
        promise = sending.promise
        if promise and promise.kind == PromptKind.PROMPT and not sending.proven_negative:
            left[promise.patient_id].setdefault(promise.row_id, sending)
    for patient_id, firsts in left.items():
        limits = world.people[patient_id].protocol.limits
        sends = [s for s in firsts.values() if s.promise is not None]
        days = Counter(s.promise.local_date for s in sends)
        if limits.per_day is not None and max(days.values()) > limits.per_day:
            yield f"{days} of at most {limits.per_day} a day"
        free = [s for s in sends if s.promise.assignment != WELCOME]
        free.sort(key=lambda s: s.promise.intended_at)
        for one, other in pairwise(free):
            gap = other.promise.intended_at - one.promise.intended_at
            if gap < limits.min_gap:
                yield f"{gap} between {_told(one)} and {_told(other)}"


def _no_reminder_after_the_answer(world: World) -> Iterator[str]:
    for sending in world.fcm.log:
        promise = sending.promise
        if promise is None or not promise.repeat:
            continue
        person = world.people[promise.patient_id]
        for told in (person.answered, person.declined):
            if told.get(promise.push_id, promise.seq) < promise.seq:
                yield _told(sending)


def _every_prompt_ends_in_a_named_state(world: World) -> Iterator[str]:
    for row in _rows(world):
        waits = row["state"] == State.UNKNOWN and row["next_try_at"] is not None
        if waits or row["state"] not in ENDED:
            yield f"{_name((row['id'], 0))} is {row['state']} with {row['reason']}"


def _accepted_is_borne_out(world: World) -> Iterator[str]:
    accepted = {
        (s.push.prompt_id, s.push.repeat)
        for s in world.fcm.log
        if s.outcome is not None and s.outcome.kind is Kind.ACCEPTED
    }
    for row in _rows(world):
        key = row["push_id"], row["repeat"]
        borne_out = key in accepted or _confirmed(world, row)
        if row["state"] == State.ACCEPTED and not borne_out:
            yield f"{_name(key)} is accepted by nobody's word"
        if row["state"] != State.ACCEPTED and _confirmed(world, row):
            yield f"{_name(key)} is {row['state']} though its phone reported it"


def _what_fcm_accepted_is_accepted(world: World) -> Iterator[str]:
    states = {row["id"]: row["state"] for row in _rows(world)}
    for sending in world.fcm.log:
        if not sending.recorded or sending.outcome.kind is not Kind.ACCEPTED:
            continue
        push = sending.push
        row_id = repeat_id(push.prompt_id, push.repeat) if push.repeat else push.prompt_id
        if states[row_id] != State.ACCEPTED:
            yield f"{_told(sending)} but ended {states[row_id]}"


def _what_may_be_out_is_never_called_unsent(world: World) -> Iterator[str]:
    may_be_out = {(s.push.prompt_id, s.push.repeat) for s in world.fcm.log if not s.proven_negative}
    unsent = {State.FAILED, State.EXPIRED, State.CANCELLED}
    for row in _rows(world):
        key = row["push_id"], row["repeat"]
        if row["state"] in unsent and key in may_be_out:
            yield f"{_name(key)} is {row['state']}"


def _answers_are_kept_and_counted_once(world: World) -> Iterator[str]:
    stored = Counter(
        (UUID(one), UUID(prompt))
        for one, prompt in world.raw.execute("SELECT id, prompt_id FROM responses")
    )
    acknowledged = set(world.population.acknowledged.items())
    if set(stored) != acknowledged:
        yield f"stored and acknowledged differ by {len(set(stored) ^ acknowledged)}"
    counts = Counter(prompt for _, prompt in stored)
    yield from (f"{prompt} answered {n} times" for prompt, n in counts.items() if n > 1)


def _no_phone_was_turned_away(world: World) -> Iterator[str]:
    yield from world.population.faults


RULES: tuple[Callable[[World], Iterator[str]], ...] = (
    _shown_at_most_once,
    _nothing_shown_after_its_expiry,
    _no_call_in_a_transaction,
    _intent_committed_before_the_first_byte,
    _strict_phones_never_get_two_that_may_arrive,
    _no_send_starts_after_expiry,
    _none_in_quiet_hours,
    _minimum_gap_and_cap_hold,
    _no_reminder_after_the_answer,
    _every_prompt_ends_in_a_named_state,
    _accepted_is_borne_out,
    _what_fcm_accepted_is_accepted,
    _what_may_be_out_is_never_called_unsent,
    _answers_are_kept_and_counted_once,
    _no_phone_was_turned_away,
)


def _confirmed(world: World, row: dict[str, Any]) -> bool:
    """Return whether the phone reported or answered the prompt itself (reminders it cannot)."""
    if row["repeat"]:
        return False
    person = world.people[row["patient_id"]]
    told = (world.population.confirmed, person.answered, person.declined)
    return any(row["id"] in one for one in told)


_ROWS = """
    SELECT id, coalesce(parent_id, id), repeat, patient_id, state, reason, next_try_at
    FROM prompts
    WHERE decided_at IS NOT NULL OR end_at < ?
"""


def _rows(world: World) -> list[dict[str, Any]]:
    """Return all prompts that were drawn, or whose window is over."""
    given = (world.ended_at.replace(tzinfo=None).isoformat(sep=" "),)
    return [
        {
            "id": UUID(row[0]),
            "push_id": UUID(row[1]),
            "repeat": row[2],
            "patient_id": UUID(row[3]),
            "state": row[4],
            "reason": row[5],
            "next_try_at": instant(row[6]),
        }
        for row in world.raw.execute(_ROWS, given)
    ]


def _name(key: tuple[UUID, int]) -> str:
    return f"{key[0].hex[:8]}/{key[1]}"


def _told(sending: Sending) -> str:
    told = sending.outcome.kind if sending.outcome else "no word"
    return (
        f"{_name((sending.push.prompt_id, sending.push.repeat))} sent by {sending.worker} at "
        f"{sending.true_at:%d %H:%M:%S} (clock {sending.reading:%H:%M:%S}): "
        f"{sending.behaviour}, {told}"
    )
