"""Dense connections into a readout, on the fast path; the formulas are ``neurons/readout.py``'s."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Deliveries
from eventsnn.engines.layered.layer import Tally
from eventsnn.kernels.compile import threaded
from eventsnn.neurons.neuron import decays
from eventsnn.neurons.readout import Readout
from eventsnn.record import Readouts


class Levels(NamedTuple):
    """What a readout holds at its last delivery, a row for each recording.

    ``v``, ``maximum`` and ``integral`` are float (n_recordings, n_units), ``maximum_t``
    float64 of that shape, ``clock`` int64 (n_recordings,), -1 for never.
    """

    v: NDArray[Any]
    maximum: NDArray[Any]
    integral: NDArray[Any]
    maximum_t: NDArray[np.float64]
    clock: NDArray[np.int64]

    def of(self, rows: slice) -> Levels:
        """Return some recordings' levels, as views."""
        parts = self.v[rows], self.maximum[rows], self.integral[rows]
        return Levels(*parts, self.maximum_t[rows], self.clock[rows])


class ReadoutLayer:
    """A dense connection into a readout.

    Parameters
    ----------
    weights : float array (n_in, n_out)
    neuron : Readout
    """

    def __init__(self, weights: NDArray[Any], neuron: Readout) -> None:
        self.weights, self.neuron = weights, neuron

    def rest(self, recordings: int) -> Levels:
        """Return the levels at rest."""
        shape, dtype = (recordings, self.weights.shape[1]), self.weights.dtype
        v, maximum, integral = (np.zeros(shape, dtype) for _ in range(3))
        never = np.full(recordings, -1, np.int64)
        return Levels(v, maximum, integral, np.full(shape, -math.inf), never)

    def run(self, deliveries: Deliveries, levels: Levels, tally: Tally) -> None:
        """Take all deliveries, whose ``decay`` is float64."""
        _run(deliveries, self.weights, self.neuron.tau_us, levels)
        n_out = self.weights.shape[1]
        tally.updates[:] += deliveries.instants * n_out
        tally.adds[:] += np.diff(deliveries.start) * n_out

    def at(self, levels: Levels, now: NDArray[np.float64]) -> Readouts:
        """Return what the record keeps, at the end ``now`` of each recording."""
        gaps, neuron = now - levels.clock, self.neuron
        exact = decays(gaps, neuron.tau_us, neuron.decays)
        areas = gaps if math.isinf(neuron.tau_us) else neuron.tau_us * (1.0 - exact)
        decay, area = (a.astype(levels.v.dtype)[:, None] for a in (exact, areas))
        final, integral = levels.v * decay, levels.integral + levels.v * area
        return Readouts(final, levels.maximum, levels.maximum_t, integral)


@threaded
def _run(events, w, tau, levels):  # type: ignore[no-untyped-def]
    real = w.dtype.type
    for r in range(len(events.start) - 1):
        v, maximum, integral = levels.v[r], levels.maximum[r], levels.integral[r]
        for e in range(events.start[r], events.start[r + 1]):
            t, row = events.t[e], w[np.int64(events.row[e])]
            if t != levels.clock[r]:
                # Nothing stands before the first delivery: its gap may be anything.
                dt = np.float64(t - max(levels.clock[r], np.int64(0)))
                exact = events.decay[e]
                decay, area = real(exact), real(dt if math.isinf(tau) else tau * (1.0 - exact))
                for k in range(len(v)):
                    integral[k] += v[k] * area
                    v[k] *= decay
                levels.clock[r] = t
            for k in range(len(v)):
                v[k] += row[k]
            if events.last[e]:
                for k in range(len(v)):
                    if v[k] > maximum[k]:
                        maximum[k] = v[k]
                        levels.maximum_t[r, k] = t
