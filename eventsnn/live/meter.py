"""What a live run tells: a row a second, and sums over all of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsnn.live.answer import Answer

_LATENCIES = 4096
"""The last so many are kept."""


@dataclass
class LiveMeter:
    """Counts what passes between two rows.

    Attributes
    ----------
    totals : dict from str to int
        Since the run began: events, spikes, operations, answers.
    """

    began: float = field(default_factory=time.perf_counter)
    totals: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("events", "spikes", "operations", "answers"), 0)
    )

    def __post_init__(self) -> None:
        """Begin the first row."""
        self._last, self._before = self.began, dict(self.totals)
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self.answer: Answer | None = None

    def add(self, answer: Answer, arrived: list[float]) -> None:
        """Take an answer to what arrived at some moments (seconds of ``perf_counter``)."""
        self.answer = answer
        self.totals["events"] += answer.events
        self.totals["spikes"] += answer.spikes
        self.totals["operations"] += answer.operations
        self.totals["answers"] += 1
        now = time.perf_counter()
        self._latencies.extend(now - at for at in arrived)

    def row(self, waiting: int, counts: Mapping[str, int]) -> dict[str, Any]:
        """Return what happened since the last row, as JSON has it.

        ``events_per_second``, ``spikes_per_second``, ``operations_per_second``; ``latency_ms_p50``
        and ``latency_ms_p99``, from the arrival of a packet to the answer (null without any);
        ``totals`` since the run began; ``t_us``, ``label`` (null: no answer), ``margin``,
        ``scores``; ``waiting`` events; what was not used, and why: ``counts``.
        """
        now = time.perf_counter()
        seconds = max(now - self._last, 1e-9)
        rates = {
            f"{name}_per_second": (self.totals[name] - self._before[name]) / seconds
            for name in ("events", "spikes", "operations")
        }
        self._last, self._before = now, dict(self.totals)
        found = np.array(self._latencies) * 1000
        self._latencies.clear()
        p50, p99 = np.quantile(found, (0.5, 0.99)).tolist() if found.size else (None, None)
        said = self.answer
        return rates | {
            "seconds": now - self.began,
            "latency_ms_p50": p50,
            "latency_ms_p99": p99,
            "t_us": said.t_us if said else 0.0,
            "label": said.label if said and said.label >= 0 else None,
            "margin": said.margin if said else 0.0,
            "scores": said.scores.tolist() if said else [],
            "totals": dict(self.totals),
            "waiting": waiting,
            "counts": dict(counts),
        }
