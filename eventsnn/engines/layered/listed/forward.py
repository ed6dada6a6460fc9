"""Pooling and sparse connections of the fast path: targets one by one, a clock each."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.collect import Cursor, collect
from eventsnn.engines.layered.deliveries import Decay, Deliveries, Spikes, Tally, Train
from eventsnn.engines.layered.layer import Ahead, runs
from eventsnn.engines.layered.listed.backward import Wiring, listed_walk
from eventsnn.engines.layered.listed.cells import ListedCells, Targets, run_cells
from eventsnn.engines.layered.spiking import Factors, Firing, SpikingLayer
from eventsnn.engines.layered.walk import Walk
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology


class ListedLayer(SpikingLayer):
    """A connection that lists its targets, into spiking neurons; see ``Layer``.

    Class attributes
    ----------------
    shared : bool
        True if all synapses read weight 0, False if each has its own.
    """

    shared: ClassVar[bool]

    def __init__(
        self, topology: Topology, neuron: Neuron, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        self._remember(neuron, topology.n_out, weights.dtype.type)
        self.firing, self.forgets = Firing.of(neuron, self.dtype), Decay.of(neuron, self.dtype)
        start, target = self.lists(topology)
        own = np.full(len(target), weights[0]) if self.shared else weights
        self.synapses = Targets(start, target, own, _distinct(type(self), topology))

    @staticmethod
    @abstractmethod
    def lists(topology: Any) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return where the synapses of each sender begin, and the target of each."""

    def start(self, recordings: int) -> ListedCells:
        """Return all neurons at rest."""
        return self.start_apart(1)

    def start_apart(self, recordings: int) -> ListedCells:
        """Return all neurons at rest, in each recording."""
        v = np.zeros((recordings, self.n_out), self.dtype)
        clock, ready = np.full(v.shape, -1, np.int64), np.full(v.shape, -1, np.int64)
        return ListedCells(v, clock, ready, np.empty(self.n_out + 1, np.int32))

    def start_at(self, v: NDArray[Any]) -> ListedCells:
        """Return all neurons with potentials ``v``."""
        cells = self.start(1)
        cells.v[:], cells.clock[:] = v, 0
        return cells

    def run(self, deliveries: Deliveries, state: ListedCells, fresh: bool, tally: Tally) -> Train:
        """Deliver one by one; see ``Layer.run``."""
        factors = Factors.of(self.forgets, deliveries)
        spikes = Spikes.room(len(deliveries.t) + 2 * self.n_out, self.dtype)
        cursor = Cursor.start()
        args = deliveries, self.synapses, factors, self.firing, state
        while not run_cells(*args, spikes, cursor, fresh, tally):
            spikes = spikes.grown()
        return collect(spikes, int(cursor.spikes[0]), deliveries, ordered=True)

    def back(self, walk: Walk, below: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return errors and gradient: one pass finds both."""
        return listed_walk(Wiring(*self.synapses[:2], self.shared, self.n_out), walk)


@runs((IF, LIF), (Sparse,))
class SparseLayer(ListedLayer):
    """A sparse connection into spiking neurons."""

    shared = False

    @staticmethod
    def lists(topology: Sparse) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the rows of the topology."""
        return topology.rows


@runs((IF, LIF), (Pool2d,))
class PoolLayer(ListedLayer):
    """A pooling into spiking neurons."""

    shared = True

    @staticmethod
    def lists(topology: Pool2d) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the windows that hold each sender."""
        return _windows(topology)


@lru_cache(maxsize=64)
def _distinct(layer: type[ListedLayer], topology: Topology) -> bool:
    """Return whether no sender reaches a target twice."""
    start, target = layer.lists(topology)
    keys = np.repeat(np.arange(len(start) - 1), np.diff(start)) * topology.n_out + target
    return len(np.unique(keys)) == len(keys)


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
