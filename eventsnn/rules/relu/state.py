"""What changes while a ReLU network learns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.optimizers.optimizer import Param
from eventsnn.optimizers.optimizer import State as OptimizerState
from eventsnn.rules.learned import Arrays, Shape
from eventsnn.rules.saved_arrays import taken

Sizes = tuple[int, ...]
"""Units a population, input first."""


@dataclass(frozen=True, eq=False)
class ReLUState:
    """A network on frames that learns.

    Attributes
    ----------
    sizes : tuple of int
    params : list of float32 arrays
        Weights (senders, neurons) of each layer, then biases; senders of the first are the pixels
        of all frames.
    gain : float
        What the values of pixels are multiplied by; it could be part of the first weights.
    optimizer : State
    counts : int64 array (4,)
        While learning: recordings, multiply-accumulates forward and backward, updates of weights.
    progress : float
        Share of the run that is done.
    total : int
        Updates of the run.
    """

    sizes: Sizes
    params: list[NDArray[Any]]
    gain: float
    optimizer: OptimizerState
    counts: NDArray[np.int64]
    progress: float = 0.0
    total: int = 1

    @property
    def weights(self) -> list[NDArray[Any]]:
        """Weights of each layer."""
        return self.params[: len(self.sizes) - 1]

    @property
    def biases(self) -> list[NDArray[Any]]:
        """Biases of each layer."""
        return self.params[len(self.sizes) - 1 :]


def shapes_of(sizes: Sizes, frames: int) -> dict[str, Shape]:
    """Return the shapes of weights and biases, by their names in a checkpoint."""
    senders = [sizes[0] * frames, *sizes[1:-1]]
    pairs = zip(senders, sizes[1:], strict=True)
    weights = {f"weights.{k}": pair for k, pair in enumerate(pairs)}
    return weights | {f"biases.{k}": (n,) for k, (_, n) in enumerate(pairwise(sizes))}


def arrays_of(state: ReLUState, names: list[str]) -> Arrays:
    """Return copies of all that learning changes."""
    arrays: Arrays = {name: p.copy() for name, p in zip(names, state.params, strict=True)}
    arrays |= {"gain": np.array([state.gain]), "counts": state.counts.copy()}
    arrays["optimizer.step"] = np.array([state.optimizer.step])
    for s, slot in enumerate(state.optimizer.slots):
        for name, array in zip(names, slot, strict=True):
            arrays[f"optimizer.{s}.{name}"] = np.array(array)
    return arrays


def restored(fresh: ReLUState, arrays: Arrays, names: list[str]) -> ReLUState:
    """Return the state that ``arrays`` were made of, from a fresh one.

    Raises
    ------
    UserError or KeyError
        Where they do not fit.
    """
    found = taken(arrays, arrays_of(fresh, names))
    slots: tuple[list[Param], ...] = tuple(
        [found[f"optimizer.{s}.{name}"] for name in names]
        for s in range(len(fresh.optimizer.slots))
    )
    step = int(found["optimizer.step"][0])
    return replace(
        fresh,
        params=[found[name] for name in names],
        gain=float(found["gain"][0]),
        optimizer=fresh.optimizer._replace(step=step, slots=slots),
        counts=found["counts"],
    )
