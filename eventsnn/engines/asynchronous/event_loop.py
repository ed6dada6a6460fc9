"""The event loop of the asynchronous engine: finds the next instant and works it off.

The next instant is the least of: what each channel has due next, and the earliest
predicted spike. LOG channels read their source's spikes (or the input events) again,
a delay later, each with a cursor; CALENDAR channels hold synapses one by one. While
one channel alone has something due, what it has is delivered in one go until a neuron
may fire: a *train*.

Neuron models, topologies and the queue are called through typed pointers, so that one
compiled loop serves them all. The loop returns at a clean point
when a buffer may not last for the next instant; ``engine.py`` enlarges it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import int64, types
from numba.extending import intrinsic

from eventsnn.engines.asynchronous.calendars import (
    look_ahead,
    send_inputs,
    set_calendar_due,
    set_inputs_due,
    write_all,
    write_spikes,
)
from eventsnn.engines.asynchronous.direct import without_delay
from eventsnn.engines.asynchronous.places import (
    CALENDAR,
    COUNT,
    DIRECT,
    FIRST_PAGE,
    FREE_COUNT,
    LATE,
    LEFT,
    MASK,
    NEXT_PAGE,
    OPEN,
    PEAK,
    PENDING,
    POPS,
    PUSHES,
    SENT,
)
from eventsnn.engines.asynchronous.predictions import (
    bring_up,
    mark_predicted,
    next_prediction,
    predict,
    rebuild,
)
from eventsnn.engines.counted import scale
from eventsnn.kernels.compile import fetch, inlined, threaded
from eventsnn.kernels.pointers import picked, pointer
from eventsnn.neurons.neuron import MANY
from eventsnn.neurons.work_list import sort_marked


def _time_of(_: Any, bits: Any) -> Any:
    """Return the float64 that has these bits."""
    return types.float64(types.int64), lambda _, b, __, args: b.bitcast(args[0], ir.DoubleType())


_time: Any = intrinsic(_time_of)
_NEVER_BITS = int(np.array(np.inf).view(np.int64))

DONE, HARVEST, GROW_POOL, GROW_LOGS, GROW_OPEN, OVER_BUDGET = range(6)


@threaded
def advance(m: Any) -> Any:
    """Work off instants before ``given.until``; return DONE or what is needed to go on."""
    graph, queue, given, out = m.graph, m.queue, m.given, m.out
    if queue.heap_n[0] < 0:
        rebuild(m)
    while True:
        status = _room(m)
        if status != DONE:
            return status
        first, now, second = _earliest(queue)
        predicted = next_prediction(m)
        if min(now, predicted) >= given.until:
            write_all(m)
            for p in given.turning:
                bring_up(m, p, given.until)
            return DONE
        if len(queue.books) > 0 and now <= predicted:
            status = _open_due(m, now)
            if status == GROW_OPEN:
                return status
            if status != DONE:
                continue
        limit = min(min(second, predicted), given.until)
        if now < limit and first < len(graph.kind):
            now = _train(m, first, limit)
            _hand_over(m, now)
            out.last[0] = now
            _fire(m, graph.target[first], now)
            continue
        out.last[0] = now if now <= predicted else out.last[0]  # else by who fires
        _instant(m, min(now, predicted))


@inlined
def _room(m: Any) -> int:
    """Check that every buffer lasts for one more instant."""
    graph, queue, out = m.graph, m.queue, m.out
    if out.tally[LEFT] < 0:
        return OVER_BUDGET
    if out.n[0] + out.n[1] > len(out.t):
        return HARVEST
    if queue.pool[FREE_COUNT] < graph.reserve:
        return GROW_POOL
    if out.tally[SENT] != 0:
        for k in range(len(graph.kind)):
            p = graph.source[k]
            if graph.model[p] < 0:
                continue
            if queue.log_tail[p] - queue.cursor[k] + graph.size[p] > queue.log_mask[p] + 1:
                return GROW_LOGS
        out.tally[SENT] = 0
    return DONE


@inlined
def _earliest(queue: Any) -> tuple[Any, float, float]:
    """Return the first channel that is due, when, and when the next other one is."""
    # Times are not negative, so that their bits are in the same order; the least of
    # integers is found without branches, which nobody could predict.
    bits, now, second = queue.due_bits, _NEVER_BITS, _NEVER_BITS
    for k in range(np.uint64(len(bits))):
        now = min(now, bits[k])
    first = np.uint64(0)
    while bits[first] != now:
        first += np.uint64(1)
    for k in range(np.uint64(len(bits))):
        second = min(second, _NEVER_BITS if k == first else bits[k])
    return int64(first), _time(now), _time(second)


@inlined
def _open_due(m: Any, now: float) -> int:
    """Write what may be due by now, and open every page that starts by now.

    Return DONE if there was none.
    """
    graph, calls, queue = m.graph, m.calls, m.queue
    opened = DONE
    for k in range(len(graph.kind)):
        row = graph.calendar[k]
        if row < 0 or queue.due[k] > now or queue.open_head[row] < queue.open_tail[row]:
            continue
        if write_spikes(m, k, 0):
            opened = HARVEST
            continue
        book = queue.books[row]
        page = book[FIRST_PAGE] + (book[NEXT_PAGE] & book[MASK])
        if queue.pages[page, COUNT] > queue.open_t.shape[1]:
            return GROW_OPEN
        queue.open_head[row] = 0
        queue.open_tail[row] = pointer(calls.open_page, 0)(
            queue.entries,
            queue.links,
            queue.pages,
            book,
            queue.pool,
            queue.place,
            queue.open_t[row],
            queue.open_target[row],
            queue.open_weight[row],
        )
        set_calendar_due(m, k)
        opened = HARVEST
    return opened


@inlined
def _train(m: Any, k: int, limit: float) -> Any:
    """Deliver what channel k has before ``limit`` until a neuron may fire; return when."""
    if m.graph.kind[k] == CALENDAR:
        return _train_synapses(m, k, limit)
    return _train_spikes(m, k, limit)


@inlined
def _train_synapses(m: Any, k: int, limit: float) -> Any:
    """Deliver a calendar's entries before ``limit`` until a neuron may fire; return when."""
    graph, calls, cells, queue, out = m.graph, m.calls, m.cells, m.queue, m.out
    p, row = graph.target[k], graph.calendar[k]
    head = queue.open_head[row]
    out.span[0], out.span[1], out.span[2] = head, queue.open_tail[row], 0
    after = pointer(calls.train, graph.model[p])(
        graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
        cells.x[graph.x_at[p] : graph.x_at[p + 1]],
        cells.times[graph.times_at[p] : graph.times_at[p + 1]],
        queue.open_t[row],
        queue.open_target[row],
        queue.open_weight[row],
        queue.grouped,
        out.span,
        limit,
        cells.work[graph.work_at[p] : graph.work_at[p + 1]],
    )
    queue.open_head[row] = after
    out.adds[graph.connection[k]] += out.span[2]
    out.tally[POPS] += after - head
    out.tally[PENDING] -= after - head
    set_calendar_due(m, k)
    return float(queue.open_t[row, after - 1])


