"""Exact probabilities of every slot in a window, as matrices with one row a decision.

Rows are decisions, columns are slots of the window. A propensity of exactly 0 means that the slot
cannot be drawn; every other slot keeps the floor epsilon / (number of available slots), which is
what keeps inverse-propensity weights bounded (Horvitz & Thompson 1952).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def uniform(available: ArrayLike) -> Floats:
    """Return (n, k) propensities that are equal over the available slots of each row.

    Raises ValueError naming the first row that has no available slot.
    """
    allowed = _checked_availability(available)
    return np.asarray(allowed / allowed.sum(axis=1, keepdims=True), dtype=np.float64)


def epsilon_greedy(score: ArrayLike, available: ArrayLike, epsilon: float) -> Floats:
    """Return (n, k) propensities: 1 - epsilon on the best available slot, the rest uniform.

    score: (n, k), any finite unit, larger is better; values of unavailable slots are not read.
    available: (n, k) bool. Slots tied for the best share its mass equally. Rows sum to 1 and
    unavailable slots get exactly 0.

    Raises ValueError for a shape mismatch, an epsilon outside 0..1, a row without an available
    slot, or a score that is not finite on an available slot (the row is named).
    Sutton & Barto (2018), section 2.2.
    """
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon: must be between 0 and 1, got {epsilon}")
    allowed = _checked_availability(available)
    values = np.asarray(score, dtype=np.float64)
    if values.shape != allowed.shape:
        raise ValueError(f"score: must have shape {allowed.shape} as available, got {values.shape}")
    bad = np.flatnonzero((~np.isfinite(values) & allowed).any(axis=1))
    if bad.size:
        raise ValueError(f"score: row {bad[0]} holds a value that is not finite")
    masked = np.where(allowed, values, -np.inf)
    best = masked == masked.max(axis=1, keepdims=True)
    greedy = best / best.sum(axis=1, keepdims=True)
    spread = allowed / allowed.sum(axis=1, keepdims=True)
    return np.asarray((1.0 - epsilon) * greedy + epsilon * spread, dtype=np.float64)


def _checked_availability(available: ArrayLike) -> NDArray[np.bool_]:
    """Return available as a bool matrix in which every row has a slot."""
    allowed = np.asarray(available)
    if allowed.ndim != 2 or allowed.dtype != np.bool_:
        raise ValueError(
            f"available: must be a bool matrix, got {allowed.dtype} of shape {allowed.shape}"
        )
    empty = np.flatnonzero(~allowed.any(axis=1))
    if empty.size:
        raise ValueError(f"available: row {empty[0]} has no available slot")
    return allowed
