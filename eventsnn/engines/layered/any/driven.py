"""What a layer of any neurons behind any connection is made of, and its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.any.kernel import ModelRows, Wires, run_rows
from eventsnn.engines.layered.collect import Cursor, collect
from eventsnn.engines.layered.deliveries import Deliveries, Spikes, Tally, Train
from eventsnn.engines.layered.lanes import aligned
from eventsnn.kernels.pointers import Pointers
from eventsnn.neurons.neuron import Kernels, Neuron, check_precision
from eventsnn.record import Readouts
from eventsnn.topology.topology import Topology


class Driven:
    """Neurons behind a connection, by the kernels of both.

    Parameters
    ----------
    topology : Topology
    neuron : Neuron
        Of a model that does not predict.
    weights : float array of the topology's ``weight_shape``
    """

    def __init__(self, topology: Topology, neuron: Neuron, weights: NDArray[Any]) -> None:
        self.topology, self.neuron, self.dtype = topology, neuron, weights.dtype.type
        self.n_out = topology.n_out
        check_precision(neuron, self.dtype, "feedforward")
        kernels = _kernels(type(neuron), self.dtype)
        self.clock_size = topology.clock_size if neuron.one_clock else 1
        head = [self.n_out, self.clock_size]
        self.wires = Wires(
            Pointers([kernels.receive]),
            Pointers([kernels.settle]),
            Pointers([topology.kernel()]),
            np.concatenate([np.array(head, np.float64), neuron.table()]),
            _flat(topology.table(), np.int64),
            _flat(weights, self.dtype),
            _flat(topology.targets, np.int32),
        )

    def start(self, recordings: int, apart: bool = False) -> ModelRows:
        """Return the state at rest: a row a recording for a model that never fires, and ``apart``.

        Of several rows, run not ``fresh``, each recording goes on where it stood.
        """
        n, (x, times) = self.n_out, self.neuron.at_rest(self.n_out)
        rows = 1 if self.neuron.spiking and not apart else max(recordings, 1)
        rest_x, rest_times = x.astype(self.dtype).reshape(-1), times.reshape(-1)
        return ModelRows(
            aligned(rows * len(rest_x), self.dtype).reshape(rows, -1) + rest_x,
            np.tile(rest_times, (rows, 1)),
            rest_x,
            rest_times,
            np.zeros(2 + 2 * n, np.int32),
            np.zeros(1 + 3 * max(self.topology.max_fan_out, 1), np.int64),
            np.zeros(n, np.int32),
            np.zeros(n, self.dtype),
            np.zeros(self.topology.max_fan_out if self.topology.counts else 0, self.dtype),
        )

    def run(self, deliveries: Deliveries, state: ModelRows, fresh: bool, tally: Tally) -> Train:
        """Take all deliveries; see ``Layer.run``."""
        spikes = Spikes.room(len(deliveries.t) + 2 * self.n_out, self.dtype)
        cursor = Cursor.start()
        args = deliveries, self.wires, state
        while not run_rows(*args, spikes, cursor, fresh, tally):
            spikes = spikes.grown()
        return collect(spikes, int(cursor.spikes[0]), deliveries, ordered=True)

    def readouts(self, state: ModelRows, now: NDArray[np.float64]) -> Readouts:
        """Return what each recording's neurons hold at its end."""
        n, clocks = self.n_out, np.arange(self.n_out) // self.clock_size
        rows = []
        for x, times, t in zip(state.x, state.times, now, strict=False):
            parts = x.reshape(-1, n), times[:n][clocks], times[n : 2 * n], float(t)
            rows.append(self.neuron.readouts(*parts))
        return stacked(rows, n, self.dtype)


_KERNELS: WeakKeyDictionary[type[Neuron], dict[Any, Kernels]] = WeakKeyDictionary()


def _kernels(neuron: type[Neuron], dtype: Any) -> Kernels:
    """Return a model's entry points, made once: a layer is made for every batch."""
    made = _KERNELS.setdefault(neuron, {})
    if dtype not in made:
        made[dtype] = neuron.kernels(dtype)
    return made[dtype]


def _flat(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Return an array as kernels are compiled for it: flat, and one that may be written."""
    flat = np.ascontiguousarray(array, dtype).reshape(-1)
    return flat if flat.flags.writeable else flat.copy()


def rest_of(neuron: Neuron, size: int, dtype: Any, now: NDArray[np.float64]) -> Readouts:
    """Return the readouts of a population that nothing reached."""
    x, (clocks, times, *_) = neuron.at_rest(size)
    rows = [neuron.readouts(x.astype(dtype), clocks, times, float(t)) for t in now]
    return stacked(rows, size, dtype)


def stacked(rows: Sequence[tuple[NDArray[Any], ...]], size: int, dtype: Any) -> Readouts:
    """Return what each recording's readouts hold, one under the other."""
    columns = zip(*rows, strict=True) if rows else [np.zeros((0, size), dtype)] * 4
    return Readouts(*(np.array(list(column)) for column in columns))