@inlined
def _instant(m: Any, now: float) -> None:
    """Work off one instant, population by population."""
    graph, queue, out = m.graph, m.queue, m.out
    mark_predicted(m, now)
    for p in graph.order:
        if graph.model[p] < 0:
            if queue.due[len(graph.kind)] == now:
                send_inputs(m, p, now)
            continue
        for i in range(graph.in_at[p], graph.in_at[p + 1]):
            k = graph.in_list[i]
            if queue.due[k] == now:
                if out.listed[0] > 0 and graph.connection[k] != graph.connection[out.tally[OPEN]]:
                    _hand_over(m, now)
                _train(m, k, np.nextafter(now, math.inf))
        _hand_over(m, now)
        _fire(m, p, now)
    if queue.due[len(graph.kind)] == now:
        set_inputs_due(m)


@inlined
def _train_spikes(m: Any, k: int, limit: float) -> Any:
    """Deliver the spikes that channel k reads before ``limit`` until a neuron may fire."""
    graph, cells, queue, given, out = m.graph, m.cells, m.queue, m.given, m.out
    source, delay, work = graph.source[k], graph.delay[k], graph.work_at[graph.target[k]]
    at, mask = int64(given.at[source]), int64(-1)
    tail = int64(given.at[source + 1]) - at
    t, unit = given.t, given.unit
    if graph.model[source] >= 0:
        at, mask, tail = queue.log_at[source], queue.log_mask[source], queue.log_tail[source]
        t, unit = queue.log_t, queue.log_unit
    cursor, now, due = queue.cursor[k], queue.due[k], queue.due[k]
    in_rows = graph.rows[k] > 0 and not given.counted[source]
    if in_rows:
        out.span[0], out.span[1], out.span[2], out.span[3] = cursor, tail, at, mask
        cursor = _rows(m, k, t, unit, limit)
        now = t[at + ((cursor - 1) & mask)] + delay
        due = t[at + (cursor & mask)] + delay if cursor < tail else math.inf
    while not in_rows and due < limit:
        if due != now:
            _hand_over(m, now)
            if cells.work[work] > 0 or cells.work[work + 1] > MANY:
                break
            now = due
        if graph.listed[k]:
            if cursor + 2 < tail:
                far = unit[at + ((cursor + 2) & mask)]
                fetch(graph.shapes, graph.shape_at[k] + far)
                look_ahead(m, k, unit[at + ((cursor + 1) & mask)])
            _list(m, k, unit[at + (cursor & mask)], now)
        else:
            _deliver(m, k, unit[at + (cursor & mask)], now)
        cursor += 1
        due = t[at + (cursor & mask)] + delay if cursor < tail else math.inf
    if graph.model[source] >= 0 and delay > 0.0:
        out.tally[PENDING] -= cursor - queue.cursor[k]
        out.tally[POPS] += cursor - queue.cursor[k]
    queue.cursor[k], queue.due[k] = cursor, due
    return now


