"""Random choices that anyone can draw again: each is a function of seed, prompt and purpose."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

RECIPE = "welltimed-draw/1"
"""Name and version of the recipe in `uniform`; part of the hashed text."""

_TOLERANCE = 1e-6


def uniform(seed: int, prompt: UUID, purpose: str) -> float:
    """Return the number in [0, 1) that belongs to this seed, prompt and purpose.

    Recipe, the same in any language: SHA-256 of the UTF-8 text
    `welltimed-draw/1|<seed in decimal>|<prompt id, lower case with hyphens>|<purpose>`; the first
    eight bytes read as a big-endian integer, shifted right by 11 bits, divided by 2**53.
    """
    text = f"{RECIPE}|{seed}|{prompt}|{purpose}"
    digest = hashlib.sha256(text.encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def pick(share: float, probabilities: Sequence[float]) -> int:
    """Return the first index whose running sum exceeds `share`, a number in [0, 1).

    Sums run from left to right in double precision. Where rounding leaves their total at or
    below `share`, the last index with a probability above zero is taken; an index with
    probability zero never is. Raises ValueError unless these are probabilities that sum to 1.
    """
    weights = [float(probability) for probability in probabilities]
    if not (abs(sum(weights) - 1) <= _TOLERANCE and all(weight >= 0 for weight in weights)):
        raise ValueError(f"probabilities: must be at least 0 and sum to 1, got {weights}")
    running, last = 0.0, -1
    for index, weight in enumerate(weights):
        if weight > 0:
            running, last = running + weight, index
            if share < running:
                break
    return last


def draw(seed: int, prompt: UUID, purpose: str, probabilities: Sequence[float]) -> int:
    """Return the index drawn for this prompt and purpose: `pick` of its `uniform` number.

    Raises ValueError as `pick` does.
    """
    return pick(uniform(seed, prompt, purpose), probabilities)


def happens(seed: int, prompt: UUID, purpose: str, probability: float) -> bool:
    """Return whether something of this probability happens: `draw` between yes and no."""
    return uniform(seed, prompt, purpose) < probability
