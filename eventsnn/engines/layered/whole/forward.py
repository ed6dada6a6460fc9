"""Dense connections into neurons in whole numbers: weights of 8 or 16 bits, potentials of 32.

Where a potential might leave 32 bits, which the weights and the number of events tell before a
run, the general layer runs it; its state serves both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.any.forward import AnyLayer, AnyReadoutLayer
from eventsnn.engines.layered.any.kernel import ModelRows
from eventsnn.engines.layered.collect import Cursor, collect
from eventsnn.engines.layered.deliveries import Deliveries, Spikes, Tally, Train
from eventsnn.engines.layered.layer import Ahead, runs
from eventsnn.engines.layered.whole.kernel import Lanes, WholeFiring, integrate, narrow, run_lanes
from eventsnn.engines.layered.whole.register import REGISTER
from eventsnn.neurons.integer_decay import flat
from eventsnn.neurons.integer_lif import MOST, IntegerLIF
from eventsnn.neurons.integer_readout import IntegerReadout
from eventsnn.record import Readouts
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology


@runs((IntegerLIF,), (Dense,))
class WholeLayer(AnyLayer):
    """A dense connection into ``IntegerLIF``; see ``Layer``. Weights are (n_in, n_out)."""

    def __init__(
        self, topology: Topology, neuron: IntegerLIF, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        super().__init__(topology, neuron, weights, ahead)
        self.narrow = narrowed(weights)
        self.largest = float(np.abs(weights).max(initial=0.0)) * (1 << neuron.fraction)
        limits = np.full(-(-self.n_out // REGISTER) * REGISTER, MOST, np.int32)
        limits[: self.n_out] = np.resize(np.array(neuron.threshold, np.int32), self.n_out)
        shift = neuron.tick_us.bit_length() - 1
        decays, subtract = np.array(flat(neuron.decays), np.int64), neuron.reset == "subtract"
        self.rule = WholeFiring(
            limits, decays, shift, np.int32(1 << neuron.fraction), subtract, neuron.refractory_us
        )

    def run(self, deliveries: Deliveries, state: ModelRows, fresh: bool, tally: Tally) -> Train:
        """Take all deliveries; see ``Layer.run``."""
        held = 0.0 if fresh else np.abs(state.x).max(initial=0.0)
        if self.narrow is None or held + self._most(deliveries) > MOST:
            return super().run(deliveries, state, fresh, tally)
        lanes = Lanes.of(state, len(self.rule.limits))
        spikes, cursor = Spikes.room(len(deliveries.t) + 2 * self.n_out, self.dtype), Cursor.start()
        while not run_lanes(deliveries, self.narrow, self.rule, lanes, spikes, cursor, fresh):
            spikes = spikes.grown()
        lanes.into(state)
        tally.updates[:] += deliveries.instants * self.n_out
        tally.adds[:] += np.diff(deliveries.start) * self.n_out
        return collect(spikes, int(cursor.spikes[0]), deliveries, ordered=True)

    def _most(self, deliveries: Deliveries) -> float:
        """Return how far the deliveries of a recording can move a potential, at most."""
        start = deliveries.start
        if len(deliveries.multiple):
            start = np.concatenate([np.zeros(1), np.cumsum(deliveries.multiple)])[start]
        return float(np.diff(start).max(initial=0)) * self.largest


@runs((IntegerReadout,), (Dense,))
class WholeReadoutLayer(AnyReadoutLayer):
    """A dense connection into ``IntegerReadout``; see ``Layer``. Weights are (n_in, n_out)."""

    neuron: IntegerReadout

    def run(self, deliveries: Deliveries, state: ModelRows, fresh: bool, tally: Tally) -> None:
        """Take all deliveries; see ``Layer.run``."""
        if len(deliveries.multiple):
            super().run(deliveries, state, fresh, tally)
            return
        integrate(deliveries, self.driven.wires, state, fresh)
        n_out = self.driven.n_out
        tally.updates[:] += deliveries.instants * n_out
        tally.adds[:] += np.diff(deliveries.start) * n_out

    def readouts(self, state: ModelRows, now: NDArray[np.float64]) -> Readouts:
        """Return what the neurons keep at the end ``now`` of each recording."""
        n, rows = self.driven.n_out, len(now)
        x = state.x[:rows].reshape(rows, 3, n).swapaxes(0, 1)
        clocks, maximum_t = state.times[:rows, :1], state.times[:rows, n:]
        return Readouts(*self.neuron.readouts(x, clocks, maximum_t, now[:, None]))


def narrowed(weights: NDArray[Any]) -> NDArray[Any] | None:
    """Return whole weights flat, rows of whole registers, as int8 or int16; None for others."""
    n_in, n_out = weights.shape
    width = -(-n_out // REGISTER) * REGISTER
    for kind in (np.int8, np.int16):
        kept = np.zeros((n_in, width), kind)
        if narrow(np.ascontiguousarray(weights), kept, float(np.iinfo(kind).max)):
            return kept.reshape(-1)
    return None
