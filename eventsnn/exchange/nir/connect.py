"""A way of spikes as one connection: its topology, weights and delays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.exchange.nir.convention import Convention, microseconds
from eventsnn.exchange.nir.nodes.map import Ends, Map, Matrix, Synapses, diagonal, in_space
from eventsnn.exchange.nir.nodes.node import Shape
from eventsnn.exchange.nir.paths import Way
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

Order = NDArray[np.int64] | None
Step = tuple[Map, Shape]


@dataclass(frozen=True)
class Place:
    """Neurons or inputs, and how their units are numbered here.

    Attributes
    ----------
    shape : tuple of int
        As NIR has it: (channels, rows, columns) in space.
    order : int64 array or None
        The number that NIR gives each of our units; None where it is the same.
    planar : bool
        Whether ours are in NIR's order: those of inputs are.
    """

    shape: Shape
    order: Order
    planar: bool

    @property
    def size(self) -> int:
        """Number of units."""
        return math.prod(self.shape)

    @property
    def here(self) -> Shape:
        """The shape of the population."""
        if self.planar and len(self.shape) != 3:
            return (self.size,)  # which recordings of any sensor of as many units fit
        c, *sides = self.shape or (1,)
        return (*sides, c) if len(self.shape) == 3 and not self.planar else (c, *sides)


def place_of(shape: Shape, is_input: bool) -> Place:
    """Return where the units of a node are."""
    if is_input or len(shape) != 3:
        return Place(shape, None, is_input)
    order = in_space(shape)
    same = bool((order == np.arange(len(order))).all())
    return Place(shape, None if same else order, False)


@dataclass(frozen=True)
class Joined:
    """A connection that was found: ``delay_us`` is one number, or one a weight."""

    topology: Topology
    weights: NDArray[Any]
    delay_us: int | NDArray[np.int64]


def connection_of(
    way: Way, source: Place, target: Place, gain: NDArray[np.float64], convention: Convention
) -> Joined:
    """Return a way as a connection; ``gain`` is what a spike of weight 1 is to each target.

    Raises
    ------
    DataError
        If a delay has no form here: it names the node.
    """
    plan = _Plan(way, convention)
    ends = Ends(
        source.planar,
        source.order,
        target.order,
        np.atleast_1d(plan.factor_in),
        np.atleast_1d(plan.factor_out * gain.reshape(-1)),
    )
    found = _as_topology(plan.inner, ends)
    if found is None or (plan.delays and not _one_by_one(found[0])):
        found = _as_list(plan.inner, ends, source, target)
    topology, weights = found
    if not plan.delays:
        return Joined(topology, weights, plan.delay_us)
    return Joined(topology, weights, plan.delay_us + _delays(topology, plan, ends))


class _Plan:
    """The steps of a way, taken apart: factors and delays at its ends, and what is between."""

    def __init__(self, way: Way, convention: Convention) -> None:
        mixing = [k for k, (node, _) in enumerate(way.steps) if not node.plain]
        first, last = (mixing[0], mixing[-1] + 1) if mixing else (0, 0)
        self.factor_in: Any = 1.0
        self.factor_out: Any = 1.0
        self.delay_us = 0
        self.delays: list[tuple[int, NDArray[np.int64]]] = []
        """Delays a unit: 0 of senders, 1 of receivers."""
        self.inner: list[Step] = []
        for k, (node, given) in enumerate(way.steps):
            delay = node.delay()
            if delay is not None:
                self._delay(node, microseconds(delay, convention.unit_us), k, (first, last))
            factor = node.scale(given)
            if first <= k < last and (not node.plain or factor is not None):
                self.inner.append((node, given))
            elif factor is not None and k < first:
                self.factor_in = self.factor_in * factor
            elif factor is not None:
                self.factor_out = self.factor_out * factor

    def _delay(self, node: Map, delay: NDArray[np.float64], k: int, inner: tuple[int, int]) -> None:
        whole = np.rint(delay)
        wrong = np.flatnonzero(np.abs(delay - whole) > 1e-6 * np.maximum(delay, 1.0))
        if wrong.size:
            raise node.refuse(
                f"a delay is {delay[wrong[0]]:g} us; give whole microseconds, or say the unit of "
                "time"
            )
        if whole.max() > 1 << 40:
            raise node.refuse(f"a delay is {whole.max():g} us; give less, or the unit of time")
        if (whole == whole[0]).all():
            self.delay_us += int(whole[0])
        elif inner[0] <= k < inner[1]:
            raise node.refuse(
                "units have delays of their own between two nodes that mix them; put the Delay "
                "before or behind both"
            )
        else:
            self.delays.append((int(k >= inner[1]), whole.astype(np.int64)))


def _as_topology(inner: list[Step], ends: Ends) -> Synapses | None:
    if len(inner) == 1:
        return inner[0][0].synapses(inner[0][1], ends)
    if len(inner) == 2:
        (first, given), (second, _) = inner
        pooled = first.pooled(given)
        return None if pooled is None else second.after(pooled, first.fits(given), ends)
    return None


def _as_list(inner: list[Step], ends: Ends, source: Place, target: Place) -> Synapses:
    """Return a way as synapses one by one."""
    matrix: Matrix = diagonal(ends.factor_in, source.shape)
    for node, given in inner:
        matrix = node.matrix(given) @ matrix
        node.room(matrix.nnz)
    matrix = (diagonal(ends.factor_out, target.shape) @ matrix).tocoo()
    sender, receiver = matrix.col, matrix.row
    if ends.sender is not None:
        sender = np.argsort(ends.sender)[sender]
    if ends.receiver is not None:
        receiver = np.argsort(ends.receiver)[receiver]
    within = np.argsort(receiver, kind="stable")
    sender, receiver, weights = sender[within], receiver[within], matrix.data[within]
    topology, order = Sparse.from_pairs(sender, receiver, source.size, target.size)
    return topology, weights[order]


def _delays(topology: Topology, plan: _Plan, ends: Ends) -> NDArray[np.int64]:
    """Return the delay of each weight of a topology, of which each synapse has its own."""
    total = np.zeros(topology.weight_shape, np.int64)
    for side, delay in plan.delays:
        order = (ends.sender, ends.receiver)[side]
        ours = delay if order is None else delay[order]
        if topology.listed:
            index = np.repeat(np.arange(topology.n_in), np.diff(topology.table()))
            total += ours[topology.targets if side else index]
        else:
            total += ours if side else ours[:, None]
    if total.max(initial=0) > _LONGEST:
        raise DataError(
            f"nir: a delay of one unit is {total.max()} us; give at most {_LONGEST} us, or one "
            "delay for all"
        )
    return total


_LONGEST = (1 << 22) - 1


def _one_by_one(topology: Topology) -> bool:
    """Tell whether each weight is that of one synapse."""
    return topology.listed or topology.weight_shape == (topology.n_in, topology.n_out)
