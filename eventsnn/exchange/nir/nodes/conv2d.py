"""Conv2d: (c_out, c_in, rows, columns) in NIR, (rows, columns, c_in, c_out) here."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.nodes.convolution import Convolution
from eventsnn.exchange.nir.nodes.map import Chain, Ends, Orders, Pooled, SaidAs, Synapses, scaled
from eventsnn.exchange.nir.nodes.node import Shape
from eventsnn.topology import conv2d
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.topology import Topology


def convolution_said(topology: Any, weights: NDArray[Any]) -> dict[str, Any]:
    """Return the parameters of a convolution as NIR has them."""
    kernel = np.ascontiguousarray(weights.transpose(3, 2, 0, 1))
    return {
        "input_shape": np.array(topology.in_size[:2]),
        "weight": kernel,
        "stride": np.array(topology.stride),
        "padding": np.array(topology.padding),
        "dilation": np.array((1, 1)),
        "groups": 1,
        "bias": np.zeros(len(kernel), kernel.dtype),
    }


def _of_convolution(topology: Any, weights: NDArray[Any], orders: Orders) -> list[Chain]:
    return [[("Conv2d", convolution_said(topology, weights))]]


class Conv2dNode(Convolution):
    """(channel, row, column). With groups or a dilation it is a list of synapses."""

    kind: ClassVar[str] = "Conv2d"
    n_sides: ClassVar[int] = 2

    of: ClassVar[dict[type[Topology], SaidAs]] = {conv2d.Conv2d: _of_convolution}

    @property
    def _as_here(self) -> bool:
        """Whether a topology has its form."""
        return self.groups == 1 and self.dilation == (1, 1) and self.before == self.behind

    def _kernel(self, ends: Ends, more: float = 1.0) -> NDArray[Any] | None:
        into = ends.of_channels_in(self.channels_in)
        out = ends.of_channels(len(self.weight))
        if into is None or out is None or not self._as_here:
            return None
        weights = scaled(self.weight.transpose(2, 3, 1, 0), into[:, None], out, more)
        return np.ascontiguousarray(weights)

    def synapses(self, given: Shape, ends: Ends) -> Synapses | None:
        """Return a convolution."""
        weights, (channels, *sides) = self._kernel(ends), given
        if weights is None or not ends.receives(self.fits(given)):
            return None
        options = (len(self.weight), self.weight.shape[2:], self.stride, self.before, ends.planar)
        return conv2d.Conv2d((sides[0], sides[1], channels), *options), weights  # type: ignore[arg-type]

    def after(self, pool: Pooled, given: Shape, ends: Ends) -> Synapses | None:
        """Return a convolution of sums."""
        if ends.one_in is None or not ends.receives(self.fits(given)):
            return None
        weights, (channels, rows, columns) = self._kernel(ends, pool.share), given
        if weights is None:
            return None
        size = rows * pool.window[0], columns * pool.window[1], channels
        options = (len(self.weight), self.weight.shape[2:], self.stride, self.before, ends.planar)
        return MeanConv2d(size, pool.window, *options), weights  # type: ignore[arg-type]
