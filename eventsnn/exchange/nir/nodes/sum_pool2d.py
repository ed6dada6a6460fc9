"""SumPool2d: sums of windows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.nodes.conv2d import convolution_said
from eventsnn.exchange.nir.nodes.map import Chain, Orders, SaidAs
from eventsnn.exchange.nir.nodes.pool2d import Pooling
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.topology import Topology


def _sums(window: tuple[int, int], stride: tuple[int, int]) -> tuple[str, dict[str, Any]]:
    sides = {"kernel_size": window, "stride": stride, "padding": (0, 0)}
    return "SumPool2d", {name: np.array(value) for name, value in sides.items()}


def _of_pool(topology: Any, weights: NDArray[Any], orders: Orders) -> list[Chain]:
    """Return sums, and what goes into each of them."""
    chain: Chain = [_sums(topology.window, topology.steps)]
    rows, columns, channels = topology.out_shape
    if weights[0] != 1:
        chain.append(("Scale", {"scale": np.full((channels, rows, columns), weights[0])}))
    return [chain]


def _of_mean(topology: Any, weights: NDArray[Any], orders: Orders) -> list[Chain]:
    """Return sums and a convolution of them, whose weights are what one spike adds."""
    behind = convolution_said(topology.conv, weights)
    return [[_sums(topology.window, topology.window), ("Conv2d", behind)]]


class SumPool2d(Pooling):
    """Sums."""

    kind: ClassVar[str] = "SumPool2d"

    of: ClassVar[dict[type[Topology], SaidAs]] = {Pool2d: _of_pool, MeanConv2d: _of_mean}

    @property
    def share(self) -> float:
        """All of it."""
        return 1.0
