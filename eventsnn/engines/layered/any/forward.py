"""The layers of every pair that has none of its own: forwards by ``driven.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.any.backward import listed_errors, timed_errors
from eventsnn.engines.layered.any.driven import Driven
from eventsnn.engines.layered.any.kernel import ModelRows
from eventsnn.engines.layered.deliveries import Deliveries, Tally, Train
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.engines.layered.layer import Ahead, Layer, runs_others
from eventsnn.engines.layered.spiking import SpikingLayer, from_rest
from eventsnn.engines.layered.walk import TimedErrors, TimedWalk, Walk
from eventsnn.errors import UserError
from eventsnn.neurons.neuron import Neuron
from eventsnn.record import Readouts
from eventsnn.topology.topology import Topology


@runs_others(spiking=True)
class AnyLayer(SpikingLayer):
    """Any spiking neurons behind any connection; see ``Layer``."""

    counts = True

    def __init__(
        self, topology: Topology, neuron: Neuron, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        self._remember(neuron, topology.n_out, weights.dtype.type)
        self.topology, self.driven = topology, Driven(topology, neuron, weights)

    def start(self, recordings: int) -> ModelRows:
        """Return all neurons at rest."""
        return self.driven.start(recordings)

    def start_apart(self, recordings: int) -> ModelRows:
        """Return all neurons at rest, a row a recording."""
        return self.driven.start(recordings, apart=True)

    def run(self, deliveries: Deliveries, state: ModelRows, fresh: bool, tally: Tally) -> Train:
        """Hand each fan-out to the model."""
        return self.driven.run(deliveries, state, fresh, tally)

    def run_near(
        self, deliveries: Deliveries, share: float, since: NDArray[Any] | None = None
    ) -> tuple[Train, Train]:
        """Run once more with a lower threshold."""
        lower, weights = self.neuron.lowered(share), self.driven.wires.weights
        if lower is None:
            raise UserError(
                f"near: {self.neuron.kind} neurons have no lower threshold; write the model's "
                "lowered(), or give near 0"
            )
        fired = from_rest(self, deliveries, since)
        return fired, from_rest(AnyLayer(self.topology, lower, weights, Ahead()), deliveries, since)

    def back(self, walk: Walk, below: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return errors and gradient: one pass finds both."""
        return listed_errors(self.topology, walk)


@runs_others(spiking=False)
class AnyReadoutLayer(Layer):
    """Any neurons that never fire behind any connection; see ``Layer``."""

    beside = True
    counts = True

    def __init__(
        self, topology: Topology, neuron: Neuron, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        self.topology, self.neuron = topology, neuron
        self.driven = Driven(topology, neuron, weights)

    def start(self, recordings: int) -> ModelRows:
        """Return all neurons at rest, a row a recording."""
        return self.driven.start(recordings)

    def start_apart(self, recordings: int) -> ModelRows:
        """Return all neurons at rest: they are a row a recording in any case."""
        return self.start(recordings)

    def run(self, deliveries: Deliveries, state: ModelRows, fresh: bool, tally: Tally) -> None:
        """Hand each fan-out to the model."""
        self.driven.run(deliveries, state, fresh, tally)

    def readouts(self, state: ModelRows, now: NDArray[np.float64]) -> Readouts:
        """Return what the model keeps at the end ``now`` of each recording."""
        return self.driven.readouts(state, now)

    def walk(self, came: Deliveries, weights: NDArray[Any] | Laid, owed: TimedErrors) -> TimedWalk:
        """Return what the connection is walked with."""
        return TimedWalk(came, plain(weights), owed)

    def back(self, walk: TimedWalk, below: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return errors and gradient: one pass finds both."""
        membrane = self.neuron.membrane
        if membrane is None:
            raise TypeError(f"adjoint: {self.neuron.kind} gives no membrane")
        return timed_errors(self.topology, walk, membrane.tau_us)
