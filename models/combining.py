"""One model from parts that were fitted to different persons: fits of any size in bounded memory.

What is learned of all persons is averaged over parts by their prompts (divide and conquer; Zhang,
Duchi & Wainwright 2013); what is kept of each person is taken as it is. Parts of a few hundred
persons estimate the population well enough that little is lost to one fit of everything.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.bins import Floats
from models.inputs import LEDGER
from models.receptivity import Receptivity

Arrays = dict[str, NDArray[np.generic]]
SHARED = ("population", "effects", "means")


def combined(parts: Sequence[Arrays], params: dict[str, float | int]) -> Receptivity:
    """Return one model from the `to_arrays` of models with these parameters.

    Raises ValueError without any part, or where a person is in two of them.
    """
    if not parts:
        raise ValueError("parts: must not be empty")
    prompts = np.array([float(_floats(part, "seen").sum()) for part in parts])
    weight = (prompts + 1.0) / (prompts + 1.0).sum()
    whole: Arrays = {
        name: np.asarray(np.tensordot(weight, [_floats(part, name) for part in parts], axes=1))
        for name in SHARED
    }
    scales = np.array([_floats(part, "scales") for part in parts])
    base_sd, sd = np.sqrt(weight @ scales**2)
    whole["scales"] = np.array([base_sd, sd])
    whole["basis"] = _basis(parts, weight, scales[:, 1], float(sd))
    for name in ("persons", *LEDGER):
        whole[name] = np.concatenate([part[name] for part in parts])
    return Receptivity.from_arrays(params, whole)


def _basis(parts: Sequence[Arrays], weight: Floats, sds: Floats, sd: float) -> Floats:
    """Return the leading directions (96, rank) of the average covariance of deviations."""
    first = _floats(parts[0], "basis")
    if sd == 0.0 or first.shape[1] == 0:
        return first
    columns = np.hstack(
        [
            np.sqrt(share) * own_sd / sd * _floats(part, "basis")
            for part, share, own_sd in zip(parts, weight, sds, strict=True)
        ]
    )
    vectors, values, _ = np.linalg.svd(columns, full_matrices=False)
    basis = vectors[:, : first.shape[1]] * values[: first.shape[1]]
    # Singular vectors have no sign of their own; fixing it makes equal data give equal bytes.
    return np.asarray(basis * np.where(basis.sum(axis=0) < 0, -1.0, 1.0), dtype=np.float64)


def _floats(part: Arrays, name: str) -> Floats:
    return np.asarray(part[name], dtype=np.float64)
