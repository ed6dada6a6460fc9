"""Dense connections into a readout, on the fast path."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Deliveries
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.engines.layered.layer import Ahead, Cost, Passage, runs
from eventsnn.engines.layered.nonspiking import NonSpikingLayer
from eventsnn.engines.layered.readout import cost
from eventsnn.engines.layered.readout.backward import readout_walk
from eventsnn.engines.layered.readout.levels import Levels, run_levels
from eventsnn.engines.layered.shared import Tally, decay_of
from eventsnn.engines.layered.walk import TimedErrors, TimedWalk
from eventsnn.neurons.neuron import Neuron, decays
from eventsnn.neurons.readout import Readout
from eventsnn.record import Readouts
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology


@runs((Readout,), (Dense,))
class ReadoutLayer(NonSpikingLayer):
    """A dense connection into a readout; see ``Layer``. Weights are (n_in, n_out)."""

    def __init__(
        self, topology: Topology, neuron: Readout, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        self.weights, self.neuron = weights, neuron
        self.decay = decay_of(neuron, np.float64)

    def start(self, recordings: int) -> Levels:
        """Return the levels at rest."""
        shape, dtype = (recordings, self.weights.shape[1]), self.weights.dtype
        v, maximum, integral = (np.zeros(shape, dtype) for _ in range(3))
        never = np.full(recordings, -1, np.int64)
        return Levels(v, maximum, integral, np.full(shape, -math.inf), never)

    def run(self, deliveries: Deliveries, state: Levels, fresh: bool, tally: Tally) -> None:
        """Take all deliveries, whose ``decay`` is float64."""
        run_levels(deliveries, self.weights, self.neuron.tau_us, state)
        n_out = self.weights.shape[1]
        tally.updates[:] += deliveries.instants * n_out
        tally.adds[:] += np.diff(deliveries.start) * n_out

    def readouts(self, state: Levels, now: NDArray[np.float64]) -> Readouts:
        """Return what the record keeps, at the end ``now`` of each recording."""
        levels, neuron = state, self.neuron
        gaps = now - levels.clock
        exact = decays(gaps, neuron.tau_us, neuron.decays)
        areas = gaps if math.isinf(neuron.tau_us) else neuron.tau_us * (1.0 - exact)
        decay, area = (a.astype(levels.v.dtype)[:, None] for a in (exact, areas))
        final, integral = levels.v * decay, levels.integral + levels.v * area
        return Readouts(final, levels.maximum, levels.maximum_t, integral)

    def walk(self, came: Deliveries, weights: NDArray[Any] | Laid, owed: TimedErrors) -> TimedWalk:
        """Return what the connection is walked with."""
        return TimedWalk(came, plain(weights), owed)

    def back(self, walk: TimedWalk, below: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return errors and gradient: one pass finds both."""
        return readout_walk(walk, self.neuron.tau_us)

    @classmethod
    def uncounted(cls, topology: Topology, neuron: Neuron) -> str | None:
        """Every walk can be counted."""
        return None

    def cost(self, work: Passage) -> Cost:
        """Count the reverse walk."""
        return cost.of_walk(work, self.weights.shape[1])
