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

from eventsnn.engines.asynchronous.places import (
    CALENDAR,
    COUNT,
    DIRECT,
    FIRST_PAGE,
    FREE_COUNT,
    LATE,
    MASK,
    NEXT_PAGE,
    NO_PAGE,
    SHIFT,
)
from eventsnn.kernels.compile import fetch, inlined, kernel, threaded
from eventsnn.kernels.pointers import picked, pointer
from eventsnn.neurons.neuron import MANY
from eventsnn.neurons.work_list import sort_marked


def _time_of(_: Any, bits: Any) -> Any:
    """Return the float64 that has these bits."""
    return types.float64(types.int64), lambda _, b, __, args: b.bitcast(args[0], ir.DoubleType())


_time: Any = intrinsic(_time_of)
_NEVER_BITS = int(np.array(np.inf).view(np.int64))
# Targets, or float32 weights, of a cache line.
_LINE = 16

DONE, HARVEST, GROW_POOL, GROW_LOGS, GROW_OPEN, OVER_BUDGET = range(6)
PUSHES, POPS, PENDING, PEAK, LEFT, SENT, OPEN = range(7)


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
        predicted = _next_prediction(m)
        if min(now, predicted) >= given.until:
            _write_all(m)
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
            if p == graph.input:
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
def _next_prediction(m: Any) -> float:
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
def _set_calendar_due(m: Any, k: int) -> None:
    """Note when a calendar is due: at its open page's head, or where its next page starts.

    Spikes not yet written on it fall due no earlier than the least delay after the first.
    """
    graph, queue = m.graph, m.queue
    row = graph.calendar[k]
    if queue.open_head[row] < queue.open_tail[row]:
        queue.due[k] = queue.open_t[row, queue.open_head[row]]
    elif queue.books[row, NEXT_PAGE] == NO_PAGE:
        queue.due[k] = math.inf
    else:
        queue.due[k] = float(queue.books[row, NEXT_PAGE] << queue.books[row, SHIFT])
    p = graph.source[k]
    if p != graph.input and queue.cursor[k] < queue.log_tail[p]:
        first = queue.log_t[queue.log_at[p] + (queue.cursor[k] & queue.log_mask[p])]
        queue.due[k] = min(queue.due[k], first + graph.delay[k])


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
        if _write_spikes(m, k, 0):
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
        _set_calendar_due(m, k)
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
    _set_calendar_due(m, k)
    return float(queue.open_t[row, after - 1])


@inlined
def _instant(m: Any, now: float) -> None:
    """Work off one instant, population by population."""
    graph, queue, out = m.graph, m.queue, m.out
    out.last[0] = now
    _mark_predicted(m, now)
    for p in graph.order:
        if p == graph.input:
            if queue.due[len(graph.kind)] == now:
                _send_inputs(m, now)
            continue
        for i in range(graph.in_at[p], graph.in_at[p + 1]):
            k = graph.in_list[i]
            if queue.due[k] == now:
                if out.listed[0] > 0 and graph.connection[k] != graph.connection[out.tally[OPEN]]:
                    _hand_over(m, now)
                _train(m, k, np.nextafter(now, math.inf))
        _hand_over(m, now)
        _fire(m, p, now)


@inlined
def _mark_predicted(m: Any, now: float) -> None:
    """Put the neurons whose predicted spikes fall on this instant on their work lists."""
    graph, calls, cells, queue, out = m.graph, m.calls, m.cells, m.queue, m.out
    while _next_prediction(m) == now:
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


@inlined
def _train_spikes(m: Any, k: int, limit: float) -> Any:
    """Deliver the spikes that channel k reads before ``limit`` until a neuron may fire."""
    graph, cells, queue, given, out = m.graph, m.cells, m.queue, m.given, m.out
    source, delay, work = graph.source[k], graph.delay[k], graph.work_at[graph.target[k]]
    at, mask, tail = int64(0), int64(-1), int64(len(given.t))
    t, unit = given.t, given.unit
    if source != graph.input:
        at, mask, tail = queue.log_at[source], queue.log_mask[source], queue.log_tail[source]
        t, unit = queue.log_t, queue.log_unit
    cursor, now, due = queue.cursor[k], queue.due[k], queue.due[k]
    if graph.rows[k] > 0:
        out.span[0], out.span[1], out.span[2], out.span[3] = cursor, tail, at, mask
        cursor = _rows(m, k, t, unit, limit)
        now = t[at + ((cursor - 1) & mask)] + delay
        due = t[at + (cursor & mask)] + delay if cursor < tail else math.inf
    while graph.rows[k] == 0 and due < limit:
        if due != now:
            _hand_over(m, now)
            if cells.work[work] > 0 or cells.work[work + 1] > MANY:
                break
            now = due
        if graph.listed[k]:
            if cursor + 2 < tail:
                far = unit[at + ((cursor + 2) & mask)]
                fetch(graph.shapes, graph.shape_at[k] + far)
                _look_ahead(m, k, unit[at + ((cursor + 1) & mask)])
            _list(m, k, unit[at + (cursor & mask)], now)
        else:
            _deliver(m, k, unit[at + (cursor & mask)], now)
        cursor += 1
        due = t[at + (cursor & mask)] + delay if cursor < tail else math.inf
    if source != graph.input and delay > 0.0:
        out.tally[PENDING] -= cursor - queue.cursor[k]
        out.tally[POPS] += cursor - queue.cursor[k]
    queue.cursor[k], queue.due[k] = cursor, due
    return now


@inlined
def _look_ahead(m: Any, k: int, unit: int) -> None:
    """Fetch the list of a unit that channel k reads next.

    Lists are read in no order: waiting for them took most of the time.
    """
    graph, c = m.graph, m.graph.writes[k]
    through = picked(m.weights, c)
    first, end = graph.shapes[graph.shape_at[k] + unit], graph.shapes[graph.shape_at[k] + unit + 1]
    while first < end:
        fetch(graph.targets, graph.targets_at[c] + first)
        fetch(through, first)
        fetch(graph.delays, graph.delays_at[c] + first)
        # The last one may stand on a line of its own.
        first = min(first + _LINE, end - 1) if first < end - 1 else end


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
    synapses = pointer(calls.runs, graph.topology[k])(shape, unit, out.runs)
    targets = graph.targets[graph.targets_at[c] : graph.targets_at[c + 1]]
    through = picked(weights, c)
    if graph.kind[k] == DIRECT:
        synapses = _without_delay(m, targets, c)
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
def _without_delay(m: Any, targets: Any, c: int) -> int:
    """List the synapses of a fan-out that have no delay in the scratch arrays."""
    graph, through, out = m.graph, picked(m.weights, c), m.out
    n = 0
    for r in range(1, 1 + 3 * out.runs[0], 3):
        first, k0 = out.runs[r], out.runs[r + 1]
        for k in range(k0, k0 + out.runs[r + 2]):
            if graph.delays[graph.delays_at[c] + k] == 0:
                out.targets[n] = int64(targets[k]) if first < 0 else first + k - k0
                out.weights[n] = through[k]
                n += 1
    out.runs[0], out.runs[1], out.runs[2], out.runs[3] = 1, -1, 0, n
    return n


@inlined
def _fire(m: Any, p: int, now: float) -> None:
    """Test population p once, now, and send what fires."""
    graph, calls, cells, out = m.graph, m.calls, m.cells, m.out
    work = cells.work[graph.work_at[p] : graph.work_at[p + 1]]
    marked = work[0]
    n = 0
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
            _predict(m, p, work[i])
    if n > 0:
        _note(m, p, now, n)
        for i in range(graph.out_at[p], graph.out_at[p + 1]):
            if graph.kind[graph.out_list[i]] != CALENDAR:
                _await(m, graph.out_list[i], now, n)
        _log(m, p, now, n)
        for i in range(graph.out_at[p], graph.out_at[p + 1]):
            if graph.kind[graph.out_list[i]] == CALENDAR:
                _write_spikes(m, graph.out_list[i], LATE)
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


@kernel
def _write_spikes(m: Any, k: int, late: int) -> bool:
    """Write all but the last ``late`` spikes of the log onto calendar k; return if there were any.

    A fan-out is fetched in advance, by and by, while the spikes before it are written.
    """
    graph, queue = m.graph, m.queue
    p, first = graph.source[k], queue.cursor[k]
    if p == graph.input:
        return False
    at, mask, tail = queue.log_at[p], queue.log_mask[p], queue.log_tail[p]
    listed = graph.listed[k] and first < tail
    if listed:
        fetch(graph.shapes, graph.shape_at[k] + queue.log_unit[at + ((tail - 1) & mask)])
    for f in range(first, tail - late):
        if listed and f + 1 < tail:
            _look_ahead(m, k, queue.log_unit[at + ((f + 1) & mask)])
        place = at + (f & mask)
        _write(m, k, queue.log_unit[place], queue.log_t[place])
        queue.cursor[k] = f + 1
    _set_calendar_due(m, k)
    return bool(queue.cursor[k] > first)


@kernel
def _write_all(m: Any) -> None:
    """Write every spike onto the calendars."""
    for k in range(len(m.graph.kind)):
        if m.graph.kind[k] == CALENDAR:
            _write_spikes(m, k, 0)


@inlined
def _write(m: Any, k: int, unit: int, now: float) -> None:
    """Write the delayed synapses of a spike into the calendar of channel k."""
    graph, calls, weights, queue, out = m.graph, m.calls, m.weights, m.queue, m.out
    c, row = graph.writes[k], graph.calendar[k]
    shape = graph.shapes[graph.shape_at[k] : graph.shape_at[k + 1]]
    pointer(calls.runs, graph.topology[k])(shape, unit, out.runs)
    written = pointer(calls.write, 0)(
        now,
        picked(weights, c),
        graph.delays[graph.delays_at[c] : graph.delays_at[c + 1]],
        graph.targets[graph.targets_at[c] : graph.targets_at[c + 1]],
        out.runs,
        queue.entries,
        queue.links,
        queue.pages,
        queue.books[row],
        queue.pool,
    )
    out.deliveries[graph.connection[k]] += 1
    out.tally[PUSHES] += written
    out.tally[PENDING] += written


@inlined
def _send_inputs(m: Any, now: float) -> None:
    """Write the synapses of the input events at this instant into their calendars."""
    graph, queue, given = m.graph, m.queue, m.given
    sent = given.sent[0]
    while sent < len(given.t) and given.t[sent] == now:
        for i in range(graph.out_at[graph.input], graph.out_at[graph.input + 1]):
            k = graph.out_list[i]
            if graph.kind[k] == CALENDAR:
                _write(m, k, given.unit[sent], now)
                _set_calendar_due(m, k)
        sent += 1
    given.sent[0] = sent
    queue.due[len(graph.kind)] = given.t[sent] if sent < len(given.t) else math.inf


@kernel
def _predict(m: Any, p: int, j: int) -> None:
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
