"""What one recording costs, and one event, through a prepared network: a call each."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsnn.bench import networks
from eventsnn.bench.control import Case
from eventsnn.engines import Engine
from eventsnn.engines.prepared import prepare
from eventsnn.events import EventBatch, EventStream

CALLS = 20
ONE_BY_ONE = ("one_recording", "one_event")
"""Cases by what a call gets; ``asynchronous_`` stands before those of that engine."""

_ENGINES: tuple[tuple[str, Engine], ...] = (("", "feedforward"), ("asynchronous_", "asynchronous"))


def one_by_one_cases(events: EventBatch) -> list[Case]:
    """Return sensor-800-10, LIF, on either engine: counts are recorded, a unit is a call."""
    ready = prepare(networks.dense(events, 10), networks.dense_weights(events, 1000, 10))
    streams = [events[i] for i in range(min(len(events), CALLS))]
    one = EventStream(np.zeros(1, np.int64), streams[0].unit[:1], events.shape, duration=1000)
    cases = []
    for word, engine in _ENGINES:
        for name, given in zip(ONE_BY_ONE, (streams, [one] * CALLS), strict=True):

            def run(given: list[EventStream] = given, engine: Engine = engine) -> None:
                for stream in given:
                    ready.simulate(stream, engine=engine, record="counts")

            cases.append(Case(f"{word}{name}", run, len(given)))
    return cases


def in_microseconds(ns: dict[str, float]) -> dict[str, Any]:
    """Return what a call costs, microseconds."""
    return {f"{w}{name}_us": ns[f"{w}{name}"] / 1000 for w, _ in _ENGINES for name in ONE_BY_ONE}
