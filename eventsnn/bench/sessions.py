"""What a session costs that takes a stream in pieces of 100 and of 1,000 events."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsnn.bench import networks
from eventsnn.bench.control import Case
from eventsnn.events import EventBatch, EventStream
from eventsnn.live.session import Session
from eventsnn.network.layer_string import layers
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout

_HIDDEN = 200
PIECES = (100, 1000)
"""Events of a piece."""


def session_cases(events: EventBatch, result: dict[str, Any]) -> list[Case]:
    """Return sensor-200-10, LIF and a readout, on a stream of recordings; a unit is a piece."""
    polarities, height, width = events.shape
    network = layers(
        f"{height}x{width}x{polarities}-{_HIDDEN}-10",
        LIF(networks.TAU_US),
        Readout(networks.TAU_US),
    )
    rng, cases = np.random.default_rng(4), []
    weights = [rng.normal(0, 0.06, c.topology.weight_shape) for c in network.connections]
    weights = [array.astype(np.float32) for array in weights]
    for size in PIECES:
        session, pieces = Session(network, weights), pieces_of(events, size)

        def run(session: Session = session, pieces: list[EventStream] = pieces) -> None:
            session.reset()
            for piece in pieces:
                session.push(piece)
            result["session_hidden_spikes_per_event"] = _activity(session)

        cases.append(Case(f"session_{size}", run, len(pieces)))
    return cases


def session_figures(ns: dict[str, float]) -> dict[str, Any]:
    """Return what a piece costs, microseconds, and events a second in the larger ones."""
    found = {f"session_push_{size}_us": ns[f"session_{size}"] / 1000 for size in PIECES}
    return found | {"session_events_per_second": 1e9 * PIECES[-1] / ns[f"session_{PIECES[-1]}"]}


def pieces_of(events: EventBatch, size: int) -> list[EventStream]:
    """Return pieces of about ``size`` events, none of which cuts an instant."""
    ends = np.cumsum(np.ceil(events.duration)).astype(np.int64)
    begin = np.repeat(np.concatenate([[0], ends[:-1]]), np.diff(events.start))
    t = (events.t + begin).astype(np.int64)
    new = np.flatnonzero(np.diff(t) > 0) + 1  # where an instant begins
    cuts = [0, *np.unique(new[np.searchsorted(new, np.arange(size, new[-1], size))]).tolist()]
    parts = [slice(a, b) for a, b in zip(cuts, [*cuts[1:], len(t)], strict=True)]
    return [EventStream(t[part], events.unit[part], events.shape) for part in parts]


def _activity(session: Session) -> float:
    """Return hidden spikes an event."""
    spikes = session.counts.spikes[0]
    return float(spikes[1] / max(spikes[0], 1))
