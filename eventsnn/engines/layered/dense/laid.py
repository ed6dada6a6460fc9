"""Dense weights as the fast path reads them: blocks of neurons, each block's rows end to end.

So a block stays in the cache while all recordings stream through it. Who changes weights again
and again (an optimizer) keeps them laid out, and with them what has a number for each weight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.lanes import LINE, aligned

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""``map``, or that of a thread pool."""

CHUNKS = (10, 8, 4, 2, 1)
"""Registers of a block, a compiled kernel each; a layer is cut into the widest that fit."""


class Laid(NamedTuple):
    """An array (n_in, n_out), block by block.

    Attributes
    ----------
    shape : (n_in, n_out)
    firsts : list of int
        Number of each block's first neuron.
    parts : list of float arrays (n_in, width)
        Whole registers wide, at cache lines; 0 beyond n_out. They share one array, large enough
        for large pages where the system has them.
    """

    shape: tuple[int, int]
    firsts: list[int]
    parts: list[NDArray[Any]]

    @classmethod
    def room(
        cls,
        shape: tuple[int, int],
        dtype: Any,
        make: Callable[[int, Any], NDArray[Any]] = np.zeros,
    ) -> Laid:
        """Return zeros, or with ``np.empty`` anything."""
        n_in, n_out = shape
        lanes = LINE // np.dtype(dtype).itemsize
        cuts = cuts_of(n_out, lanes)
        widths = [chunks * lanes for _, chunks in cuts]
        ends = np.cumsum(widths).tolist()
        flat = aligned(n_in * ends[-1], dtype, make)
        parts = [
            flat[n_in * (end - width) : n_in * end].reshape(n_in, width)
            for end, width in zip(ends, widths, strict=True)
        ]
        return cls((n_in, n_out), [first for first, _ in cuts], parts)

    @classmethod
    def of(cls, array: NDArray[Any], each: Each = map) -> Laid:
        """Lay out an array; ``each`` is ``map``, or that of a thread pool."""
        n_in, n_out = array.shape
        out = cls.room((n_in, n_out), array.dtype, np.empty)
        halves = slice(0, n_in // 2), slice(n_in // 2, n_in)

        def work(task: tuple[int, slice]) -> None:
            k, rows = task
            lay(array[rows], out.firsts[k], out.parts[k][rows])

        deque(each(work, [(k, rows) for k in range(len(out.parts)) for rows in halves]), maxlen=0)
        return out

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the parts."""
        return self.parts[0].dtype

    def array(self) -> NDArray[Any]:
        """Return the array, a copy."""
        return np.concatenate(self.parts, 1)[:, : self.shape[1]].copy()

    def into(self, out: NDArray[Any]) -> None:
        """Write the array into ``out``, of its shape."""
        first = 0
        for part in self.parts:
            n = min(part.shape[1], self.shape[1] - first)
            out[:, first : first + n] = part[:, :n]
            first += n

    def copy(self) -> Laid:
        """Return a copy."""
        out = Laid.room(self.shape, self.dtype, np.empty)
        for new, old in zip(out.parts, self.parts, strict=True):
            new[:] = old
        return out


def plain(array: NDArray[Any] | Laid) -> NDArray[Any]:
    """Return what is laid out as an array; an array as it is."""
    return array.array() if isinstance(array, Laid) else array


def lay(rows: NDArray[Any], first: int, part: NDArray[Any]) -> None:
    """Copy the columns ``first``, ``first + 1``, ... of some rows, and zeros beyond the last."""
    n = min(part.shape[1], rows.shape[1] - first)
    part[:, :n] = rows[:, first : first + n]
    part[:, n:] = 0


def cuts_of(n_out: int, lanes: int) -> list[tuple[int, int]]:
    """Cut a layer into blocks: the first neuron of each, and its registers of ``lanes``."""
    cuts: list[tuple[int, int]] = []
    first = 0
    while first < n_out:
        left = -(-(n_out - first) // lanes)
        cuts.append((first, next(size for size in CHUNKS if size <= left)))
        first += cuts[-1][1] * lanes
    return cuts
