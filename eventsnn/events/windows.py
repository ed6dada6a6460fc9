"""Windows of recordings: a batch of its own that shares the recordings' events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events.batch import EventBatch
from eventsnn.events.batch_checked import Arrays
from eventsnn.events.checked import INT32_MAX, whole_number

_MOST = 1 << 26


class Windows(EventBatch):
    """Recordings that are windows of longer ones, whose events they share: nothing is copied.

    As in every batch, times are counted from the beginning of the recording: of the window. They
    are worked out when they are first asked for, and kept: a part costs less than all.
    ``windows_of`` makes them; what the constructor makes is a batch like any other.
    """

    @property
    def t(self) -> NDArray[np.int32]:
        """Microseconds since the start of the event's own window, int32 (n_events,)."""
        if "own" not in vars(self):
            begins = self.clock.astype(np.int32)
            vars(self)["own"] = self.shared - np.repeat(begins, np.diff(self.start))
        own: NDArray[np.int32] = vars(self)["own"]
        return own

    @t.setter
    def t(self, times: NDArray[np.int32]) -> None:
        vars(self)["t"] = times

    @property
    def shared(self) -> NDArray[np.int32]:
        """The same since the start of the recording that is shared."""
        times: NDArray[np.int32] = vars(self)["t"]
        return times

    @property
    def clock(self) -> NDArray[np.int64]:
        """Microseconds at which each window begins in its recording, int64 (n,)."""
        clock: NDArray[np.int64] = vars(self).get("clock", np.zeros(len(self.label), np.int64))
        return clock

    def times_of(self, index: int) -> NDArray[np.int32]:
        """See ``EventBatch``."""
        first, last = self.start[index], self.start[index + 1]
        return self.shared[first:last] - np.int32(self.clock[index])

    def part(self, first: int, last: int) -> EventBatch:
        """See ``EventBatch``."""
        self._check_part(first, last)
        begin, end = self.start[first], self.start[last]
        arrays = Arrays(
            self.shared[begin:end],
            self.unit[begin:end],
            self.start[first : last + 1] - begin,
            self.label[first:last],
            self.duration[first:last],
        )
        return _windows(self, arrays, self.clock[first:last])

    def at_hand(self, order: NDArray[np.int64]) -> tuple[EventBatch, NDArray[np.int64]]:
        """See ``EventBatch``; a copy of these windows alone."""
        return self.select(order), np.arange(len(order))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``EventBatch``."""
        return super().arrays() | {"t": self.shared, "clock": self.clock}


def windows_of(batch: EventBatch, window_us: int) -> EventBatch:
    """Cut recordings into windows one after the other, which share their events.

    The last window of a recording is as long as what is left. A window has the label of its
    recording; one without events is a recording like any other.

    Parameters
    ----------
    batch : EventBatch
    window_us : int
        Microseconds, at least 1.

    Returns
    -------
    EventBatch
        The windows of the first recording, then those of the second, ...

    Raises
    ------
    DataError
        If the number makes no sense, or there would be too many windows.

    Examples
    --------
    >>> import eventsnn as es
    >>> stream = es.EventStream([5, 9, 25], [0, 1, 1], (1, 1, 2), label=3, duration=30)
    >>> parts = windows_of(es.EventBatch.from_streams([stream]), 10)
    >>> [part.t.tolist() for part in parts], parts.label.tolist()
    ([[5, 9], [], [5]], [3, 3, 3])
    """
    length = whole_number(window_us, "window_us", batch.source, "whole microseconds")
    if not 1 <= length <= INT32_MAX:
        raise DataError(f"{batch.source}: window_us is {length}; give 1 to {INT32_MAX}")
    counts = np.maximum(-(-batch.duration // length), 1)
    if counts.sum() > _MOST:
        raise DataError(
            f"{batch.source}: windows of {length} us would be {counts.sum():,}; give longer ones, "
            f"at most {_MOST:,} of them"
        )
    first = np.repeat(counts.cumsum() - counts, counts)
    clock = (np.arange(counts.sum()) - first) * length
    whole = np.repeat(batch.duration, counts)
    start = np.zeros(len(clock) + 1, np.int64)
    place = 0
    for i, count in enumerate(counts.tolist()):
        begins = clock[place + 1 : place + count]
        start[place + 1 : place + count] = batch.start[i] + batch.times_of(i).searchsorted(begins)
        place += count
        start[place] = batch.start[i + 1]
    label = np.repeat(batch.label, counts)
    arrays = Arrays(batch.t, batch.unit, start, label, np.minimum(whole - clock, length))
    return _windows(batch, arrays, clock)


def _windows(batch: EventBatch, arrays: Arrays, clock: NDArray[np.int64]) -> Windows:
    made = object.__new__(Windows)
    facts = {"shape": batch.shape, "source": batch.source, "grid_us": batch.grid_us}
    vars(made).update(arrays._asdict(), clock=clock, **facts)
    return made
