"""Convolution after a plain average over windows side by side, without neurons between.

A window passes on the mean of its spikes, so that a spike is worth 1 / (rows * columns) of a
kernel. Nothing is rounded to spikes there, as it is where a population pools. Weights are
(kernel rows, kernel columns, c_in, c_out), and what *one spike* adds: the kernel of the
convolution divided by the size of a window (``share``). What does not fill a window at the border
is not seen. Targets are ordered (y, x, channel). A kernel as large as the averages makes a dense
layer after an average.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.topology.conv2d import Conv2d
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
class MeanConv2d(Topology):
    """Plain average, then cross-correlation.

    Attributes
    ----------
    in_size : (int, int, int)
        Height, width and channels of the sender.
    window : int or (int, int)
        Rows and columns of a window.
    channels : int
        Output channels.
    kernel_size, stride, padding : int or (int, int)
        Rows and columns, in averages.
    planar : bool
        True if sender units are ordered (channel, y, x), as a sensor's events are.
    """

    kind: ClassVar[str] = "mean_conv2d"
    in_size: Sizes
    window: tuple[int, int]
    channels: int
    kernel_size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    planar: bool = False

    def __post_init__(self) -> None:
        """Check every size."""
        object.__setattr__(self, "in_size", sizes(self.in_size, "in_size", self.kind))
        for name, least in (("window", 1), ("kernel_size", 1), ("stride", 1), ("padding", 0)):
            object.__setattr__(self, name, pair(getattr(self, name), name, self.kind, least))
        object.__setattr__(self, "channels", count(self.channels, "channels", self.kind))
        object.__setattr__(self, "planar", flag(self.planar, "planar", self.kind))
        check_units(self.out_shape, "an output of", self.kind)

    @cached_property
    def mean_size(self) -> Sizes:
        """Height, width and channels of the averages."""
        rows, columns = (
            out_size(self.in_size[i], self.window[i], self.window[i], 0, self.kind) for i in (0, 1)
        )
        return rows, columns, self.in_size[2]

    @property
    def share(self) -> float:
        """A spike is that part of the average of its window."""
        return 1 / (self.window[0] * self.window[1])

    @cached_property
    def conv(self) -> Conv2d:
        """The convolution of the averages."""
        return Conv2d(self.mean_size, self.channels, self.kernel_size, self.stride, self.padding)

    @property
    def out_shape(self) -> Sizes:
        """(height, width, channels) of the target population."""
        return self.conv.out_shape

    @property
    def n_in(self) -> int:
        """Number of senders."""
        return self.in_size[0] * self.in_size[1] * self.in_size[2]

    @property
    def n_out(self) -> int:
        """Number of targets."""
        return self.conv.n_out

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(kernel rows, kernel columns, c_in, c_out)."""
        return self.conv.weight_shape

    @property
    def max_fan_out(self) -> int:
        """Synapses of a sender away from the border."""
        return self.conv.max_fan_out

    @property
    def clock_size(self) -> int:
        """All channels of a position are reached together."""
        return self.channels

    def fan_out(self, sender: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the targets of the sender's window, as the convolution has them."""
        height, width, c_in = self.in_size
        if self.planar:
            c, y, x = (int(v) for v in np.unravel_index(sender, (c_in, height, width)))
        else:
            y, x, c = (int(v) for v in np.unravel_index(sender, self.in_size))
        row, column = y // self.window[0], x // self.window[1]
        if row >= self.mean_size[0] or column >= self.mean_size[1]:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return self.conv.fan_out(int(np.ravel_multi_index((row, column, c), self.mean_size)))

    def table(self) -> NDArray[np.int64]:
        """Sizes in the order in which ``runs`` reads them."""
        values = (*self.in_size, *self.out_shape, *self.kernel_size, *self.stride, *self.padding)
        return np.array([*values, self.planar, *self.window, *self.mean_size[:2]], np.int64)

    @classmethod
    def kernel(cls) -> Any:
        """Return the compiled fan-out."""
        return _compiled()


def _runs(table: Any, sender: int, out: Any) -> Any:
    """One run of c_out neighbours for each position that sees the sender's window."""
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
    y //= table[13]
    x //= table[14]
    n = 1
    if y < table[15] and x < table[16]:
        y += table[10]
        x += table[11]
        first_row = max(0, -((table[6] - 1 - y) // table[8]))
        first_column = max(0, -((table[7] - 1 - x) // table[9]))
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
