"""Numbers of the protocol document: nothing is converted, and the message says what is allowed."""

import math

from pydantic import BeforeValidator


def whole(low: int, high: int) -> BeforeValidator:
    """Return a validator that passes a whole number in [low, high], and neither text nor true."""

    def check(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise ValueError(f"must be a whole number from {low} to {high}")

    return BeforeValidator(check)


def number(low: float, high: float) -> BeforeValidator:
    """Return a validator that passes a finite number in [low, high] as a float."""

    def check(value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        raise ValueError(f"must be a number from {low:.12g} to {high:.12g}")

    return BeforeValidator(check)


def written(value: float) -> str:
    """Return the number as people write it: 60 for 60.0."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.12g}"
