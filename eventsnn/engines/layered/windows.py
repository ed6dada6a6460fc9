"""Recordings that run in turns: of each, a window of time after the other.

What a window sends through a connection with a delay may arrive in a later one: it waits until
then. So at the border of two windows every layer has taken what came before it, and nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.counted import pack
from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.loop import Link, Loop
from eventsnn.engines.layered.ties import room_for, sort_ties
from eventsnn.engines.layered.timed import send
from eventsnn.engines.layered.unpacked import unpacked
from eventsnn.kernels.compile import threaded


class TurnLoop(Loop):
    """Some recordings on their way through the layers, window by window; see ``Loop``."""

    def begin(self) -> None:
        """Let all recordings begin; ``window`` runs them."""
        n = self.rows.stop - self.rows.start
        self.fresh = False
        self.at = self.recordings.start[self.rows.start : self.rows.stop].copy()
        self.border = np.zeros(n)
        self.waiting: dict[int, Train] = {}

    def window(self, border: NDArray[np.float64]) -> Any:
        """Run each recording up to the instants before ``border`` (n_recordings,); yield steps.

        One that stands at its border does nothing.
        """
        self.border = self.end = border
        return self.through(self._events())

    def _events(self) -> Train:
        """Return the events of the window."""
        stop = self.recordings.start[self.rows.start + 1 : self.rows.stop + 1]
        limit = np.ceil(self.border).astype(np.int64)
        end = np.empty_like(self.at)
        wrong = find_ends(self.recordings.t, self.at, stop, limit, end)
        if wrong >= 0:
            self.recordings.recording(self.rows.start + int(wrong))
        n = int((end - self.at).sum())
        t, unit = np.empty(n, np.int64), np.empty(n, np.int32)
        out = Train(t, unit, np.empty(0), np.zeros(len(end) + 1, np.int64))
        events, packed = (self.recordings.t, self.recordings.unit), self.recordings.only.packed
        copy_events(events, (self.at, end), out, room_for(n), packed)
        self.at, n = end, int(out.start[-1])
        return out._replace(t=t[:n], unit=unit[:n])

    def sent(self, link: Link, train: Train) -> Deliveries:
        """Take a train through a connection; what arrives after the window waits."""
        c = link.connection
        train, packed = self._packed(link, train)
        if link.delay_us:
            train, self.waiting[c] = self._due(train, self.waiting.get(c), link.delay_us)
        before = self.before.setdefault(c, np.full(len(self.border), -1, train.t.dtype))
        came = send(train, link.delay_us, self.border, link.layer.decay, before)
        some = np.flatnonzero(np.diff(came.start))
        before[some] = came.t[came.start[some + 1] - 1]
        return self._ends(unpacked(came, packed) if packed else came)

    def _due(self, train: Train, waiting: Train | None, delay_us: int) -> tuple[Train, Train]:
        """Return what arrives in this window, and what waits."""
        train = train if waiting is None else end_to_end([waiting, train])
        rows = np.repeat(np.arange(len(self.border)), np.diff(train.start))
        due = train.t + delay_us < self.border[rows]
        return chosen(train, rows, due), chosen(train, rows, ~due)

    def _state(self, link: Link) -> Any:
        if link.connection not in self.states:
            n = self.rows.stop - self.rows.start
            self.states[link.connection] = link.layer.start_apart(n)
        return self.states[link.connection]


def chosen(train: Train, rows: NDArray[np.int64], which: NDArray[np.bool_]) -> Train:
    """Return some spikes of a train; ``rows`` is the recording of each."""
    sizes = np.bincount(rows[which], minlength=len(train.start) - 1)
    value = train.value[which] if len(train.value) else train.value
    return Train(train.t[which], train.unit[which], value, _starts(sizes))


def end_to_end(trains: list[Train]) -> Train:
    """Return trains of the same recordings as one: in each recording, one after the other."""
    rows = np.concatenate(
        [np.repeat(np.arange(len(a.start) - 1), np.diff(a.start)) for a in trains]
    )
    order = np.argsort(rows, kind="stable")
    t, unit, value = (
        np.concatenate([getattr(a, name) for a in trains]) for name in ("t", "unit", "value")
    )
    sizes = np.bincount(rows, minlength=len(trains[0].start) - 1)
    return Train(t[order], unit[order], value[order] if len(value) else value, _starts(sizes))


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


@threaded
def find_ends(t, first, stop, limit, end):  # type: ignore[no-untyped-def]
    """Find where each window ends; return the first recording out of order or -1."""
    for r in range(len(first)):
        k = first[r]
        # The last event of the window before is earlier than all that are left.
        while k < stop[r] and t[k] < limit[r]:
            if k + 1 < stop[r] and t[k + 1] < t[k]:
                return r
            k += 1
        end[r] = k
    return -1


@threaded
def copy_events(events, windows, out, room, packed):  # type: ignore[no-untyped-def]
    """Copy the events of each window; simultaneous ones are sorted by unit, and perhaps packed."""
    n, (t, unit), (first, end) = np.int64(0), events, windows
    for r in range(len(first)):
        begin = n
        for k in range(first[r], end[r]):
            out.t[n], out.unit[n] = t[k], unit[k]
            n += 1
        sort_ties(out.t[begin:n], out.unit[begin:n], room)
        if packed > 0:
            n = begin + pack(out.t[begin:n], out.unit[begin:n], packed)
        out.start[r + 1] = n
