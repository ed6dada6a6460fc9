"""A network laid out flat, as the asynchronous engine reads it. Static: no state, no weights.

A *channel* is what carries the spikes of a connection. With one delay it is a LOG
channel, which reads its source's spikes again, a delay later. With delays a synapse it
is a CALENDAR channel for the synapses that have a delay, one by one or in groups of one
delay (``groups.py``), and a DIRECT channel for those that have none. Channels stand in
the order of the connections; within one, what was sent earlier comes first: the calendar
before the direct synapses. That is the order of sums.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous import queue
from eventsnn.engines.asynchronous.groups import groups_of
from eventsnn.engines.asynchronous.places import BOOK_SIZE, CALENDAR, DIRECT, LATE, LOG, NO_PAGE
from eventsnn.network import Connection, Network
from eventsnn.neurons import models
from eventsnn.registry import number_of
from eventsnn.topology import topologies
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse

Ints = NDArray[np.int64]


class Graph(NamedTuple):
    """Flat arrays of a network; ``*_at`` hold where each population's or connection's part starts.

    Attributes
    ----------
    order, size, model, predicts, clock : int64 (n_populations,)
        Populations in the order of an instant, their sizes, the number of the neuron
        model (-1: an input), whether it predicts, and neurons to a clock.
    x_at, times_at, work_at, table_at : int64 (n_populations + 1,)
        Each population's part of ``x`` is followed by zeros up to a full cache line.
    tables : float64; kernel tables of the populations.
    in_at, out_at : int64 (n_populations + 1,); in_list, out_list : int64
        Channels into and out of each population.
    connection, source, target, kind, calendar, writes, rows, listed : int64 (n_channels,)
        ``calendar`` numbers the calendar channels; -1 for others. ``writes`` is the number
        of the list that is read: the connection's, or beyond those that of its groups.
        ``rows`` is the fan-out of a dense LOG channel into a model that takes whole rows; 0
        for others. ``listed`` is 1 for a channel whose table holds where the list of each
        sender begins.
    delay : float64 (n_channels,)
        Microseconds; of a calendar, the least.
    topology : int64 (n_channels,); shape_at : (n_channels + 1,); shapes : int64
    targets_at, delays_at : int64 (n_lists + 1,); targets, delays : int32
        The targets of a connection's weights, and their delays. Lists beyond the
        connections are of groups: the entry of each (``groups.py``).
    reserve, max_runs, max_fan_out : int
        Chunks that one instant may need; sizes of buffers.
    """

    order: Ints
    size: Ints
    model: Ints
    predicts: Ints
    clock: Ints
    x_at: Ints
    times_at: Ints
    work_at: Ints
    table_at: Ints
    tables: NDArray[np.float64]
    in_at: Ints
    in_list: Ints
    out_at: Ints
    out_list: Ints
    connection: Ints
    source: Ints
    target: Ints
    kind: Ints
    calendar: Ints
    writes: Ints
    rows: Ints
    listed: Ints
    delay: NDArray[np.float64]
    topology: Ints
    shape_at: Ints
    shapes: Ints
    targets_at: Ints
    targets: NDArray[np.int32]
    delays_at: Ints
    delays: NDArray[np.int32]
    reserve: int
    max_runs: int
    max_fan_out: int


def plan(network: Network) -> Graph:
    """Lay a network out flat (kept for the networks used last)."""
    return _plan(network, tuple(models().values()), tuple(topologies().values()))


@lru_cache(maxsize=4)
def _plan(network: Network, *_: tuple[type, ...]) -> Graph:
    """Number neuron models and topologies among those that are known now."""
    tables = [_table(network, p) for p in range(len(network.populations))]
    neurons = [p.neuron for p in network.populations]
    sizes = np.array([p.size for p in network.populations], np.int64)
    kinds, shapes = models(), list(topologies())
    channels = _channels(network)
    connections = network.connections
    grouped = groups_of(network)
    targets = [
        *(k.topology.targets for k in connections),
        *(one.entry for one in grouped.values()),
    ]
    delays = [
        *(np.zeros(0) if k.one_delay else np.ravel(k.delay_us) for k in connections),
        *(one.delay for one in grouped.values()),
    ]
    lists = {c: len(connections) + i for i, c in enumerate(grouped)}
    fan_out = max([1, *(c.topology.max_fan_out for c in connections)])
    return Graph(
        order=np.array(network.order, np.int64),
        size=sizes,
        model=np.array([number_of(n, kinds) if n else -1 for n in neurons], np.int64),
        predicts=np.array([p.predicts for p in network.populations], np.int64),
        clock=np.array([clock_size(network, p) for p in range(len(neurons))], np.int64),
        x_at=_starts(
            [_lined(n * len(m.variables)) if m else 0 for n, m in zip(sizes, neurons, strict=True)]
        ),
        times_at=_starts(
            [n * len(m.times) if m else 0 for n, m in zip(sizes, neurons, strict=True)]
        ),
        work_at=_starts([2 + 2 * n for n in sizes]),
        table_at=_starts([len(t) for t in tables]),
        tables=np.concatenate(tables),
        **_lists(network, channels),
        connection=np.array([k.connection for k in channels], np.int64),
        source=np.array([network.sources[k.connection] for k in channels], np.int64),
        target=np.array([network.targets[k.connection] for k in channels], np.int64),
        kind=np.array([k.kind for k in channels], np.int64),
        calendar=_numbered([k.kind == CALENDAR for k in channels]),
        writes=np.array([lists.get(k.connection, k.connection) for k in channels], np.int64),
        rows=np.array([_rows(network, k) for k in channels], np.int64),
        listed=np.array([_listed(k) for k in channels], np.int64),
        delay=np.array([k.delay_us for k in channels], np.float64),
        topology=np.array([shapes.index(k.topology) for k in channels], np.int64),
        shape_at=_starts([len(k.table) for k in channels]),
        shapes=_joined([k.table for k in channels], np.int64),
        targets_at=_starts([len(t) for t in targets]),
        targets=_joined(targets, np.int32),
        delays_at=_starts([len(d) for d in delays]),
        delays=_joined(delays, np.int32),
        reserve=sum(_reserve(network, k.connection) for k in channels if k.kind == CALENDAR),
        max_runs=1 + 3 * fan_out,
        max_fan_out=fan_out,
    )


def clock_size(network: Network, p: int) -> int:
    """Return how many neighbours of a population are always reached together.

    With delays a synapse the targets of a spike are not reached together. A model that predicts,
    or has kernels without ``one_clock``, keeps a clock a neuron.
    """
    population = network.populations[p]
    into = [c for c, t in zip(network.connections, network.targets, strict=True) if t == p]
    sizes = {c.topology.clock_size if c.one_delay else 1 for c in into}
    neuron = population.neuron
    if neuron is None or not neuron.one_clock or population.predicts or not sizes:
        return 1
    smallest = min(sizes)
    return smallest if all(size % smallest == 0 for size in sizes) else 1


def _listed(channel: Channel) -> bool:
    """Tell whether a channel's table holds where the list of each sender begins."""
    return channel.topology == Sparse.kind and channel.kind != DIRECT


