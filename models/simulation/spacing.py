"""The best day of prompts for one who knows a curve and minds prompts too close together."""

import numpy as np
from scipy.special import expit

from models.simulation.rhythms import PER_BLOCK
from models.simulation.world import Floats, Ints

RUSHED_HOURS = 1.0


def best_spaced(logit: Floats, hours: Floats, last: Floats, cost: float) -> Ints:
    """Return the first block's slot (n,) of the best way to prompt once in each block.

    logit: (n, k) systematic logits of the slots from this block to the end of the day, 7 a block;
    hours: (k,) of those slots; last: (n,) hour of the prompt before, -inf for none; cost: logit
    that a prompt loses when it comes less than an hour after the one before. Maximises the sum of
    probabilities over the blocks exactly, by dynamic programming from the last block backwards
    (Bellman 1957): what remains to be gained depends on the past through the last prompt alone.
    """
    slots = hours.reshape(-1, PER_BLOCK)
    logits = logit.reshape(len(logit), -1, PER_BLOCK)
    ahead = np.zeros((len(logit), PER_BLOCK))  # to be gained after a prompt in each slot
    for block in range(len(slots) - 1, 0, -1):
        gap = slots[block] - slots[block - 1][:, None]
        rushed = cost * (gap < RUSHED_HOURS)
        gain = expit(logits[:, block, None, :] - rushed) + ahead[:, None, :]
        ahead = gain.max(axis=2)
    rushed = cost * ((slots[0] - last[:, None]) < RUSHED_HOURS)
    return np.asarray(np.argmax(expit(logits[:, 0] - rushed) + ahead, axis=1), dtype=np.int64)
