"""The gradient of a dense connection, summed block by block where it is needed.

A block is summed a row for each *target*, since a jump changes the gradient of one. Who uses it
in the same task finds it in the cache: an optimizer that waited for all of it would read it
from where it had been written, turned round, in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.lanes import TILE, aligned
from eventsnn.engines.layered.patch import Fan
from eventsnn.engines.layered.walk import Walk
from eventsnn.kernels.compile import threaded
from eventsnn.threads import in_threads

BLOCK = 160
"""Most targets of a block: their rows stay in the cache."""


Part = tuple[Walk, NDArray[np.int64]]
"""The walk of a piece, and its ``reach``."""


def part_of(walk: Walk) -> Part:
    """Return what a gradient is summed of."""
    return walk, walk.reach


class Blockwise:
    """A gradient that is not summed yet.

    Parameters
    ----------
    walks : sequence of Part
        Of the pieces of a batch, in order.
    shape : (n_in, n_out)
    dtype : dtype
    own : slice, optional
        The targets that are asked for; None: all.

    Attributes
    ----------
    blocks : list of slice
        The targets of each block.
    """

    def __init__(
        self,
        walks: Sequence[Part],
        shape: tuple[int, ...],
        dtype: Any,
        own: slice | None = None,
    ) -> None:
        self.walks, self.shape, self.dtype = walks, shape, np.dtype(dtype)
        self.own = slice(0, shape[1]) if own is None else own
        self.blocks = blocks_of(self.own.stop - self.own.start, self.own.start)
        self._factor = self.dtype.type(1)
        self._more: list[tuple[NDArray[np.bool_], NDArray[Any]]] = []

    def scale(self, factor: Any) -> None:
        """Multiply the gradient."""
        if self._more:
            raise RuntimeError("scale() comes before add()")
        self._factor *= self.dtype.type(factor)

    def add(self, targets: NDArray[np.bool_], row: NDArray[Any]) -> None:
        """Add a ``row`` (n_in,) to the gradient of each of the ``targets``, bool (n_out,)."""
        self._more.append((targets, row))

    def block(self, units: slice) -> NDArray[Any]:
        """Return the gradients of a block of targets, a row each: (n, n_in up to whole tiles)."""
        wide = -(-self.shape[0] // TILE) * TILE
        n = units.stop - units.start
        block = aligned(n * wide, self.dtype).reshape(n, wide)
        trace = aligned(wide, self.dtype)
        for walk, reach in self.walks:
            part = walk.came, walk.grown, reach, walk.jumps, walk.growth
            kernel.dense_gradient(*part, units.start, trace, block)
        if self._factor != 1:
            block *= self._factor
        for targets, row in self._more:
            _add_to_rows(block, targets[units], row)
        return block

    def whole(self, threads: int = 1) -> NDArray[Any]:
        """Return the gradient by the weights into its targets, float (n_in, n_own)."""
        first = self.own.start
        out = np.empty((self.shape[0], self.own.stop - first), self.dtype)

        def work(units: slice) -> None:
            kernel.transpose_into(self.block(units), units.start - first, out)

        in_threads(work, self.blocks, threads)
        return out


@lru_cache(maxsize=32)
def fan_of(n_in: int, n_out: int) -> Fan:
    """Return what senders see: one row of all targets."""
    weight = np.arange(n_in, dtype=np.int32) * n_out
    cell = np.arange(n_out, dtype=np.int32)
    return Fan(n_out, cell, np.zeros(n_in, np.int32), weight, 1, n_out, 0)


def blocks_of(n: int, first: int = 0) -> list[slice]:
    """Cut n neurons into pairs of blocks of equal size, as large as they may be but the last."""
    if n <= BLOCK:
        return [slice(first, first + n)] if n else []
    ends = [*range(0, n - n % (2 * BLOCK) + 1, BLOCK)]
    if ends[-1] < n:
        # Whole tiles, which begin where registers do.
        half = round((n - ends[-1]) / (2 * TILE)) * TILE
        ends += [ends[-1] + half, n] if half else [n]
    return [slice(first + a, first + b) for a, b in pairwise(ends)]


@threaded
def _add_to_rows(block, chosen, row):  # type: ignore[no-untyped-def]
    for i in range(len(block)):
        if chosen[i]:
            for j in range(len(row)):
                block[i, j] += row[j]
