"""How persons' preferences for times spread and hang together: estimated, then shrunk to a kernel.

Residual products of one person on two different days have the covariance of deviations as their
expectation; the same day is left out, because a bad day makes neighbours alike without any lasting
preference. This is a U-statistic (Hoeffding 1948; for covariance functions Yao, Mueller & Wang
2005), fitted by weighted least squares. It is noisy, so first a single variance times a kernel is
fitted, and then as much of the free covariance is added as its own sampling error allows (Ledoit &
Wolf 2004).
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from models.bins import CELLS, Floats, centres
from models.history import History
from models.pilot import Pilot

VARIANCE_SPREAD = 0.3  # plausible size of the deviation variance (logit squared)
FREE_RANK = 8  # eigenvectors of the kernel between which any covariance is allowed
RIDGE = 0.01  # of the average precision, so that cells nobody was prompted in stay put
GROUPS = 10  # of persons, for the sampling error of the free covariance
PILOT_NUGGET = 0.05  # the share of the kernel beside a pilot's covariance, which has few ranks


@dataclass(frozen=True)
class Spread:
    """Deviations of persons: basis @ z with z ~ N(0, sd squared); basis (96, r), sd in logit."""

    basis: Floats
    sd: float


@dataclass(frozen=True)
class _Products:
    """Sums over pairs of different days of a person, by cells.

    pairs: (groups, 96, 96) of weights; products: (groups, 96, 96) of residuals; noise: (96, 96)
    variance of the residual sums where there are no deviations.
    """

    pairs: Floats
    products: Floats
    noise: Floats


def kernel(length: float, day_type_correlation: float) -> Floats:
    """Return the (96, 96) unit-variance prior correlation between cells.

    Squared exponential of the distance around the clock (length in hours), times the given
    correlation between work and off days. Rasmussen & Williams (2006), eq. 4.9, wrapped.
    """
    gap = np.abs(centres()[:, None] - centres()[None, :])
    gap = np.minimum(gap, 24.0 - gap)
    hours = np.exp(-0.5 * (gap / length) ** 2)
    kinds = np.array([[1.0, day_type_correlation], [day_type_correlation, 1.0]])
    return np.kron(kinds, hours)


def occupancy(seen: Floats) -> Floats:
    """Return how much each cell counts (96,), summing to 1 and never 0, from (n, 96) prompts.

    Logarithms, because an adaptive policy piles prompts up on few cells while deviations must be
    represented wherever a prompt may go. Uniform waking hours (7 to 23) are mixed in, so that few
    data do not decide.
    """
    waking = np.tile((centres() > 7.0) & (centres() < 23.0), 2).astype(np.float64)
    total = np.log1p(seen.sum(axis=0) + waking) + 0.01
    return np.asarray(total / total.sum(), dtype=np.float64)


def centred(correlation: Floats, share: Floats) -> Floats:
    """Return the kernel of deviations whose mean over prompted cells is zero.

    The mean belongs to the person's base rate; without this the two could not be told apart.
    """
    average = correlation @ share
    grand = float(share @ average)
    return np.asarray(correlation - average[:, None] - average[None, :] + grand, dtype=np.float64)


def basis(correlation: Floats, share: Floats, rank: int) -> Floats:
    """Return (96, rank) with basis @ basis.T close to the kernel where prompts happen.

    Nystroem extension of the eigenvectors of the occupancy-weighted kernel (Williams & Seeger
    2001, eq. 4).
    """
    root = np.sqrt(share)
    values, vectors = np.linalg.eigh(root[:, None] * correlation * root[None, :])
    order = np.argsort(values)[::-1][:rank]
    values, vectors = np.maximum(values[order], 1e-12), vectors[:, order]
    # Eigenvectors have no sign of their own; fixing it makes equal data give equal bytes.
    vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    return np.asarray(correlation @ (root[:, None] * vectors) / np.sqrt(values), dtype=np.float64)


def fit_spread(
    history: History, logit: Floats, correlation: Floats, rank: int, pilot: Pilot | None
) -> Spread:
    """Return the spread of deviations at no more than `rank` dimensions.

    logit: (m,) of each outcome without deviations; correlation: (96, 96) kernel. A pilot's
    covariance takes the kernel's place, and its variance the place of none.
    """
    share = occupancy(history.tally(history.pull))
    if pilot is not None and pilot.basis.shape[1]:
        correlation = pilot.basis @ pilot.basis.T + PILOT_NUGGET * correlation
    correlation = centred(correlation, share)
    typical = (0.0, 0.0) if pilot is None else (pilot.deviation_sd**2, pilot.persons)
    if history.person.size == 0 or rank == 0:
        return Spread(basis(correlation, share, rank), float(np.sqrt(typical[0])))
    sums = _products(history, logit)
    variance, constant = _variance(sums, correlation, *typical)
    if variance <= 0.0:
        return Spread(basis(correlation, share, rank), 0.0)
    free = _free_part(sums, variance * correlation, share, constant) / variance
    persons = float(history.weight.size)
    shape = correlation + free * persons / (persons + typical[1])
    return Spread(basis(shape, share, rank), float(np.sqrt(variance)))


def _products(history: History, logit: Floats) -> _Products:
    chance = expit(logit)
    working = chance * (1.0 - chance)
    weight = history.pull
    return _Products(
        pairs=_different_days(history, weight * working**2, GROUPS),
        products=_different_days(history, weight * working * (history.label - chance), GROUPS),
        noise=_different_days(history, weight**2 * working**3, 1)[0],
    )


def _different_days(history: History, value: Floats, groups: int) -> Floats:
    """Return (groups, 96, 96) sums of products of value over pairs of a person's different days."""
    persons = history.weight.size
    by_person = history.tally(value)
    visits = history.visit_person.size
    by_visit = csr_array((value, (history.visit, history.cell)), shape=(visits, CELLS))
    edges = np.arange(groups + 1) * persons // groups
    starts = np.searchsorted(history.visit_person, edges)
    sums = np.empty((groups, CELLS, CELLS))
    for group in range(groups):
        own = by_person[edges[group] : edges[group + 1]]
        days = by_visit[starts[group] : starts[group + 1]]
        sums[group] = own.T @ own - (days.T @ days).toarray()
    return sums


