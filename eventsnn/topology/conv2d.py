"""Convolution: an event touches exactly the kernel positions that see it.

Targets are ordered (y, x, channel), so that each position is a run of ``c_out``
neighbouring neurons; weights are (kernel rows, kernel columns, c_in, c_out).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.topology.topology import (
    Sizes,
    Topology,
    check_units,
    count,
    flag,
    out_size,
    pair,
    runs_entry_point,
    sizes,
)


@dataclass(frozen=True)
class Conv2d(Topology):
    """Cross-correlation, as in the field: output (oy, ox) sees input oy * stride + ky - padding.

    Attributes
    ----------
    in_size : (int, int, int)
        Height, width and channels of the sender.
    channels : int
        Output channels.
    kernel_size, stride, padding : int or (int, int)
        Rows and columns.
    planar : bool
        True if sender units are ordered (channel, y, x), as a sensor's events are;
        False for (y, x, channel), as this library's populations are.

    Examples
    --------
    >>> from eventsnn import Conv2d
    >>> conv = Conv2d((34, 34, 2), channels=12, kernel_size=5, planar=True)
    >>> conv.out_shape, conv.weight_shape
    ((30, 30, 12), (5, 5, 2, 12))
    """

    kind: ClassVar[str] = "conv2d"
    in_size: Sizes
    channels: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    planar: bool = False

    def __post_init__(self) -> None:
        """Check every size."""
        object.__setattr__(self, "in_size", sizes(self.in_size, "in_size", self.kind))
        for name, least in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
            object.__setattr__(self, name, pair(getattr(self, name), name, self.kind, least))
        object.__setattr__(self, "channels", count(self.channels, "channels", self.kind))
        object.__setattr__(self, "planar", flag(self.planar, "planar", self.kind))
        check_units(self.out_shape, "an output of", self.kind)

    @property
    def out_shape(self) -> Sizes:
        """(height, width, channels) of the target population."""
        rows, columns = (
            out_size(
                self.in_size[i], self.kernel_size[i], self.stride[i], self.padding[i], "conv2d"
            )
            for i in (0, 1)
        )
        return rows, columns, self.channels

    @property
    def n_in(self) -> int:
        """Number of senders."""
        return self.in_size[0] * self.in_size[1] * self.in_size[2]

    @property
    def n_out(self) -> int:
        """Number of targets."""
        return self.out_shape[0] * self.out_shape[1] * self.channels

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(kernel rows, kernel columns, c_in, c_out)."""
        return *self.kernel_size, self.in_size[2], self.channels

    @property
    def max_fan_out(self) -> int:
        """Synapses of a sender away from the border."""
        sides = zip(self.kernel_size, self.stride, self.out_shape[:2], strict=True)
        rows, columns = (min(-(-k // s), out) for k, s, out in sides)
        return rows * columns * self.channels

    @property
    def clock_size(self) -> int:
        """All channels of a position are reached together."""
        return self.channels

    def fan_out(self, sender: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the positions that see the sender, row by row, all channels of each."""
        height, width, c_in = self.in_size
        if self.planar:
            c, y, x = np.unravel_index(sender, (c_in, height, width))
        else:
            y, x, c = np.unravel_index(sender, self.in_size)
        rows, columns, c_out = self.out_shape
        targets: list[int] = []
        weights: list[int] = []
        for oy in range(rows):
            for ox in range(columns):
                ky = int(y) + self.padding[0] - oy * self.stride[0]
                kx = int(x) + self.padding[1] - ox * self.stride[1]
                if 0 <= ky < self.kernel_size[0] and 0 <= kx < self.kernel_size[1]:
                    first = np.ravel_multi_index((ky, kx, int(c), 0), self.weight_shape)
                    targets += [(oy * columns + ox) * c_out + k for k in range(c_out)]
                    weights += [int(first) + k for k in range(c_out)]
        return np.array(targets, np.int64), np.array(weights, np.int64)

    def table(self) -> NDArray[np.int64]:
        """Sizes in the order in which ``runs`` reads them."""
        values = (*self.in_size, *self.out_shape, *self.kernel_size, *self.stride, *self.padding)
        return np.array([*values, self.planar], np.int64)

    @classmethod
    def kernel(cls) -> Any:
        """Return the compiled fan-out."""
        return _compiled()


def _runs(table: Any, sender: int, out: Any) -> Any:
    """One run of c_out neighbours for each position that sees the sender."""
    height, width, c_in, rows, columns, c_out = (
        table[0],
        table[1],
        table[2],
        table[3],
        table[4],
        table[5],
    )
    if table[12]:
        c, y, x = sender // (height * width), sender // width % height, sender % width
    else:
        c, y, x = sender % c_in, sender // (c_in * width), sender // c_in % width
    y += table[10]
    x += table[11]
    first_row = max(0, -((table[6] - 1 - y) // table[8]))
    first_column = max(0, -((table[7] - 1 - x) // table[9]))
    n = 1
    for oy in range(first_row, min(rows, y // table[8] + 1)):
        for ox in range(first_column, min(columns, x // table[9] + 1)):
            ky, kx = y - oy * table[8], x - ox * table[9]
            out[n] = (oy * columns + ox) * c_out
            out[n + 1] = ((ky * table[7] + kx) * c_in + c) * c_out
            out[n + 2] = c_out
            n += 3
    out[0] = n // 3
    return out[0] * c_out


@cache
def _compiled() -> Any:
    return runs_entry_point(_runs)
