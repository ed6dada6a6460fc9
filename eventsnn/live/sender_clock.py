"""The clock of one sender: when its stream began, and where it wrapped or was set back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WRAP = 1 << 32
"""Microseconds after which a clock of 32 bits begins anew."""

_RESTART = 1_000_000
"""Events that are older than that, all of a packet, are of a clock that was set back."""


@dataclass
class SenderClock:
    """From a sender's times to stream time.

    Attributes
    ----------
    origin : int
        The sender's time of stream time 0.
    offset : int
        What was added where its clock wrapped.
    last : int
        Its last time, as it came.
    wraps, restarts : int
        Since they were last counted.
    """

    origin: int
    offset: int = 0
    last: int = 0
    wraps: int = 0
    restarts: int = 0

    @property
    def note(self) -> tuple[int, int, int]:
        """What a saved run keeps."""
        return self.origin, self.offset, self.last

    def stream_times(self, t: NDArray[np.int64], newest: int, given: int) -> NDArray[np.int64]:
        """Return stream times of a sender's times, both int64 (n,).

        Parameters
        ----------
        newest, given : int
            Stream time of the newest event, and before which nothing is taken any more.
        """
        steps = np.concatenate([[self.last], t])
        # A wrap leads from the last quarter of the range to the first one: a late event does not.
        wrapped = (steps[:-1] >= _WRAP * 3 // 4) & (steps[:-1] < _WRAP) & (t < _WRAP // 4)
        # Events of before that come behind the wrap.
        unwrapped = (steps[:-1] < _WRAP // 4) & (t >= _WRAP * 3 // 4) & (t < _WRAP)
        turns = np.cumsum(wrapped.astype(np.int64) - (unwrapped & (self._turned(wrapped))))
        self.wraps += max(int(turns[-1]), 0)
        out = np.asarray(t - self.origin + self.offset + turns * _WRAP, np.int64)
        self.offset += int(turns[-1]) * _WRAP
        self.last = int(t[-1])
        if int(out.max()) < given - _RESTART:
            self.restarts += 1
            shift = newest + 1 - int(out.min())
            self.origin, out = self.origin - shift, out + shift
        return out

    def _turned(self, wrapped: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return where the clock has wrapped at least once."""
        return (np.cumsum(wrapped) > 0) | (self.offset > 0)
