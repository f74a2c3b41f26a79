"""What could be known at each prompt before it was sent: the context, and the person's past.

Everything of the past is computed from earlier prompts of the same person only, and an answer
counts from the instant it came: one that arrives after the next prompt is still a silence there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from models.bins import Floats, Ints
from models.evaluation.replay_data import Bools, Prompts, rank, spans

DECAYS = (0.5, 0.8, 0.95, 1.0)
"""How much an outcome counts after one more prompt: from the last few to all alike."""
QUICK_PRIOR = 2.0  # prompts a fast-moving rate is shrunk by; the slow ones by the estimate below
SAME_HOUR = 1.0  # width in hours of "the same time of day"
LAGS = 3
CHUNK = 256  # prompts taken at a time, so that memory does not grow with a person's prompts
MEMORY = 500  # a person's prompts before this many count no more: years, as studies go


@dataclass(frozen=True)
class Base:
    """What is known of the population before a person has a past, from training prompts alone.

    rate: of the outcome; strength: how many prompts that rate is worth for a person; delay: mean
    of log(1 + minutes) to an answer.
    """

    rate: float
    strength: float
    delay: float


@dataclass(frozen=True)
class _Past:
    """Rows of one person against all earlier columns of that person, (r, n) each.

    before: which prompts came earlier; came: whose answer had come by then; age: how many prompts
    ago; rows, columns: the places of both in the data.
    """

    before: Bools
    came: Bools
    age: Floats
    rows: slice
    columns: slice


def base_of(prompts: Prompts, outcome: Floats, train: Bools) -> Base:
    """Return the population's base from the training prompts (n,) with a known outcome.

    The strength is that of a beta-binomial prior by moments (Kleinman 1973): how much persons'
    rates differ beyond chance decides how fast a person is believed.
    """
    used = train & ~np.isnan(outcome)
    seen = np.bincount(prompts.person[used], minlength=prompts.persons).astype(np.float64)
    yes = np.bincount(prompts.person[used], weights=outcome[used], minlength=prompts.persons)
    rate = (float(yes.sum()) + 0.5) / (float(seen.sum()) + 1.0)
    seen, yes = seen[seen > 1], yes[seen > 1]
    own = yes / seen
    noise = own * (1.0 - own) / (seen - 1.0)
    spread = float(((own - rate) ** 2 - noise).mean()) if own.size else 0.0
    usual = rate * (1.0 - rate)
    strength = float(np.clip(usual / max(spread, 1e-3 * usual) - 1.0, 0.5, 100.0))
    delays = np.log1p(np.maximum(prompts.delay[train], 0.0))
    delays = delays[~np.isnan(delays)]
    return Base(rate, strength, float(delays.mean()) if delays.size else 0.0)


def context(prompts: Prompts) -> Floats:
    """Return (n, q) what the calendar says: hour (periodic), weekday, day, number in the day."""
    angle = 2.0 * np.pi * prompts.hour / 24.0
    week = 2.0 * np.pi * prompts.weekday / 7.0
    columns = [
        *(turn(times * angle) for times in (1, 2) for turn in (np.sin, np.cos)),
        np.where(np.isnan(prompts.weekday), np.nan, prompts.weekday >= 5),
        np.sin(week),
        np.cos(week),
        prompts.day,
        np.log1p(np.maximum(prompts.day, 0.0)),
        prompts.slot,
        prompts.position,
        prompts.position == 0.0,
    ]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


def history(prompts: Prompts, outcome: Floats, train: Bools) -> Floats:
    """Return (n, q) the person's past at each prompt.

    outcome: (n,) what is to be predicted, NaN where unknown; train: (n,) whose prompts may set
    the population's base. Where the outcome is not the answer itself, both have a past.
    """
    series = [outcome]
    if not np.array_equal(outcome, prompts.answered):
        series.append(prompts.answered)
    bases = [base_of(prompts, values, train) for values in series]
    before, parts = np.log1p(rank(prompts.person)), []
    for past in _pasts(prompts):
        columns = [before[past.rows], _gap(prompts, past)]
        for values, base in zip(series, bases, strict=True):
            columns += _rates(prompts, past, values, base)
        columns += _delays(prompts, past, bases[0].delay)
        parts.append(np.column_stack(columns))
    return np.vstack(parts) if parts else np.empty((0, 0))


def _pasts(prompts: Prompts) -> Iterator[_Past]:
    """Yield the persons' pasts in the order of the data, long ones in pieces."""
    done = prompts.at + np.maximum(np.nan_to_num(prompts.delay), 0.0) / 60.0
    for start, stop in spans(prompts.person):
        for low in range(start, stop, CHUNK):
            rows = slice(low, min(low + CHUNK, stop))
            columns = slice(max(start, low - MEMORY), rows.stop)
            place = np.arange(rows.start, rows.stop)[:, None]
            earlier = np.arange(columns.start, columns.stop)[None, :]
            before = (earlier < place) & (earlier >= place - MEMORY)
            # Without a clock the comparison with NaN is false: prompts are then taken to be over.
            late = done[columns][None, :] > prompts.at[rows][:, None]
            age = np.where(before, place - 1 - earlier, 0).astype(np.float64)
            yield _Past(before, before & ~late, age, rows, columns)


