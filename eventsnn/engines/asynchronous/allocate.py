"""Fresh arrays for the event loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous import queue as calendar
from eventsnn.engines.asynchronous.groups import groups_of
from eventsnn.engines.asynchronous.machine import Out, Queue
from eventsnn.engines.asynchronous.plan import Graph, books
from eventsnn.engines.options import Options
from eventsnn.network import Network
from eventsnn.neurons.neuron import synapse_dtype

_SPIKES = 1 << 16
_OPEN = 1 << 13
_LISTED = 64


def alike(n: int, weights: NDArray[Any]) -> NDArray[Any]:
    """Return n zeros as far from the start of a cache line as ``weights``.

    A vector load that crosses a cache line costs twice as much.
    """
    raw = np.zeros(n * weights.itemsize + 64, np.uint8)
    first = (weights.ctypes.data - raw.ctypes.data) % 64
    return raw[first : first + n * weights.itemsize].view(weights.dtype)


def wider(array: NDArray[Any], columns: int) -> NDArray[Any]:
    """Return a copy of a table with room for more columns."""
    wide = np.zeros((len(array), columns), array.dtype)
    wide[:, : array.shape[1]] = array
    return wide


def rings(room: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return masks and first places of rings of at least ``room`` places; mask -1 for none."""
    sizes = [1 << (n - 1).bit_length() if n > 0 else 0 for n in room]
    return np.array(sizes, np.int64) - 1, np.cumsum([0, *sizes]).astype(np.int64)


def make_queue(network: Network, graph: Graph, grouped: NDArray[Any]) -> Queue:
    """Return the empty queue of a network, whose synapses in groups are ``grouped``."""
    n, channels, dtype = len(graph.size), len(graph.kind), grouped["weight"].dtype
    # Full registers, so that the search for the least is a few instructions.
    every_due = np.full(-(-(channels + 1) // 8) * 8, np.inf)
    read = set(graph.source.tolist()) - set(network.inputs)
    masks, at = rings([4 * int(graph.size[p]) if p in read else 0 for p in range(n)])
    rows, pages = books(network, graph)
    chunks = 2 * graph.reserve
    predicting = int(graph.size[graph.predicts > 0].sum())
    heap = 2 * predicting + 64 if predicting else 0
    return Queue(
        log_t=np.zeros(at[-1]),
        log_unit=np.zeros(at[-1], np.int32),
        log_at=at[:-1].copy(),
        log_mask=masks,
        log_tail=np.zeros(n, np.int64),
        cursor=np.zeros(channels, np.int64),
        due=every_due[: channels + 1],
        due_bits=every_due.view(np.int64),
        grouped=grouped,
        entries=np.zeros(chunks * calendar.CHUNK, calendar.entry_dtype(dtype)),
        links=np.arange(1, chunks + 1, dtype=np.int32),
        pages=np.zeros((pages, 3), np.int32),
        books=rows,
        pool=np.array([0, chunks], np.int64),
        open_t=np.zeros((len(rows), _OPEN)),
        open_target=np.zeros((len(rows), _OPEN), np.int32),
        open_weight=np.zeros((len(rows), _OPEN), dtype),
        open_head=np.zeros(len(rows), np.int64),
        open_tail=np.zeros(len(rows), np.int64),
        place=np.zeros(calendar.MAX_PAGE_US + 1, np.int64),
        heap_t=np.zeros(heap),
        heap_unit=np.zeros(heap, np.int64),
        heap_n=np.zeros(1, np.int64),
    )


def make_out(network: Network, graph: Graph, options: Options) -> Out:
    """Return empty room for what a run records and counts."""
    n, connections = len(graph.size), len(network.connections)
    outputs = (*network.outputs, *options.counted) if options.unit_spikes else ()
    kept = np.array([p in (*options.kept, *outputs) for p in range(n)], np.int64)
    room = max(_SPIKES, 2 * int(graph.size.sum()))
    most = int(graph.size.max())
    return Out(
        t=np.zeros(room),
        unit=np.zeros(room, np.int32),
        value=np.zeros(room, options.dtype),
        population=np.zeros(room, np.int32),
        n=np.zeros(2, np.int64),
        last=np.zeros(1),
        kept=kept,
        spikes=np.zeros(n, np.int64),
        updates=np.zeros(n, np.int64),
        deliveries=np.zeros(connections, np.int64),
        adds=np.zeros(connections, np.int64),
        tally=np.zeros(7, np.int64),
        fired=np.zeros(most, np.int32),
        fired_value=np.zeros(most, options.dtype),
        runs=np.zeros(graph.max_runs, np.int64),
        listed=np.zeros(1 + 3 * _LISTED, np.int64),
        targets=np.zeros(graph.max_fan_out, np.int32),
        weights=np.zeros(graph.max_fan_out, options.dtype),
        span=np.zeros(4, np.int64),
    )


def grouped_synapses(
    network: Network, weights: tuple[NDArray[Any], ...], dtype: type[np.floating[Any]]
) -> NDArray[Any]:
    """Return the synapses of all groups."""
    grouped = groups_of(network)
    synapses = np.zeros(sum(len(g.target) for g in grouped.values()), synapse_dtype(dtype))
    for c, one in grouped.items():
        part = synapses[one.begin : one.begin + len(one.target)]
        part["target"] = one.target
        # A network at rest is made without weights.
        part["weight"] = weights[c][one.weight] if len(weights[c]) else 0
    return synapses
