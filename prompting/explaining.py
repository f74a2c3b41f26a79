"""Why a prompt came when it did: one true sentence for the patient, and one for the therapist.

Sentences are built from the decision's own record alone, so they say what bore on that decision
and not what is known since. What they claim of the patient is counted, not inferred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.commands.replanning import WELCOME
from engine.draws import happens
from engine.learning_records import ANSWERED, COMPLETED, RELEVANCE
from engine.records import EVENT, Decision
from engine.store import Database, decisions
from prompting.drawing import MICRO_RANDOMISED, STRATIFIED
from prompting.policies import ADAPTIVE, FIXED, UNIFORM, UNTRAINED

DAYS = ("on work days", "at weekends")
FEWEST = 4.0
"""Prompts around a time before anything is said of how a patient answers then."""
NOTABLE = 0.05
"""Logit by which a reason must lift a slot above the window's average to be told."""


@dataclass(frozen=True, slots=True)
class _Words:
    """How to tell what a head is of: a habit of the patient, of people, and what is counted."""

    habit: str
    people: str
    did: str
    things: str


WORDS = {
    ANSWERED: _Words("answer", "answer", "answered", "prompts"),
    COMPLETED: _Words("do the exercises that come", "do exercises", "did", "exercises sent"),
}

ASK = "good moment?"
ASK_SHARE = 0.1
"""Of the prompts that are not timed for good moments, how many ask for a mark."""


@dataclass(frozen=True, slots=True)
class PhoneWords:
    """What a phone says of a prompt's time, and whether it asks if the moment was good."""

    why: str
    asks: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a prompt came at its time.

    `objective` is what the assignment asks its times to be chosen for, None where they never are;
    `rests_on` what they were chosen for in this case: `answered` while too little is known of what
    they should be, None by no model.
    """

    patient: str
    therapist: str
    objective: str | None
    rests_on: str | None


def explain(decision: Decision) -> Explanation:
    """Return the explanation of a draw."""
    patient, therapist = _sentences(decision)
    features = decision.features
    is_adapted = decision.arm == ADAPTIVE or decision.arm_probability < 1.0
    by_model = decision.policy_version not in {UNTRAINED, UNIFORM}
    return Explanation(
        patient,
        therapist,
        str(features.get("objective", ANSWERED)) if is_adapted else None,
        features.get("rests_on") if by_model else None,
    )


def explanation_of(db: Database, patient_id: UUID, prompt_id: UUID) -> Explanation | None:
    """Return why this prompt of the patient's came at its time; None if it was not drawn."""
    found = explained(db, patient_id, prompt_id)
    return None if found is None else found[1]


def explained(
    db: Database, patient_id: UUID, prompt_id: UUID
) -> tuple[Decision, Explanation] | None:
    """Return the draw of this prompt of the patient's with its explanation; None if not drawn."""
    with db.read() as tx:
        drawn = decisions.decisions_of(tx, patient_id, [prompt_id])
    return next(((one, _told_of(one, assignment)) for one, assignment in drawn), None)


def told_on_phone(
    db: Database, patient_id: UUID, prompt_ids: Sequence[UUID]
) -> dict[UUID, PhoneWords]:
    """Return what the phone is to say with each of the patient's prompts that were drawn."""
    if not prompt_ids:
        return {}
    with db.read() as tx:
        drawn = decisions.decisions_of(tx, patient_id, prompt_ids)
    return {
        decision.prompt_id: PhoneWords(_told_of(decision, assignment).patient, asks(decision))
        for decision, assignment in drawn
    }


def asks(decision: Decision) -> bool:
    """Return whether the phone asks "good moment?" once this prompt is answered.

    Always where times are chosen for good moments, else now and then, by the prompt's own seed.
    """
    if decision.features.get("objective") == RELEVANCE:
        return True
    return happens(decision.seed, decision.prompt_id, ASK, ASK_SHARE)


def _told_of(decision: Decision, assignment: str) -> Explanation:
    """Return the explanation of a draw, or what the prompt that greets a phone is for."""
    if assignment != WELCOME:
        return explain(decision)
    return Explanation(
        "It came as your phone was connected, to show that prompts reach you.",
        "Sent as a phone was connected, to show that prompts reach it.",
        None,
        None,
    )