def _rows(network: Network, channel: Channel) -> int:
    """Return the fan-out of a channel whose spikes reach a whole population, else 0."""
    p = network.targets[channel.connection]
    neuron, size = network.populations[p].neuron, network.populations[p].size
    whole = (channel.kind, channel.topology) == (LOG, Dense.kind)
    fits = whole and clock_size(network, p) == size > 1
    return size if fits and neuron is not None and neuron.rows else 0


def least_delay(connection: Connection) -> int:
    """Return the smallest delay above 0 of a connection with delays a synapse, 1 if none is."""
    delays = np.asarray(connection.delay_us)
    later = delays[delays > 0]
    return int(later.min()) if later.size else 1


def books(network: Network, graph: Graph) -> tuple[Ints, int]:
    """Return the empty calendars' books, int64 (n_calendars, BOOK_SIZE), and their pages."""
    rows, pages = [], 0
    for k in np.flatnonzero(graph.kind == CALENDAR):
        greatest = network.connections[graph.connection[k]].greatest_delay
        shift = queue.page_shift(int(graph.delay[k]))
        count = queue.page_count(greatest, shift)
        rows.append([pages, count - 1, shift, NO_PAGE, 0, graph.predicts.any()])
        pages += count
    return np.array(rows, np.int64).reshape(len(rows), BOOK_SIZE), pages


def _table(network: Network, p: int) -> NDArray[np.float64]:
    population = network.populations[p]
    head = np.array([population.size, clock_size(network, p)], np.float64)
    return np.concatenate([head, population.neuron.table() if population.neuron else []])


class Channel(NamedTuple):
    """What carries the spikes of a connection, or those of its synapses without delay."""

    connection: int
    kind: int
    delay_us: int
    topology: str
    table: Ints


def _channels(network: Network) -> list[Channel]:
    channels, grouped = [], groups_of(network)
    known = topologies()
    for c, connection in enumerate(network.connections):
        number_of(connection.topology, known)
        kind, table = connection.topology.kind, connection.topology.table()
        if isinstance(connection.delay_us, int):
            channels.append(Channel(c, LOG, connection.delay_us, kind, table))
            continue
        rows = (Sparse.kind, grouped[c].start) if c in grouped else (kind, table)
        channels.append(Channel(c, CALENDAR, least_delay(connection), *rows))
        if connection.least_delay == 0:
            channels.append(Channel(c, DIRECT, 0, kind, table))
    return channels


def _lists(network: Network, channels: list[Channel]) -> dict[str, Ints]:
    n, all_of = len(network.populations), list(enumerate(channels))
    into = [[k for k, one in all_of if network.targets[one.connection] == p] for p in range(n)]
    out = [[k for k, one in all_of if network.sources[one.connection] == p] for p in range(n)]
    return {
        "in_at": _starts([len(part) for part in into]),
        "in_list": _joined(into, np.int64),
        "out_at": _starts([len(part) for part in out]),
        "out_list": _joined(out, np.int64),
    }


def _reserve(network: Network, c: int) -> int:
    """Chunks that may be needed at one instant, or when the spikes that wait are written."""
    connection, grouped = network.connections[c], groups_of(network)
    most = np.diff(grouped[c].start).max() if c in grouped else connection.topology.max_fan_out
    entries = int(most) * max(connection.topology.n_in, LATE)
    shift = queue.page_shift(least_delay(connection))
    pages = min(entries, queue.page_count(connection.greatest_delay, shift))
    return pages + entries // queue.CHUNK + 1


def _lined(n: int) -> int:
    """Round up to whole cache lines of float32, so that populations begin alike."""
    return -(-n // 16) * 16


def _starts(sizes: list[Any]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _joined(parts: list[Any], dtype: type) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)


def _numbered(chosen: list[bool]) -> Ints:
    numbers = np.cumsum(chosen) - 1
    return np.where(chosen, numbers, -1).astype(np.int64)
