"""Why a model likes a slot: what everybody does, what this person did, and what is not known yet.

Kept with each decision, so that its explanation rests on what was known when it was made.
"""

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.bins import BINS, cell_of
from models.reachability import own_parts
from models.receptivity import Receptivity

Floats = NDArray[np.float64]
NEAR = 2
"""Half hours to either side that count as "around this time"."""


class Batch(Protocol):
    """The windows to give reasons for; as `SlotBatch` describes them."""

    @property
    def hours(self) -> Floats: ...  # noqa: D102
    @property
    def available(self) -> NDArray[np.bool_]: ...  # noqa: D102
    @property
    def day_type(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def keys(self) -> NDArray[np.str_]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Reasons:
    """Reasons for n windows of k slots.

    `shared`, `own` and `unsure` (n, k): logits that population and context, the person's own
    answers, and the wish to find out add to a slot, each against the window's available slots on
    average. `near_seen`, `near_answered` (n, k): prompts and answers of the person around that
    time on such days; `seen`, `answered` (n,): of all hours of such days. By a model of exercises
    done it is exercises sent, and done.
    """

    shared: Floats
    own: Floats
    unsure: Floats
    near_seen: Floats
    near_answered: Floats
    seen: Floats
    answered: Floats

    def put(self, rows: NDArray[np.bool_], others: "Reasons") -> None:
        """Set the reasons of these windows, m of n, to the m others."""
        for part in fields(self):
            getattr(self, part.name)[rows] = getattr(others, part.name)

    def of(self, row: int, slot: int) -> dict[str, Any]:
        """Return the reasons for one slot as plain values, as the decision's record keeps them."""
        return {
            "shared": _short(self.shared[row, slot]),
            "own": _short(self.own[row, slot]),
            "unsure": _short(self.unsure[row, slot]),
            "near": [_short(self.near_answered[row, slot]), _short(self.near_seen[row, slot])],
            "all": [_short(self.answered[row]), _short(self.seen[row])],
        }


def reasons_for(model: Receptivity, batch: Batch, scores: Floats) -> Reasons:
    """Return why the model gives the slots of a batch these scores (n, k)."""
    own, unsure = own_parts(model, batch.hours, batch.day_type, batch.keys)
    shared = scores - own - unsure
    ledger = model.ledger_
    rows = ledger.rows(batch.keys.tolist())
    seen, answered = (
        np.where((rows >= 0)[:, None], table[rows], 0.0).astype(np.float64)
        if ledger.size
        else np.zeros((rows.size, 2 * BINS))
        for table in (ledger.seen, ledger.answered)
    )
    around = _around(batch)
    of_kind = np.arange(2 * BINS)[None, :] // BINS == batch.day_type[:, None]
    return Reasons(
        shared=_centred(shared, batch.available),
        own=_centred(own, batch.available),
        unsure=_centred(unsure, batch.available),
        near_seen=np.take_along_axis(seen[:, None, :], around, axis=2).sum(axis=2),
        near_answered=np.take_along_axis(answered[:, None, :], around, axis=2).sum(axis=2),
        seen=np.asarray((seen * of_kind).sum(axis=1)),
        answered=np.asarray((answered * of_kind).sum(axis=1)),
    )


def _around(batch: Batch) -> NDArray[np.int64]:
    """Return the cells (n, k, 2 NEAR + 1) around each slot, of the same type of day."""
    cells = cell_of(batch.hours, batch.day_type[:, None])
    steps = np.arange(-NEAR, NEAR + 1)
    return np.asarray((cells[..., None] % BINS + steps) % BINS + cells[..., None] // BINS * BINS)


def _centred(values: Floats, available: NDArray[np.bool_]) -> Floats:
    mean = np.where(available, values, 0.0).sum(axis=1) / available.sum(axis=1)
    return np.asarray(values - mean[:, None], dtype=np.float64)


def _short(value: float) -> float:
    return round(float(value), 2) + 0.0