def _rates(prompts: Prompts, past: _Past, outcome: Floats, base: Base) -> list[Floats]:
    """Return the columns (r,) one series of outcomes gives."""
    values = outcome[past.columns]
    weight = past.before & ~np.isnan(values)[None, :]
    success = past.came * np.nan_to_num(values)[None, :]

    def rate(weights: Floats | Bools, prior: float, centre: Floats | float) -> Floats:
        total = (weights * success).sum(axis=1) + prior * centre
        return np.asarray(total / (weights.sum(axis=1) + prior), dtype=np.float64)

    moving = [
        rate(weight * decay**past.age, min(base.strength, QUICK_PRIOR), base.rate)
        for decay in DECAYS[:-1]
    ]
    mean = rate(weight, base.strength, base.rate)
    now, then = prompts.day[past.rows][:, None], prompts.day[past.columns][None, :]
    today, yesterday = (weight & (now - back == then) for back in (0, 1))
    weekend = prompts.weekday[past.columns] >= 5
    here = weekend[past.rows.start - past.columns.start :]
    same_type = weight & (here[:, None] == weekend[None, :])
    hour = _alike(prompts, past) * weight
    lagged = [
        np.where(weight & (past.age == lag), success, 0.0).sum(axis=1)
        + base.rate * ~(weight & (past.age == lag)).any(axis=1)
        for lag in range(LAGS)
    ]
    return [
        *moving,
        mean,
        logit(mean),
        moving[1] - mean,
        *lagged,
        rate(today, 1.0, mean) - mean,
        rate(yesterday, 1.0, mean) - mean,
        rate(hour, base.strength, mean) - mean,
        rate(same_type, base.strength, mean) - mean,
        *_since(prompts, past, success > 0.0),
        _since(prompts, past, weight & (success == 0.0))[0],
    ]


def _alike(prompts: Prompts, past: _Past) -> Floats:
    """Return (r, n) how close to the same time of day the prompts were, 0..1."""
    gap = np.abs(prompts.hour[past.rows][:, None] - prompts.hour[past.columns][None, :])
    gap = np.minimum(gap, 24.0 - gap)
    slot = prompts.slot
    same = slot[past.rows][:, None] == slot[past.columns][None, :]
    closeness = np.where(np.isnan(gap), same, np.exp(-0.5 * (gap / SAME_HOUR) ** 2))
    return np.asarray(closeness, dtype=np.float64)


def _since(prompts: Prompts, past: _Past, event: Bools) -> list[Floats]:
    """Return log(1 + prompts) and log(1 + hours) since the last event (r, n), hours NaN if none."""
    last, ever = _last(event)
    place = np.arange(past.rows.start, past.rows.stop) - past.columns.start
    prompts_ago = np.where(ever, place - 1 - last, place)
    hours = prompts.at[past.rows] - prompts.at[past.columns][last]
    return [np.log1p(prompts_ago), np.log1p(np.where(ever, np.maximum(hours, 0.0), np.nan))]


def _last(event: Bools) -> tuple[Ints, Bools]:
    """Return the column of the last event in each row (r,), and whether there is one."""
    last = event.shape[1] - 1 - np.argmax(event[:, ::-1], axis=1)
    return np.asarray(last, dtype=np.int64), np.asarray(event.any(axis=1), dtype=np.bool_)


def _gap(prompts: Prompts, past: _Past) -> Floats:
    """Return log(1 + hours) since the previous prompt (r,), NaN at the first."""
    at = prompts.at[past.columns]
    gap = np.r_[np.nan, np.diff(at)][past.rows.start - past.columns.start :]
    return np.asarray(np.log1p(np.maximum(gap, 0.0)), dtype=np.float64)


def _delays(prompts: Prompts, past: _Past, usual: float) -> list[Floats]:
    """Return how quickly the person answered before (r,): the last time, of late, on the whole."""
    delay = np.log1p(np.maximum(prompts.delay[past.columns], 0.0))
    known = past.came & ~np.isnan(delay)[None, :]
    last, ever = _last(known)
    columns = [np.where(ever, delay[last], usual)]
    for decay in (0.7, 1.0):
        weight = known * decay**past.age
        total = (weight * np.nan_to_num(delay)).sum(axis=1) + QUICK_PRIOR * usual
        columns.append(total / (weight.sum(axis=1) + QUICK_PRIOR))
    return [np.asarray(column, dtype=np.float64) for column in columns]
