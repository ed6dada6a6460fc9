"""Linear: y = W x. Weights are (n_out, n_in) in NIR, (n_in, n_out) here."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from eventsnn.exchange.nir.nodes.map import (
    Chain,
    Ends,
    Map,
    Matrix,
    Orders,
    Pooled,
    SaidAs,
    Synapses,
    from_ours,
    in_order,
    scaled,
)
from eventsnn.exchange.nir.nodes.node import Raw, Shape
from eventsnn.memory import check_room
from eventsnn.topology.dense import Dense
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology


class LinearMap(Map):
    """All to all, of vectors."""

    def read(self, raw: Raw) -> None:
        """Take the weights."""
        self.weight = self.numbers(raw, "weight")
        if self.weight.ndim != 2:
            shape = self.weight.shape
            raise self.refuse(f"weight has shape {shape}; give (n_out, n_in), one matrix a node")

    @property
    def own_shape(self) -> Shape:
        """(n_out,)."""
        return self.weight.shape[:1]

    def fits(self, given: Shape) -> Shape:
        """Return (n_out,)."""
        if given != self.weight.shape[1:]:
            raise self.refuse(
                f"takes {self.weight.shape[1:]}, is given {given}; put a Flatten before it, or "
                "change its weight"
            )
        return self.weight.shape[:1]

    @abstractmethod
    def constant(self, given: Shape) -> NDArray[np.float64] | None:
        """Return the bias."""

    def matrix(self, given: Shape) -> Matrix:
        """Return the weights."""
        return sparse.csr_array(self.weight.astype(np.float64))

    def synapses(self, given: Shape, ends: Ends) -> Synapses:
        """Return a dense connection."""
        weights = scaled(self.weight.T, ends.factor_in.reshape(-1, 1), ends.factor_out)
        weights = in_order(in_order(weights, ends.sender, 0), ends.receiver, 1)
        return Dense(*weights.shape), np.ascontiguousarray(weights)

    def after(self, pool: Pooled, given: Shape, ends: Ends) -> Synapses | None:
        """Return a convolution as large as the sums of the windows."""
        if len(given) != 3 or ends.one_in is None or ends.receiver is not None:
            return None
        channels, rows, columns = given
        size = rows * pool.window[0], columns * pool.window[1], channels
        kernel = self.weight.reshape(-1, channels, rows, columns).transpose(2, 3, 1, 0)
        weights = scaled(kernel, ends.factor_out, pool.share * ends.one_in)
        options = len(self.weight), (rows, columns), (1, 1), (0, 0), ends.planar
        return MeanConv2d(size, pool.window, *options), np.ascontiguousarray(weights)


def _of_dense(topology: Any, weights: NDArray[Any], orders: Orders) -> list[Chain]:
    """Return one matrix."""
    return [[("Linear", {"weight": _matrix(weights, orders)})]]


def _of_sparse(topology: Any, weights: NDArray[Any], orders: Orders) -> list[Chain]:
    """Return as many matrices as a pair has synapses at most."""
    check_room(
        topology.n_in * topology.n_out * weights.itemsize,
        f"nir: a matrix of {topology.n_in} x {topology.n_out} for {len(weights)} synapses",
    )
    layers = _layers(topology, weights)
    return [[("Linear", {"weight": _matrix(layer, orders)})] for layer in layers]


class Linear(LinearMap):
    """Weights alone."""

    kind: ClassVar[str] = "Linear"
    of: ClassVar[dict[type[Topology], SaidAs]] = {Dense: _of_dense, Sparse: _of_sparse}

    def constant(self, given: Shape) -> None:
        """Return none."""
        return None


def _layers(topology: Sparse, weights: NDArray[Any]) -> list[NDArray[Any]]:
    """Return synapses as matrices (n_in, n_out): a pair's first ones, its second ones, ..."""
    sender = np.repeat(np.arange(topology.n_in), np.diff(topology.start))
    pair = sender * topology.n_out + topology.target
    order = np.argsort(pair, kind="stable")
    _, first, count = np.unique(pair[order], return_index=True, return_counts=True)
    nth = np.empty(len(pair), np.int64)
    nth[order] = np.arange(len(pair)) - np.repeat(first, count)
    found = []
    for k in range(int(nth.max(initial=0)) + 1):
        layer = np.zeros((topology.n_in, topology.n_out), weights.dtype)
        layer[sender[nth == k], topology.target[nth == k]] = weights[nth == k]
        found.append(layer)
    return found


def _matrix(weights: NDArray[Any], orders: Orders) -> NDArray[Any]:
    """Return (n_out, n_in) by NIR's numbers."""
    weights = from_ours(from_ours(weights, orders.sender, 0), orders.receiver, 1)
    return np.ascontiguousarray(weights.T)
