"""Predicted spikes in the heap: the earliest, those that are due, the stale ones; all anew."""

from __future__ import annotations

import math
from typing import Any

from numba import int64

from eventsnn.engines.asynchronous.places import (
    PENDING,
    POPS,
    PUSHES,
)
from eventsnn.kernels.compile import inlined, kernel
from eventsnn.kernels.pointers import pointer
from eventsnn.neurons.work_list import mark


@inlined
def next_prediction(m: Any) -> float:
    """Return when the earliest prediction that still holds falls due."""
    graph, calls, cells, queue, out = m.graph, m.calls, m.cells, m.queue, m.out
    while queue.heap_n[0] > 0:
        unit = queue.heap_unit[0]
        p, j = unit >> 32, unit & 0xFFFFFFFF
        if cells.times[graph.times_at[p] + 2 * graph.size[p] + j] == queue.heap_t[0]:
            return float(queue.heap_t[0])
        queue.heap_n[0] = pointer(calls.heap_pop, 0)(queue.heap_t, queue.heap_unit, queue.heap_n[0])
        out.tally[POPS] += 1
        out.tally[PENDING] -= 1
    return math.inf


@inlined
def mark_predicted(m: Any, now: float) -> None:
    """Put the neurons whose predicted spikes fall on this instant on their work lists."""
    graph, calls, cells, queue, out = m.graph, m.calls, m.cells, m.queue, m.out
    while next_prediction(m) == now:
        unit = queue.heap_unit[0]
        p, j = unit >> 32, unit & 0xFFFFFFFF
        work, n = graph.work_at[p], graph.size[p]
        if cells.work[work + 2 + n + j] == 0:
            # 2 is a model's mark for "due, not yet brought up to now".
            cells.work[work + 2 + n + j] = 2
            cells.work[work + 2 + cells.work[work]] = j
            cells.work[work] += 1
        queue.heap_n[0] = pointer(calls.heap_pop, 0)(queue.heap_t, queue.heap_unit, queue.heap_n[0])
        out.tally[POPS] += 1
        out.tally[PENDING] -= 1


@kernel
def predict(m: Any, p: int, j: int) -> None:
    """Put a neuron's predicted spike into the heap; drop the stale ones when it is full."""
    graph, calls, cells, queue, out = m.graph, m.calls, m.cells, m.queue, m.out
    when = cells.times[graph.times_at[p] + 2 * graph.size[p] + j]
    if when == math.inf:
        return
    if queue.heap_n[0] == len(queue.heap_t):
        out.tally[PENDING] -= queue.heap_n[0]
        rebuild(m)
        return
    unit = (p << 32) | int64(j)
    queue.heap_n[0] = pointer(calls.heap_push, 0)(
        queue.heap_t, queue.heap_unit, queue.heap_n[0], when, unit
    )
    out.tally[PUSHES] += 1
    out.tally[PENDING] += 1


@kernel
def rebuild(m: Any) -> None:
    """Fill the heap anew with every neuron's prediction."""
    graph, calls, cells, queue, out = m.graph, m.calls, m.cells, m.queue, m.out
    queue.heap_n[0] = 0
    for p in range(len(graph.size)):
        for j in range(graph.size[p] if graph.predicts[p] else 0):
            when = cells.times[graph.times_at[p] + 2 * graph.size[p] + j]
            if when < math.inf:
                unit = (int64(p) << 32) | int64(j)
                n = queue.heap_n[0]
                queue.heap_n[0] = pointer(calls.heap_push, 0)(
                    queue.heap_t, queue.heap_unit, n, when, unit
                )
                out.tally[PUSHES] += 1
                out.tally[PENDING] += 1


@kernel
def bring_up(m: Any, p: int, now: float) -> None:
    """Bring every neuron of population p up to now, and mark it: it is to predict anew."""
    graph, calls, cells, out = m.graph, m.calls, m.cells, m.out
    work = cells.work[graph.work_at[p] : graph.work_at[p + 1]]
    out.runs[0], out.runs[1], out.runs[2], out.runs[3] = 1, 0, 0, graph.size[p]
    pointer(calls.receive, graph.model[p])(
        graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
        cells.x[graph.x_at[p] : graph.x_at[p + 1]],
        cells.times[graph.times_at[p] : graph.times_at[p + 1]],
        now,
        m.given.still,
        graph.targets[0:0],
        out.runs,
        work,
    )
    for j in range(graph.size[p]):
        mark(work, graph.size[p], j)
