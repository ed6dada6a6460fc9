"""The walks of a dense connection on their way to the rank that owns some of its targets.

A gradient of so many inputs and targets is large; the events and jumps that it is summed of are
few. So these are sent, and the owner sums its targets over all recordings in order: the same bits
as in one process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.deliveries import Deliveries
from eventsnn.engines.layered.dense.backward import Blockwise, part_of
from eventsnn.engines.layered.walk import Walk
from eventsnn.ranks.ranks import Message
from eventsnn.ranks.sums import OfRank

_EVENTS, _JUMPS = 4, 4
"""Arrays of a walk in a message: of its deliveries, and of the jumps of some targets."""


class SentWalks(OfRank):
    """What a rank's recordings did at a dense connection.

    Parameters
    ----------
    walks : sequence of Walk
        Of the pieces of this rank's recordings, in order.
    shape : (n_in, n_out)
    dtype : dtype
        Of the weights.
    tau_us : float
        With which the targets forget.
    """

    def __init__(
        self, walks: Sequence[Walk], shape: tuple[int, ...], dtype: Any, tau_us: float
    ) -> None:
        self.walks, self.shape, self.dtype, self.tau_us = walks, shape, np.dtype(dtype), tau_us
        self.width = shape[1]
        self._events = [self._told(walk.came) for walk in walks]

    def _told(self, came: Deliveries) -> Message:
        """Return what deliveries are, in as few bytes as hold it."""
        short = not len(came.t) or int(came.t.max()) < 1 << 31
        row = np.uint16 if self.shape[0] <= 1 << 16 else np.int32
        t = came.t.astype(np.int32) if short else came.t
        return [came.start, t, came.row.astype(row), came.multiple]

    def of(self, targets: slice) -> Message:
        """Return all deliveries, and the jumps of some targets."""
        return [
            array
            for walk, events in zip(self.walks, self._events, strict=True)
            for array in (*events, *_of(walk.jumps, targets))
        ]

    def summed(self, parts: Sequence[Message | None], own: slice) -> Blockwise:
        """Return the gradient of this rank's targets, not summed yet."""
        each, walks = _EVENTS + _JUMPS, list[Walk]()
        for part in parts:
            if part is None:
                walks += [w._replace(jumps=kernel.Jumps(*_of(w.jumps, own))) for w in self.walks]
            else:
                cut = (part[k : k + each] for k in range(0, len(part), each))
                walks += [self._walk(arrays) for arrays in cut]
        return Blockwise([part_of(walk) for walk in walks], self.shape, self.dtype, own)

    def _walk(self, arrays: Message) -> Walk:
        """Return a walk; what only errors ask for is empty."""
        start, t, row, multiple, *jumps = arrays
        nothing = np.zeros(0, self.dtype), np.zeros(0, np.bool_)
        t, row = t.astype(np.int64, copy=False), row.astype(np.int32, copy=False)
        came = Deliveries(t, row, *nothing, start, np.zeros(0, np.int64), multiple)
        room = np.zeros((0, 0), self.dtype)
        return Walk.of(came, room, kernel.Jumps(*jumps), self.tau_us)


def _of(jumps: kernel.Jumps, targets: slice) -> tuple[NDArray[Any], ...]:
    """Return the jumps of some targets: ``kernel.Jumps`` as arrays."""
    chosen = (jumps.unit >= targets.start) & (jumps.unit < targets.stop)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(chosen)])
    return jumps.t[chosen], jumps.unit[chosen], jumps.size[chosen], before[jumps.start]
