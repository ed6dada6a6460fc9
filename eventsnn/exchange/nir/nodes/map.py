"""Nodes without neurons: what they pass on is linear in what they are given, plus a constant."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from eventsnn.exchange.nir.nodes.node import Node, Shape
from eventsnn.memory import check_room
from eventsnn.topology.topology import Topology

Synapses = tuple[Topology, NDArray[Any]]
"""A topology and its weights."""

Matrix: TypeAlias = "sparse.csr_array[Any]"


@dataclass(frozen=True)
class Ends:
    """What is at the two ends of a connection that is about to be made.

    Attributes
    ----------
    planar : bool
        Whether units of a sender in space are ordered (channel, row, column), as NIR has them;
        else (row, column, channel).
    sender, receiver : int64 array, or None
        The number that NIR gives each of our units; None where it is the same.
    factor_in, factor_out : float64 array
        What goes into each synapse of a sender and of a receiver, by NIR's numbers.
    """

    planar: bool
    sender: NDArray[np.int64] | None
    receiver: NDArray[np.int64] | None
    factor_in: NDArray[np.float64]
    factor_out: NDArray[np.float64]

    @property
    def one_in(self) -> float | None:
        """The factor of all senders, None where they differ."""
        return _one(self.factor_in)

    def receives(self, made: Shape) -> bool:
        """Tell whether receivers are numbered as topologies in space number (c, rows, columns)."""
        order = in_space(made)
        given = np.arange(order.size) if self.receiver is None else self.receiver
        return np.array_equal(order, given)

    def of_channels(self, channels: int) -> NDArray[np.float64] | None:
        """Return the factor of each channel of the receivers, None where places differ."""
        return _channels(self.factor_out, channels)

    def of_channels_in(self, channels: int) -> NDArray[np.float64] | None:
        """Return the factor of each channel of the senders, None where places differ."""
        return _channels(self.factor_in, channels)


class Orders(NamedTuple):
    """The number that NIR gives each unit of a sender and of a receiver; None for the same."""

    sender: NDArray[np.int64] | None
    receiver: NDArray[np.int64] | None


Chain = list[tuple[str, dict[str, Any]]]
"""Types of nodes one after the other, and their parameters."""


SaidAs = Callable[[Any, NDArray[Any], Orders], list[Chain]]
"""From a topology, its weights and the order of units: chains side by side."""


class Pooled(NamedTuple):
    """Windows side by side that are summed, and what goes into each sum."""

    window: tuple[int, int]
    share: float


class Map(Node):
    """A node without neurons."""

    plain = False
    """True where each unit is passed on by itself, to its own number."""

    @abstractmethod
    def matrix(self, given: Shape) -> Matrix:
        """Return what each input adds to each output, (n_out, n_in), by NIR's numbers."""

    def constant(self, given: Shape) -> NDArray[np.float64] | None:
        """Return what is added whatever comes, (n_out,); None for nothing."""
        return None

    def scale(self, given: Shape) -> NDArray[np.float64] | None:
        """Return the factor of each unit of a ``plain`` node; None for 1."""
        return None

    def delay(self) -> NDArray[Any] | None:
        """Return how long it keeps what each unit sends, in units of time; None for not at all."""
        return None

    def pooled(self, given: Shape) -> Pooled | None:
        """Return what it sums, where it is windows side by side."""
        return None

    def synapses(self, given: Shape, ends: Ends) -> Synapses | None:
        """Return it as a connection; None where no topology has its form."""
        return None

    def after(self, pool: Pooled, given: Shape, ends: Ends) -> Synapses | None:
        """Return it as a connection behind sums of windows, which have the shape ``given``."""
        return None

    of: ClassVar[dict[type[Topology], SaidAs]] = {}
    """For each topology whose connections it may be, what makes chains of nodes of one."""

    def room(self, synapses: int) -> None:
        """Refuse so many synapses that they do not fit into memory."""
        check_room(synapses * _BYTES_A_SYNAPSE, f"{self.where} ({self.kind}): it")


_BYTES_A_SYNAPSE = 48


def diagonal(values: NDArray[np.float64] | float, given: Shape) -> Matrix:
    """Return a matrix that takes each unit to itself."""
    n = math.prod(given)
    return sparse.diags_array(np.broadcast_to(values, n).astype(np.float64)).tocsr()


def scaled(weights: NDArray[Any], *factors: Any) -> NDArray[Any]:
    """Return weights times factors; the same weights where all are 1."""
    for factor in factors:
        if not (np.asarray(factor) == 1).all():
            weights = weights * np.asarray(factor, np.float64)
    return weights


def in_space(shape: Shape) -> NDArray[np.int64]:
    """Return the number of each unit of (c, rows, columns) in the order (rows, columns, c)."""
    return np.arange(math.prod(shape)).reshape(shape).transpose(1, 2, 0).reshape(-1)


def from_ours(array: NDArray[Any], order: NDArray[np.int64] | None, axis: int) -> NDArray[Any]:
    """Return an array in the order of our units by NIR's numbers."""
    return array if order is None else np.take(array, np.argsort(order), axis)


def in_order(array: NDArray[Any], order: NDArray[np.int64] | None, axis: int) -> NDArray[Any]:
    """Return an array of NIR's numbers in the order of our units."""
    return array if order is None else np.take(array, order, axis)


def _one(values: NDArray[np.float64]) -> float | None:
    return float(values.reshape(-1)[0]) if (values == values.reshape(-1)[0]).all() else None


def _channels(values: NDArray[np.float64], channels: int) -> NDArray[np.float64] | None:
    if values.size == 1:
        return np.broadcast_to(values.reshape(-1), channels)
    rows = values.reshape(channels, -1)
    return rows[:, 0] if (rows == rows[:, :1]).all() else None
