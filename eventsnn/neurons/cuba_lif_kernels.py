"""Current-based LIF, compiled: the closed form, the search for a crossing, the entry points."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import int64

from eventsnn.kernels.compile import inlined, kernel, threaded
from eventsnn.neurons import neuron as base
from eventsnn.neurons.neuron import Kernels

# The closed form, for all engines: one function each, so that spike times agree bit for bit.


@inlined
def factors(dt: float, tau_mem: float, tau_syn: float) -> tuple[float, float, float]:
    """Return what v keeps, what i keeps, and the response of v to i, over ``dt`` microseconds.

    With d = 1/tau_mem - 1/tau_syn the response to the current is
    exp(-dt/tau_mem) * expm1(d dt) / (d tau_mem); written with the slower exponential in
    front it neither overflows nor cancels, also for time constants that nearly agree.
    """
    a, b = math.exp(-dt / tau_mem), math.exp(-dt / tau_syn)
    d = 1.0 / tau_mem - 1.0 / tau_syn
    if d > 0.0:
        response = -b * math.expm1(-dt * d) / (tau_mem * d)
    elif d < 0.0:
        response = a * math.expm1(dt * d) / (tau_mem * d)
    else:
        response = a * dt / tau_mem
    return a, b, response


@threaded
def flow(
    v: float, current: float, dt: float, constants: tuple[float, float, float]
) -> tuple[float, float]:
    """Return (v, i) after ``dt`` microseconds without events, from the closed form."""
    tau_mem, tau_syn, bias = constants
    a, b, response = factors(dt, tau_mem, tau_syn)
    return bias + (v - bias) * a + current * response, current * b


MARGIN = 1e-12
"""Of what a bound adds up: more than the rounding of the closed form, a few dozen 2**-53."""


def largest_response(tau_mem: float, tau_syn: float) -> float:
    """Return the most that v ever gets of a current of 1: r^(-r/(r - 1)), r = tau_mem / tau_syn."""
    ratio = tau_mem / tau_syn
    if not 1e-9 < ratio < 1e9:
        return 1.0  # the most of all
    slope = math.log1p(ratio - 1.0) / (ratio - 1.0) if ratio != 1.0 else 1.0
    return math.exp(-ratio * slope)


@inlined
def stays_below(v: float, current: float, threshold: float, target: float, most: float) -> bool:
    """Return whether v surely stays below the threshold without events: ``crossing`` is inf.

    Between events v is target + u a + i r with u = v - target, 0 <= a <= 1 and 0 <= r <= most.
    If u is below 0, it takes away: v is at most target + i r. If u is i or more, v falls. Between,
    the most of u a + i r over time is convex in u, as of all that is linear in it; it is i most at
    u = 0, and i at u = i, where v begins to fall; so it is at most u + (i - u) most. While a
    refractory time holds v, the current only comes nearer to 0. The exponentials of ``flow`` are
    off by an ulp, and by that of their argument; where i is below 0 its term is rounded to 0 or
    below. So what ``flow`` returns is above the bound by less than the margin, and ``crossing``
    finds no time at which it is at the threshold. NaN and infinity are left to ``crossing``.
    """
    top = max(v, target)
    lift = max(current - (top - target), 0.0) * most
    return top + lift + MARGIN * (abs(v) + abs(target) + lift) < threshold


@kernel
def turning(v: float, current: float, constants: tuple[float, float, float]) -> float:
    """Return when dv/dt changes sign (it does so at most once), inf if never, in microseconds.

    tau_mem dv/dt = bias - v + i. Divided by its own decay it is a straight line in
    s = expm1(d t) / d (in t itself for equal time constants), which gives the root.
    """
    tau_mem, tau_syn, bias = constants
    d = 1.0 / tau_mem - 1.0 / tau_syn
    rise = current + bias - v
    # The line: rise - (current / tau_syn) * s; s grows from 0.
    if current == 0.0 or rise / current <= 0.0:
        return math.inf
    s = rise * tau_syn / current
    if d == 0.0:
        return s
    return math.log1p(d * s) / d if d * s > -1.0 else math.inf


@threaded
def crossing(
    v: float, current: float, threshold: float, constants: tuple[float, float, float]
) -> float:
    """Return the microseconds until v first reaches the threshold; 0 if it has, inf if never.

    Between events v turns at most once, so there is one stretch on which it rises: that
    brackets the crossing, and Newton steps that leave the bracket become bisections.
    """
    if v >= threshold:
        return 0.0
    tau_mem, tau_syn, bias = constants
    turn = turning(v, current, constants)
    rising = current + bias - v > 0.0 or (current + bias == v and current < 0.0)
    low, high = 0.0, turn
    if not rising:
        low, high = turn, math.inf
    if low == math.inf:
        return math.inf
    if high == math.inf:
        if bias <= threshold:
            return math.inf
        high = low + tau_mem + tau_syn
        while flow(v, current, high, constants)[0] < threshold:
            low, high = high, high + 2.0 * (high - low)
    elif flow(v, current, high, constants)[0] < threshold:
        return math.inf
    s = low
    for _ in range(200):
        at, i = flow(v, current, s, constants)
        if at < threshold:
            low = s
        else:
            high = s
        slope = (bias - at + i) / tau_mem
        step = (threshold - at) / slope if slope != 0.0 else math.inf
        new = s + step
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - s) <= 1e-15 * new or not low < new < high:
            break
        s = new
    return s


# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU_MEM, _TAU_SYN, _BIAS, _THRESHOLD, _REFRACTORY, _MOST = range(2, 8)
_TOUCHED, _DUE = 1, 2
_NOTHING = -1.0, 0.0, 0.0, 0.0
"""Factors of no interval; neurons that share a clock share those of one."""


@inlined
def _constants(table: Any) -> tuple[float, float, float]:
    return table[_TAU_MEM], table[_TAU_SYN], table[_BIAS]


@inlined
def _advance(table: Any, x: Any, times: Any, t: float, j: int, kept: Any) -> Any:
    """Bring neuron j up to t and note its slope, as ``CubaLIF._advanced``.

    ``kept`` are an interval and its factors; return those of this one.
    """
    n, bias = int64(table[0]), table[_BIAS]
    v, current = float(x[j]), float(x[n + j])
    clock, ready = times[j], times[n + j]
    if clock < ready:
        pause = min(t, ready) - clock
        current *= math.exp(-pause / table[_TAU_SYN])
        clock += pause
    if t > clock:
        dt = t - clock
        if dt != kept[0]:
            a, b, response = factors(dt, table[_TAU_MEM], table[_TAU_SYN])
            kept = dt, a, b, response
        v = bias + (v - bias) * kept[1] + current * kept[3]
        current *= kept[2]
    x[j], x[n + j] = v, current
    x[2 * n + j] = (current + bias - v) / table[_TAU_MEM]
    times[j] = t
    return kept


@inlined
def _one(cells: Any, t: float, j: int, weight: Any, work: Any, kept: Any) -> Any:
    """Add to the current of one neuron, which the first delivery of an instant brings to now.

    One that surely stays below its threshold is not marked: it has nothing to settle.
    """
    table, x, times = cells
    n = int64(table[0])
    mark = work[2 + n + j]
    # At time 0 a clock does not tell whether a neuron was touched.
    unmarked = mark == 0 and t > 0.0
    if mark != _TOUCHED and not (unmarked and times[j] == t):
        kept = _advance(table, x, times, t, j, kept)
        work[1] += 1
    x[n + j] += weight
    if mark == _TOUCHED:
        return kept
    v, current = float(x[j]), float(x[n + j])
    if unmarked and stays_below(v, current, table[_THRESHOLD], table[_BIAS], table[_MOST]):
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
    cells, kept = (table, x, times), _NOTHING
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
    cells, kept = (table, x, times), _NOTHING
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
            _advance(table, x, times, t, j, _NOTHING)
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
