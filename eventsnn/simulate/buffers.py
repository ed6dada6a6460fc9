"""The arrays that the event loop runs on: made once a network, enlarged when it asks for more."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, cast

import numba
import numpy as np
from numba.core.errors import NumbaExperimentalFeatureWarning
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.neurons import models
from eventsnn.neurons.neuron import synapse_dtype
from eventsnn.simulate import event_loop as loop
from eventsnn.simulate import queue as calendar
from eventsnn.simulate.groups import groups_of
from eventsnn.simulate.machine import Calls, Cells, Given, Machine, Out, Queue
from eventsnn.simulate.options import Options
from eventsnn.simulate.plan import CALENDAR, Graph, books, plan
from eventsnn.simulate.pointers import Pointers
from eventsnn.simulate.state import State
from eventsnn.topology import topologies

_SPIKES = 1 << 16
_OPEN = 1 << 13
_LISTED = 64


class Buffers:
    """Everything ``event_loop.advance`` is called with."""

    def __init__(
        self, network: Network, weights: tuple[NDArray[Any], ...], options: Options
    ) -> None:
        self.network = network
        self.graph: Graph = plan(network)
        real: Any = options.dtype
        self.calls = calls(real)
        sizes = [one.size.astype(real) for one in groups_of(network).values()]
        self.weights = _padded((*weights, *sizes), options.dtype)
        self.budget = options.event_budget
        self.cells = Cells(
            _alike(self.graph.x_at[-1], max(weights, key=len, default=np.zeros(0, options.dtype))),
            np.zeros(self.graph.times_at[-1]),
            np.zeros(self.graph.work_at[-1], np.int32),
        )
        self.queue = _queue(network, self.graph, _grouped(network, weights, options.dtype))
        self.out = _out(network, self.graph, options)
        self.entry: Any = None
        for p, population in enumerate(network.populations):
            if population.neuron is not None:
                cell = population.neuron.start()
                self.x(p)[:] = np.array(cell.x)[:, None]
                self.times(p)[:] = np.array(cell.times)[:, None]
        self.rest = self.cells.x.copy(), self.cells.times.copy(), self.queue.books.copy()

    def x(self, p: int) -> Any:
        """Variables of a population, (n_variables, n), a view."""
        first, n = self.graph.x_at[p], self.graph.size[p]
        neuron = self.network.populations[p].neuron
        rows = len(neuron.variables) if neuron else 0
        return self.cells.x[first : first + rows * n].reshape(rows, n)

    def times(self, p: int) -> Any:
        """Times of a population, (n_times, n), a view; the first row holds one clock a group."""
        part = self.cells.times[self.graph.times_at[p] : self.graph.times_at[p + 1]]
        return part.reshape(-1, self.graph.size[p])

    def clocks(self, p: int) -> Any:
        """Clock of each neuron of a population."""
        return self.times(p)[0][np.arange(self.graph.size[p]) // self.graph.clock[p]]

    def begin(self, state: State | None) -> None:
        """Put every neuron at rest with nothing waiting, or where a state left it."""
        q, out = self.queue, self.out
        for zeros in (out.n, out.spikes, out.updates, out.deliveries, out.adds, out.tally):
            zeros[:] = 0
        for zeros in (q.log_tail, q.cursor, q.heap_n, q.open_head, q.open_tail, self.cells.work):
            zeros[:] = 0
        out.n[1], out.last[0] = int(self.graph.size.sum()), 0.0
        out.tally[loop.LEFT] = self.budget
        self.cells.x[:], self.cells.times[:], q.books[:] = self.rest
        q.pages[:] = -1, 0, 0
        q.links[:] = np.arange(1, len(q.links) + 1)
        q.pool[:] = 0, len(q.links)
        q.due[:] = np.inf
        if state is not None:
            self._load(state)
        self.queue.heap_n[0] = -1

    def given(
        self, t: NDArray[np.float64], unit: NDArray[np.int32], until: float, state: State | None
    ) -> Given:
        """Return the input events with those that a state still holds, and make them due."""
        sent, graph, q = 0, self.graph, self.queue
        if state is not None:
            if len(t) and t[0] < state.t:
                raise UserError(
                    f"simulate: event 0 is at {t[0]} us, but the state stands at {float(state.t)} "
                    "us; the events of a run that goes on carry the times of the whole recording"
                )
            part = slice(*state.log_at[graph.input : graph.input + 2])
            sent = int(state.log_at[graph.input + 1] - state.log_at[graph.input])
            t = np.concatenate([state.log_t[part], t])
            unit = np.concatenate([state.log_unit[part], unit])
        for k in graph.out_list[graph.out_at[graph.input] : graph.out_at[graph.input + 1]]:
            if graph.kind[k] != CALENDAR and q.cursor[k] < len(t):
                q.due[k] = t[q.cursor[k]] + graph.delay[k]
            elif graph.kind[k] == CALENDAR and sent < len(t):
                q.due[-1] = t[sent]
        return Given(t, unit, np.array([sent]), until)

    def advance(self, given: Given) -> int:
        """Run the event loop until it is done or needs something."""
        parts = (self.graph, self.calls, self.weights, self.cells, self.queue, given, self.out)
        machine = Machine(*parts)
        if self.entry is None:
            # Finding the types of so many arrays takes a millisecond: once is enough.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
                dispatcher, typeof = cast(Any, loop.advance), cast(Any, numba.typeof)
                self.entry = dispatcher.compile((typeof(machine),))
        return int(self.entry(machine))

    def enlarge(self, status: int) -> None:
        """Double the buffer that the event loop asks for."""
        q = self.queue
        if status == loop.GROW_POOL:
            old, new = len(q.links), max(len(q.links), int(self.graph.reserve))
            links = np.concatenate([q.links, np.arange(old + 1, old + new + 1, dtype=np.int32)])
            # The new chunks stand before what is left of the free list.
            links[-1] = q.pool[0]
            q.pool[:] = old, q.pool[1] + new
            entries = np.resize(q.entries, (old + new) * calendar.CHUNK)
            self.queue = q._replace(links=links, entries=entries)
        elif status == loop.GROW_OPEN:
            columns = max(2 * q.open_t.shape[1], int(q.pages[:, calendar.COUNT].max()))
            wide = [_wider(a, columns) for a in (q.open_t, q.open_target, q.open_weight)]
            self.queue = q._replace(open_t=wide[0], open_target=wide[1], open_weight=wide[2])
        else:
            self._relog([2 * (int(mask) + 1) for mask in q.log_mask])

    def _relog(self, room: list[int]) -> None:
        """Move the logs into rings of ``room`` places each."""
        q = self.queue
        masks, at = _rings(room)
        t, unit = np.zeros(at[-1]), np.zeros(at[-1], np.int32)
        for p in range(len(room)):
            if masks[p] >= 0:
                i = np.arange(max(0, q.log_tail[p] - q.log_mask[p] - 1), q.log_tail[p])
                old, new = q.log_at[p] + (i & q.log_mask[p]), at[p] + (i & masks[p])
                t[new], unit[new] = q.log_t[old], q.log_unit[old]
        self.queue = q._replace(log_t=t, log_unit=unit, log_at=at[:-1].copy(), log_mask=masks)

    def waiting(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[Any]]:
        """Return (t, target, weight) of a calendar's synapses, in order of delivery."""
        q, row = self.queue, self.graph.calendar[k]
        part = slice(q.open_head[row], q.open_tail[row])
        opened = q.open_t[row, part], q.open_target[row, part], q.open_weight[row, part]
        places: list[int] = []
        first = q.books[row][calendar.FIRST_PAGE]
        for page in q.pages[first : first + q.books[row][calendar.MASK] + 1]:
            chunk = int(page[calendar.HEAD])
            while chunk >= 0:
                after, start = int(q.links[chunk]), chunk * calendar.CHUNK
                end = start + calendar.CHUNK if after >= 0 else int(page[calendar.TAIL])
                places += range(start, end)
                chunk = after
        rest = q.entries[np.array(places, np.int64)]
        # Within a page the order of places is the order of sending.
        rest = rest[np.argsort(rest["t"], kind="stable")]
        names = ("t", "target", "weight")
        t, target, weight = (
            np.concatenate([a, rest[name]]) for a, name in zip(opened, names, strict=True)
        )
        return calendar.synapses(t, target, weight, q.grouped)

    def _load(self, state: State) -> None:
        """Put back what a state holds."""
        graph, q = self.graph, self.queue
        if state.x.dtype != self.cells.x.dtype or len(state.cursor) != len(graph.kind):
            raise UserError(
                f"state: made for {state.x.dtype} and {len(state.cursor)} channels, this run has "
                f"{self.cells.x.dtype} and {len(graph.kind)}; go on with the same network and dtype"
            )
        self.cells.x[:], self.cells.times[:] = state.x, state.times
        q.cursor[:] = state.cursor
        sizes = np.diff(state.log_at)
        own = np.where(q.log_mask >= 0, sizes + graph.size, 0)
        if (own > q.log_mask + 1).any():
            self._relog([int(n) for n in np.maximum(own, q.log_mask + 1)])
            q = self.queue
        for p in np.flatnonzero(q.log_mask >= 0):
            part = slice(q.log_at[p], q.log_at[p] + sizes[p])
            q.log_t[part] = state.log_t[state.log_at[p] : state.log_at[p + 1]]
            q.log_unit[part] = state.log_unit[state.log_at[p] : state.log_at[p + 1]]
            q.log_tail[p] = sizes[p]
            q.cursor[(graph.kind == CALENDAR) & (graph.source == p)] = sizes[p]
        for k in np.flatnonzero((graph.kind != CALENDAR) & (graph.source != graph.input)):
            p = graph.source[k]
            if q.cursor[k] < q.log_tail[p]:
                q.due[k] = q.log_t[q.log_at[p] + q.cursor[k]] + graph.delay[k]
        self._load_synapses(state)

    def _load_synapses(self, state: State) -> None:
        """Write waiting synapses onto their pages; they are in order of delivery."""
        while self.queue.pool[1] < self.graph.reserve + len(state.synapse_t):
            self.enlarge(loop.GROW_POOL)
        q = self.queue
        for k in np.flatnonzero(self.graph.kind == CALENDAR):
            row = self.graph.calendar[k]
            book = q.books[row]
            part = slice(state.synapse_at[row], state.synapse_at[row + 1])
            names = ("t", "target", "weight")
            arrays: tuple[NDArray[Any], ...] = (
                state.synapse_t[part],
                state.synapse_target[part],
                state.synapse_weight[part],
            )
            numbers = arrays[0].astype(np.int64) >> book[calendar.SHIFT]
            for number in np.unique(numbers):
                page = book[calendar.FIRST_PAGE] + (number & book[calendar.MASK])
                chosen = np.flatnonzero(numbers == number)
                places = self._page(int(page), len(chosen))
                for name, array in zip(names, arrays, strict=True):
                    q.entries[name][places] = array[chosen]
            book[calendar.WAITING] = len(numbers)
            if len(numbers):
                book[calendar.NEXT_PAGE] = numbers[0]
                q.due[k] = float(numbers[0] << book[calendar.SHIFT])

    def _page(self, page: int, n: int) -> NDArray[np.int64]:
        """Give an empty page chunks for n entries; return their places."""
        q, chunks = self.queue, []
        for _ in range(-(-n // calendar.CHUNK)):
            chunks.append(int(q.pool[0]))
            q.pool[:] = q.links[chunks[-1]], q.pool[1] - 1
        q.links[chunks] = [*chunks[1:], -1]
        places = np.array(chunks)[:, None] * calendar.CHUNK + np.arange(calendar.CHUNK)
        q.pages[page] = chunks[0], places.reshape(-1)[n - 1] + 1, n
        return np.asarray(places.reshape(-1)[:n], np.int64)


def _alike(n: int, weights: NDArray[Any]) -> NDArray[Any]:
    """Return n zeros as far from the start of a cache line as ``weights``.

    A vector load that crosses a cache line costs twice as much.
    """
    raw = np.zeros(n * weights.itemsize + 64, np.uint8)
    first = (weights.ctypes.data - raw.ctypes.data) % 64
    return raw[first : first + n * weights.itemsize].view(weights.dtype)


def _wider(array: NDArray[Any], columns: int) -> NDArray[Any]:
    wide = np.zeros((len(array), columns), array.dtype)
    wide[:, : array.shape[1]] = array
    return wide


def _rings(room: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return masks and first places of rings of at least ``room`` places; mask -1 for none."""
    sizes = [1 << (n - 1).bit_length() if n > 0 else 0 for n in room]
    return np.array(sizes, np.int64) - 1, np.cumsum([0, *sizes]).astype(np.int64)


def _queue(network: Network, graph: Graph, grouped: NDArray[Any]) -> Queue:
    n, channels, dtype = len(graph.size), len(graph.kind), grouped["weight"].dtype
    # Full registers, so that the search for the least is a few instructions.
    every_due = np.full(-(-(channels + 1) // 8) * 8, np.inf)
    read = set(graph.source.tolist()) - {graph.input}
    masks, at = _rings([4 * int(graph.size[p]) if p in read else 0 for p in range(n)])
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


def _out(network: Network, graph: Graph, options: Options) -> Out:
    n, connections = len(graph.size), len(network.connections)
    outputs = network.outputs if options.unit_spikes else ()
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


@cache
def calls(dtype: Any) -> Calls:
    """Compile every neuron model, topology and the queue for a state dtype."""
    kernels = [model.kernels(dtype) for model in models().values()]
    return Calls(
        Pointers([k.receive for k in kernels]),
        Pointers([k.train for k in kernels]),
        Pointers([k.settle for k in kernels]),
        Pointers([k.rows for k in kernels]),
        Pointers([shape.kernel() for shape in topologies().values()]),
        *(Pointers([function]) for function in calendar.kernels(dtype)),
    )


def _grouped(
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


def _padded(weights: tuple[NDArray[Any], ...], dtype: type[np.floating[Any]]) -> tuple[Any, ...]:
    """Fill up to 4, 16, 64, ... arrays: the loop is compiled once for each such number."""
    room = 4
    while room < len(weights):
        room *= 4
    return (*weights, *(np.zeros(0, dtype) for _ in range(room - len(weights))))
