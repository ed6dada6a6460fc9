"""Kernels of the general LIF: ``receive``, ``settle`` and the prediction, compiled.

A kernel table begins with the population's size and its clock size. Then come flags, and the
parameters, a row each: one value for all neurons, or one a neuron.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from numba import int64

from eventsnn.kernels.compile import inlined
from eventsnn.neurons.cuba_lif_flow import MARGIN
from eventsnn.neurons.decay_kernel import decay_at
from eventsnn.neurons.entry_points import MANY, Kernels, entry_points
from eventsnn.neurons.general_lif_flow import LIFConstants, brought, decay_of, predicted, relaxed

# Places in a kernel's table: values a parameter, then flags, then the rows of parameters.
_WIDTH, _SYNAPSES, _SUBTRACT, _HOLDS_V, _HOLDS_CURRENT, _TABLED, _FIRST = range(2, 9)
_TAU_MEM, _TAU_SYN, _TAU_INHIBITORY, _TARGET, _THRESHOLD, _RESET, _REFRACTORY = range(7)
_MOST, _MOST_INHIBITORY = 7, 8
ROWS = 9
"""Parameters; a decay table stands behind them where all neurons share their membrane's."""
_TOUCHED = 1


@inlined
def _of(table: Any, row: int, j: int) -> Any:
    """Return a parameter of neuron j."""
    width = int64(table[_WIDTH])
    return table[_FIRST + row * width + (j if width > 1 else 0)]


@inlined
def _constants(table: Any, j: int) -> Any:
    return LIFConstants(
        _of(table, _TAU_MEM, j),
        _of(table, _TAU_SYN, j),
        _of(table, _TAU_INHIBITORY, j),
        _of(table, _TARGET, j),
        _of(table, _THRESHOLD, j),
        int64(table[_SYNAPSES]),
        table[_HOLDS_V] != 0.0,
        table[_HOLDS_CURRENT] != 0.0,
    )


@inlined
def _state(x: Any, n: int, j: int, synapses: int) -> Any:
    """Return (v, i, k) of neuron j in float64."""
    i = float(x[n + j]) if synapses > 0 else 0.0
    return float(x[j]), i, float(x[2 * n + j]) if synapses > 1 else 0.0


@inlined
def _rests(cells: Any, j: int) -> bool:
    """Return whether neuron j surely does not fire without another delivery, and is below.

    See ``cuba_lif_flow.stays_below``; a second current adds what it can.
    """
    table, x, _ = cells
    n, synapses = int64(table[0]), int64(table[_SYNAPSES])
    threshold, target = _of(table, _THRESHOLD, j), _of(table, _TARGET, j)
    if synapses == 0:
        return bool(x[j] < x.dtype.type(threshold) and not target > threshold)
    v, i, k = _state(x, n, j, synapses)
    more = max(k, 0.0) * _of(table, _MOST_INHIBITORY, j)
    top = max(v, target)
    lift = max(i - (top - target), 0.0) * _of(table, _MOST, j) + more
    return bool(top + lift + MARGIN * (abs(v) + abs(target) + lift) < threshold)


@inlined
def _advance(cells: Any, t: float, j: int) -> None:
    """Bring neuron j up to t, and note its slope; as ``GeneralLIF._advanced``."""
    table, x, times = cells
    n, synapses = int64(table[0]), int64(table[_SYNAPSES])
    clock, ready = times[j], times[n + j]
    times[j] = t
    if synapses > 0:
        c = _constants(table, j)
        v, i, k = brought(_state(x, n, j, synapses), (clock, ready, t), c)
        x[j], x[n + j] = v, i
        if synapses > 1:
            x[2 * n + j] = k
        x[(1 + synapses) * n + j] = (i + k + c.target - v) * (1.0 / c.tau_mem)
        return
    since = max(clock, ready) if table[_HOLDS_V] != 0.0 else clock
    if t > since:
        real = x.dtype.type
        if table[_TABLED] != 0.0:
            place = _FIRST + ROWS * int64(table[_WIDTH])
            decay = decay_at(table, place, _FIRST, t - since)
        else:
            decay = decay_of(t - since, _of(table, _TAU_MEM, j))
        x[j] = relaxed(x[j], real(_of(table, _TARGET, j)), real(decay))


