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


@threaded
def flow(
    v: float, current: float, dt: float, constants: tuple[float, float, float]
) -> tuple[float, float]:
    """Return (v, i) after ``dt`` microseconds without events, from the closed form.

    With d = 1/tau_mem - 1/tau_syn the response to the current is
    exp(-dt/tau_mem) * expm1(d dt) / (d tau_mem); written with the slower exponential in
    front it neither overflows nor cancels, also for time constants that nearly agree.
    """
    tau_mem, tau_syn, bias = constants
    a, b = math.exp(-dt / tau_mem), math.exp(-dt / tau_syn)
    d = 1.0 / tau_mem - 1.0 / tau_syn
    if d > 0.0:
        response = -b * math.expm1(-dt * d) / (tau_mem * d)
    elif d < 0.0:
        response = a * math.expm1(dt * d) / (tau_mem * d)
    else:
        response = a * dt / tau_mem
    return bias + (v - bias) * a + current * response, current * b


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
_TAU_MEM, _TAU_SYN, _BIAS, _THRESHOLD, _REFRACTORY = 2, 3, 4, 5, 6
_TOUCHED, _DUE = 1, 2


@inlined
def _constants(table: Any) -> tuple[float, float, float]:
    return table[_TAU_MEM], table[_TAU_SYN], table[_BIAS]


@inlined
def _advance(table: Any, x: Any, times: Any, t: float, j: int) -> None:
    """Bring neuron j up to t and note its slope, as ``CubaLIF._advanced``."""
    n = int64(table[0])
    v, current = float(x[j]), float(x[n + j])
    clock, ready = times[j], times[n + j]
    if clock < ready:
        pause = min(t, ready) - clock
        current *= math.exp(-pause / table[_TAU_SYN])
        clock += pause
    if t > clock:
        v, current = flow(v, current, t - clock, _constants(table))
    x[j], x[n + j] = v, current
    x[2 * n + j] = (current + table[_BIAS] - v) / table[_TAU_MEM]
    times[j] = t


@inlined
def _one(table: Any, x: Any, times: Any, t: float, j: int, weight: Any, work: Any) -> None:
    """Add to the current of one neuron, which the first delivery of an instant brings to now."""
    n = int64(table[0])
    mark = work[2 + n + j]
    if mark != _TOUCHED:
        _advance(table, x, times, t, j)
        work[1] += 1
        if mark == 0:
            work[2 + work[0]] = j
            work[0] += 1
        work[2 + n + j] = _TOUCHED
    x[n + j] += weight


def _receive(
    table: Any, x: Any, times: Any, t: float, weights: Any, targets: Any, runs: Any, work: Any
) -> None:
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        for k in range(length):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            _one(table, x, times, t, j, weights[k0 + k], work)


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
    k, tail = span[0], span[1]
    now = at[k]
    while k < tail and at[k] == now:
        if targets[k] >= 0:
            _one(table, x, times, now, targets[k], weights[k], work)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                _one(table, x, times, now, grouped[s].target, grouped[s].weight, work)
            span[2] += n
        k += 1
    return int64(k)


@inlined
def _predict(table: Any, x: Any, times: Any, t: float, j: int, fired: float) -> None:
    """Predict the next spike of neuron j, as ``CubaLIF._predicted``."""
    n = int64(table[0])
    v, current = float(x[j]), float(x[n + j])
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
            _advance(table, x, times, t, j)
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
