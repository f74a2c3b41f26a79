"""Deciding: a thousand windows as one matrix, against the same windows one at a time."""

from benchmarks.clinic import OPENS_AT, fitted_model, half_hours, window
from benchmarks.compare import Contest
from engine.records import Decision
from prompting.decide import Policies, draw_slots
from prompting.policies import AdaptivePolicy

WINDOWS = 1_000
SLOTS = 7
HISTORY_DAYS = 14


def contest() -> Contest:
    """Return the contest; both ways give the same draws, which is checked here."""
    policies = Policies(AdaptivePolicy(fitted_model(WINDOWS, HISTORY_DAYS), "bench", 0.1))
    batch = [
        window(number, slots=half_hours(SLOTS), timing="adaptive") for number in range(WINDOWS)
    ]
    masks = [[True] * SLOTS for _ in batch]

    def together() -> list[Decision]:
        return draw_slots(batch, masks, policies, now=OPENS_AT)

    def one_by_one() -> list[Decision]:
        return [
            decision
            for one, mask in zip(batch, masks, strict=True)
            for decision in draw_slots([one], [mask], policies, now=OPENS_AT)
        ]

    if [d.chosen for d in together()] != [d.chosen for d in one_by_one()]:
        raise RuntimeError("the two ways to decide do not agree")
    return Contest(
        name="decide",
        unit="windows/s",
        work=WINDOWS,
        ours=together,
        baseline=one_by_one,
        compared=(
            f"draw_slots for {WINDOWS:,} adaptive windows of {SLOTS} slots as one matrix, "
            "against the same function called once a window"
        ),
    )
