"""The neuron on a grid of steps, compiled: one step, the search for the next spike, entry points.

Kernel tables begin with the population's size and its clock size; the parameters follow.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from numba import int64

from eventsnn.kernels.compile import inlined
from eventsnn.neurons.entry_points import Kernels, entry_points

_KEEP, _DECAY, _GAIN, _LIMIT, _STEP, _HELD = 2, 3, 4, 5, 6, 7
_TOUCHED = 1

NEAR = 0.999
"""Share of the limit up to which the search goes on: what it is held against is rounded, too."""


@inlined
def one_step(v: Any, current: Any, delivered: Any, held: bool, table: Any) -> Any:
    """Return (v, a) after a step, in the precision of v."""
    real = type(v)
    current = current * real(table[_DECAY]) + delivered
    v = v * real(table[_KEEP]) + current * real(table[_GAIN])
    return (real(0) if held else v), current


@inlined
def _make_step(table: Any, x: Any, times: Any, n: int, j: int) -> None:
    """Make one step of neuron j."""
    times[j] += table[_STEP]
    held = times[j] <= times[n + j]
    x[j], x[n + j] = one_step(x[j], x[n + j], x[2 * n + j], held, table)
    x[2 * n + j] = 0


@inlined
def _advance(table: Any, x: Any, times: Any, t: float, j: int) -> None:
    """Make the steps of neuron j before t."""
    n, number = int64(table[0]), math.floor(t / table[_STEP])
    last = number * table[_STEP]
    if last == t:
        last -= table[_STEP]
    while times[j] < last:
        _make_step(table, x, times, n, j)


@inlined
def _one(table: Any, x: Any, times: Any, t: float, j: int, weight: Any, work: Any) -> None:
    """Deliver a weight to one neuron; the first delivery of an instant makes the steps before."""
    n = int64(table[0])
    mark = work[2 + n + j]
    if mark != _TOUCHED:
        _advance(table, x, times, t, j)
        work[1] += 1
        if mark == 0:
            work[2 + work[0]] = j
            work[0] += 1
        work[2 + n + j] = _TOUCHED
    x[2 * n + j] += weight


@inlined
def _receive(cells: Any, t: float, synapses: Any, runs: Any, work: Any) -> None:
    table, x, times = cells
    weights, targets = synapses
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0 = runs[r], runs[r + 1]
        for k in range(runs[r + 2]):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            _one(table, x, times, t, j, weights[k0 + k], work)


@inlined
def _train(cells: Any, at: Any, synapses: Any, grouped: Any, span: Any, work: Any) -> Any:
    table, x, times = cells
    weights, targets = synapses
    k, now = span[0], at[span[0]]
    while k < span[1] and at[k] == now:
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
def _predict(table: Any, x: Any, times: Any, n: int, j: int) -> None:
    """Predict the next spike of neuron j, as ``SteppedLIF._predicted``."""
    v, current, delivered, clock = x[j], x[n + j], x[2 * n + j], times[j]
    real = type(v)
    limit, near = real(table[_LIMIT]), real(NEAR * table[_LIMIT])
    times[2 * n + j] = math.inf
    while max(v, real(0)) + max(current + delivered, real(0)) > near or delivered != 0:
        clock += table[_STEP]
        v, current = one_step(v, current, delivered, clock <= times[n + j], table)
        delivered = real(0)
        if v > limit:
            times[2 * n + j] = clock
            break
        if current <= 0:
            break


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    n, marked, n_fired = int64(table[0]), work[0], 0
    on_grid = math.floor(t / table[_STEP]) * table[_STEP] == t
    work[0] = 0
    for i in range(2, 2 + marked):
        j = work[i]
        if work[2 + n + j] != _TOUCHED:
            _advance(table, x, times, t, j)
            work[1] += 1
        work[2 + n + j] = 0
        if on_grid and times[j] < t:
            _make_step(table, x, times, n, j)
            if x[j] > x.dtype.type(table[_LIMIT]):
                fired[n_fired], values[n_fired] = j, x[j]
                n_fired += 1
                x[j] = 0
                times[n + j] = t + table[_HELD]
        _predict(table, x, times, n, j)
    return n_fired


@cache
def compiled(dtype: Any) -> Kernels:
    """Return the compiled entry points for a state dtype."""
    # Engines hand over single arrays (``signatures``); the kernels take them in groups.
    return entry_points(
        lambda table, x, times, t, weights, targets, runs, work: _receive(
            (table, x, times), t, (weights, targets), runs, work
        ),
        lambda table, x, times, at, targets, weights, grouped, span, limit, work: _train(
            (table, x, times), at, (weights, targets), grouped, span, work
        ),
        _settle,
        dtype,
    )
