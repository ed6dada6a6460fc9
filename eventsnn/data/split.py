"""Halves of data that come as one: of every class, a share is held out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPLIT_SEED = 5
"""Draws which recordings are held out. Another number would test trained networks on what they
learned."""

SHARE = 0.2
"""Part of every class that is held out."""


def held_out(
    labels: NDArray[np.int64], share: float = SHARE, seed: int = SPLIT_SEED
) -> NDArray[np.bool_]:
    """Return which samples are held out, bool (n,).

    Of every class (and of those without a label) the same share, rounded, drawn at random: at
    least one, but never all. What is drawn of a class depends on the seed and its number of
    samples only.

    Parameters
    ----------
    labels : int64 array (n,)
    share : float
        0 to 1.
    seed : int
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        n = min(max(1, round(share * len(members))), len(members) - 1)
        rng = np.random.default_rng([seed, int(label) + 1])
        chosen[members[rng.permutation(len(members))[:n]]] = True
    return chosen


def only_in_one(train: NDArray[np.int64], test: NDArray[np.int64]) -> str:
    """Say which classes have samples in one half only; "" where none has."""
    of_train, of_test = (set(half[half >= 0].tolist()) for half in (train, test))
    never_learned, never_tested = sorted(of_test - of_train), sorted(of_train - of_test)
    said = []
    if never_learned:
        said.append(f"the training half has no {_classes(never_learned)}, which the test half has")
    if never_tested:
        said.append(f"the test half has no {_classes(never_tested)}, of which no accuracy tells")
    return "; ".join(said)


def _classes(numbers: list[int]) -> str:
    told = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    return f"recording of class {told}"
