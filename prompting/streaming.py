"""Fitting to more outcomes than fit into memory: some persons at a time, here or on a cluster.

Outcomes are read by person in parts of bounded size; each part is fitted by itself, in this process
or by whoever works for joblib, and the parts are combined. Memory holds the parts that are being
fitted, and about a kilobyte for each person.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from engine.learning_records import Hours
from engine.store import Database, learning
from models.combining import Arrays, combined
from models.receptivity import Receptivity
from prompting.features import declared_array
from prompting.promotion import held_out, recent_since

PART = 200_000
"""Most outcomes fitted at once; a person's are never split."""


@dataclass(frozen=True, slots=True)
class Training:
    """The outcomes of some persons as arrays, each with an entry an outcome."""

    X: NDArray[np.float64]
    y: NDArray[np.int64]
    person: NDArray[np.str_]
    day: NDArray[np.int64]
    declared: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where parts are fitted: `dask` is the address of a scheduler, None for this process."""

    dask: str | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Send joblib's work there while the block runs; the connection ends with it.

        Raises ImportError where dask is not installed, OSError where nobody answers.
        """
        if self.dask is None:
            yield
            return
        if find_spec("distributed") is None:
            raise ImportError("dask is not installed")
        # Only whoever has a cluster is to need it, and to wait for it.
        from distributed import Client  # noqa: PLC0415

        with (
            Client(self.dask, set_as_default=False) as client,  # type: ignore[no-untyped-call]
            joblib.parallel_config(backend="dask", client=client),
        ):
            yield

    @property
    def jobs(self) -> int:
        """Return how many parts are fitted at once: on a cluster as many as it has workers for."""
        return 1 if self.dask is None else -1


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, how many outcomes it was fitted to, and in how many parts."""

    model: Receptivity
    outcomes: int
    parts: int


HERE = Cluster()


def fit_stored(
    db: Database, declared: Mapping[str, Hours], *, part: int = PART, cluster: Cluster = HERE
) -> Fitted:
    """Return a model of all outcomes in store, but for those held out to weigh it by."""
    with db.read() as tx:
        spans = list(_spans(learning.outcomes_by_person(tx), part))
        last_day = learning.last_day(tx)
    counts: list[int] = []
    tasks = (
        joblib.delayed(_fit_part)(training)
        for training in _trainings(db, declared, spans, last_day, counts)
    )
    with cluster():
        parallel = joblib.Parallel(
            n_jobs=cluster.jobs, pre_dispatch="2*n_jobs", return_as="generator"
        )
        parts: list[Arrays] = list(parallel(tasks))
    if len(parts) <= 1:
        arrays_ = parts[0] if parts else Receptivity().fit(*_NOTHING, person=_NOBODY).to_arrays()
        model = Receptivity.from_arrays(Receptivity().get_params(), arrays_)
    else:
        model = combined(parts, Receptivity().get_params())
    return Fitted(model, sum(counts), max(len(parts), 1))


_NOTHING = (np.empty((0, 2)), np.empty(0))
_NOBODY = np.empty(0, dtype=np.str_)


def _training(rows: Sequence[tuple[Any, ...]], declared: Mapping[str, Hours]) -> Training:
    """Return rows of `learning.trained_on` as arrays, with the hours that persons declared."""
    person, hour, kind, day, y, _ = zip(*rows, strict=True)
    return Training(
        X=np.column_stack([np.array(hour, dtype=np.float64), np.array(kind, dtype=np.float64)]),
        y=np.array(y, dtype=np.int64),
        person=np.array(person, dtype=np.str_),
        day=np.array(day, dtype=np.int64),
        declared=declared_array([declared.get(name) for name in person]),
    )


def _fit_part(training: Training) -> Arrays:
    """Return the arrays of a model fitted to a part; runs wherever joblib puts it."""
    model = Receptivity().fit(
        training.X,
        training.y,
        person=training.person,
        day=training.day,
        declared=training.declared,
    )
    return model.to_arrays()


def _trainings(
    db: Database,
    declared: Mapping[str, Hours],
    spans: list[tuple[str, str]],
    last_day: int,
    counts: list[int],
) -> Iterator[Training]:
    """Yield the outcomes of each span of persons, and note how many there were."""
    since = recent_since(last_day)
    for first, last in spans:
        with db.read() as tx:
            rows = learning.trained_on(tx, first, last, since_day=since)
        chosen = [row for row in rows if row[5] is None or not held_out(row[5])]
        if chosen:
            counts.append(len(chosen))
            yield _training(chosen, declared)


def _spans(counts: list[tuple[str, int]], part: int) -> Iterator[tuple[str, str]]:
    """Yield first and last person of each part; parts are of about the same size."""
    total = sum(count for _, count in counts)
    pieces = max(-(-total // part), 1)
    first, taken, done = None, 0, 0
    for place, (person, count) in enumerate(counts):
        first = person if first is None else first
        taken += count
        if taken * pieces >= total * (done + 1) or place == len(counts) - 1:
            yield first, person
            first, done = None, done + 1