def _sentences(decision: Decision) -> tuple[str, str]:
    if decision.arm == FIXED:
        return _set_time(decision)
    if sum(decision.available) == 1:
        return "The only time that was left in this window.", (
            "The only slot of its window that rules and other prompts left."
        )
    if decision.policy == STRATIFIED:
        return "Chosen at random, apart from the others in this window.", (
            "Drawn at random over all times that keep the gap to the others in its window."
        )
    if decision.arm == UNIFORM:
        return _uniform(decision)
    return _learned(decision)


def _set_time(decision: Decision) -> tuple[str, str]:
    if decision.policy == EVENT:
        return "It follows from what happened before, such as an answer or a report.", (
            "Brought by an event, as the protocol says."
        )
    if decision.policy == MICRO_RANDOMISED:
        return "A set time in your plan; chance decides whether something comes.", (
            f"A set time, at which a prompt is sent with probability {decision.probability:g}."
        )
    return "A fixed time in your plan.", "A fixed time of the protocol."


def _uniform(decision: Decision) -> tuple[str, str]:
    slots = f"{sum(decision.available)} times"
    if decision.arm_probability == 1.0:
        return "Chosen at random within its window.", f"Drawn at random from {slots}."
    share = f"{100 * decision.arm_probability:.0f} %"
    return "Chosen at random to keep learning.", (
        f"Drawn at random from {slots}, as {share} of prompts are, to compare learned times with."
    )


def _learned(decision: Decision) -> tuple[str, str]:
    law = [p for p, may in zip(decision.propensities, decision.available, strict=True) if may]
    chance = decision.propensities[decision.chosen]
    odds = f"it had a chance of {100 * chance:.0f} % among {len(law)} times"
    if max(law) - min(law) < 1e-9:
        return "Chosen at random: nothing speaks for one time yet.", (
            f"Drawn at random from {len(law)} times, as nothing spoke for any of them yet."
        )
    if chance < max(law):
        return "Chosen at random to keep learning.", (
            "Drawn at random, away from the times that looked best, to keep learning; " + odds + "."
        )
    patient, therapist = _preferred(decision)
    return patient, f"{therapist}; {odds}."


def _preferred(decision: Decision) -> tuple[str, str]:
    """Return why the slot was one of those the model liked best; the second without a full stop."""
    why: dict[str, Any] = decision.features.get("why", {})
    if decision.features.get("rests_on") == RELEVANCE:
        return (
            "Of the times in this window it looked the most likely to suit you.",
            ("It looked best of the window's times by the chance of an answer at a good moment"),
        )
    days = DAYS[int(decision.features.get("day_type", 0))]
    words = WORDS[decision.features.get("rests_on", ANSWERED)]
    own, shared, unsure = (float(why.get(name, 0.0)) for name in ("own", "shared", "unsure"))
    if own >= max(NOTABLE, shared, unsure) and _tends(why):
        answered, seen = why["near"]
        habit = f"You tend to {words.habit} around this time {days}."
        return habit, _counted(answered, seen, days, words)
    if shared >= max(NOTABLE, own, unsure):
        mine, theirs = (_went_by(decision.features, who, words) for who in ("you", "the patient"))
        return f"Going by {mine}, this looked like a good time.", (
            f"It looked better than other times of the window going by {theirs}"
        )
    if unsure >= max(NOTABLE, own):
        return f"To find out whether this time suits you {days}.", (
            f"Little is known of the patient around this time {days}, and it may be a good one"
        )
    return "Of the times in this window it looked best for you.", (
        "It looked best of the window's times, all reasons taken together"
    )


def _tends(why: dict[str, Any]) -> bool:
    """Return whether the patient answers at least every other prompt then, and more than else."""
    (near, near_seen), (every, seen) = why["near"], why["all"]
    enough = near_seen >= FEWEST and near >= 0.5 * near_seen
    return bool(enough and near * seen >= every * near_seen)


def _counted(answered: float, seen: float, days: str, words: _Words) -> str:
    """Return what the patient did around that time; older prompts may count in part."""
    when = f"{words.things} around this time {days}"
    if answered == round(answered) and seen == round(seen):
        return f"The patient {words.did} {answered:.0f} of {seen:.0f} {when}"
    return f"The patient {words.did} {100 * answered / seen:.0f} % of {when}, the older less"


def _went_by(features: dict[str, Any], who: str, words: _Words) -> str:
    """Return what the model went by beside the person's own answers, in words."""
    parts = [f"when people usually {words.people}"]
    if "declared" in features:
        parts.append(f"the hours {who} told us")
    if "last_hour" in features:
        parts.append("the prompt before")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
