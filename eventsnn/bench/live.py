"""Sessions on streams: events a second, latencies, and learning as they go."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

from eventsnn.bench.control import Case, Control, machine, measure
from eventsnn.bench.sessions import pieces_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.live.learner import Learning
from eventsnn.live.session import Session
from eventsnn.network import Network
from eventsnn.rules.adjoint import Adjoint
from eventsnn.rules.deep_spiking import DeepSpiking
from eventsnn.rules.gradient.start import Aim, start_weights
from eventsnn.rules.learned import Batch

HIDDEN = 200
_DEEP = "deep_spiking_learning_"
_LARGE, _SMALL = 1000, 100
"""Events of a push: for throughput, and for latency."""


def bench_live(events: EventBatch, *, rounds: int = 5) -> dict[str, Any]:
    """Measure sessions of sensor-200-10 on recordings that follow each other, one thread.

    Parameters
    ----------
    events : EventBatch
        With labels.
    rounds : int
        Of which the medians are told, after one that compiles.

    Returns
    -------
    dict
        Ready for JSON; see ``docs/reference/bench.md``.
    """
    if rounds < 1 or not len(events.t) or not (events.label >= 0).all():
        raise UserError(
            f"bench: {rounds} rounds of {len(events.t):,} events; give at least 1, of recordings "
            "with labels"
        )
    rule = Adjoint(near_threshold=0.7, dropout=0.0)
    network = _network(rule, events)
    weights, _ = start_weights(network, events, Aim(1.0, 0.015), np.random.default_rng(0))
    waits: list[float] = []
    cases = [
        Case("push_1000", _pushes(network, weights, events), len(events.t)),
        Case("push_100", _timed(network, weights, events, waits), len(events.t)),
        Case("learning", _learning(network, weights, events, rule), len(events.t)),
        Case("deep_spiking", _deep_spiking(events), len(events.t)),
    ]
    control, ns, controls = measure(cases, len(events.t), Control.over(events), rounds)
    per_round = np.array_split(np.array(waits), rounds + 1)[1:]
    result: dict[str, Any] = {"recordings": len(events), "events": len(events.t)}
    result |= {"rounds": rounds, "machine": machine(), "control_ns_per_event": control}
    for name, case in (("", "push_1000"), ("learning_", "learning"), (_DEEP, "deep_spiking")):
        result[f"{name}events_per_second"] = 1e9 / ns[case]
        result[f"{name}controls"] = controls[case]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        result[f"push_100_ms_{name}"] = median(float(np.quantile(w, share)) for w in per_round)
    return result


def _network(rule: Adjoint, events: EventBatch) -> Network:
    return rule.network((events.n_units, HIDDEN, 1 + int(events.label.max())))


def _pushes(network: Network, weights: list[Any], events: EventBatch) -> Any:
    session, pieces = Session(network, weights), pieces_of(events, _LARGE)

    def run() -> None:
        session.reset()
        for piece in pieces:
            session.push(piece)

    return run


def _timed(network: Network, weights: list[Any], events: EventBatch, waits: list[float]) -> Any:
    session, pieces = Session(network, weights), pieces_of(events, _SMALL)

    def run() -> None:
        session.reset()
        for piece in pieces:
            began = time.perf_counter()
            session.push(piece)
            waits.append((time.perf_counter() - began) * 1000)

    return run


def _learning(network: Network, weights: list[Any], events: EventBatch, rule: Adjoint) -> Any:
    """Return a call in which a recording is learned when it has passed, in pushes of 1,000."""
    recordings = [pieces_of(events.part(i, i + 1), _LARGE) for i in range(len(events))]
    session = Session(network, weights).learns(Learning(rule=rule))

    def run() -> None:
        for pieces, label in zip(recordings, events.label.tolist(), strict=True):
            session.reset()
            for piece in pieces:
                session.push(piece)
            session.learn(label)

    return run


def _deep_spiking(events: EventBatch) -> Any:
    rule = DeepSpiking(fractional=True, dtype="float32", upper_scale=0.03)
    rng, network = np.random.default_rng(0), (events.n_units, HIDDEN, 1 + int(events.label.max()))
    state, _ = rule.start(network, events, rng)

    def run() -> None:
        rule.learn(state, Batch(events, np.arange(len(events))), rng)

    return run
