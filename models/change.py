"""Who keeps other hours than before: a new job, a holiday, another shift.

For each person and each of a few days in the recent past, two explanations of all outcomes compete:
one deviation throughout, or one before that day and an unrelated one since (Barry & Hartigan 1992).
Their log likelihood ratio, averaged over the days, is a Bayes factor. The likelihood is expanded to
second order around the population's expectation, so sums over outcomes are all it takes.
"""

import numpy as np
from scipy.special import expit, logsumexp

from models.bins import Floats, Ints
from models.history import History

DIMENSIONS = 4  # of the deviation, the leading ones; finer features hardly show in a few weeks
EVERY = 4  # days between candidates
KEPT = 0.2  # of the outcomes before a change
BOLDER = 1.5  # factor on the optimism of a person who changed
CANDIDATES = 6  # how many, counted back from the person's last day


def changes(history: History, logit: Floats, design: Floats) -> tuple[Floats, Ints]:
    """Return the log Bayes factor (n,) for a recent change, and the likeliest day (n,) of it.

    logit: (m,) of each outcome without base rate and deviation; design: (96, 1 + r), in prior SDs.
    The day is the first one after the change.
    """
    n = history.weight.size
    last = np.zeros(n, dtype=np.int64)
    last[history.visit_person] = history.visit_day  # visits are in order, so the last one stays
    days = last[:, None] + 1 - EVERY * np.arange(1, CANDIDATES + 1)
    if not history.timed or design.shape[1] < 2 or history.label.size == 0:
        return np.full(n, -np.inf), days[:, 0]
    chance = expit(logit)
    pull, push = history.label - chance, chance * (1.0 - chance)
    columns = design[:, : 1 + DIMENSIONS]
    whole = history.tally(pull), history.tally(push)
    together = _evidence(*whole, columns)
    day = history.visit_day[history.visit]
    factors = np.empty((CANDIDATES, n))
    for at in range(CANDIDATES):
        since = (day >= days[history.person, at]).astype(np.float64)
        after = history.tally(pull * since), history.tally(push * since)
        before = whole[0] - after[0], np.maximum(whole[1] - after[1], 0.0)
        factors[at] = _evidence(*before, columns) + _evidence(*after, columns) - together
    likeliest = days[np.arange(n), np.argmax(factors, axis=0)]
    return np.asarray(logsumexp(factors, axis=0) - np.log(CANDIDATES)), likeliest


def _evidence(pull: Floats, push: Floats, columns: Floats) -> Floats:
    """Return the log marginal likelihood (n,) of sums (n, 96) against no deviation at all."""
    q = columns.shape[1]
    slope = pull @ columns
    products = (columns[:, :, None] * columns[:, None, :]).reshape(-1, q * q)
    precision = (push @ products).reshape(-1, q, q) + np.eye(q)
    root = np.linalg.cholesky(precision)
    gain = (slope * np.linalg.solve(precision, slope[..., None])[..., 0]).sum(axis=1)
    return np.asarray(
        0.5 * gain - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1), dtype=np.float64
    )