@inlined
def _list(m: Any, k: int, unit: int, now: float) -> None:
    """Note a fan-out of listed targets, to be handed over with others of this instant."""
    graph, out = m.graph, m.out
    c, r = graph.connection[k], 1 + 3 * out.listed[0]
    first, end = graph.shapes[graph.shape_at[k] + unit], graph.shapes[graph.shape_at[k] + unit + 1]
    out.listed[r], out.listed[r + 1], out.listed[r + 2] = -1, first, end - first
    out.listed[0] += 1
    out.tally[OPEN] = k
    out.adds[c] += end - first
    out.deliveries[c] += 1
    if r + 6 > len(out.listed):
        _hand_over(m, now)


@inlined
def _hand_over(m: Any, now: float) -> None:
    """Hand the listed fan-outs, which are of one connection, to the target population."""
    graph, calls, weights, cells, out = m.graph, m.calls, m.weights, m.cells, m.out
    if out.listed[0] == 0:
        return
    k = out.tally[OPEN]
    c, p = graph.connection[k], graph.target[k]
    pointer(calls.receive, graph.model[p])(
        graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
        cells.x[graph.x_at[p] : graph.x_at[p + 1]],
        cells.times[graph.times_at[p] : graph.times_at[p + 1]],
        now,
        picked(weights, c),
        graph.targets[graph.targets_at[c] : graph.targets_at[c + 1]],
        out.listed,
        cells.work[graph.work_at[p] : graph.work_at[p + 1]],
    )
    out.listed[0] = 0


@inlined
def _rows(m: Any, k: int, t: Any, unit: Any, limit: float) -> int:
    """Deliver the spikes of ``out.span`` row by row; return the first not delivered."""
    graph, calls, weights, cells, out = m.graph, m.calls, m.weights, m.cells, m.out
    c, p = graph.connection[k], graph.target[k]
    after = pointer(calls.rows, graph.model[p])(
        graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
        cells.x[graph.x_at[p] : graph.x_at[p + 1]],
        cells.times[graph.times_at[p] : graph.times_at[p + 1]],
        t,
        unit,
        picked(weights, c),
        out.span,
        graph.delay[k],
        limit,
        cells.work[graph.work_at[p] : graph.work_at[p + 1]],
    )
    out.deliveries[c] += after - out.span[0]
    out.adds[c] += (after - out.span[0]) * graph.rows[k]
    return after  # type: ignore[no-any-return]


