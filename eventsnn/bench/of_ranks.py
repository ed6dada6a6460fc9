"""A training step of one of several ranks, timed: a program for ``mpiexec``; see ``ranks.py``.

Each rank waits for the others before a round, so that what is told is the time of all.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from eventsnn.bench import networks
from eventsnn.bench.control import HIDDEN
from eventsnn.bench.training import SPIKES, learner_of
from eventsnn.data.digest import digest_of
from eventsnn.ranks.launch import world
from eventsnn.ranks.ranks import Ranks

_STEPS = 2
"""Batches of a round."""


class Stopwatch:
    """The time that calls of some functions take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, timed."""

        def timed(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*args)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def measured(ranks: Ranks, batch: int, rounds: int) -> dict[str, Any]:
    """Return what a step of sensor-800-10 takes, milliseconds, and what it sends."""
    events = networks.poisson(_STEPS * batch)
    layers = (events.n_units, HIDDEN, 10)
    learner = learner_of(events, 1, layers, SPIKES / HIDDEN, batch)
    learner.over(ranks)
    rule, walks, updates = learner.rule, Stopwatch(), Stopwatch()
    rule.walk = walks.around(rule.walk)  # type: ignore[attr-defined]
    rule._updated = updates.around(rule._updated)  # type: ignore[attr-defined]
    chunks = [np.arange(k * batch, (k + 1) * batch) for k in range(_STEPS)]
    rows = []
    for _ in range(1 + rounds):
        sent, calls = (getattr(ranks, name, 0) for name in ("sent_bytes", "messages"))
        walks.seconds = updates.seconds = 0.0
        ranks.wait()
        began = time.perf_counter()
        for _ in learner.learn_all(events, chunks, np.random.default_rng(0)):
            pass
        whole = time.perf_counter() - began
        rows.append([1e3 * s / _STEPS for s in (whole, walks.seconds, updates.seconds)])
        sent = (getattr(ranks, "sent_bytes", 0) - sent) // _STEPS
        calls = (getattr(ranks, "messages", 0) - calls) // _STEPS
    ms, walk, update = (median(column) for column in zip(*rows[1:], strict=True))
    return {
        "ranks": ranks.size,
        "batch": batch,
        "ms_per_step": ms,
        "walk_ms": walk,
        "update_ms": update,
        "sent_bytes_per_step": sent,
        "mpi_calls_per_step": calls,
        "events_per_step": len(events.t) // _STEPS,
        "digest": digest_of(dict(sorted(learner.snapshot().items()))),
    }


def main() -> None:
    """Print a line of JSON a batch."""
    ranks, rounds = world(), int(sys.argv[1])
    for batch in map(int, sys.argv[2:]):
        found = measured(ranks, batch, rounds)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
