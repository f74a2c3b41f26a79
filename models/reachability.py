"""What a model holds of a person: when they can be reached, how sure that is, and why."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from models.bins import BINS, Floats, Ints, cell_of, centres
from models.context import Declared
from models.receptivity import Receptivity

Z95 = 1.959964


@dataclass(frozen=True)
class Reach:
    """A person's day in half hours, all (48,).

    hours: middle of each; mean: probability of an answer; low, high: bounds of a 95 % credible
    interval of the person's own probability; n: prompts of the person that it rests on directly.
    """

    hours: Floats
    mean: Floats
    low: Floats
    high: Floats
    n: Floats


def own_parts(
    model: Receptivity, hours: Floats, day_type: Ints, person: ArrayLike
) -> tuple[Floats, Floats]:
    """Return what persons' own answers, and the wish to find out, add to slot scores, both (n, k).

    Arguments as in slot_scores; the rest of those scores is population and context.
    """
    keys = np.asarray(person, dtype=np.str_)
    rows = model.ledger_.rows(keys.tolist())
    cells = cell_of(hours, day_type[:, None])
    own, doubt, _ = model.ledger_.terms(rows, cells, model._prior())
    return own, model.optimism * model.ledger_.boldness(rows)[:, None] * doubt


def reach(
    model: Receptivity, person: str, day_type: int, *, declared: Declared | None = None
) -> Reach:
    """Return when this person can be reached on this type of day (0 work, 1 off).

    Someone unknown gets the population's curve with all the doubt there is about a new person.
    Raises NotFittedError before any fit, ValueError for another type of day.
    """
    hours = centres()
    where = (hours[None, :], np.array([day_type]), np.array([person]))
    mean = model.predict_proba(*where, declared=declared)[0]
    cells = np.arange(BINS)[None, :] + BINS * day_type
    row = model.ledger_.rows([person])
    _, _, variance = model.ledger_.terms(row, cells, model._prior())
    stretch = np.sqrt(1.0 + np.pi * variance[0] / 8.0)
    logit = np.log(mean / (1.0 - mean)) * stretch  # undoes the averaging over doubt
    margin = Z95 * np.sqrt(variance[0])
    known = row[0] >= 0
    n = model.ledger_.seen[row[0], cells[0]].astype(np.float64) if known else np.zeros(BINS)
    return Reach(hours, mean, expit(logit - margin), expit(logit + margin), n)
