"""Pooling and sparse connections of the fast path: targets one by one, a clock each."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.collect import collect
from eventsnn.engines.layered.deliveries import Deliveries, Spikes, Train
from eventsnn.engines.layered.layer import Cursor, Factors, Firing, Tally, decay_of
from eventsnn.kernels.compile import inlined, threaded
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import FINE, SHIFT
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse


class Synapses(NamedTuple):
    """Targets and weights of each sender: sender i owns start[i] to start[i + 1] - 1."""

    start: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[Any]


class Cells(NamedTuple):
    """State of the neurons, arrays (n_out,); see ``conv.forward.Block``.

    ``touched`` (n_out + 1,) lists those that an instant reached and that are not refractory.
    """

    v: NDArray[Any]
    clock: NDArray[np.int64]
    ready: NDArray[np.int64]
    touched: NDArray[np.int32]


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
        return Cells(np.zeros(n, self.dtype), clock, ready, np.empty(n + 1, np.int32))

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
        return Synapses(*topology.rows, weights)
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
def _decay(gap, factors, dtype):  # type: ignore[no-untyped-def]
    """Return the decay of a potential over a gap, as ``neuron.decay`` defines it."""
    table = factors.table
    if len(table) and gap < FINE * FINE:
        u = np.uint64(gap)
        high, low = u >> np.uint64(SHIFT), u & np.uint64(FINE - 1)
        return dtype(table[np.uint64(FINE) + high] * table[low])
    if len(table):
        return dtype(math.exp(-np.float64(gap) / factors.tau_us))
    return dtype(1)


@inlined
def _deliver(t, row, synapses, factors, firing, cells, touched):  # type: ignore[no-untyped-def]
    """Deliver one event; return the neurons touched, and how many were up to now already.

    Without a branch for each, since which neurons an instant reaches first, or will fire,
    cannot be predicted.
    """
    again, dtype = np.int64(0), synapses.weight.dtype.type
    for s in range(synapses.start[row], synapses.start[row + np.uint64(1)]):
        j, weight = np.uint64(synapses.target[np.uint64(s)]), synapses.weight[np.uint64(s)]
        gap = t - cells.clock[j]
        cells.clock[j] = t
        again += gap == 0
        x = cells.v[j] * _decay(gap, factors, dtype)
        awake = firing.refractory == 0 or t >= cells.ready[j]
        cells.v[j] = x + weight if awake else x
        cells.touched[np.uint64(touched)] = j
        touched += np.int64((gap != 0) & awake)
    return touched, again


@inlined
def _settle(e, t, firing, cells, touched, spikes, n):  # type: ignore[no-untyped-def]
    """Test the neurons touched, fire in order of unit; return the number of spikes."""
    fired = np.int64(0)
    for i in range(touched):
        k = cells.touched[i]
        cells.touched[fired] = k
        fired += np.int64(cells.v[np.uint64(k)] >= firing.threshold)
    for i in range(1, fired):
        k, j = cells.touched[i], i
        while j > 0 and cells.touched[j - 1] > k:
            cells.touched[j] = cells.touched[j - 1]
            j -= 1
        cells.touched[j] = k
    for i in range(fired):
        k = np.uint64(cells.touched[i])
        x = cells.v[k]
        spikes.event[n], spikes.unit[n], spikes.value[n] = e, k, x
        n += 1
        cells.v[k] = x - firing.threshold if firing.subtract else x - x
        if firing.refractory > 0:
            cells.ready[k] = t + firing.refractory
    return n


@threaded
def run_cells(events, synapses, factors, firing, cells, spikes, cursor, fresh, tally):  # type: ignore[no-untyped-def]
    """Take all recordings from ``cursor`` on; see ``by_event.run_block``."""
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    room, touched = len(spikes.event) - len(cells.v), np.int64(0)
    while r < len(events.start) - 1:
        if e == events.start[r] and (fresh or r > 0):
            cells.v[:] = 0
            cells.clock[:] = -1
            cells.ready[:] = -1
        stop, adds, again = events.start[r + 1], np.int64(0), np.int64(0)
        while e < stop and n <= room:
            t, row = events.t[e], np.uint64(events.row[e])
            adds += synapses.start[row + np.uint64(1)] - synapses.start[row]
            touched, tied = _deliver(t, row, synapses, factors, firing, cells, touched)
            again += tied
            if events.last[e]:
                n = _settle(e, t, firing, cells, touched, spikes, n)
                touched = np.int64(0)
            e += 1
        tally.adds[r] += adds
        tally.updates[r] += adds - again
        if e < stop:
            break
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
