"""A recording, or a log, played again: ``replay:FILE``."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.inputs import open_inputs
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.live.packet import IN_ONE, MAGIC, clock_at, event_array
from eventsnn.live.sources.source import Burst, Source, SourceOptions
from eventsnn.live.sources.stdin import packets_of
from eventsnn.text import named

_STEP_US = 1000
_NAP_S = 0.05


class ReplaySource(Source):
    """Events of a file at the pace of their times, or as fast as they are taken."""

    kind = "replay"
    form = "replay:FILE"
    policy = "wait"

    def __init__(
        self, pieces: Iterator[Burst], speed: float, counts: dict[str, int], settled: bool
    ) -> None:
        self.speed, self.counts, self.settled = speed, counts, settled
        self._all, self._closed = pieces, False

    @classmethod
    def open(cls, where: str, options: SourceOptions) -> ReplaySource:
        """Open a log, a recording as ``simulate`` takes it, or the first of a data set."""
        if not (math.isfinite(options.speed) and options.speed >= 0):
            raise UserError(f"speed is {options.speed}; give a number of at least 0")
        path, counts = Path(where), {"cut": 0}
        if path.is_file() and _begins(path) == MAGIC:
            return cls(_logged(path, counts), options.speed, counts, settled=True)
        data = open_inputs(where, options.shape, index=[0]).data
        if not isinstance(data, EventBatch):
            raise UserError(f"source replay:{named(where)}: pictures; give a recording of events")
        stream = data[0]
        events = event_array(stream.t, stream.unit, stream.shape)
        return cls(_cut(events, stream.duration), options.speed, counts, settled=False)

    def pieces(self) -> Iterator[Burst | None]:
        """Go through the events, a millisecond at a time."""
        first: float | None = None
        began = time.perf_counter()
        for piece in self._all:
            if not len(piece.events):
                continue
            last = float(piece.events["t"][-1])
            first = last if first is None else first
            due = (last - first) * 1e-6 / self.speed if self.speed else 0.0
            while (wait := began + due - time.perf_counter()) > 0 and not self._closed:
                time.sleep(min(wait, _NAP_S))
                if wait > _NAP_S:
                    yield None
            if self._closed:
                return
            yield piece

    def close(self) -> None:
        """End it."""
        self._closed = True


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(MAGIC))


def _logged(path: Path, counts: dict[str, int]) -> Iterator[Burst]:
    with path.open("rb") as file:
        yield from packets_of(file, str(path), counts)


def _cut(events: NDArray[np.void], duration: int) -> Iterator[Burst]:
    """Cut events into milliseconds, each of no more than a packet; then tell where they end."""
    cuts = np.flatnonzero(np.diff(events["t"] // _STEP_US)) + 1
    for part in np.split(events, cuts):
        for first in range(0, len(part), IN_ONE):
            yield Burst(part[first : first + IN_ONE])
    yield Burst(clock_at(duration), clock=True)
