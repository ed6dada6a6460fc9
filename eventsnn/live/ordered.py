"""Events in the order of their times, although they came late, twice, or by a clock that wraps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.events.checked import TIME_END
from eventsnn.live.sender_clock import SenderClock


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

    Each sender has a clock of its own: the first event of the first one is stream time 0, that of
    another one follows the newest event.

    Parameters
    ----------
    shape : (int, int, int)
        Polarities, height and width of the sensor.
    late_us : int
        What comes by more than this after a later event is too late: counted, and left out.
    settled : bool
        Times are those of a stream already, as in a log.

    Attributes
    ----------
    counts : dict from str to int
        ``outside`` the sensor, ``late``, ``beyond`` 2**53 us: left out. ``reordered``,
        ``duplicates``, ``wraps`` of a clock and its ``restarts`` (one that was set back: its first
        event follows the last one): taken.
    """

    def __init__(self, shape: tuple[int, int, int], late_us: int, settled: bool = False) -> None:
        self.shape, self.late_us, self.settled = shape, late_us, settled
        names = ("outside", "late", "beyond", "reordered", "duplicates", "wraps", "restarts")
        self.counts = dict.fromkeys(names, 0)
        self.newest = self.given = 0
        self._clocks: dict[int, SenderClock] = {0: SenderClock(0)} if settled else {}
        self._t, self._unit = np.zeros(0, np.int64), np.zeros(0, np.int32)

    def add(self, events: NDArray[np.void], clock: bool = False, sender: int = 0) -> Ready:
        """Take events of ``packet.EVENT`` from one sender, or its clock; return what may go on."""
        t, unit = self._inside(events, clock)
        if not len(t):
            return self._release(self.given)
        begins = self.newest + 1 if self._clocks else 0
        one = self._clocks.setdefault(sender, SenderClock(int(t.min()) - begins))
        t = one.stream_times(t, self.newest, self.given - self.late_us)
        self.counts["wraps"] += one.wraps
        self.counts["restarts"] += one.restarts
        one.wraps = one.restarts = 0
        fine = t < TIME_END
        self.counts["beyond"] += int((~fine).sum())
        if clock:
            for last in t[fine].tolist():
                self.newest = max(self.newest, last - 1)  # what comes then is yet to come
            return self._release(self.newest + 1 - self.late_us)
        self.counts["late"] += int((t < self.given).sum())
        fine &= t >= self.given
        t, unit = t[fine], unit[fine]
        if len(t):
            last = np.maximum.accumulate(np.concatenate([[self.newest], t]))
            self.counts["reordered"] += int((t < last[:-1]).sum())
            self.newest = int(last[-1])
            self._hold(t, unit)
        return self._release(self.newest - self.late_us)

    def flush(self) -> Ready:
        """Return all that is held: the stream ends, or rests."""
        return self._release(self.newest + 1 if self._clocks else self.given)

    def settled_until(self, events: NDArray[np.void], until: int) -> Ready:
        """Take events of a log, which are in order; nothing else comes before ``until``."""
        t, unit = self._inside(events, clock=False)
        fine = (t >= self.given) & (t < until)
        self.given = max(self.given, until)
        self.newest = max(self.newest, self.given - 1)
        return Ready(t[fine], unit[fine], self.given)

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
        self.counts["beyond"] += int(((inside | clock) & ~held).sum())
        fine = held if clock else inside & held
        unit = (p * height + y) * width + x
        return t[fine].astype(np.int64), unit[fine].astype(np.int32)

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
        """What a run that goes on needs: newest, given, and the clock of the first sender."""
        first = self._clocks.get(0)
        return self.newest, self.given, *((0, 0, 0, 0) if first is None else (1, *first.note))

    def restore(self, note: tuple[int, ...]) -> None:
        """Go on where ``note`` was taken, with nothing that is held."""
        self.newest, self.given, known, *clock = note
        if known and not self.settled:
            self._clocks[0] = SenderClock(*clock)
