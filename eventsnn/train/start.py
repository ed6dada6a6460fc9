"""Initial weights that let every population fire: scaled until a few recordings do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.network import Network
from eventsnn.simulate import simulate
from eventsnn.train.options import TrainOptions

_FEW, _TRIES = 16, 16


def start_weights(
    network: Network, events: EventBatch, options: TrainOptions
) -> list[NDArray[Any]]:
    """Draw normal weights, float32, for a chain of populations.

    Each spiking population's are scaled, in order from the input, until its neurons fire
    ``init_spikes`` times a recording on average; those into a readout have the SD
    ``init_output``.

    Raises
    ------
    UserError
        If no scale makes a population fire.
    """
    rng = np.random.default_rng([options.seed, 0])
    few = events.select(np.arange(min(_FEW, len(events))))
    weights: list[NDArray[Any]] = []
    for k, connection in enumerate(network.connections):
        shape = connection.topology.weight_shape
        drawn = rng.standard_normal(shape, np.float32)
        if not network.populations[k + 1].spiking:
            weights.append(drawn * np.float32(options.gradient.init_output))
            continue
        part = Network(network.populations[: k + 2], network.connections[: k + 1])
        goal = options.gradient.init_spikes * network.populations[k + 1].size
        weights.append(drawn * np.float32(_scale(part, weights, drawn, few, goal)))
    return weights


def _scale(
    part: Network,
    below: list[NDArray[Any]],
    drawn: NDArray[Any],
    few: EventBatch,
    goal: float,
) -> float:
    """Bisect the logarithm of the scale."""
    low, high = 1e-5, 10.0
    fired = 0.0
    for _ in range(_TRIES):
        scale = math.sqrt(low * high)
        weights = [*below, drawn * np.float32(scale)]
        fired = float(simulate(part, weights, few, record="nothing").counts.spikes[:, -1].mean())
        low, high = (scale, high) if fired < goal else (low, scale)
    if fired == 0:
        raise UserError(
            f"{part.populations[-1].name} stays silent whatever its weights; are there events in "
            "the recordings, and is the threshold right?"
        )
    return math.sqrt(low * high)
