"""Answers on a stream that stop looking when they are clear, check by check."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.inputs import Feed, RecordedFeed
from eventsnn.engines.stop import Scoring, Stop
from eventsnn.engines.watched import Watched
from eventsnn.errors import UserError
from eventsnn.live.subject import Subject
from eventsnn.network import Network
from eventsnn.record import Readouts


class UntilClear:
    """Watches the last population of a run that goes on.

    Parameters
    ----------
    network : Network
    stop : Stop
        Its checks are counted from where an answer began.
    answer : Scoring

    Attributes
    ----------
    next_us : float
        Stream time of the next check; infinity once the answer is clear.
    scores : float64 array (classes,)
        What was read at the last check.
    """

    def __init__(self, network: Network, stop: Stop, answer: Scoring) -> None:
        self.network, self.stop, self.answer = network, stop, answer
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Begin an answer at ``now``, microseconds."""
        self._began, self._seen = now, 0
        self._watched = Watched(self.network, np.array([np.inf]), self.stop, self.answer)
        self._border = self._watched.border()
        self.next_us = now + float(self._border[0])

    @property
    def clear(self) -> bool:
        """Whether the answer is clear."""
        return math.isinf(self.next_us)

    @property
    def scores(self) -> NDArray[np.float64]:
        """What was read at the last check."""
        return np.array(self._watched.scores[0])

    def take(self, run: Ongoing, ends: bool = False) -> None:
        """Take the spikes of the output since the last time; where a piece ends, all of it."""
        if self.network.populations[-1].spiking:
            kept = run.kept[len(self.network.populations) - 1]
            t, unit = kept[0][self._seen :], kept[1][self._seen :]
            self._watched.note(np.zeros(len(t), np.int64), unit, t - self._began)
            self._seen = 0 if ends else len(kept[0])

    def looked(self, run: Ongoing, feeds: list[Feed], until: float) -> tuple[list[Feed], int]:
        """Run up to the last check before ``until``.

        Returns
        -------
        feeds : list of Feed
            What is still delivered then.
        skipped : int
            Recorded events that are not.
        """
        while self.next_us <= until:
            run.reach(feeds, self.next_us)
            self.look(run)
        if not self.clear:
            return feeds, 0
        recorded = [feed for feed in feeds if isinstance(feed, RecordedFeed)]
        skipped = sum(len(feed.between(run.now, until)[0]) for feed in recorded)
        return [feed for feed in feeds if feed not in recorded], skipped

    def look(self, run: Ongoing) -> None:
        """Read the answer where the run stands, which is at ``next_us``."""
        population = self.network.populations[-1]
        self.take(run)
        if population.spiking:
            self._watched.look(self._border, None)
        else:
            rows = (np.asarray(part)[None] for part in run.readout(population.name))
            final, maximum, maximum_t, integral = rows
            found = Readouts(final, maximum, maximum_t - self._began, integral)
            self._watched.look(self._border, found)
        self.next_us = math.inf
        if self._watched.running[0]:
            self._border = self._watched.border()
            self.next_us = self._began + float(self._border[0])


def watcher_of(subject: Subject, stop: Stop | str, window_us: int | None) -> UntilClear:
    """Return who watches; UserError for what cannot be watched."""
    if window_us is not None:
        raise UserError("session: stop and window_us; an answer that stops has no window: give one")
    answer = Scoring(subject.reads, subject.scores)
    return UntilClear(subject.network, Stop.of(stop), answer)
