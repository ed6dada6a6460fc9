"""Spikes written into calendars: those of neurons a little later, those of inputs at once."""

from __future__ import annotations

import math
from typing import Any

from eventsnn.engines.asynchronous.places import (
    CALENDAR,
    NEXT_PAGE,
    NO_PAGE,
    PENDING,
    PUSHES,
    SHIFT,
)
from eventsnn.kernels.compile import fetch, inlined, kernel
from eventsnn.kernels.pointers import picked, pointer

# Targets, or float32 weights, of a cache line.
_LINE = 16


@inlined
def set_calendar_due(m: Any, k: int) -> None:
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
    if graph.model[p] >= 0 and queue.cursor[k] < queue.log_tail[p]:
        first = queue.log_t[queue.log_at[p] + (queue.cursor[k] & queue.log_mask[p])]
        queue.due[k] = min(queue.due[k], first + graph.delay[k])


@inlined
def look_ahead(m: Any, k: int, unit: int) -> None:
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


@kernel
def write_spikes(m: Any, k: int, late: int) -> bool:
    """Write all but the last ``late`` spikes of the log onto calendar k; return if there were any.

    A fan-out is fetched in advance, by and by, while the spikes before it are written.
    """
    graph, queue = m.graph, m.queue
    p, first = graph.source[k], queue.cursor[k]
    if graph.model[p] < 0:
        return False
    at, mask, tail = queue.log_at[p], queue.log_mask[p], queue.log_tail[p]
    listed = graph.listed[k] and first < tail
    if listed:
        fetch(graph.shapes, graph.shape_at[k] + queue.log_unit[at + ((tail - 1) & mask)])
    for f in range(first, tail - late):
        if listed and f + 1 < tail:
            look_ahead(m, k, queue.log_unit[at + ((f + 1) & mask)])
        place = at + (f & mask)
        _write(m, k, queue.log_unit[place], queue.log_t[place])
        queue.cursor[k] = f + 1
    set_calendar_due(m, k)
    return bool(queue.cursor[k] > first)


@kernel
def write_all(m: Any) -> None:
    """Write every spike onto the calendars."""
    for k in range(len(m.graph.kind)):
        if m.graph.kind[k] == CALENDAR:
            write_spikes(m, k, 0)


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
def send_inputs(m: Any, p: int, now: float) -> None:
    """Write the synapses of input population p's events at this instant into their calendars."""
    graph, given = m.graph, m.given
    sent, tail = given.at[p] + given.sent[p], given.at[p + 1]
    while sent < tail and given.t[sent] == now:
        for i in range(graph.out_at[p], graph.out_at[p + 1]):
            k = graph.out_list[i]
            if graph.kind[k] == CALENDAR:
                _write(m, k, given.unit[sent], now)
                set_calendar_due(m, k)
        sent += 1
    given.sent[p] = sent - given.at[p]


@kernel
def set_inputs_due(m: Any) -> None:
    """Note when input events next have synapses to write into calendars."""
    graph, queue, given = m.graph, m.queue, m.given
    due = math.inf
    for k in range(len(graph.kind)):
        p = graph.source[k]
        if graph.kind[k] == CALENDAR and graph.model[p] < 0:
            place = given.at[p] + given.sent[p]
            if place < given.at[p + 1]:
                due = min(due, given.t[place])
    queue.due[len(graph.kind)] = due
