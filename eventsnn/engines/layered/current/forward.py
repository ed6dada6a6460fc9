"""Dense connections into current-based neurons, on the fast path: the layer around the kernel."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.current import kernel
from eventsnn.engines.layered.deliveries import Deliveries, Tally, Train
from eventsnn.engines.layered.layer import Ahead, Layer, runs
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.neuron import Neuron, check_precision
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology

SPARE = 1024
"""Spikes for which there is room beyond one a delivery and neuron."""


class Currents(NamedTuple):
    """What neurons hold after the last delivery or spike, a row for each recording.

    Attributes
    ----------
    v, current : float arrays (n_rows, n_out)
    fired : float64 array (n_rows, n_out)
        When each neuron fired last; -inf for never.
    clock : float64 array (n_rows,)
        The last delivery, 0 at rest.
    """

    v: NDArray[Any]
    current: NDArray[Any]
    fired: NDArray[np.float64]
    clock: NDArray[np.float64]

    @classmethod
    def rest(cls, shape: tuple[int, int], dtype: Any) -> Currents:
        """Return neurons at rest."""
        v, current = np.zeros(shape, dtype), np.zeros(shape, dtype)
        return cls(v, current, np.full(shape, -math.inf), np.zeros(shape[0]))


class Room(NamedTuple):
    """What the kernel needs beside the state, for n_out neurons.

    Attributes
    ----------
    v, current, new_v, new_current : float arrays
        The state of a recording before and after a delivery.
    apart, near, due : int64 arrays
        Neurons that are brought up by themselves, that may fire before the next delivery, and
        that fire at it.
    when, unit : float64 and int64 array
        A heap of spikes before the next delivery.
    numbers : int64 array (4,)
        How many are apart, near, waiting, due.
    """

    v: NDArray[Any]
    current: NDArray[Any]
    new_v: NDArray[Any]
    new_current: NDArray[Any]
    apart: NDArray[np.int64]
    near: NDArray[np.int64]
    due: NDArray[np.int64]
    when: NDArray[np.float64]
    unit: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, n: int, dtype: Any) -> Room:
        """Return room for n neurons."""
        v, current, new_v, new_current = (np.zeros(n, dtype) for _ in range(4))
        apart, near, due, unit = (np.zeros(n, np.int64) for _ in range(4))
        lists = apart, near, due, np.zeros(n), unit, np.zeros(4, np.int64)
        return cls(v, current, new_v, new_current, *lists)


class LayerRun(NamedTuple):
    """What the kernel is given: see ``kernel.run_currents``."""

    came: Deliveries
    weights: NDArray[Any]
    table: NDArray[np.float64]
    cells: Currents
    room: Room
    out: Train
    updates: NDArray[np.int64]


@runs((CubaLIF,), (Dense,))
class CurrentLayer(Layer):
    """A dense connection into current-based neurons; see ``Layer``. Weights are (n_in, n_out)."""

    apart = True
    counts = True
    timed = True

    def __init__(
        self, topology: Topology, neuron: Neuron, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        self.dtype = weights.dtype.type
        check_precision(neuron, self.dtype, "feedforward")
        self.weights, self.table = weights, neuron.table()

    @classmethod
    def fits(cls, neuron: Any) -> bool:
        """Return False for a bias above the threshold: it makes spikes without end."""
        return bool(neuron.bias <= neuron.threshold)

    def start(self, recordings: int) -> Currents:
        """Return neurons at rest, for one recording after the other."""
        return Currents.rest((1, self.weights.shape[1]), self.dtype)

    def start_apart(self, recordings: int) -> Currents:
        """Return neurons at rest in each recording."""
        return Currents.rest((recordings, self.weights.shape[1]), self.dtype)

    def run(self, deliveries: Deliveries, state: Currents, fresh: bool, tally: Tally) -> Train:
        """Take all deliveries, and let neurons fire between them; see ``Layer.run``."""
        n_out, n = self.weights.shape[1], len(deliveries.start) - 1
        own: Any = deliveries.multiple.astype(self.dtype)
        came = deliveries._replace(multiple=own, t=deliveries.t.astype(np.float64))
        room, out = Room.of(n_out, self.dtype), room_for(len(came.t) + n_out + SPARE, n, self.dtype)
        cursor, status = np.zeros(4, np.int64), kernel.FULL
        while status == kernel.FULL:
            given = LayerRun(came, self.weights, self.table, state, room, out, tally.updates)
            status = kernel.run_currents(given, cursor, fresh)
            out = grown(out) if status == kernel.FULL else out
        if status == kernel.RUNAWAY:
            out.start[cursor[kernel.RECORDING] + 1 :] = cursor[kernel.SPIKES]
        tally.updates[:] += deliveries.instants * n_out
        tally.adds[:] += np.diff(deliveries.start) * n_out
        fired = int(cursor[kernel.SPIKES])
        return Train(out.t[:fired], out.unit[:fired], out.value[:fired], out.start)

    def walk(self, came: Deliveries, weights: Any, owed: Any) -> Any:
        """Refuse: gradients of spike times are those of EventProp."""
        raise TypeError("adjoint: current-based neurons give no membrane")

    def back(self, walk: Any, below: bool) -> tuple[NDArray[Any] | None, Any]:
        """Refuse, as ``walk`` does."""
        raise TypeError("adjoint: current-based neurons give no membrane")


def room_for(spikes: int, recordings: int, dtype: Any) -> Train:
    """Return room for spikes at any time."""
    t: Any = np.empty(spikes)
    unit, value = np.empty(spikes, np.int32), np.empty(spikes, dtype)
    return Train(t, unit, value, np.zeros(recordings + 1, np.int64))


def grown(train: Train) -> Train:
    """Return twice the room, with what is in it."""
    t, unit, value = (np.concatenate([a, np.empty_like(a)]) for a in train[:3])
    return Train(t, unit, value, train.start)
