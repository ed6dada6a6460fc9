"""Dense connections into a readout, on the fast path."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Decay, Deliveries, Tally
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.engines.layered.layer import Ahead, Cost, Layer, Passage, runs
from eventsnn.engines.layered.readout import cost
from eventsnn.engines.layered.readout.backward import readout_walk
from eventsnn.engines.layered.walk import TimedErrors, TimedWalk
from eventsnn.kernels.compile import threaded
from eventsnn.neurons.neuron import Neuron, decays
from eventsnn.neurons.readout import Readout
from eventsnn.record import Readouts
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology


class Levels(NamedTuple):
    """What a readout holds at its last delivery, a row for each recording.

    ``v``, ``maximum`` and ``integral`` are float (n_recordings, n_units), ``maximum_t``
    float64 of that shape, ``clock`` float64 (n_recordings,), -1 for never.
    """

    v: NDArray[Any]
    maximum: NDArray[Any]
    integral: NDArray[Any]
    maximum_t: NDArray[np.float64]
    clock: NDArray[np.float64]


@runs((Readout,), (Dense,))
class ReadoutLayer(Layer):
    """A dense connection into a readout; see ``Layer``. Weights are (n_in, n_out)."""

    beside = True
    counts = True
    timed = True

    def __init__(
        self, topology: Topology, neuron: Readout, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        self.weights, self.neuron = weights, neuron
        self.decay = Decay.of(neuron, np.float64)

    def start(self, recordings: int) -> Levels:
        """Return the levels at rest."""
        shape, dtype = (recordings, self.weights.shape[1]), self.weights.dtype
        v, maximum, integral = (np.zeros(shape, dtype) for _ in range(3))
        never = np.full(recordings, -1.0)
        return Levels(v, maximum, integral, np.full(shape, -math.inf), never)

    def start_at(self, v: NDArray[Any]) -> Levels:
        """Return the levels of a readout that stands at ``v``, and gathers from there."""
        levels = self.start(1)
        levels.v[0], levels.clock[0], levels.maximum[0] = v, 0, np.maximum(v, 0)
        levels.maximum_t[0] = np.where(v > 0, -1.0, -math.inf)  # before every delivery
        return levels

    def start_apart(self, recordings: int) -> Levels:
        """Return the levels at rest: they are a row a recording in any case."""
        return self.start(recordings)

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


@threaded
def run_levels(events, w, tau, levels):  # type: ignore[no-untyped-def]
    """Take all deliveries, recording after recording."""
    real = w.dtype.type
    for r in range(len(events.start) - 1):
        v, maximum, integral = levels.v[r], levels.maximum[r], levels.integral[r]
        for e in range(events.start[r], events.start[r + 1]):
            t, row = events.t[e], w[np.int64(events.row[e])]
            if t != levels.clock[r]:
                # Nothing stands before the first delivery: its gap may be anything.
                dt = np.float64(t) - max(levels.clock[r], 0.0)
                exact = events.decay[e]
                decay, area = real(exact), real(dt if math.isinf(tau) else tau * (1.0 - exact))
                for k in range(len(v)):
                    integral[k] += v[k] * area
                    v[k] *= decay
                levels.clock[r] = t
            if len(events.multiple):
                count = real(events.multiple[e])
                for k in range(len(v)):
                    v[k] += row[k] * count
            else:
                for k in range(len(v)):
                    v[k] += row[k]
            if events.last[e]:
                for k in range(len(v)):
                    if v[k] > maximum[k]:
                        maximum[k] = v[k]
                        levels.maximum_t[r, k] = t
