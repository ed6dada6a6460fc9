"""Recordings as frames: which pixels had events, and how many, in the order of their numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.events import EventBatch
from eventsnn.kernels.compile import threaded
from eventsnn.rules.relu.options import ReLUOptions


class Frames(NamedTuple):
    """Frames of some recordings, as lists of what is not 0.

    Attributes
    ----------
    pixel : int32 array
        frame * n_units + unit, rising within a recording.
    value : float32 array
        Events of the pixel, or 1.
    start : int64 array (n_recordings + 1,)
    seen : int64 array (n_recordings,)
        Events that came before the end of the last frame.
    """

    pixel: NDArray[np.int32]
    value: NDArray[np.float32]
    start: NDArray[np.int64]
    seen: NDArray[np.int64]

    @property
    def pixels(self) -> NDArray[np.int32]:
        """The pixels of all recordings, end to end."""
        return self.pixel[: self.start[-1]]

    @property
    def values(self) -> NDArray[np.float32]:
        """Their values."""
        return self.value[: self.start[-1]]


class Cut(NamedTuple):
    """How recordings become frames: as the options say, with the units of a frame."""

    frames: int
    n_units: int
    until_us: int
    binary: bool


def cut_of(options: ReLUOptions, n_units: int) -> Cut:
    """Return how the options cut recordings of a sensor."""
    return Cut(options.frames, n_units, options.until_us, options.values == "binary")


def frames_of(events: EventBatch, order: NDArray[np.int64], cut: Cut) -> Frames:
    """Return the frames of the recordings ``order``."""
    order = np.asarray(order, np.int64)
    size = events.start[order + 1] - events.start[order]
    most = int(np.minimum(size, cut.frames * cut.n_units).sum())
    n = len(order)
    out = Frames(
        np.empty(most, np.int32),
        np.empty(most, np.float32),
        np.zeros(n + 1, np.int64),
        np.zeros(n, np.int64),
    )
    end = np.full(n, cut.until_us, np.int64) if cut.until_us else events.duration[order]
    room = np.zeros(cut.frames * cut.n_units, np.float32)
    given = (events.t, events.unit, events.start)
    _fill(given, order, np.maximum(end.astype(np.int64), 1), cut, (room, out))
    return out


@threaded
def _fill(events, order, end, cut, into):  # type: ignore[no-untyped-def]
    """Count the events of each pixel, and list those that had any."""
    t, unit, start = events
    room, out = into
    n = 0
    for k in range(order.size):
        for e in range(start[order[k]], start[order[k] + 1]):
            at = np.int64(t[e])
            if at >= end[k]:
                break
            out.seen[k] += 1
            pixel = at * cut.frames // end[k] * cut.n_units + np.int64(unit[e])
            room[pixel] = np.float32(1.0) if cut.binary else room[pixel] + np.float32(1.0)
        for pixel in range(room.size):
            if room[pixel] > 0:
                out.pixel[n], out.value[n] = pixel, room[pixel]
                room[pixel] = 0
                n += 1
        out.start[k + 1] = n
