"""Made-up studies for replays: persons with rates, rhythms and bad days of their own."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from models.evaluation.replay_data import Prompts, arrange

COLUMNS = ("answered", "at", "hour", "weekday", "day", "beep", "delay", "order")


def study(
    seed: int = 0,
    *,
    persons: int = 40,
    days: int = 20,
    per_day: int = 5,
    rhythm: float = 0.0,
    spread: float = 1.0,
) -> Prompts:
    """Return prompts at random times; rhythm: how strongly persons prefer hours of their own."""
    rng = np.random.default_rng(seed)
    shape = (persons, days, per_day)
    clock = np.floor(8.0 * 60 + (np.arange(per_day) + rng.random(shape)) * 14 * 60 / per_day) / 60.0
    best = rng.uniform(9.0, 21.0, (persons, 1, 1))
    level = rng.normal(0.4, spread, (persons, 1, 1)) + rng.normal(0.0, 0.7, (persons, days, 1))
    chance = expit(level + rhythm * (np.exp(-0.5 * ((clock - best) / 2.0) ** 2) - 0.4))
    answered = (rng.random(shape) < chance).astype(float)
    day = np.broadcast_to(np.arange(days, dtype=float)[:, None], shape)
    columns = {
        "answered": answered,
        "at": day * 24.0 + clock,
        "hour": clock,
        "weekday": day % 7.0,
        "day": day,
        "beep": np.broadcast_to(np.arange(1.0, per_day + 1.0), shape),
        "delay": np.where(answered == 1.0, rng.exponential(12.0, shape), np.nan),
        "order": np.broadcast_to(np.arange(days * per_day, dtype=float).reshape(days, -1), shape),
    }
    who = np.broadcast_to(np.arange(persons)[:, None, None], shape)
    flat = {name: np.array(values).reshape(-1) for name, values in columns.items()}
    return arrange(flat, who.reshape(-1), np.full(who.size, "exact"))


def without_clock(prompts: Prompts) -> Prompts:
    """Return the prompts with no times at all."""
    nothing = np.full(prompts.hour.size, np.nan)
    return replace(prompts, at=nothing, hour=nothing, weekday=nothing, delay=nothing)