@inlined
def _deliver(m: Any, k: int, unit: int, now: float) -> None:
    """Hand the fan-out of one spike to the target population."""
    graph, calls, weights, cells, out = m.graph, m.calls, m.weights, m.cells, m.out
    c, p = graph.connection[k], graph.target[k]
    shape = graph.shapes[graph.shape_at[k] : graph.shape_at[k + 1]]
    count, n = int64(1), graph.size[graph.source[k]]
    if unit >= n:
        count, unit = unit // n + 1, unit % n
    synapses = pointer(calls.runs, graph.topology[k])(shape, unit, out.runs)
    targets = graph.targets[graph.targets_at[c] : graph.targets_at[c + 1]]
    through = picked(weights, c)
    if count > 1:
        scale(through, out.runs, count, out.weights)
        through = out.weights
    if graph.kind[k] == DIRECT:
        synapses = without_delay(m, targets, c)
        targets, through = out.targets, out.weights
    else:
        out.deliveries[c] += 1
    out.adds[c] += synapses
    pointer(calls.receive, graph.model[p])(
        graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
        cells.x[graph.x_at[p] : graph.x_at[p + 1]],
        cells.times[graph.times_at[p] : graph.times_at[p + 1]],
        now,
        through,
        targets,
        out.runs,
        cells.work[graph.work_at[p] : graph.work_at[p + 1]],
    )


@inlined
def _fire(m: Any, p: int, now: float) -> None:
    """Test population p once, now, and send what fires."""
    graph, calls, cells, out = m.graph, m.calls, m.cells, m.out
    work = cells.work[graph.work_at[p] : graph.work_at[p + 1]]
    marked, n = work[0], 0
    if marked > 0:
        sort_marked(work, marked, graph.size[p])
        n = pointer(calls.settle, graph.model[p])(
            graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
            cells.x[graph.x_at[p] : graph.x_at[p + 1]],
            cells.times[graph.times_at[p] : graph.times_at[p + 1]],
            now,
            work,
            out.fired,
            out.fired_value,
        )
    out.updates[p] += work[1]
    work[1] = 0
    if marked > 0 and graph.predicts[p]:
        for i in range(2, 2 + marked):
            predict(m, p, work[i])
    if n > 0:
        _note(m, p, now, n)
        for i in range(graph.out_at[p], graph.out_at[p + 1]):
            if graph.kind[graph.out_list[i]] != CALENDAR:
                _await(m, graph.out_list[i], now, n)
        _log(m, p, now, n)
        for i in range(graph.out_at[p], graph.out_at[p + 1]):
            if graph.kind[graph.out_list[i]] == CALENDAR:
                write_spikes(m, graph.out_list[i], LATE)
    out.tally[PEAK] = max(out.tally[PEAK], out.tally[PENDING])


@inlined
def _await(m: Any, k: int, now: float, n: int) -> None:
    """Let channel k wait for n spikes that fire now; they are not in the log yet."""
    graph, queue, out = m.graph, m.queue, m.out
    p = graph.source[k]
    if queue.cursor[k] == queue.log_tail[p]:
        queue.due[k] = now + graph.delay[k]
    if graph.delay[k] > 0.0:
        out.tally[PUSHES] += n
        out.tally[PENDING] += n


@inlined
def _note(m: Any, p: int, now: float, n: int) -> None:
    """Count the spikes and keep those that are to be kept."""
    out = m.out
    out.last[0] = now
    out.spikes[p] += n
    out.tally[LEFT] -= n
    out.tally[SENT] = 1
    if out.kept[p]:
        end = out.n[0]
        for f in range(n):
            out.t[end + f] = now
            out.unit[end + f] = out.fired[f]
            out.value[end + f] = out.fired_value[f]
            out.population[end + f] = p
        out.n[0] = end + n


@inlined
def _log(m: Any, p: int, now: float, n: int) -> None:
    """Append spikes to the population's log, if a channel reads it."""
    queue, out = m.queue, m.out
    if queue.log_mask[p] < 0:
        return
    for f in range(n):
        place = queue.log_at[p] + ((queue.log_tail[p] + f) & queue.log_mask[p])
        queue.log_t[place] = now
        queue.log_unit[place] = out.fired[f]
    queue.log_tail[p] += n
