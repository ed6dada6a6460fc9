"""Recordings on the fast path until their answers are clear: window by window, all in turns.

A window lies between two checks. At its end the output of every recording is read, and one whose
answer is clear gets nothing more, which saves additions; each window has a price in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.inputs import Inputs
from eventsnn.engines.layered.deliveries import Train
from eventsnn.engines.layered.engine import (
    Counted,
    SpanTrains,
    Task,
    check_budget,
    count_step,
    ready_links,
    record_of,
)
from eventsnn.engines.layered.loop import Link
from eventsnn.engines.layered.spans import Span
from eventsnn.engines.layered.windows import TurnLoop, end_to_end
from eventsnn.engines.options import Options
from eventsnn.engines.stop import Scoring, Stop
from eventsnn.engines.watched import Watched, stopped_of
from eventsnn.network import Network
from eventsnn.record import Record
from eventsnn.threads import in_threads

TOGETHER = 2_000
"""Recordings that run in turns at most: so many that what a window costs beside its events is
shared."""

MOST_BYTES = 1 << 26
"""Of their states together."""


def run(
    network: Network,
    weights: tuple[NDArray[Any], ...],
    recordings: Inputs,
    options: Options,
    asked: tuple[Stop, Scoring],
) -> Record:
    """Run recordings with finite ends; the record ends where each was stopped."""
    recordings = recordings.made()
    links, n = ready_links(network, weights, recordings, options), len(recordings.until)
    out = Counted.room(network, n, options)
    work = _Turns(network, links, recordings, options, out, asked)
    size = min(together(links), max(-(-n // options.threads), 1))
    rows = [slice(first, min(first + size, n)) for first in range(0, n, size)]
    done = in_threads(work.piece, rows, options.threads)
    now = np.concatenate([np.zeros(0), *(watched.t for _, watched in done)])
    record = record_of(network, [task for task, _ in done], out, options, now)
    return replace(record, stopped=stopped_of(network, [watched for _, watched in done]))


def together(links: Sequence[Link]) -> int:
    """Return how many recordings run in turns: their states take at most ``MOST_BYTES``."""
    one, two = ([link.layer.start_apart(n) for link in links] for n in (1, 2))
    each = _bytes_of(two) - _bytes_of(one)
    return max(1, min(TOGETHER, MOST_BYTES // max(each, 1)))


def _bytes_of(state: Any) -> int:
    """Return the bytes of the arrays of a state."""
    if isinstance(state, np.ndarray):
        return state.nbytes
    return sum(_bytes_of(one) for one in state) if isinstance(state, list | tuple) else 0


class _Turns:
    """What all pieces share."""

    def __init__(
        self,
        network: Network,
        links: list[Link],
        recordings: Inputs,
        options: Options,
        out: Counted,
        asked: tuple[Stop, Scoring],
    ) -> None:
        self.network, self.links, self.recordings = network, links, recordings
        self.options, self.out, self.asked = options, out, asked

    def piece(self, rows: slice) -> tuple[Task, Watched]:
        """Run some recordings in turns until all are stopped or at their ends."""
        loop = TurnLoop(
            self.network, self.links, self.recordings, rows, budget=self.options.event_budget
        )
        watched = Watched(self.network, self.recordings.until[rows], *self.asked)
        trains: dict[int, list[Train]] = {p: [] for p in self.options.kept}
        loop.begin()
        while watched.running.any():
            border = watched.border()
            self._window(loop, border, trains, watched)
            readouts = loop.readouts(border).get(watched.output)
            watched.look(border, readouts)
        span = Span(rows.start, rows.stop, 0, 0)
        kept = {p: end_to_end(parts) for p, parts in trains.items() if parts}
        return Task([SpanTrains(span, kept)], loop.readouts(watched.t)), watched

    def _window(
        self,
        loop: TurnLoop,
        border: NDArray[np.float64],
        trains: dict[int, list[Train]],
        watched: Watched,
    ) -> None:
        """Run one window; count it, and keep its spikes."""
        for step in loop.window(border):
            count_step(step, self.out, loop.rows)
            train, p = step.train, step.population
            if train is None:
                continue
            if p in trains:
                trains[p].append(train)
            if p == watched.output:
                row = np.repeat(np.arange(len(border)), np.diff(train.start))
                watched.note(row, train.unit, train.t.astype(np.float64))
        spikes = self.out.counts.spikes[loop.rows]
        check_budget(self.network, spikes, self.options.event_budget)
