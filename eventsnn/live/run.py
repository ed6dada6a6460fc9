"""A live run: a source in one thread, the network in another, a row a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.view import WHOLE, SensorView
from eventsnn.events import EventStream
from eventsnn.live.inbox import Arrived, Inbox
from eventsnn.live.log import LiveLog
from eventsnn.live.meter import LiveMeter
from eventsnn.live.ordered import Ordered, Ready
from eventsnn.live.packet import EVENT
from eventsnn.live.session import Session
from eventsnn.live.sources import Source
from eventsnn.live.sources.stdin import packets_of

_WAIT_S = 0.05


class LiveOptions(NamedTuple):
    """How a live run is done.

    Attributes
    ----------
    shape : (int, int, int)
        Polarities, height and width of the sensor.
    late_us : int
        How much later than a newer one an event may come.
    room : int
        Events that may wait for the network.
    policy : one of ``live.inbox.POLICIES``
    every_s : float
        Seconds between rows.
    save_every_s : float
        Seconds between two times that ``save`` is called.
    view : SensorView
        What the network sees of the sensor: a crop, pooled.
    """

    shape: tuple[int, int, int]
    late_us: int
    room: int
    policy: str
    every_s: float = 1.0
    save_every_s: float = 10.0
    view: SensorView = WHOLE


class LiveRun:
    """Takes events from a source to a session.

    Parameters
    ----------
    session : Session
        Of a network with one input that takes events.
    source : Source
    options : LiveOptions
    log : LiveLog, optional
    seen : callable, optional
        Told each ``Ready`` that went through the network: for pictures.
    """

    def __init__(
        self,
        session: Session,
        source: Source,
        options: LiveOptions,
        log: LiveLog | None = None,
        seen: Callable[[Ready], None] | None = None,
    ) -> None:
        self.session, self.source, self.options = session, source, options
        self.log, self.seen = log, seen
        self.ordered = Ordered(options.shape, options.late_us, source.settled)
        self.inbox = Inbox(options.room, options.policy)
        self.meter = LiveMeter()
        self.error: BaseException | None = None
        self._stopped, self._unseen = False, 0
        # What the network sees of the sensor, and where: its own addresses, -1 for none.
        self._sees = options.view.shape(options.shape)
        self._to = options.view.addresses(options.shape) if options.view.moves else None

    @property
    def counts(self) -> dict[str, int]:
        """What was not used, or came in disorder, and why."""
        found = {"dropped": self.inbox.dropped} | self.source.counts | self.ordered.counts
        return found if self._to is None else found | {"unseen": self._unseen}

    def catch_up(self, log: Path, begin: int) -> None:
        """Take what stands in a log from byte ``begin`` on: a run that was killed had it."""
        held: list[NDArray[np.void]] = []
        with log.open("rb") as file:
            file.seek(begin)
            for burst in packets_of(file, str(log), {"cut": 0}):
                held.append(burst.events)
                if burst.clock:
                    until = int(held.pop()["t"][0])
                    events = np.concatenate([np.zeros(0, EVENT), *held])
                    self._push(self.ordered.settled_until(events, until), [], logged=True)
                    held.clear()

    def stop(self) -> None:
        """End soon; what has come in is worked off."""
        self._stopped = True
        self.inbox.close()

    def rows(self, save: Callable[[], None] | None = None) -> Iterator[dict[str, Any]]:
        """Run until the source ends or ``stop``; yield a row a second, and one at the end.

        Raises
        ------
        DataError, UserError
            Of the source, when what came before is worked off.
        """
        reader = Thread(target=self._read, daemon=True)
        reader.start()
        told = saved = time.perf_counter()
        try:
            while not (self._stopped or self.inbox.closed):
                arrived = self.inbox.take(_WAIT_S)
                self._work(arrived)
                if not arrived:  # the stream rests: what is held has waited long enough
                    self._push(self.ordered.flush(), [])
                now = time.perf_counter()
                if now - told >= self.options.every_s:
                    told = now
                    yield self.row()
                if save is not None and now - saved >= self.options.save_every_s:
                    save()
                    saved = time.perf_counter()
            self._work(self.inbox.take(0.0))
            self._push(self.ordered.flush(), [])
        finally:
            self.source.close()
            self.inbox.close()
            if self.log is not None:
                self.log.close()
        yield self.row()
        if self.error is not None:
            raise self.error

    def row(self) -> dict[str, Any]:
        """Return what happened since the last row."""
        return self.meter.row(self.inbox.waiting, self.counts)

    def _read(self) -> None:
        """Put what the source gives into the inbox."""
        try:
            for piece in self.source.pieces():
                if self._stopped:
                    return
                if piece is not None and len(piece.events):
                    self.inbox.put(piece.events, piece.clock, piece.sender)
        except BaseException as error:  # noqa: BLE001 - raised where the run ends
            self.error = error
        finally:
            self.inbox.close()

    def _work(self, arrived: list[Arrived]) -> None:
        """Run what waits through the network: events up to the next clock together."""
        first = 0
        while first < len(arrived):
            last = first + 1
            while last < len(arrived) and _together(arrived[last - 1], arrived[last]):
                last += 1
            part = arrived[first:last]
            events = part[0].events if len(part) == 1 else np.concatenate([a.events for a in part])
            ready = self.ordered.add(events, part[0].clock, part[0].sender)
            self._push(ready, [a.at for a in part])
            first = last

    def _push(self, ready: Ready, arrived: list[float], logged: bool = False) -> None:
        if ready.until <= self.session.t_us and not len(ready.t):
            return
        t, unit = ready.t, ready.unit
        if self._to is not None:
            seen = self._to[unit] >= 0
            t, unit = t[seen], self._to[unit[seen]]
            self._unseen += len(ready.t) - len(t)
        stream = EventStream(t, unit, self._sees, duration=ready.until, source="the stream")
        answer = self.session.push(stream)
        self.meter.add(answer, arrived)
        if self.log is not None and not logged:
            self.log.add(ready)
        if self.seen is not None:
            self.seen(ready)


def _together(one: Arrived, other: Arrived) -> bool:
    """Return whether two arrivals may be taken at once."""
    return not (one.clock or other.clock) and one.sender == other.sender
