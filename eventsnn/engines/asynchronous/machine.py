"""What the event loop works on: arrays in named tuples, grouped by what they are for."""

from __future__ import annotations

from typing import Any, NamedTuple


class Calls(NamedTuple):
    """Tables of pointers: by neuron model, by topology, and of the queue."""

    receive: Any
    train: Any
    settle: Any
    rows: Any
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
    next, and last when input events have synapses to send or a current changes, as numbers and as
    their bits;
    ``grouped``: the synapses of all groups; ``open_*``: the calendars' open pages, a row
    each, from open_head to open_tail.
    """

    log_t: Any
    log_unit: Any
    log_at: Any
    log_mask: Any
    log_tail: Any
    cursor: Any
    due: Any
    due_bits: Any
    grouped: Any
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
    listed: Any
    targets: Any
    weights: Any
    span: Any


class Given(NamedTuple):
    """Input events, of each input population in order of (t, unit), and where to stop.

    Population p has the events ``at[p]`` to ``at[p + 1] - 1``; ``sent[p]`` of them have their
    synapses in calendars. Where ``counted[p]`` some stand for several (``engines/counted.py``).
    The neurons of the populations ``turning`` are brought up to ``until``,
    where their current changes: by weights of 0, ``still``.
    """

    t: Any
    unit: Any
    at: Any
    sent: Any
    counted: Any
    until: float
    turning: Any
    still: Any


class Machine(NamedTuple):
    """All of it; ``graph`` is ``plan.Graph``, ``weights`` are ``pointers.Arrays``."""

    graph: Any
    calls: Any
    weights: Any
    cells: Any
    queue: Any
    given: Any
    out: Any
