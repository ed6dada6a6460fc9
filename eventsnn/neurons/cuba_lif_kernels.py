"""Current-based LIF, compiled: the entry points. ``cuba_lif_flow.py`` is what they move by.

The next spike of a neuron is searched for as late as can be. What stands at ``next`` is a time
before which it surely does not fire: up to then deliveries that leave that true change nothing but
v and i. Where it falls due, the spike is searched for in earnest, from the last delivery on, as
``CubaLIF._predicted`` does; then it stands there itself.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import int64

from eventsnn.kernels.compile import inlined, kernel, likely
from eventsnn.kernels.vector import first_bit
from eventsnn.neurons import neuron as base
from eventsnn.neurons.cuba_lif_flow import (
    advanced,
    below_until,
    factors,
    longest_rise,
    predicted,
    stays_below,
    taus_of,
)
from eventsnn.neurons.cuba_lif_lanes import LANES, move
from eventsnn.neurons.look_ahead import AHEAD, look_ahead
from eventsnn.neurons.neuron import Kernels

# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU_MEM, _TAU_SYN, _BIAS, _THRESHOLD, _REFRACTORY, _MOST = range(2, 8)
_TOUCHED, _DUE = 1, 2
_EARLY = 0.75
"""Of the time in which a neuron may come to its threshold at the soonest: so far it is left alone.
With less it is looked at more often, with more later deliveries sooner lead beyond the bound."""
_SOON = 1 / 256
"""Of the shorter time constant: a spike that may come sooner than that is searched for."""


@inlined
def _fixed(table: Any) -> Any:
    """What stays the same from synapse to synapse: size, time constants, bounds of a rest."""
    taus = taus_of(table[_TAU_MEM], table[_TAU_SYN])
    return int64(table[0]), taus, table[_BIAS], taus.rate_mem, table[_THRESHOLD], table[_MOST]


@inlined
def _advance(fixed: Any, x: Any, times: Any, t: float, j: int) -> None:
    """Bring neuron j up to t and note its slope, as ``CubaLIF._advanced``."""
    n, taus, bias, rate, _, _ = fixed
    now = times[j], times[n + j], t
    v, current = advanced((float(x[j]), float(x[n + j])), now, taus, bias)
    x[j], x[n + j] = v, current
    x[2 * n + j] = (current + bias - v) * rate
    times[j] = t


@kernel
def _predicted(table: Any, x: Any, times: Any, j: int) -> float:
    """Return when neuron j fires if nothing arrives after its clock, as ``CubaLIF._predicted``."""
    n, taus = int64(table[0]), taus_of(table[_TAU_MEM], table[_TAU_SYN])
    times_of = times[j], times[n + j], times[j] + table[_REFRACTORY]
    firing = table[_THRESHOLD], taus, table[_BIAS]
    return float(predicted((float(x[j]), float(x[n + j])), times_of, firing))


@inlined
def _rests(fixed: Any, v: float, current: float, until: float) -> bool:
    """Return whether a neuron surely does not fire within a time, if nothing more arrives."""
    _, _, bias, rate, threshold, most = fixed
    if below_until(v, longest_rise(v, current, bias, rate), until, threshold, bias):
        return True
    return bool(stays_below(v, current, threshold, bias, most))


@kernel
def _with_care(cells: Any, t: float, j: int, weight: Any, work: Any) -> None:
    """Do what ``_one`` does, also in a refractory time, where one is due, and at time 0."""
    table, fixed, x, times = cells
    n = fixed[0]
    mark = work[2 + n + j]
    # At time 0 a clock does not tell whether a neuron was touched.
    unmarked = mark == 0 and t > 0.0
    if times[2 * n + j] == t and mark != _TOUCHED:
        times[2 * n + j] = _predicted(table, x, times, j)
    if mark != _TOUCHED and not (unmarked and times[j] == t):
        _advance(fixed, x, times, t, j)
        work[1] += 1
    x[n + j] += weight
    due, v, current = times[2 * n + j], float(x[j]), float(x[n + j])
    if mark == _TOUCHED or (unmarked and due != t and _rests(fixed, v, current, due - t)):
        return
    if mark == 0:
        _mark(work, n, j)
    work[2 + n + j] = _TOUCHED


@inlined
def _mark(work: Any, n: Any, j: Any) -> None:
    work[2 + work[0]] = j
    work[0] += 1
    work[2 + n + j] = _TOUCHED


@inlined
def _one(cells: Any, t: float, j: Any, weight: Any, work: Any) -> None:
    """Add to the current of one neuron, which the first delivery of an instant brings to now.

    One that surely does not fire before its ``next`` is not marked: it has nothing to settle.
    """
    _, fixed, x, times = cells
    # Unsigned indexes need no test for a negative wrap.
    n, taus, bias, rate = np.uint64(fixed[0]), fixed[1], fixed[2], fixed[3]
    clock, due = times[j], times[n + n + j]
    plain = (times[n + j] <= clock) & (clock < t) & (due != t)
    if not likely(plain and work[np.uint64(2) + n + j] == 0):
        _with_care(cells, t, int64(j), weight, work)
        return
    real = x.dtype.type
    a, b, response = factors(t - clock, taus)
    v, current = float(x[j]), float(x[n + j])
    v = bias + (v - bias) * a + current * response
    current *= b
    x[n + n + j] = (current + bias - v) * rate
    times[j] = t
    work[1] += 1
    kept, more = real(v), real(current) + weight
    x[j], x[n + j] = kept, more
    if not likely(_rests(fixed, float(kept), float(more), due - t)):
        _mark(work, int64(n), int64(j))


@inlined
def _eight(cells: Any, now: Any, weights: Any, k: int, work: Any, at: Any, fresh: Any) -> None:
    """Deliver the weights from ``k`` on to the ``LANES`` neurons from at[0] on, in one go."""
    _, fixed, x, times = cells
    n, first = fixed[0], at[0]
    word = move(x, weights, times, at, now, fresh)
    while word:
        lane = int64(first_bit(word))
        word &= word - np.uint64(1)
        j = first + lane % LANES
        if lane < LANES:
            work[1] -= len(fresh)
            _with_care(cells, now[0], j, weights[k + lane], work)
        elif work[2 + n + j] == 0:
            _mark(work, n, j)
    work[1] += LANES * len(fresh)


@inlined
def _together(cells: Any, t: float, weights: Any, run: Any, work: Any) -> None:
    """Deliver a run of weights to neighbours; those that share a clock share their decay."""
    _, fixed, _, times = cells
    n, taus, bias, rate, threshold, most = fixed
    first, k0, length = run
    # Who fired since the last common delivery has a later clock.
    clock = min(times[first], min(times[first + length // 2], times[first + length - 1]))
    a, b, response = factors(t - clock, taus)
    now = t, clock, a, b, response, bias, rate, threshold, most
    whole = length - length % LANES if t > 0.0 else 0
    for k in range(0, whole, LANES):
        j = first + k
        at = j, n + j, 2 * n + j, k0 + k, j, n + j, 2 * n + j
        if t > clock:
            _eight(cells, now, weights, k0 + k, work, at, (0,))
        else:
            _eight(cells, now, weights, k0 + k, work, at, ())
    for k in range(whole, length):
        _one(cells, t, np.uint64(first + k), weights[k0 + k], work)


def _receive(
    table: Any, x: Any, times: Any, t: float, weights: Any, targets: Any, runs: Any, work: Any
) -> None:
    cells = table, _fixed(table), x, times
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        if first >= 0 and length >= LANES:
            _together(cells, t, weights, (first, k0, length), work)
            continue
        for k in range(np.uint64(k0), np.uint64(k0 + length)):
            j = int64(targets[k]) if first < 0 else first + int64(k) - k0
            _one(cells, t, np.uint64(j), weights[k], work)


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
    cells = table, _fixed(table), x, times
    k, tail, adds = span[0], span[1], 0
    now = at[k]
    while k < tail and at[k] < limit:
        if at[k] != now and (work[0] > 0 or work[1] > base.MANY):
            break
        now = at[k]
        if targets[k] >= 0:
            _one(cells, now, np.uint64(targets[k]), weights[k], work)
            adds += 1
        else:
            look_ahead(grouped, targets, weights, min(k + AHEAD, tail - 1))
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(np.uint64(first), np.uint64(first + n)):
                _one(cells, now, np.uint64(grouped[s].target), grouped[s].weight, work)
            adds += n
        k += 1
    span[2] += adds
    return int64(k)


@inlined
def _early(fixed: Any, v: float, current: float) -> float:
    """Return for how long a neuron below its threshold surely does not fire, not to the last."""
    _, _, bias, rate, threshold, most = fixed
    if stays_below(v, current, threshold, bias, most):
        return math.inf
    return float(_EARLY * (threshold - v) / longest_rise(v, current, bias, rate))


@kernel
def _looked_at(cells: Any, t: float, j: int) -> float:
    """Return the next time for neuron j, of which no delivery comes at ``t``, where one fell due.

    It is ``t`` where its spike does.
    """
    table, fixed, x, times = cells
    n, taus, bias, _, threshold, _ = fixed
    dt = t - times[j]
    if times[n + j] <= times[j]:
        a, b, response = factors(dt, taus)
        v, current = float(x[j]), float(x[n + j])
        v = bias + (v - bias) * a + current * response
        if v < threshold:
            early = _early(fixed, v, current * b)
            if early > _SOON * min(taus.mem, taus.syn):
                return float(t + early)
    return float(_predicted(table, x, times, j))


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    fixed, n, marked = _fixed(table), int64(table[0]), work[0]
    cells = table, fixed, x, times
    work[0] = 0
    n_fired = 0
    for i in range(2, 2 + marked):
        j = int64(work[i])
        mark, due = work[2 + n + j], 2 * n + j
        work[2 + n + j] = 0
        if mark == _DUE:
            times[due] = _looked_at(cells, t, j)
            if times[due] != t:
                continue
            _advance(fixed, x, times, t, j)
            work[1] += 1
        if times[due] == t or (t >= times[n + j] and float(x[j]) >= table[_THRESHOLD]):
            fired[n_fired] = j
            values[n_fired] = x[2 * n + j]
            n_fired += 1
            x[j] = 0.0
            times[n + j] = t + table[_REFRACTORY]
        v, current = float(x[j]), float(x[n + j])
        times[due] = max(t, times[n + j])
        if v < table[_THRESHOLD]:
            times[due] += _early(fixed, v, current)
    return n_fired


@cache
def entry_points(dtype: Any) -> Kernels:
    """Return the compiled entry points for a state dtype."""
    return base.entry_points(_receive, _train, _settle, dtype)
