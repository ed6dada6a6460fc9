"""Kernels of the integer neuron: ``receive``, ``train`` and ``settle``, compiled.

A kernel table begins with the population's size and its clock size. Then come the parameters, the
thresholds, and the decay table.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import int32, int64

from eventsnn.kernels.compile import inlined
from eventsnn.neurons.entry_points import MANY, Kernels, entry_points
from eventsnn.neurons.integer_decay import ONE, decay_all, factor_at
from eventsnn.neurons.work_list import mark

_SUBTRACT, _REFRACTORY, _SCALE, _SHIFT, _COUNT, _THRESHOLDS = range(2, 8)


@inlined
def _ticks(since: Any, t: Any, shift: Any) -> Any:
    """Return the ticks between two times."""
    return (int64(t) >> shift) - (int64(since) >> shift)


@inlined
def _decay(table: Any, x: Any, since: Any, t: Any, at: tuple[int, int]) -> None:
    """Bring the neurons at[0] to at[1] - 1, which share a clock, up to t."""
    ticks = _ticks(since, t, int64(table[_SHIFT]))
    factor = factor_at(table, _THRESHOLDS + int64(table[_COUNT]), ticks)
    if factor == ONE:
        return
    decay_all(x[at[0] : at[1]], factor)


@inlined
def _add(
    table: Any, x: Any, times: Any, t: float, at: tuple[int, int, int], weights: Any, work: Any
) -> None:
    """Add to the neurons at[0] to at[1] - 1, whose weights start at[2]; mark who may fire."""
    n, over, scale, count = int64(table[0]), False, table[_SCALE], int64(table[_COUNT])
    start, stop, place = at
    size, first = stop - start, _THRESHOLDS + start % count
    # Views, whose plain indices let the loops vectorize.
    v, w = x[start:stop], weights[place : place + size]
    if table[_REFRACTORY] > 0.0:
        over = True
        for k in range(size):
            if t >= times[n + start + k]:
                v[k] += np.floor(w[k] * scale + 0.5)
    elif count == 1:
        limit = table[_THRESHOLDS]
        for k in range(size):
            v[k] += np.floor(w[k] * scale + 0.5)
            over |= v[k] >= limit
    elif first + size <= _THRESHOLDS + count:
        limits = table[first : first + size]
        for k in range(size):
            v[k] += np.floor(w[k] * scale + 0.5)
            over |= v[k] >= limits[k]
    else:
        over = True
        for k in range(size):
            v[k] += np.floor(w[k] * scale + 0.5)
    if over:
        for j in range(start, stop):
            if x[j] >= table[_THRESHOLDS + j % count]:
                mark(work, n, int64(j))


@inlined
def _receive(cells: Any, t: float, synapses: Any, runs: Any, work: Any) -> None:
    table, x, times = cells
    weights, targets = synapses
    size = int64(table[1])
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        for k in range(0, length, size):
            start = first + k if first >= 0 else int64(targets[k0 + k])
            clock = start // size
            if times[clock] != t:
                _decay(table, x, times[clock], t, (start, start + size))
                work[1] += int32(size)
                times[clock] = t
            _add(table, x, times, t, (start, start + size, k0 + k), weights, work)


@inlined
def _single(table: Any, x: Any, times: Any, t: float, target: int, weight: Any, work: Any) -> None:
    """Take one neuron, with a clock of its own, through a delivery; ``weight`` is an array."""
    j = int64(target)
    if times[j] != t:
        _decay(table, x, times[j], t, (j, j + 1))
        work[1] += int32(1)
        times[j] = t
    _add(table, x, times, t, (j, j + 1, 0), weight, work)


@inlined
def _train(cells: Any, at: Any, synapses: Any, span: Any, limit: float, work: Any) -> Any:
    table, x, times = cells
    weights, targets, grouped = synapses
    k, now = span[0], at[span[0]]
    while k < span[1] and at[k] < limit:
        if at[k] != now and (work[0] > 0 or work[1] > MANY):
            break
        now = at[k]
        if targets[k] >= 0:
            _single(table, x, times, now, targets[k], weights[k : k + 1], work)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                weight = grouped["weight"][s : s + 1]
                _single(table, x, times, now, grouped[s].target, weight, work)
            span[2] += n
        k += 1
    return int64(k)


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    n, count, marked, n_fired = int64(table[0]), int64(table[_COUNT]), work[0], 0
    work[0] = 0
    for i in range(2, 2 + marked):
        j = int64(work[i])
        work[2 + n + j] = 0
        threshold = x.dtype.type(table[_THRESHOLDS + j % count])
        if x[j] < threshold or t < times[n + j]:
            continue
        fired[n_fired], values[n_fired] = j, x[j]
        x[j] = x[j] - threshold if table[_SUBTRACT] != 0.0 else x.dtype.type(0.0)
        times[n + j] = t + table[_REFRACTORY]
        n_fired += 1
    return n_fired


@cache
def compiled(dtype: Any) -> Kernels:
    """Return the entry points for a state of float32 or float64, compiled once."""
    # Engines hand over single arrays (``signatures``); the kernels take them in groups.
    return entry_points(
        lambda table, x, times, t, weights, targets, runs, work: _receive(
            (table, x, times), t, (weights, targets), runs, work
        ),
        lambda table, x, times, at, targets, weights, grouped, span, limit, work: _train(
            (table, x, times), at, (weights, targets, grouped), span, limit, work
        ),
        _settle,
        dtype,
    )
