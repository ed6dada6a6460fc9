"""Kernels of ``graded_lif``: ``receive`` and ``lateral`` of the model, compiled."""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import int64

from eventsnn.kernels.compile import inlined
from eventsnn.neurons.decay_kernel import decay_at
from eventsnn.neurons.entry_points import Kernels, entry_points
from eventsnn.neurons.work_list import mark

# Places in a kernel's table, which begins with the population's size and its clock size.
_TAU, _THRESHOLD, _REFRACTORY, _INHIBITION, _GROUP, _DECAY = range(2, 8)


@inlined
def _up_to(table: Any, x: Any, times: Any, t: float, j: int) -> Any:
    """Bring neuron j up to ``t``; return whether time has passed."""
    dt = t - times[j]
    if dt > 0.0:
        x[j] *= x.dtype.type(decay_at(table, _DECAY, _TAU, dt))
        times[j] = t
    return dt > 0.0


@inlined
def _add(table: Any, state: Any, t: float, j: int, weight: Any, work: Any) -> None:
    """Bring neuron j up to now, add a weight, and mark the neuron if it may fire."""
    x, times = state
    n, real = int64(table[0]), x.dtype.type
    work[1] += _up_to(table, x, times, t, j)
    share, gap = 1.0, t - times[n + j]
    if gap < table[_REFRACTORY]:
        share = gap / table[_REFRACTORY]
        share *= share
    x[j] = max(x[j] + real(share) * weight, -real(table[_THRESHOLD]))
    if x[j] >= real(table[_THRESHOLD]):
        mark(work, n, int64(j))


@inlined
def _receive(table, x, times, t, fan_out):  # type: ignore[no-untyped-def]
    """Deliver one fan-out; see ``Kernels.receive``."""
    weights, targets, runs, work = fan_out
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0 = runs[r], runs[r + 1]
        for k in range(runs[r + 2]):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            _add(table, (x, times), t, j, weights[k0 + k], work)


@inlined
def _train(table, x, times, at, entries):  # type: ignore[no-untyped-def]
    """Deliver what comes at the first instant; see ``Kernels.train``."""
    targets, weights, grouped, span, work = entries
    k, now = span[0], at[span[0]]
    while k < span[1] and at[k] == now:
        if targets[k] >= 0:
            _add(table, (x, times), now, targets[k], weights[k], work)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                _add(table, (x, times), now, grouped[s].target, grouped[s].weight, work)
            span[2] += n
        k += 1
    return int64(k)


@inlined
def _lateral(table: Any, x: Any, times: Any, t: float, winner: int) -> None:
    """Let a neuron that fired inhibit the others of its group."""
    n, real = int64(table[0]), x.dtype.type
    size = int64(table[_GROUP])
    if size == 0:
        size = n
    low = -real(table[_THRESHOLD])
    down = real(table[_INHIBITION]) * real(table[_THRESHOLD])
    first = winner // size * size
    for j in range(first, min(first + size, n)):
        if j != winner:
            _up_to(table, x, times, t, j)
            x[j] = max(x[j] + down, low)
            times[n + j] = t


def _settle(table, x, times, t, work, fired, values):  # type: ignore[no-untyped-def]
    """Test the marked neurons once, then let those that fire inhibit."""
    n, marked, found = int64(table[0]), work[0], 0
    limit = x.dtype.type(table[_THRESHOLD])
    work[0] = 0
    for i in range(2, 2 + marked):
        j = work[i]
        work[2 + n + j] = 0
        if x[j] >= limit:
            fired[found], values[found] = j, x[j]
            x[j] -= limit
            times[n + j] = t
            found += 1
    if table[_INHIBITION] < 0.0:
        for i in range(found):
            _lateral(table, x, times, t, int64(fired[i]))
    return found


@cache
def compiled(dtype: Any) -> Kernels:
    """Return the entry points for a state of float32 or float64, compiled once."""
    return entry_points(
        lambda table, x, times, t, weights, targets, runs, work: _receive(
            table, x, times, t, (weights, targets, runs, work)
        ),
        lambda table, x, times, at, targets, weights, grouped, span, limit, work: _train(
            table, x, times, at, (targets, weights, grouped, span, work)
        ),
        _settle,
        dtype,
    )
