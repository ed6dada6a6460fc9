"""When to stop looking: policies that end a recording early, and what each level of one gives.

A policy looks at the answer at each check and stops at the first that satisfies it:

- ``margin``: the leading class leads by at least the level (in scores);
- ``entropy``: the entropy of softmax(scores) is at most the level (nats);
- ``patience``: the same class has led for at least the level (microseconds);
- ``first_spike``: an output neuron has spiked (it has no level).

Where no class leads none stops: that would be a guess. A recording at which a policy
never stops is seen to its end.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.measure.anytime import Streamed

POLICIES = ("margin", "entropy", "patience", "first_spike")

LEVELS, HALF_LEVELS = 400, 200
"""Levels that are tried, spread over the recordings' stops; of ``choose``, on half of them."""


class Point(NamedTuple):
    """What a level of a policy gives, means over recordings.

    Attributes
    ----------
    level : float
        Infinite where every recording is seen to its end.
    accuracy : float
    operations, spikes, events, t_us, checks : float
        What was spent up to the stop.
    """

    level: float
    accuracy: float
    operations: float
    spikes: float
    events: float
    t_us: float
    checks: float


class Policy:
    """A policy over some recordings.

    Parameters
    ----------
    streamed : Streamed
    name : one of ``POLICIES``
    """

    def __init__(self, streamed: Streamed, name: str) -> None:
        if name not in POLICIES:
            raise UserError(f"policy {name!r}; give one of {', '.join(POLICIES)}")
        self.streamed, self.name = streamed, name
        signal = _signal(streamed, name)
        signal[streamed.margin <= 0] = -np.inf
        self.reached = np.maximum.accumulate(signal, axis=1)

    def stops(self, level: float) -> NDArray[np.int64]:
        """Return the check at which each recording stops, int64 (n_recordings,)."""
        wanted = -level if self.name == "entropy" else level
        passed = (self.reached < wanted).sum(axis=1)
        return np.asarray(np.minimum(passed, self.reached.shape[1] - 1), np.int64)

    def at(self, level: float) -> Point:
        """Return what a level gives."""
        return spent(self.streamed, self.stops(level), level)

    def levels(self, count: int) -> list[float]:
        """Return levels that spread the stops over the recordings, laxest first; then never."""
        never = -math.inf if self.name == "entropy" else math.inf
        if self.name == "first_spike":
            return [1.0]
        found = self.reached[np.isfinite(self.reached)]
        if not found.size:
            return [never]
        # Finer among the severe levels: there little more is lost, and much is saved.
        half = count // 2
        severe = 1 - np.geomspace(0.2, 1e-4, count - half)
        shares = np.concatenate([np.linspace(0.02, 0.8, half), severe])
        chosen = np.unique(np.quantile(found, shares)).astype(float)
        return [*(-chosen if self.name == "entropy" else chosen).tolist(), never]


def _signal(streamed: Streamed, name: str) -> NDArray[np.float64]:
    """Return what grows until it stops a recording, float64 (n_recordings, n_checks)."""
    if name == "margin":
        return streamed.margin.astype(np.float64)
    if name == "entropy":
        return -streamed.entropy.astype(np.float64)
    if name == "first_spike":
        return streamed.spoke.astype(np.float64)
    leads = np.where(streamed.margin > 0, streamed.prediction, -1)
    steady = np.zeros(leads.shape)
    for k in range(1, leads.shape[1]):
        passed = streamed.t[:, k] - streamed.t[:, k - 1]
        same = leads[:, k] == leads[:, k - 1]
        steady[:, k] = np.where(same, steady[:, k - 1] + passed, 0.0)
    return steady


def spent(streamed: Streamed, at: NDArray[np.int64], level: float) -> Point:
    """Return what recordings that stop at the checks ``at`` spent, and how many are right."""
    rows = np.arange(len(streamed))
    right, operations, spikes, events, t_us = (
        float(array[rows, at].mean())
        for array in (
            streamed.right,
            streamed.operations,
            streamed.spikes,
            streamed.events,
            streamed.t,
        )
    )
    return Point(level, right, operations, spikes, events, t_us, float(at.mean()) + 1.0)


def at_end(streamed: Streamed) -> Point:
    """Return what seeing every recording to its end gives."""
    last = np.full(len(streamed), streamed.t.shape[1] - 1, np.int64)
    return spent(streamed, last, math.inf)


def choose(streamed: Streamed, name: str, tolerance: float) -> dict[str, Any]:
    """Choose a level on one half of the recordings and report it on the other.

    Parameters
    ----------
    streamed : Streamed
        Recordings 0, 2, 4, ... choose; 1, 3, 5, ... report. At least 2.
    name : one of ``POLICIES``
    tolerance : float
        Accuracy that may be lost where the level is chosen, e.g. 0.001.

    Returns
    -------
    dict
        ``policy``, ``level`` (null: none loses so little), ``tolerance``; ``chosen`` and
        ``reported``: ``recordings``, ``accuracy``, ``accuracy_at_end``, ``lost``,
        ``operations``, ``operations_at_end``, ``saved`` (a share), ``spikes`` (of all neurons),
        ``spikes_at_end``, ``events``, ``t_us``, ``checks``.
    """
    if len(streamed) < 2 or not 0 <= tolerance <= 1:
        raise UserError(
            f"measure: tolerance is {tolerance}, recordings {len(streamed)}; give a share from 0 "
            "to 1, and at least 2 recordings, since one half chooses and one reports"
        )
    here, there = (Policy(streamed.select(slice(k, None, 2)), name) for k in (0, 1))
    best = cheapest(here, tolerance, HALF_LEVELS)
    level = math.nan if best is None else best.level
    return {
        "policy": name,
        "level": None if best is None else level,
        "tolerance": tolerance,
        "chosen": _told(here, level),
        "reported": _told(there, level),
    }


def cheapest(policy: Policy, tolerance: float, count: int = LEVELS) -> Point | None:
    """Return the level with the fewest operations that loses at most ``tolerance`` of accuracy.

    ``count`` levels are tried, spread over the recordings' stops. None where none loses so little.
    """
    points = [policy.at(level) for level in policy.levels(count) if math.isfinite(level)]
    # Accuracies are rounded quotients: what lies nearer than a billionth is equal.
    least = at_end(policy.streamed).accuracy - tolerance - 1e-9
    fine = [point for point in points if point.accuracy >= least]
    return min(fine, key=lambda point: point.operations, default=None)


def given(streamed: Streamed, name: str, level: float | None) -> dict[str, Any]:
    """Report a level that was chosen elsewhere, on all recordings; keys as ``choose`` has them.

    ``level`` None stands for a policy that never stops.
    """
    reported = _told(Policy(streamed, name), math.nan if level is None else level)
    return {
        "policy": name,
        "level": level,
        "tolerance": None,
        "chosen": None,
        "reported": reported,
    }


def _told(policy: Policy, level: float) -> dict[str, Any]:
    end, point = at_end(policy.streamed), policy.at(level)
    point = end if math.isnan(level) else point
    return {
        "recordings": len(policy.streamed),
        "accuracy": point.accuracy,
        "accuracy_at_end": end.accuracy,
        "lost": end.accuracy - point.accuracy,
        "operations": point.operations,
        "operations_at_end": end.operations,
        "saved": 1 - point.operations / max(end.operations, 1.0),
        "spikes": point.spikes,
        "spikes_at_end": end.spikes,
        "events": point.events,
        "t_us": point.t_us,
        "checks": point.checks,
    }