def _variance(
    sums: _Products, correlation: Floats, typical: float, persons: float
) -> tuple[float, float]:
    """Return the variance (logit squared) of deviations, and the constant that was beside it.

    The constant takes up what is left of base rates. The estimate is shrunk to the typical value by
    its own standard error (James & Stein 1961), so little data give almost no deviation, or what
    the pilot had, the more so the more persons that had.
    """
    pairs, products = sums.pairs.sum(axis=0), sums.products.sum(axis=0)
    across = float((pairs * correlation).sum())
    normal = np.array([[pairs.sum(), across], [across, (pairs * correlation**2).sum()]])
    right = np.array([products.sum(), (products * correlation).sum()])
    if np.linalg.det(normal) <= 1e-9 * normal[0, 0] * normal[1, 1] or normal[1, 1] <= 0.0:
        return typical, 0.0
    constant, estimate = (float(value) for value in np.linalg.solve(normal, right))
    error2 = 2.0 * float((sums.noise * correlation**2).sum()) / float(normal[1, 1]) ** 2
    plausible = VARIANCE_SPREAD**2 / (1.0 + persons / 10.0)
    keep = plausible / (plausible + error2)
    return keep * max(0.0, estimate) + (1.0 - keep) * typical, constant


def _free_part(sums: _Products, prior: Floats, share: Floats, constant: float) -> Floats:
    """Return what the covariance (96, 96) adds to its prior, shrunk by its sampling error.

    Any symmetric form between the leading eigenvectors of the prior is fitted to what the prior
    leaves over. Its error is the larger one of what answers by chance explain, and of a sandwich
    clustered by groups of persons (Liang & Zeger 1986), who are no random sample of deviations.
    """
    columns = basis(prior, share, FREE_RANK)
    size = columns.shape[1] ** 2
    normal = _moments(sums.pairs.sum(axis=0), columns)
    normal += RIDGE * np.trace(normal) / size * np.eye(size)
    left = sums.products - sums.pairs * (prior + constant)
    right = (columns.T @ left @ columns).reshape(GROUPS, -1)
    form = np.linalg.solve(normal, right.sum(axis=0))
    free = columns @ form.reshape(columns.shape[1], -1) @ columns.T
    error = (columns.T @ (left - sums.pairs * free) @ columns).reshape(GROUPS, -1)
    between = float((np.linalg.solve(normal, error.T) ** 2).sum()) * GROUPS / (GROUPS - 1.0)
    inverse = np.linalg.inv(normal)
    chance = 2.0 * float(np.trace(inverse @ _moments(sums.noise, columns) @ inverse))
    found = float((form**2).sum())
    keep = max(0.0, 1.0 - max(between, chance) / found) if found > 0.0 else 0.0
    return np.asarray(keep * free, dtype=np.float64)


def _moments(weights: Floats, columns: Floats) -> Floats:
    """Return sums (r r, r r) of weights (96, 96) times products of pairs of columns (96, r)."""
    rank = columns.shape[1]
    squares = (columns[:, :, None] * columns[:, None, :]).reshape(CELLS, -1)
    sums = (squares.T @ weights @ squares).reshape((rank,) * 4)
    return np.asarray(sums.transpose(0, 2, 1, 3).reshape(rank**2, rank**2), dtype=np.float64)
