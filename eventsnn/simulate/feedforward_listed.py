"""Pooling and sparse connections of the fast path: targets one by one, a clock each."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernel import inlined, threaded
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import FINE, SHIFT
from eventsnn.simulate.feedforward_collect import collect
from eventsnn.simulate.feedforward_events import Deliveries, Spikes, Train
from eventsnn.simulate.feedforward_layer import Cursor, Factors, Firing, Tally, decay_of
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse


class Synapses(NamedTuple):
    """Targets and weights of each sender: sender i owns start[i] to start[i + 1] - 1."""

    start: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[Any]


class Cells(NamedTuple):
    """State of the neurons, arrays (n_out,); see ``feedforward_conv.Block``."""

    v: NDArray[Any]
    clock: NDArray[np.int64]
    ready: NDArray[np.int64]
    marked: NDArray[np.int32]
    mark: NDArray[np.bool_]


class ListedLayer:
    """A sparse connection or a pooling into spiking neurons.

    Parameters
    ----------
    topology : Sparse or Pool2d
    weights : float array, the topology's ``weight_shape``
    neuron : IF or LIF
    """

    def __init__(self, topology: Sparse | Pool2d, weights: NDArray[Any], neuron: IF | LIF) -> None:
        self.dtype, self.n_out = weights.dtype.type, topology.n_out
        self.firing, self.decay = Firing.of(neuron, self.dtype), decay_of(neuron, self.dtype)
        self.synapses = synapses_of(topology, weights)

    def start(self) -> Cells:
        """Return all neurons at rest."""
        n = self.n_out
        clock, ready = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        marked, mark = np.empty(n, np.int32), np.zeros(n, np.bool_)
        return Cells(np.zeros(n, self.dtype), clock, ready, marked, mark)

    def run(self, deliveries: Deliveries, state: Cells, fresh: bool, tally: Tally) -> Train:
        """Deliver one by one; see ``Layer.run``."""
        factors = Factors.of(self.decay, deliveries)
        spikes = Spikes.room(len(deliveries.t) + 2 * self.n_out, self.dtype)
        cursor = Cursor.start()
        args = deliveries, self.synapses, factors, self.firing, state
        while not run_cells(*args, spikes, cursor, fresh, tally):
            spikes = spikes.grown()
        return collect(spikes, int(cursor.spikes[0]), deliveries, ordered=True)


def synapses_of(topology: Sparse | Pool2d, weights: NDArray[Any]) -> Synapses:
    """List all synapses with their weights."""
    if isinstance(topology, Sparse):
        return Synapses(topology.start, topology.target, weights)
    start, target = _windows(topology)
    return Synapses(start, target, np.full(len(target), weights[0]))


@lru_cache(maxsize=32)
def _windows(topology: Pool2d) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the windows that hold each sender, row by row, as ``Pool2d.fan_out`` does."""
    height, width, channels = topology.in_size
    rows, columns, _ = topology.out_shape
    axes = (rows, columns, channels, *topology.window)
    oy, ox, c, ky, kx = np.ogrid[tuple(slice(n) for n in axes)]
    y, x = oy * topology.steps[0] + ky, ox * topology.steps[1] + kx
    sender = (c * height + y) * width + x if topology.planar else (y * width + x) * channels + c
    target = np.broadcast_to((oy * columns + ox) * channels + c, axes).reshape(-1)
    sender = np.broadcast_to(sender, axes).reshape(-1)
    order = np.lexsort((target, sender))
    start = np.searchsorted(sender[order], np.arange(topology.n_in + 1)).astype(np.int64)
    return start, target[order].astype(np.int32)


@inlined
def _settle(e, t, firing, cells, marked, spikes, n):  # type: ignore[no-untyped-def]
    """Test the marked neurons in order of unit; return the number of spikes."""
    for i in range(1, marked):
        k, j = cells.marked[i], i
        while j > 0 and cells.marked[j - 1] > k:
            cells.marked[j] = cells.marked[j - 1]
            j -= 1
        cells.marked[j] = k
    for i in range(marked):
        k = cells.marked[i]
        cells.mark[k] = False
        x = cells.v[k]
        if x >= firing.threshold:
            spikes.event[n], spikes.unit[n], spikes.value[n] = e, k, x
            n += 1
            cells.v[k] = x - firing.threshold if firing.subtract else x - x
            cells.ready[k] = t + firing.refractory
    return n


@inlined
def _deliver(t, row, synapses, factors, firing, cells, marked):  # type: ignore[no-untyped-def]
    """Deliver one event; return the neurons marked and those brought up to now."""
    updates, dtype = 0, synapses.weight.dtype.type
    for s in range(synapses.start[row], synapses.start[row + 1]):
        j = synapses.target[s]
        gap = t - cells.clock[j]
        cells.clock[j] = t
        updates += gap != 0
        decay, table = dtype(1), factors.table
        if len(table) and gap < FINE * FINE:
            decay = dtype(table[FINE + (gap >> SHIFT)] * table[gap & (FINE - 1)])
        elif len(table):
            decay = dtype(math.exp(-np.float64(gap) / factors.tau_us))
        x = cells.v[j] * decay
        if t >= cells.ready[j]:
            x += synapses.weight[s]
            if x >= firing.threshold and not cells.mark[j]:
                cells.mark[j] = True
                cells.marked[marked] = j
                marked += 1
        cells.v[j] = x
    return marked, updates


@threaded
def run_cells(events, synapses, factors, firing, cells, spikes, cursor, fresh, tally):  # type: ignore[no-untyped-def]
    """Take all recordings from ``cursor`` on; see ``feedforward_patch.run_block``."""
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    room = len(spikes.event) - len(cells.v)
    marked = 0
    while r < len(events.start) - 1:
        if e == events.start[r] and (fresh or r > 0):
            cells.v[:] = 0
            cells.clock[:] = -1
            cells.ready[:] = -1
        stop = events.start[r + 1]
        while e < stop and n <= room:
            t, row = events.t[e], np.int64(events.row[e])
            marked, updates = _deliver(t, row, synapses, factors, firing, cells, marked)
            tally.updates[r] += updates
            tally.adds[r] += synapses.start[row + 1] - synapses.start[row]
            if marked > 0 and events.last[e]:
                n = _settle(e, t, firing, cells, marked, spikes, n)
                marked = 0
            e += 1
        if e < stop:
            break
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
