"""What the stub's log must not show; pure.

It is judged from what arrived. Our own tables are asked two things only: whether every prompt
ended, and whether one that is called accepted was ever seen.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from ground import Stored
from scripted_fcm import TOKEN_FAULTS, Seen

ENDS = {"accepted", "unknown", "failed", "expired", "cancelled"}
MOST_SENDS = 5
"""Most sends of uncertain fate to a phone that drops repeats."""


class Rules(NamedTuple):
    """What holds in a scenario: when its prompts expire, when quiet begins; None: not judged.

    `late_by` is how many seconds a packet may arrive after its end: a worker that is stopped
    between its last check and the socket sends late, and the phone drops it by the instant in it.
    With `all_arrive` nothing keeps a prompt from its phone for good: one that has not arrived is
    lost, unless it may have arrived and the phone would show a repeat.
    """

    expires_at: datetime | None = None
    quiet_from: datetime | None = None
    late_by: float = 0.0
    all_arrive: bool = False


def violations(seen: Sequence[Seen], stored: Iterable[Stored], rules: Rules) -> list[str]:
    """Return what was broken, one sentence each."""
    sends: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    for entry in seen:
        sends[entry.prompt_id, entry.repeat].append(entry)
    found = [fault for entry in seen for fault in _of_one(entry, rules)]
    for prompt in stored:
        entries = sends.pop((prompt.push_id, prompt.repeat), [])
        faults = _of_all(entries, prompt) + _of_end(prompt, entries, rules)
        found += [f"{prompt.push_id}/{prompt.repeat}: {fault}" for fault in faults]
    return found + [f"{key}: sent, and there is no such prompt" for key in sends]


def late(seen: Iterable[Seen]) -> int:
    """Return how many arrived after their end, for the phone to drop."""
    ends = ((entry, datetime.fromisoformat(entry.expires_at)) for entry in seen)
    return sum(entry.received_at >= end.timestamp() for entry, end in ends)


def _of_one(entry: Seen, rules: Rules) -> list[str]:
    found = []
    end = datetime.fromisoformat(entry.expires_at)
    if rules.expires_at is not None and end != rules.expires_at:
        found.append(f"{entry.prompt_id}: says it expires at {end}")
    if entry.received_at >= end.timestamp() + rules.late_by:
        found.append(f"{entry.prompt_id}: arrived after its expiry")
    if rules.quiet_from is not None and entry.received_at >= rules.quiet_from.timestamp():
        found.append(f"{entry.prompt_id}: arrived in quiet hours")
    if {entry.collapse_key, *entry.tags} != {entry.prompt_id}:
        found.append(f"{entry.prompt_id}: collapse key or tag is not its id")
    return found


def _of_all(entries: Sequence[Seen], prompt: Stored) -> list[str]:
    possible = [entry for entry in entries if not entry.proven_negative]
    if not prompt.deduplicates and len(possible) > 1:
        return [f"sent {len(possible)} times, none proven not delivered"]
    if len(possible) > MOST_SENDS:
        return [f"sent {len(possible)} times to a phone that drops repeats"]
    if len({entry.token for entry in possible}) > 1:
        return ["sent to a second phone while the first may have it"]
    return []


def _of_end(prompt: Stored, entries: Sequence[Seen], rules: Rules) -> list[str]:
    arrived = any(entry.accepted for entry in entries)
    found = []
    if prompt.state not in ENDS or prompt.waits:
        found.append(f"never ended, it is {prompt.state}")
    if prompt.state == "accepted" and not arrived:
        found.append("called accepted, and the stub never took it")
    if prompt.state in {"failed", "expired", "cancelled"} and arrived:
        found.append(f"called {prompt.state}, and the stub took it")
    # What may be on a phone whose token then turns out dead is not sent to another phone.
    bereft = any(entry.behaviour in TOKEN_FAULTS for entry in entries)
    uncertain = prompt.state == "unknown" and not prompt.deduplicates
    if rules.all_arrive and not (arrived or bereft or uncertain):
        found.append(f"lost, it is {prompt.state} ({prompt.reason})")
    return found
