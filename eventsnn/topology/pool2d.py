"""Sum pooling: each channel of a window goes to one neuron, through one shared weight.

The weight array is (1,): 1 sums, 1 / (rows * columns) averages. It need not be given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.topology.topology import (
    Sizes,
    Topology,
    check_units,
    flag,
    out_size,
    pair,
    runs_entry_point,
    sizes,
)


@dataclass(frozen=True)
class Pool2d(Topology):
    """Windows of ``window`` inputs every ``stride`` inputs; rest at the border is not seen.

    Attributes
    ----------
    in_size : (int, int, int)
        Height, width and channels of the sender; the target has as many channels.
    window : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int) or None
        Rows and columns between windows; None for windows side by side.
    planar : bool
        True if sender units are ordered (channel, y, x), as a sensor's events are.

    Examples
    --------
    >>> from eventsnn import Pool2d
    >>> Pool2d((30, 30, 12), window=2).out_shape
    (15, 15, 12)
    """

    kind: ClassVar[str] = "pool2d"
    in_size: Sizes
    window: tuple[int, int]
    stride: tuple[int, int] | None = None
    planar: bool = False

    def __post_init__(self) -> None:
        """Check every size."""
        object.__setattr__(self, "in_size", sizes(self.in_size, "in_size", self.kind))
        window = pair(self.window, "window", self.kind, 1)
        object.__setattr__(self, "window", window)
        stride = window if self.stride is None else pair(self.stride, "stride", self.kind, 1)
        object.__setattr__(self, "stride", stride)
        check_units(self.out_shape, "an output of", self.kind)
        object.__setattr__(self, "planar", flag(self.planar, "planar", self.kind))

    @property
    def steps(self) -> tuple[int, int]:
        """Rows and columns between windows."""
        return self.window if self.stride is None else self.stride

    @property
    def out_shape(self) -> Sizes:
        """(height, width, channels) of the target population."""
        rows, columns = (
            out_size(self.in_size[i], self.window[i], self.steps[i], 0, "pool2d") for i in (0, 1)
        )
        return rows, columns, self.in_size[2]

    @property
    def n_in(self) -> int:
        """Number of senders."""
        return self.in_size[0] * self.in_size[1] * self.in_size[2]

    @property
    def n_out(self) -> int:
        """Number of targets."""
        return self.out_shape[0] * self.out_shape[1] * self.out_shape[2]

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(1,)."""
        return (1,)

    @property
    def max_fan_out(self) -> int:
        """Windows that overlap in one input."""
        sides = zip(self.window, self.steps, self.out_shape[:2], strict=True)
        rows, columns = (min(-(-w // s), out) for w, s, out in sides)
        return rows * columns

    @property
    def clock_size(self) -> int:
        """Targets are reached one by one."""
        return 1

    def default_weights(self) -> NDArray[np.float64]:
        """Sum."""
        return np.ones(1)

    def fan_out(self, sender: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the windows that hold the sender, row by row."""
        height, width, channels = self.in_size
        if self.planar:
            c, y, x = (int(v) for v in np.unravel_index(sender, (channels, height, width)))
        else:
            y, x, c = (int(v) for v in np.unravel_index(sender, self.in_size))
        rows, columns, _ = self.out_shape
        targets = [
            (oy * columns + ox) * channels + c
            for oy in range(rows)
            for ox in range(columns)
            if 0 <= y - oy * self.steps[0] < self.window[0]
            and 0 <= x - ox * self.steps[1] < self.window[1]
        ]
        return np.array(targets, np.int64), np.zeros(len(targets), np.int64)

    def table(self) -> NDArray[np.int64]:
        """Sizes in the order in which ``runs`` reads them."""
        rows, columns, _ = self.out_shape
        values = (*self.in_size, rows, columns, *self.window, *self.steps, self.planar)
        return np.array(values, np.int64)

    @classmethod
    def kernel(cls) -> Any:
        """Return the compiled fan-out."""
        return _compiled()


def _runs(table: Any, sender: int, out: Any) -> Any:
    """One run of one synapse for each window that holds the sender."""
    height, width, channels, rows, columns = table[0], table[1], table[2], table[3], table[4]
    if table[9]:
        c, y, x = sender // (height * width), sender // width % height, sender % width
    else:
        c, y, x = sender % channels, sender // (channels * width), sender // channels % width
    first_row = max(0, -((table[5] - 1 - y) // table[7]))
    first_column = max(0, -((table[6] - 1 - x) // table[8]))
    n = 1
    for oy in range(first_row, min(rows, y // table[7] + 1)):
        for ox in range(first_column, min(columns, x // table[8] + 1)):
            out[n] = (oy * columns + ox) * channels + c
            out[n + 1] = 0
            out[n + 2] = 1
            n += 3
    out[0] = n // 3
    return int64(out[0])


@cache
def _compiled() -> Any:
    return runs_entry_point(_runs)
