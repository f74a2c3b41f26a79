"""Deciding: windows as one matrix, against a row at a time and against a loop over persons.

Ours is the policy that production decides by, on a model that knows every person of the batch. The
two baselines do the same work in the usual ways: `LogisticRegression.predict_proba` on one slot at
a time, and for each person a draw from Beta posteriors of each slot. They are timed on a sample of
the same windows in the same run, in turns with ours.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.clinic import OPENS_AT, fitted_model, half_hours, window
from benchmarks.compare import Contest
from engine.records import Decision
from models.artifact import dumps, loads
from models.objective import Heads
from models.receptivity import Receptivity
from prompting.decide import Policies, draw_slots
from prompting.policies import AdaptivePolicy, SlotBatch

WINDOWS = 1_000
SLOTS = 7
HISTORY_DAYS = 14
EPSILON = 0.1
MANY, MOST = 100, 1_000
"""Times `WINDOWS`: one batch, a person each, and a larger one of the same persons over again, which
shows whether time is linear."""
CHUNK = 50_000
"""Windows computed at once, so that the larger batch needs no more memory."""
SAMPLE = 300
"""Windows that the baselines decide; they are too slow for more."""
ROUNDS = 3
OUTCOMES = 4
"""Answers taken in of each person before deciding."""

Floats = NDArray[np.float64]
Say = Callable[[str], object]


def report(many: int = MANY, most: int = MOST, say: Say = lambda _: None) -> dict[str, Any]:
    """Return microseconds a window of ours and both baselines, and what model and update cost.

    `ratio` is a row at a time / ours, `ratio_thompson` the loop / ours, `linearity` the time a
    window takes in the larger batch / that in the smaller one.
    """
    many, repeats = MANY * WINDOWS, MOST // MANY
    say("fitting")
    model, bytes_per_person, update_us, refresh_us = _filled(many, say)
    policy = AdaptivePolicy(Heads(model), "bench", EPSILON)
    windows = _windows(many)
    ours, rows, loop = [], [], []
    row_at_a_time, thompson = _logistic(), _thompson()
    for turn in range(ROUNDS):
        say(f"deciding, {turn + 1} of {ROUNDS}")
        ours.append(_seconds(lambda: _decide(policy, windows)) / many)
        rows.append(_seconds(row_at_a_time) / SAMPLE)
        loop.append(_seconds(thompson) / SAMPLE)
    say(f"deciding {repeats * many:,}")
    larger = _seconds(lambda: [_decide(policy, windows) for _ in range(repeats)])
    mine, row, looped = (1e6 * statistics.median(times) for times in (ours, rows, loop))
    return {
        "name": "decide",
        "windows": many,
        "slots": SLOTS,
        "us_per_window": round(mine, 3),
        "rate": round(1e6 / mine, 1),
        "baselines": {
            "row_at_a_time": {"us_per_window": round(row, 2), "windows": SAMPLE},
            "thompson_loop": {"us_per_window": round(looped, 2), "windows": SAMPLE},
        },
        "ratio": round(row / mine, 2),
        "ratio_thompson": round(looped / mine, 2),
        "larger": {
            "windows": repeats * many,
            "us_per_window": round(1e6 * larger / (repeats * many), 3),
        },
        "linearity": round(larger / (repeats * many) * 1e6 / mine, 3),
        "update_us_per_answer": round(update_us, 3),
        "refresh_us_per_person": round(refresh_us, 3),
        "bytes_per_person": round(bytes_per_person, 1),
    }


def _filled(persons: int, say: Say) -> tuple[Receptivity, float, float, float]:
    """Return a model that knows so many persons, its bytes for each, and what answers cost.

    Bytes are what reading the model into an empty process takes, keys of persons and all. Taking
    answers in and bringing posteriors up to date for the next decision are timed apart.
    """
    model = fitted_model(WINDOWS, HISTORY_DAYS)
    rng = np.random.default_rng(1)
    keys = _keys(persons)
    taken = []
    for turn in range(OUTCOMES):
        say(f"taking in {persons:,} answers, {turn + 1} of {OUTCOMES}")
        X = np.column_stack([rng.integers(16, 44, persons) / 2.0, np.zeros(persons)])
        y = rng.integers(0, 2, persons)
        began = time.perf_counter()
        model.partial_fit(X, y, person=keys)
        taken.append(time.perf_counter() - began)
    one_each = np.full((persons, 1), 12.0)
    refreshed = _seconds(lambda: model.slot_scores(one_each, np.zeros(persons), keys))
    blob = dumps(model, {})
    tracemalloc.start()
    kept, _ = loads(blob)
    size = tracemalloc.get_traced_memory()[0] / kept.ledger_.size
    tracemalloc.stop()
    # The first turn also gives every person a row, as happens once.
    update = statistics.median(taken[1:]) / persons
    return kept, size, 1e6 * update, 1e6 * refreshed / persons


def _keys(persons: int) -> NDArray[np.str_]:
    return np.array([f"person-{number:08d}" for number in range(persons)])


def _windows(count: int) -> list[SlotBatch]:
    """Return so many windows, one a person, in batches that fit into the cache of a machine."""
    keys = _keys(count).tolist()
    made = []
    for start in range(0, count, CHUNK):
        some = keys[start : start + CHUNK]
        n = len(some)
        made.append(
            SlotBatch(
                hours=np.tile(9.0 + np.arange(SLOTS) / 2.0, (n, 1)),
                available=np.ones((n, SLOTS), dtype=np.bool_),
                day_type=np.zeros(n, dtype=np.int64),
                person=some,
                declared=np.full((n, 4), np.nan),
                last_hour=np.full(n, np.nan),
            )
        )
    return made


def _decide(policy: AdaptivePolicy, windows: list[SlotBatch]) -> None:
    for batch in windows:
        policy.propensities(batch)


def _logistic() -> Callable[[], object]:
    """Return a way to decide: predict each slot of each window in a call of its own."""
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.uniform(8, 22, 5_000), rng.integers(0, 2, 5_000)])
    model = LogisticRegression().fit(X, rng.integers(0, 2, 5_000))
    slots = [np.array([[9.0 + slot / 2.0, 0.0]]) for slot in range(SLOTS)]

    def way() -> None:
        for _ in range(SAMPLE):
            int(np.argmax([model.predict_proba(slot)[0, 1] for slot in slots]))

    return way


def _thompson() -> Callable[[], object]:
    """Return a way to decide: for each person, draw from the posterior of each slot."""
    rng = np.random.default_rng(3)
    counts = rng.integers(1, 9, (SAMPLE, SLOTS, 2))

    def way() -> None:
        for person in counts:
            int(np.argmax([rng.beta(yes, no) for yes, no in person]))

    return way


def _seconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def contest() -> Contest:
    """Return the contest; both ways give the same draws, which is checked here."""
    heads = Heads(fitted_model(WINDOWS, HISTORY_DAYS))
    policies = Policies(AdaptivePolicy(heads, "bench", EPSILON))
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