@inlined
def _one(cells: Any, t: float, j: int, weight: Any, work: Any) -> None:
    """Deliver a weight to one neuron, which the first delivery of an instant brings to now.

    One that surely stays below its threshold is not marked: it has nothing to settle.
    """
    table, x, times = cells
    n, synapses = int64(table[0]), int64(table[_SYNAPSES])
    mark = work[2 + n + j]
    # At time 0 a clock does not tell whether a neuron was touched.
    unmarked = mark == 0 and t > 0.0
    if mark != _TOUCHED and not (unmarked and times[j] == t):
        _advance(cells, t, j)
        work[1] += 1
    if t >= times[n + j] or (synapses > 0 and table[_HOLDS_CURRENT] == 0.0):
        row = min(synapses, 1)
        if synapses > 1 and weight < 0:
            row = 2
        x[row * n + j] += weight
    if mark == _TOUCHED:
        return
    if unmarked and _rests(cells, j):
        times[2 * n + j] = math.inf
        return
    if mark == 0:
        work[2 + work[0]] = j
        work[0] += 1
    work[2 + n + j] = _TOUCHED


@inlined
def _receive(cells: Any, t: float, synapses: Any, runs: Any, work: Any) -> None:
    weights, targets = synapses
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0 = runs[r], runs[r + 1]
        for k in range(runs[r + 2]):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            _one(cells, t, j, weights[k0 + k], work)


@inlined
def _train(cells: Any, at: Any, synapses: Any, span: Any, limit: float, work: Any) -> Any:
    weights, targets, grouped = synapses
    k, now = span[0], at[span[0]]
    while k < span[1] and at[k] < limit:
        if at[k] != now and (work[0] > 0 or work[1] > MANY):
            break
        now = at[k]
        if targets[k] >= 0:
            _one(cells, now, int64(targets[k]), weights[k], work)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                _one(cells, now, int64(grouped[s].target), grouped[s].weight, work)
            span[2] += n
        k += 1
    return int64(k)


@inlined
def _fires(cells: Any, t: float, j: int) -> bool:
    """Return whether neuron j is due, or ready and at its threshold."""
    table, x, times = cells
    n, limit = int64(table[0]), _of(table, _THRESHOLD, j)
    if times[2 * n + j] == t:
        return True
    if int64(table[_SYNAPSES]) == 0:
        # A potential that is kept in float32 is held against a threshold of float32.
        limit = float(x.dtype.type(limit))
    return bool(t >= times[n + j] and float(x[j]) >= limit)


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    cells, n, synapses = (table, x, times), int64(table[0]), int64(table[_SYNAPSES])
    marked, n_fired = work[0], 0
    work[0] = 0
    for m in range(2, 2 + marked):
        j = int64(work[m])
        if work[2 + n + j] != _TOUCHED:
            _advance(cells, t, j)
            work[1] += 1
        work[2 + n + j] = 0
        last = -math.inf
        if _fires(cells, t, j):
            last = t
            fired[n_fired] = j
            values[n_fired] = x[(1 + synapses) * n + j] if synapses > 0 else x[j]
            n_fired += 1
            reset = x.dtype.type(_of(table, _RESET, j))
            x[j] = x[j] - reset if table[_SUBTRACT] != 0.0 else reset
            times[n + j] = t + _of(table, _REFRACTORY, j)
        state, when = _state(x, n, j, synapses), math.inf
        if not _rests(cells, j):
            when = predicted(state, t, times[n + j], last, _constants(table, j))
        times[2 * n + j] = when
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
