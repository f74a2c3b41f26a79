"""Exact arithmetic for sliders and stepped numbers."""

from decimal import Decimal

DECIMALS = 9
"""Answers are compared to this many decimals, so 0.1 + 0.2 from a browser counts as 0.3."""


def on_step(value: float, start: float, step: float) -> bool:
    """Return whether `value` is `start` plus a whole number of steps, in decimal arithmetic.

    Binary remainders would call 0.3 off a step of 0.1. All three must be finite and below 1e9 in
    size, and `step` at least 1e-6.
    """
    distance = Decimal(repr(tidy(value))) - Decimal(repr(start))
    return distance % Decimal(repr(step)) == 0


def tidy(value: float) -> int | float:
    """Return the number rounded to `DECIMALS`, as an int where it is whole (70.0 becomes 70)."""
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded
