"""The event loop of the asynchronous engine: finds the next instant and works it off.

The next instant is the least of: what each channel has due next, and the earliest
predicted spike. LOG channels read their source's spikes (or the input events) again,
a delay later, each with a cursor; CALENDAR channels hold synapses one by one. While
one calendar alone has something due, its synapses are delivered in one go until a
neuron may fire: a *train*.

Neuron models, topologies and the queue are called through typed pointers, so that a
cached loop never runs stale code of another file. The loop returns at a clean point
when a buffer may not last for the next instant; ``asynchronous.py`` enlarges it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import int64

from eventsnn.kernel import inlined, kernel

DONE, HARVEST, GROW_POOL, GROW_LOGS, GROW_OPEN, OVER_BUDGET = range(6)
_LOG, _CALENDAR, _DIRECT = range(3)
_FIRST_PAGE, _MASK, _SHIFT, _NEXT_PAGE = range(4)
_COUNT, _FREE_COUNT = 2, 1
_NO_PAGE = np.iinfo(np.int64).max
PUSHES, POPS, PENDING, PEAK, LEFT, SENT = range(6)


class Calls(NamedTuple):
    """Typed pointers: by neuron model, by topology, and of the queue."""

    receive: Any
    train: Any
    settle: Any
    runs: Any
    write: Any
    open_page: Any
    heap_push: Any
    heap_pop: Any


class Cells(NamedTuple):
    """State of all neurons, and work lists."""

    x: Any
    times: Any
    work: Any


class Queue(NamedTuple):
    """What waits.

    ``log_*``: spikes of each population, in a ring of log_mask + 1 places from log_at;
    ``cursor``: next spike of each LOG channel; ``due``: when each channel has something
    next, and last when input events have synapses to send; ``open_*``: the calendars'
    open pages, a row each, from open_head to open_tail.
    """

    log_t: Any
    log_unit: Any
    log_at: Any
    log_mask: Any
    log_tail: Any
    cursor: Any
    due: Any
    entries: Any
    links: Any
    pages: Any
    books: Any
    pool: Any
    open_t: Any
    open_target: Any
    open_weight: Any
    open_head: Any
    open_tail: Any
    place: Any
    heap_t: Any
    heap_unit: Any
    heap_n: Any


class Out(NamedTuple):
    """Spikes since the last harvest, counts, and scratch arrays."""

    t: Any
    unit: Any
    value: Any
    population: Any
    n: Any
    last: Any
    kept: Any
    spikes: Any
    updates: Any
    deliveries: Any
    adds: Any
    tally: Any
    fired: Any
    fired_value: Any
    runs: Any
    targets: Any
    weights: Any
    span: Any


class Given(NamedTuple):
    """Input events in order of (t, unit), how many are sent, and where to stop."""

    t: Any
    unit: Any
    sent: Any
    until: float


@kernel
def advance(
    graph: Any, calls: Any, weights: Any, cells: Any, queue: Any, given: Any, out: Any
) -> Any:
    """Work off instants before ``given.until``; return DONE or what is needed to go on."""
    if queue.heap_n[0] < 0:
        rebuild(graph, calls, cells, queue, out)
    while True:
        status = _room(graph, queue, out)
        if status != DONE:
            return status
        first, now, second = _earliest(queue.due)
        predicted = _next_prediction(graph, calls, cells, queue, out)
        if min(now, predicted) >= given.until:
            return DONE
        if len(queue.books) > 0 and now <= predicted:
            status = _open_due(graph, calls, queue, now)
            if status == GROW_OPEN:
                return status
            if status != DONE:
                continue
            if (
                first < len(graph.kind)
                and graph.kind[first] == _CALENDAR
                and now < min(second, predicted)
            ):
                limit = min(min(second, predicted), given.until)
                now = _train(graph, calls, cells, queue, out, first, limit)
                out.last[0] = now
                _fire(graph, calls, weights, cells, queue, out, (graph.target[first], now))
                continue
        _instant(graph, calls, weights, cells, queue, given, out, min(now, predicted))


@inlined
def _room(graph: Any, queue: Any, out: Any) -> int:
    """Check that every buffer lasts for one more instant."""
    if out.tally[LEFT] < 0:
        return OVER_BUDGET
    if out.n[0] + out.n[1] > len(out.t):
        return HARVEST
    if queue.pool[_FREE_COUNT] < graph.reserve:
        return GROW_POOL
    if out.tally[SENT] != 0:
        for k in range(len(graph.kind)):
            p = graph.source[k]
            if graph.kind[k] == _CALENDAR or p == graph.input:
                continue
            if queue.log_tail[p] - queue.cursor[k] + graph.size[p] > queue.log_mask[p] + 1:
                return GROW_LOGS
        out.tally[SENT] = 0
    return DONE


@inlined
def _earliest(due: Any) -> tuple[int, float, float]:
    """Return the first channel that is due, when, and when the next other one is."""
    first, now, second = 0, due[0], math.inf
    for k in range(1, len(due)):
        if due[k] < now:
            first, now, second = k, due[k], now
        elif due[k] < second:
            second = due[k]
    return first, now, second


@inlined
def _next_prediction(graph: Any, calls: Any, cells: Any, queue: Any, out: Any) -> float:
    """Return when the earliest prediction that still holds falls due."""
    while queue.heap_n[0] > 0:
        unit = queue.heap_unit[0]
        p, j = unit >> 32, unit & 0xFFFFFFFF
        if cells.times[graph.times_at[p] + 2 * graph.size[p] + j] == queue.heap_t[0]:
            return float(queue.heap_t[0])
        queue.heap_n[0] = calls.heap_pop(queue.heap_t, queue.heap_unit, queue.heap_n[0])
        out.tally[POPS] += 1
        out.tally[PENDING] -= 1
    return math.inf


@inlined
def _set_calendar_due(graph: Any, queue: Any, k: int) -> None:
    """Note when a calendar is due: at its open page's head, or where its next page starts."""
    row = graph.calendar[k]
    if queue.open_head[row] < queue.open_tail[row]:
        queue.due[k] = queue.open_t[row, queue.open_head[row]]
    elif queue.books[row, _NEXT_PAGE] == _NO_PAGE:
        queue.due[k] = math.inf
    else:
        queue.due[k] = float(queue.books[row, _NEXT_PAGE] << queue.books[row, _SHIFT])


@inlined
def _open_due(graph: Any, calls: Any, queue: Any, now: float) -> int:
    """Open every page that starts by now; return DONE if there was none."""
    opened = DONE
    for k in range(len(graph.kind)):
        row = graph.calendar[k]
        if row < 0 or queue.due[k] > now or queue.open_head[row] < queue.open_tail[row]:
            continue
        book = queue.books[row]
        page = book[_FIRST_PAGE] + (book[_NEXT_PAGE] & book[_MASK])
        if queue.pages[page, _COUNT] > queue.open_t.shape[1]:
            return GROW_OPEN
        queue.open_head[row] = 0
        queue.open_tail[row] = calls.open_page(
            queue.entries,
            queue.links,
            queue.pages,
            book,
            queue.pool,
            queue.open_t[row],
            queue.open_target[row],
            queue.open_weight[row],
            queue.place,
        )
        _set_calendar_due(graph, queue, k)
        opened = HARVEST
    return opened


@inlined
def _train(graph: Any, calls: Any, cells: Any, queue: Any, out: Any, k: int, limit: float) -> Any:
    """Deliver a calendar's synapses before ``limit`` until a neuron may fire; return when."""
    p, row = graph.target[k], graph.calendar[k]
    head = queue.open_head[row]
    out.span[0], out.span[1] = head, queue.open_tail[row]
    after = calls.train[graph.model[p]](
        graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
        cells.x[graph.x_at[p] : graph.x_at[p + 1]],
        cells.times[graph.times_at[p] : graph.times_at[p + 1]],
        queue.open_t[row],
        queue.open_target[row],
        queue.open_weight[row],
        out.span,
        limit,
        cells.work[graph.work_at[p] : graph.work_at[p + 1]],
    )
    queue.open_head[row] = after
    out.adds[graph.connection[k]] += after - head
    out.tally[POPS] += after - head
    out.tally[PENDING] -= after - head
    _set_calendar_due(graph, queue, k)
    return float(queue.open_t[row, after - 1])


@inlined
def _instant(
    graph: Any,
    calls: Any,
    weights: Any,
    cells: Any,
    queue: Any,
    given: Any,
    out: Any,
    now: float,
) -> None:
    """Work off one instant, population by population."""
    out.last[0] = now
    _mark_predicted(graph, calls, cells, queue, out, now)
    for p in graph.order:
        if p == graph.input:
            if queue.due[len(graph.kind)] == now:
                _send_inputs(graph, calls, weights, queue, given, out, now)
            continue
        for i in range(graph.in_at[p], graph.in_at[p + 1]):
            k = graph.in_list[i]
            if queue.due[k] != now:
                continue
            if graph.kind[k] == _CALENDAR:
                _train(graph, calls, cells, queue, out, k, np.nextafter(now, math.inf))
            else:
                _reread(graph, calls, weights, cells, queue, given, out, (k, now))
        _fire(graph, calls, weights, cells, queue, out, (p, now))


@inlined
def _mark_predicted(graph: Any, calls: Any, cells: Any, queue: Any, out: Any, now: float) -> None:
    """Put the neurons whose predicted spikes fall on this instant on their work lists."""
    while _next_prediction(graph, calls, cells, queue, out) == now:
        unit = queue.heap_unit[0]
        p, j = unit >> 32, unit & 0xFFFFFFFF
        work, n = graph.work_at[p], graph.size[p]
        if cells.work[work + 2 + n + j] == 0:
            # 2 is a model's mark for "due, not yet brought up to now".
            cells.work[work + 2 + n + j] = 2
            cells.work[work + 2 + cells.work[work]] = j
            cells.work[work] += 1
        queue.heap_n[0] = calls.heap_pop(queue.heap_t, queue.heap_unit, queue.heap_n[0])
        out.tally[POPS] += 1
        out.tally[PENDING] -= 1


@inlined
def _reread(
    graph: Any,
    calls: Any,
    weights: Any,
    cells: Any,
    queue: Any,
    given: Any,
    out: Any,
    which: tuple[int, float],
) -> None:
    """Deliver the spikes that channel ``which[0]`` has due now (``which[1]``)."""
    k, now = which
    source, delay = graph.source[k], graph.delay[k]
    at, mask, tail = int64(0), int64(-1), int64(len(given.t))
    t, unit = given.t, given.unit
    if source != graph.input:
        at, mask, tail = queue.log_at[source], queue.log_mask[source], queue.log_tail[source]
        t, unit = queue.log_t, queue.log_unit
        if delay > 0.0:
            out.tally[PENDING] += queue.cursor[k]
            out.tally[POPS] -= queue.cursor[k]
    cursor = queue.cursor[k]
    while cursor < tail and t[at + (cursor & mask)] + delay == now:
        _deliver(graph, calls, weights, cells, out, k, (unit[at + (cursor & mask)], now))
        cursor += 1
    if source != graph.input and delay > 0.0:
        out.tally[PENDING] -= cursor
        out.tally[POPS] += cursor
    queue.cursor[k] = cursor
    queue.due[k] = t[at + (cursor & mask)] + delay if cursor < tail else math.inf


@inlined
def _deliver(
    graph: Any,
    calls: Any,
    weights: Any,
    cells: Any,
    out: Any,
    k: int,
    spike: tuple[int, float],
) -> None:
    """Hand the fan-out of one spike (unit, now) to the target population."""
    c, p = graph.connection[k], graph.target[k]
    shape = graph.shapes[graph.shape_at[c] : graph.shape_at[c + 1]]
    synapses = calls.runs[graph.topology[c]](shape, spike[0], out.runs)
    targets = graph.targets[graph.targets_at[c] : graph.targets_at[c + 1]]
    through = weights[c]
    if graph.kind[k] == _DIRECT:
        synapses = _without_delay(graph, through, targets, out, c)
        targets, through = out.targets, out.weights
    else:
        out.deliveries[c] += 1
    out.adds[c] += synapses
    calls.receive[graph.model[p]](
        graph.tables[graph.table_at[p] : graph.table_at[p + 1]],
        cells.x[graph.x_at[p] : graph.x_at[p + 1]],
        cells.times[graph.times_at[p] : graph.times_at[p + 1]],
        spike[1],
        through,
        targets,
        out.runs,
        cells.work[graph.work_at[p] : graph.work_at[p + 1]],
    )


@inlined
def _without_delay(graph: Any, weights: Any, targets: Any, out: Any, c: int) -> int:
    """List the synapses of a fan-out that have no delay in the scratch arrays."""
    n = 0
    for r in range(1, 1 + 3 * out.runs[0], 3):
        first, k0 = out.runs[r], out.runs[r + 1]
        for k in range(k0, k0 + out.runs[r + 2]):
            if graph.delays[graph.delays_at[c] + k] == 0:
                out.targets[n] = int64(targets[k]) if first < 0 else first + k - k0
                out.weights[n] = weights[k]
                n += 1
    out.runs[0], out.runs[1], out.runs[2], out.runs[3] = 1, -1, 0, n
    return n


@inlined
def _fire(
    graph: Any,
    calls: Any,
    weights: Any,
    cells: Any,
    queue: Any,
    out: Any,
    which: tuple[int, float],
) -> None:
    """Test population ``which[0]`` once, now (``which[1]``), and send what fires."""
    p, now = which
    work = cells.work[graph.work_at[p] : graph.work_at[p + 1]]
    marked = work[0]
    n = 0
    if marked > 0:
        _sort_marked(work, marked, graph.size[p])
        n = calls.settle[graph.model[p]](
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
            _predict(graph, calls, cells, queue, out, (p, work[i]))
    if n > 0:
        _note(out, p, now, n)
        for i in range(graph.out_at[p], graph.out_at[p + 1]):
            k = graph.out_list[i]
            if graph.kind[k] == _CALENDAR:
                for f in range(n):
                    _write(graph, calls, weights, queue, out, k, (out.fired[f], now))
            else:
                _await(graph, queue, out, k, now, n)
        _log(queue, out, p, now, n)
    out.tally[PEAK] = max(out.tally[PEAK], out.tally[PENDING])


@inlined
def _sort_marked(work: Any, marked: int, n: int) -> None:
    """Put the marked neurons of a work list in order: many by reading the marks again."""
    if marked > 16:
        found = 2
        for j in range(n):
            if work[2 + n + j] != 0:
                work[found] = j
                found += 1
        return
    for i in range(3, 2 + marked):
        unit, k = work[i], i
        while k > 2 and work[k - 1] > unit:
            work[k] = work[k - 1]
            k -= 1
        work[k] = unit


@inlined
def _await(graph: Any, queue: Any, out: Any, k: int, now: float, n: int) -> None:
    """Let channel k wait for n spikes that fire now; they are not in the log yet."""
    p = graph.source[k]
    if queue.cursor[k] == queue.log_tail[p]:
        queue.due[k] = now + graph.delay[k]
    if graph.delay[k] > 0.0:
        out.tally[PUSHES] += n
        out.tally[PENDING] += n


@inlined
def _note(out: Any, p: int, now: float, n: int) -> None:
    """Count the spikes and keep those that are to be kept."""
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
def _log(queue: Any, out: Any, p: int, now: float, n: int) -> None:
    """Append spikes to the population's log, if a channel reads it."""
    if queue.log_mask[p] < 0:
        return
    for f in range(n):
        place = queue.log_at[p] + ((queue.log_tail[p] + f) & queue.log_mask[p])
        queue.log_t[place] = now
        queue.log_unit[place] = out.fired[f]
    queue.log_tail[p] += n


@inlined
def _write(
    graph: Any,
    calls: Any,
    weights: Any,
    queue: Any,
    out: Any,
    k: int,
    spike: tuple[int, float],
) -> None:
    """Write the delayed synapses of a spike (unit, now) into the calendar of channel k."""
    c, row = graph.connection[k], graph.calendar[k]
    shape = graph.shapes[graph.shape_at[c] : graph.shape_at[c + 1]]
    calls.runs[graph.topology[c]](shape, spike[0], out.runs)
    written = calls.write(
        spike[1],
        weights[c],
        graph.delays[graph.delays_at[c] : graph.delays_at[c + 1]],
        graph.targets[graph.targets_at[c] : graph.targets_at[c + 1]],
        out.runs,
        queue.entries,
        queue.links,
        queue.pages,
        queue.books[row],
        queue.pool,
    )
    out.deliveries[c] += 1
    out.tally[PUSHES] += written
    out.tally[PENDING] += written
    _set_calendar_due(graph, queue, k)


@inlined
def _send_inputs(
    graph: Any, calls: Any, weights: Any, queue: Any, given: Any, out: Any, now: float
) -> None:
    """Write the synapses of the input events at this instant into their calendars."""
    sent = given.sent[0]
    while sent < len(given.t) and given.t[sent] == now:
        for i in range(graph.out_at[graph.input], graph.out_at[graph.input + 1]):
            k = graph.out_list[i]
            if graph.kind[k] == _CALENDAR:
                _write(graph, calls, weights, queue, out, k, (given.unit[sent], now))
        sent += 1
    given.sent[0] = sent
    queue.due[len(graph.kind)] = given.t[sent] if sent < len(given.t) else math.inf


@kernel
def _predict(
    graph: Any, calls: Any, cells: Any, queue: Any, out: Any, which: tuple[int, int]
) -> None:
    """Put a neuron's predicted spike into the heap; drop the stale ones when it is full."""
    p, j = which
    when = cells.times[graph.times_at[p] + 2 * graph.size[p] + j]
    if when == math.inf:
        return
    if queue.heap_n[0] == len(queue.heap_t):
        out.tally[PENDING] -= queue.heap_n[0]
        rebuild(graph, calls, cells, queue, out)
        return
    unit = (p << 32) | int64(j)
    queue.heap_n[0] = calls.heap_push(queue.heap_t, queue.heap_unit, queue.heap_n[0], when, unit)
    out.tally[PUSHES] += 1
    out.tally[PENDING] += 1


@kernel
def rebuild(graph: Any, calls: Any, cells: Any, queue: Any, out: Any) -> None:
    """Fill the heap anew with every neuron's prediction."""
    queue.heap_n[0] = 0
    for p in range(len(graph.size)):
        for j in range(graph.size[p] if graph.predicts[p] else 0):
            when = cells.times[graph.times_at[p] + 2 * graph.size[p] + j]
            if when < math.inf:
                unit = (int64(p) << 32) | int64(j)
                n = queue.heap_n[0]
                queue.heap_n[0] = calls.heap_push(queue.heap_t, queue.heap_unit, n, when, unit)
                out.tally[PUSHES] += 1
                out.tally[PENDING] += 1
