"""Current-based LIF, compiled: the entry points. ``cuba_lif_flow.py`` is what they move by."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import int64

from eventsnn.kernels.compile import inlined
from eventsnn.neurons import neuron as base
from eventsnn.neurons.cuba_lif_flow import crossing, factors, stays_below, taus_of
from eventsnn.neurons.neuron import Kernels

# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU_MEM, _TAU_SYN, _BIAS, _THRESHOLD, _REFRACTORY, _MOST = range(2, 8)
_TOUCHED, _DUE = 1, 2
_NOTHING = -1.0, 0.0, 0.0, 0.0
"""Factors of no interval; neurons that share a clock share those of one."""


@inlined
def _constants(table: Any) -> tuple[float, float, float]:
    return table[_TAU_MEM], table[_TAU_SYN], table[_BIAS]


@inlined
def _fixed(table: Any) -> Any:
    """What stays the same from synapse to synapse: size, time constants, bounds of a rest."""
    taus = taus_of(table[_TAU_MEM], table[_TAU_SYN])
    return int64(table[0]), taus, table[_BIAS], table[_THRESHOLD], table[_MOST]


@inlined
def _advance(fixed: Any, x: Any, times: Any, t: float, j: int, kept: Any) -> Any:
    """Bring neuron j up to t and note its slope, as ``CubaLIF._advanced``.

    ``kept`` are an interval and its factors; return those of this one.
    """
    n, taus, bias, _, _ = fixed
    v, current = float(x[j]), float(x[n + j])
    clock, ready = times[j], times[n + j]
    if clock < ready:
        pause = min(t, ready) - clock
        current *= math.exp(-pause / taus.syn)
        clock += pause
    if t > clock:
        dt = t - clock
        if dt != kept[0]:
            a, b, response = factors(dt, taus)
            kept = dt, a, b, response
        v = bias + (v - bias) * kept[1] + current * kept[3]
        current *= kept[2]
    x[j], x[n + j] = v, current
    x[2 * n + j] = (current + bias - v) / taus.mem
    times[j] = t
    return kept


@inlined
def _one(cells: Any, t: float, j: int, weight: Any, work: Any, kept: Any) -> Any:
    """Add to the current of one neuron, which the first delivery of an instant brings to now.

    One that surely stays below its threshold is not marked: it has nothing to settle.
    """
    fixed, x, times = cells
    n, _, bias, threshold, most = fixed
    mark = work[2 + n + j]
    # At time 0 a clock does not tell whether a neuron was touched.
    unmarked = mark == 0 and t > 0.0
    if mark != _TOUCHED and not (unmarked and times[j] == t):
        kept = _advance(fixed, x, times, t, j, kept)
        work[1] += 1
    x[n + j] += weight
    if mark == _TOUCHED:
        return kept
    v, current = float(x[j]), float(x[n + j])
    if unmarked and stays_below(v, current, threshold, bias, most):
        times[2 * n + j] = math.inf
        return kept
    if mark == 0:
        work[2 + work[0]] = j
        work[0] += 1
    work[2 + n + j] = _TOUCHED
    return kept


def _receive(
    table: Any, x: Any, times: Any, t: float, weights: Any, targets: Any, runs: Any, work: Any
) -> None:
    cells, kept = (_fixed(table), x, times), _NOTHING
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        for k in range(length):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            kept = _one(cells, t, j, weights[k0 + k], work, kept)


def _train(
    table: Any,
    x: Any,
    times: Any,
    at: Any,
    targets: Any,
    weights: Any,
    grouped: Any,
    span: Any,
    limit: float,
    work: Any,
) -> Any:
    cells, kept = (_fixed(table), x, times), _NOTHING
    k, tail = span[0], span[1]
    now = at[k]
    while k < tail and at[k] < limit:
        if at[k] != now and (work[0] > 0 or work[1] > base.MANY):
            break
        now = at[k]
        if targets[k] >= 0:
            kept = _one(cells, now, int64(targets[k]), weights[k], work, kept)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                kept = _one(cells, now, int64(grouped[s].target), grouped[s].weight, work, kept)
            span[2] += n
        k += 1
    return int64(k)


@inlined
def _predict(table: Any, x: Any, times: Any, t: float, j: int, fired: float) -> None:
    """Predict the next spike of neuron j, as ``CubaLIF._predicted``."""
    n = int64(table[0])
    v, current = float(x[j]), float(x[n + j])
    if stays_below(v, current, table[_THRESHOLD], table[_BIAS], table[_MOST]):
        times[2 * n + j] = math.inf
        return
    begin = max(t, times[n + j])
    if begin > t:
        current *= math.exp(-(begin - t) / table[_TAU_SYN])
    when = begin + crossing(v, current, table[_THRESHOLD], _constants(table))
    times[2 * n + j] = np.nextafter(fired, math.inf) if when <= fired else when


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    n, marked = int64(table[0]), work[0]
    work[0] = 0
    n_fired = 0
    for i in range(2, 2 + marked):
        j = work[i]
        if work[2 + n + j] == _DUE:
            _advance(_fixed(table), x, times, t, j, _NOTHING)
            work[1] += 1
        work[2 + n + j] = 0
        last = -math.inf
        if times[2 * n + j] == t or (t >= times[n + j] and float(x[j]) >= table[_THRESHOLD]):
            last = t
            fired[n_fired] = j
            values[n_fired] = x[2 * n + j]
            n_fired += 1
            x[j] = 0.0
            times[n + j] = t + table[_REFRACTORY]
        _predict(table, x, times, t, j, last)
    return n_fired


@cache
def entry_points(dtype: Any) -> Kernels:
    """Return the compiled entry points for a state dtype."""
    return base.entry_points(_receive, _train, _settle, dtype)
