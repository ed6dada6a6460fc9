"""Events in the order of their times, although they came late, twice, or by a clock that wraps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.events.checked import TIME_END

_WRAP = 1 << 32
"""Microseconds after which a clock of 32 bits begins anew."""

_RESTART = 1_000_000
"""A packet that is older than that, all of it, is of a clock that was set back."""

_NONE = -(1 << 62)


class Ready(NamedTuple):
    """Events whose order is settled.

    Attributes
    ----------
    t : int64 array (n,)
        Stream time: microseconds since the first event.
    unit : int32 array (n,)
    until : int
        Nothing earlier is taken any more.
    """

    t: NDArray[np.int64]
    unit: NDArray[np.int32]
    until: int


class Ordered:
    """Holds events for ``late_us`` of stream time, and gives them out in order.

    Parameters
    ----------
    shape : (int, int, int)
        Polarities, height and width of the sensor.
    late_us : int
        What comes by more than this after a later event is too late: counted, and left out.

    Attributes
    ----------
    counts : dict from str to int
        ``outside`` the sensor, ``late``, ``beyond`` 2**53 us: left out. ``reordered``,
        ``duplicates``, ``wraps`` of the clock and its ``restarts`` (a sender that began anew:
        its first event follows the last one): taken.
    origin : int or None
        The sender's time of stream time 0.
    """

    def __init__(self, shape: tuple[int, int, int], late_us: int) -> None:
        self.shape, self.late_us = shape, late_us
        names = ("outside", "late", "beyond", "reordered", "duplicates", "wraps", "restarts")
        self.counts = dict.fromkeys(names, 0)
        self.origin: int | None = None
        self.newest = 0
        self.given = 0
        self._offset = 0
        self._t, self._unit = np.zeros(0, np.int64), np.zeros(0, np.int32)

    def add(self, events: NDArray[np.void], clock: bool = False) -> Ready:
        """Take events of ``packet.EVENT``, or a clock; return what may go on."""
        t, unit = self._inside(events, clock)
        if not len(t):
            return self._release(self.given)
        if self.origin is None:
            self.origin = int(t[0])
        t = self._unwrapped(t - self.origin)
        if int(t.max()) < self.given - max(_RESTART, self.late_us):
            self.counts["restarts"] += 1
            shift = max(self.newest, self.given) + 1 - int(t[0])
            self.origin, t = self.origin - shift, t + shift
        if clock:
            self.newest = max(self.newest, int(t[-1]) - 1)  # what comes then is yet to come
            return self._release(self.newest + 1 - self.late_us)
        fine = (t >= self.given) & (t < TIME_END)
        self.counts["late"] += int((t < self.given).sum())
        self.counts["beyond"] += int((t >= TIME_END).sum())
        t, unit = t[fine], unit[fine]
        if len(t):
            last = np.maximum.accumulate(np.concatenate([[self.newest], t]))
            self.counts["reordered"] += int((t < last[:-1]).sum())
            self.newest = int(last[-1])
            self._hold(t, unit)
        return self._release(self.newest - self.late_us)

    def flush(self) -> Ready:
        """Return all that is held: the stream ends, or rests."""
        return self._release(self.given if self.origin is None else self.newest + 1)

    def _inside(
        self, events: NDArray[np.void], clock: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return times and units of the events on the sensor."""
        polarities, height, width = self.shape
        x, y, p = (events[name].astype(np.int64) for name in "xyp")
        t = events["t"]
        inside = (x < width) & (y < height) & (p < polarities)
        held = t < np.uint64(1 << 62)  # else no int64 holds it
        self.counts["outside"] += 0 if clock else int((~inside).sum())
        self.counts["beyond"] += int((inside & ~held).sum())
        fine = held if clock else inside & held
        unit = (p * height + y) * width + x
        return t[fine].astype(np.int64), unit[fine].astype(np.int32)

    def _unwrapped(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return times that go on where a clock of 32 bits began anew."""
        raw = t + self._offset
        steps = np.diff(np.concatenate([[self.newest], raw]))
        back = steps < -(_WRAP // 2)
        if self.newest - self._offset >= _WRAP or not back.any():
            return raw
        turns = np.cumsum(back) * _WRAP
        self.counts["wraps"] += int(back.sum())
        self._offset += int(turns[-1])
        return np.asarray(raw + turns, np.int64)

    def _hold(self, t: NDArray[np.int64], unit: NDArray[np.int32]) -> None:
        t, unit = np.concatenate([self._t, t]), np.concatenate([self._unit, unit])
        order = np.lexsort((unit, t))
        self._t, self._unit = t[order], unit[order]

    def _release(self, until: int) -> Ready:
        until = max(until, self.given)
        n = int(np.searchsorted(self._t, until))
        t, unit = self._t[:n], self._unit[:n]
        self._t, self._unit = self._t[n:], self._unit[n:]
        self.counts["duplicates"] += int(((np.diff(t) == 0) & (np.diff(unit) == 0)).sum())
        self.given = until
        return Ready(t, unit, until)

    @property
    def note(self) -> tuple[int, ...]:
        """What a run that goes on needs: (origin, newest, given, offset)."""
        origin = _NONE if self.origin is None else self.origin
        return origin, self.newest, self.given, self._offset

    def restore(self, note: tuple[int, ...]) -> None:
        """Go on where ``note`` was taken, with nothing that is held."""
        origin, self.newest, self.given, self._offset = note
        self.origin = None if origin == _NONE else origin
