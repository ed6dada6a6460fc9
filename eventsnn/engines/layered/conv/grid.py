"""Convolutions of the fast path: where each sender's patch lies, and how its weights lie.

What is compiled as a whole is a *strip* of positions: a patch, a row of one, or a single
position.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.lanes import aligned
from eventsnn.topology.conv2d import Conv2d

MAX_UNROLLED = 64
"""Registers up to which a patch, or a row of one, is compiled as a whole."""

LEAST_ON_MAP = 0.5
"""Share of the positions of whole strips that must lie on the map for them to be taken."""


class Patches(NamedTuple):
    """What each sender touches, on a grid of positions ``below`` to a row.

    The grid is the map, with a margin or without. A sender's weights lie as its patch does,
    row after row of positions; ``down`` leads from a position's weights to those of the
    position below it.

    Attributes
    ----------
    of : int32 array (n_in, 5)
        First position of the patch, the place of its weights, number of rows and columns,
        and how many of its positions are on the map.
    on_map : int32 array (positions of the grid,)
        Number of each position on the map; -1 in the margin.
    below, c_out, down : int
    whole : bool
        True if every sender's patch is made of whole strips.
    """

    of: NDArray[np.int32]
    on_map: NDArray[np.int32]
    below: int
    c_out: int
    down: int
    whole: bool


def _largest(topology: Conv2d) -> tuple[int, int]:
    """Return the most rows and columns of positions that a sender reaches."""
    (height, width), (down, right) = topology.kernel_size, topology.stride
    return -(-height // down), -(-width // right)


def as_patches(topology: Conv2d, weights: NDArray[Any], lanes: int) -> NDArray[Any]:
    """Lay weights (kernel rows, kernel columns, c_in, channels) as the patches they fill.

    A sender sees every ``stride``-th row of the kernel, the last one in its first row
    of positions; which ones, its place modulo the stride tells. The result, flat, is
    (stride, stride, c_in, rows, columns, lanes).
    """
    (down, right), (rows, columns) = topology.stride, _largest(topology)
    c_in, channels = weights.shape[2:]
    size = down * right * c_in * rows * columns * lanes
    flat = aligned(size, weights.dtype)
    laid = flat.reshape(down, right, c_in, rows, columns, lanes)
    for y, x in np.ndindex(down, right):
        seen = weights[y::down, x::right][::-1, ::-1].transpose(2, 0, 1, 3)
        laid[y, x, :, : seen.shape[1], : seen.shape[2], :channels] = seen
    return flat


class _Reach(NamedTuple):
    """Rows, or columns, of positions that each sender reaches: ``begin`` to ``end - 1``.

    They may lie off the map. ``phase`` is the sender's place modulo the stride.
    """

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    phase: NDArray[np.int64]

    def on_map(self, size: int) -> NDArray[np.int64]:
        """Return how many lie on a map of ``size`` of them."""
        return np.clip(self.end, 0, size) - np.clip(self.begin, 0, size)


def _reach(topology: Conv2d, axis: int) -> _Reach:
    """Return what the senders of each row (axis 0) or column (axis 1) reach."""
    kernel, stride = topology.kernel_size[axis], topology.stride[axis]
    place = np.arange(topology.in_size[axis]) + topology.padding[axis]
    return _Reach(-((kernel - 1 - place) // stride), place // stride + 1, place % stride)


@lru_cache(maxsize=32)
def strip_of(topology: Conv2d, registers: int) -> tuple[int, int]:
    """Return the rows and columns of a strip, where a position takes that many registers.

    A patch or a row of one; a single position where they would be too large or mostly off
    the map.
    """
    rows, columns = _largest(topology)
    share = [
        _reach(topology, i).on_map(topology.out_shape[i]).mean() / (rows, columns)[i]
        for i in (0, 1)
    ]
    if registers * rows * columns <= MAX_UNROLLED and share[0] * share[1] >= LEAST_ON_MAP:
        return rows, columns
    if registers * columns <= MAX_UNROLLED and share[1] >= LEAST_ON_MAP:
        return 1, columns
    return 1, 1


@lru_cache(maxsize=32)
def patches_of(topology: Conv2d, lanes: int, strip: tuple[int, int]) -> Patches:
    """Return what each sender touches, where a position has ``lanes`` weights."""
    most, size = _largest(topology), topology.out_shape[:2]
    # As far as a strip may stick out.
    margin = [n - 1 for n in strip]
    height, width, c_in = topology.in_size
    order = (2, 0, 1) if topology.planar else (0, 1, 2)
    grid = np.indices((height, width, c_in)).reshape(3, height, width, c_in)
    y, x, c = (axis.transpose(order).reshape(-1) for axis in grid)
    reach = [_Reach(*(a[at] for a in _reach(topology, i))) for i, at in enumerate((y, x))]
    first = [np.clip(r.begin, -m, n + m) for r, m, n in zip(reach, margin, size, strict=True)]
    last = [np.clip(r.end, -m, n + m) for r, m, n in zip(reach, margin, size, strict=True)]
    many = [b - a for a, b in zip(first, last, strict=True)]
    skipped = [a - r.begin for a, r in zip(first, reach, strict=True)]
    below = size[1] + 2 * margin[1]
    corner = (first[0] + margin[0]) * below + first[1] + margin[1]
    of_kernel = (reach[0].phase * topology.stride[1] + reach[1].phase) * c_in + c
    weight = ((of_kernel * most[0] + skipped[0]) * most[1] + skipped[1]) * lanes
    on_map = reach[0].on_map(size[0]) * reach[1].on_map(size[1])
    of = np.stack([corner, weight, *many, on_map], 1).astype(np.int32)
    number = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    padded = np.pad(number, [(m, m) for m in margin], constant_values=-1).reshape(-1)
    abreast = strip[1] == 1 or (many[1] == strip[1]).all()
    whole = bool((many[0] % strip[0] == 0).all() and abreast)
    return Patches(of, padded, below, topology.channels, most[1] * lanes, whole)
