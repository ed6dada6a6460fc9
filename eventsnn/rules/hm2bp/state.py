"""What changes while HM2-BP learns, as arrays of a checkpoint and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.rules.hm2bp.counting import ROWS
from eventsnn.rules.hm2bp.layers import GridLayer
from eventsnn.rules.hm2bp.sample import SampleRunner
from eventsnn.rules.hm2bp.update import LearnedLayer, sum_columns
from eventsnn.rules.learned import Arrays
from eventsnn.rules.saved_arrays import like

BOOST = 20.0
"""A wrong sample's weight grows by exp(error of its class / BOOST)."""


@dataclass
class HM2State:
    """The state of a run.

    Attributes
    ----------
    layers : tuple of GridLayer
    home : list of LearnedLayer
        Weights into each layer, and their moments; read them as ``learning``.
    inward : list of float32 arrays
        Weights of each layer onto itself; none of most.
    step : int
        Updates made.
    rate : float
        Of this epoch.
    epoch : int
    boost : float64 array (n,)
        Weight of each training sample.
    wrong : bool array (n,)
        Whether it was wrong when it was learned in this epoch.
    labels : int64 array (n,)
        Its class; -1 of what was not seen in this epoch.
    tally : int64 array (rows of ``counting``, layers)
    learned : int
        Samples learned.
    distortion : float64 array (2, height, width) or None
        Of this epoch.
    runners : list of SampleRunner
        Room for samples; nothing of it lasts.
    """

    layers: tuple[GridLayer, ...]
    home: list[LearnedLayer]
    inward: list[NDArray[np.float32]]
    boost: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    labels: NDArray[np.int64]
    tally: NDArray[np.int64]
    step: int = 0
    rate: float = 0.0
    epoch: int = 0
    learned: int = 0
    distortion: NDArray[np.float64] | None = None
    runners: list[SampleRunner] = field(default_factory=list)

    @classmethod
    def fresh(
        cls,
        layers: tuple[GridLayer, ...],
        weights: Sequence[NDArray[np.float32]],
        inward: list[NDArray[np.float32]],
        samples: int,
    ) -> HM2State:
        """Return the state before the first sample."""
        return cls(
            layers,
            [LearnedLayer.of(w) for w in weights],
            inward,
            np.ones(samples),
            np.zeros(samples, np.bool_),
            np.full(samples, -1, np.int64),
            np.zeros((ROWS, len(layers)), np.int64),
        )

    @property
    def learning(self) -> list[LearnedLayer]:
        """Weights into each layer and their moments, as the last sample left them."""
        self.bring_home()
        return self.home

    def bring_home(self) -> None:
        """Let runners write back the weights that they took away."""
        for runner in self.runners:
            runner.bring_home()

    @property
    def weights(self) -> list[NDArray[np.float32]]:
        """The weights into each layer, float32 (rows, columns)."""
        return [one.weights for one in self.learning]

    def end_epoch(self) -> None:
        """Weigh samples that were wrong more; the growth is by the error of their class."""
        for label in np.unique(self.labels[self.labels >= 0]):
            own = self.labels == label
            error = self.boost[own & self.wrong].sum() / self.boost[own].sum()
            self.boost[own & self.wrong] *= np.exp(error / BOOST)
        self.wrong[:] = False
        self.labels[:] = -1


def arrays_of(state: HM2State) -> Arrays:
    """Return copies of all that learning changes."""
    arrays: Arrays = {}
    for k, one in enumerate(state.learning):
        arrays[f"weights.{k}"] = one.weights.copy()
        if state.layers[k].learns:
            arrays[f"optimizer.0.{k}"] = one.mean.copy()
            arrays[f"optimizer.1.{k}"] = one.square.copy()
        if state.layers[k].recurrent:
            arrays[f"inward.{k}"] = state.inward[k].copy()
    arrays["sample_weights"] = state.boost.copy()
    arrays["tally"] = state.tally.copy()
    arrays["counters"] = np.array([state.step, state.learned, state.epoch])
    return arrays


def restored(layers: tuple[GridLayer, ...], fixed: list[Any], arrays: Arrays) -> HM2State:
    """Return the state that ``arrays`` were made of; ``fixed``: weights inward, drawn anew.

    Raises
    ------
    UserError or KeyError
        Where they do not fit.
    """
    learning, inward = [], list(fixed)
    for k, layer in enumerate(layers):
        one = LearnedLayer.of(
            like(arrays, f"weights.{k}", np.zeros(layer.weight_shape, np.float32))
        )
        if layer.learns:
            mean = like(arrays, f"optimizer.0.{k}", one.mean)
            one = one._replace(mean=mean, square=like(arrays, f"optimizer.1.{k}", one.square))
        sum_columns(one)
        learning.append(one)
        if layer.recurrent:
            inward[k] = like(arrays, f"inward.{k}", inward[k])
    samples = len(np.atleast_1d(arrays["sample_weights"]))
    boost = like(arrays, "sample_weights", np.ones(samples))
    if not (boost >= 1).all():
        raise UserError(f"sample_weights has {boost.min():g}, none is below 1")
    state = HM2State.fresh(layers, [one.weights for one in learning], inward, samples)
    state.home, state.boost = learning, boost
    state.tally = like(arrays, "tally", state.tally)
    counters = like(arrays, "counters", np.zeros(3, np.int64))
    if not ((counters >= 0) & (counters < 1 << 53)).all():
        raise UserError(f"counters are {counters.tolist()}")
    state.step, state.learned, state.epoch = counters.tolist()
    return state
