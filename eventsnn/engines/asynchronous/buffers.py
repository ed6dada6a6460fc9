"""The arrays that the event loop runs on: made once a network, enlarged when it asks for more."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numba
import numpy as np
from numba.core.errors import NumbaExperimentalFeatureWarning
from numpy.typing import NDArray

from eventsnn.engines.asynchronous import event_loop as loop
from eventsnn.engines.asynchronous import queue as calendar
from eventsnn.engines.asynchronous.allocate import (
    alike,
    grouped_synapses,
    make_out,
    make_queue,
    rings,
    wider,
)
from eventsnn.engines.asynchronous.calls import calls
from eventsnn.engines.asynchronous.groups import groups_of
from eventsnn.engines.asynchronous.machine import Cells, Given, Machine
from eventsnn.engines.asynchronous.places import (
    CALENDAR,
    COUNT,
    FIRST_PAGE,
    HEAD,
    LEFT,
    MASK,
    NEXT_PAGE,
    SHIFT,
    TAIL,
    WAITING,
)
from eventsnn.engines.asynchronous.plan import Graph, plan
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.asynchronous.state_checked import check_fits
from eventsnn.engines.counted import packed_in
from eventsnn.engines.inputs import Train
from eventsnn.engines.options import Options
from eventsnn.generators import CurrentGenerator
from eventsnn.kernels.pointers import Arrays
from eventsnn.network import Network


class Buffers:
    """Everything ``event_loop.advance`` is called with."""

    def __init__(
        self, network: Network, weights: tuple[NDArray[Any], ...], options: Options
    ) -> None:
        self.network = network
        self.graph: Graph = plan(network)
        if any(isinstance(p.generator, CurrentGenerator) for p in network.populations):
            self.graph = self.graph._replace(tables=self.graph.tables.copy())
        real: Any = options.dtype
        self.calls = calls(self.graph, real)
        sizes = [one.size.astype(real) for one in groups_of(network).values()]
        self.weights = Arrays((*weights, *sizes), options.dtype)
        self.budget = options.event_budget
        self.cells = Cells(
            alike(self.graph.x_at[-1], max(weights, key=len, default=np.zeros(0, options.dtype))),
            np.zeros(self.graph.times_at[-1]),
            np.zeros(self.graph.work_at[-1], np.int32),
        )
        self.queue = make_queue(
            network, self.graph, grouped_synapses(network, weights, options.dtype)
        )
        self.out = make_out(network, self.graph, options)
        self.entry: Any = None
        for p, population in enumerate(network.populations):
            if population.neuron is not None:
                self.x(p)[:], self.times(p)[:] = population.neuron.at_rest(population.size)
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
        out.tally[LEFT] = self.budget
        self.cells.x[:], self.cells.times[:], q.books[:] = self.rest
        q.pages[:] = -1, 0, 0
        q.links[:] = np.arange(1, len(q.links) + 1)
        q.pool[:] = 0, len(q.links)
        q.due[:] = np.inf
        n = len(self.graph.size)
        log_t, log_unit, log_at = np.zeros(0), np.zeros(0, np.int32), np.zeros(n + 1, np.int64)
        if state is not None:
            self._load(state)
            log_t, log_unit, log_at = state.log_t, state.log_unit, state.log_at
        still, none, no = np.zeros(0, self.cells.x.dtype), np.zeros(0, np.int64), np.zeros(n, bool)
        self.turned = np.inf
        self.given = Given(log_t, log_unit, log_at, np.diff(log_at), no, 0.0, none, still)
        self.queue.heap_n[0] = -1

    def feed(self, came: Mapping[int, Train], until: float, turning: Sequence[int] = ()) -> None:
        """Put input events behind those that some channel has still to read, and make them due.

        Parameters
        ----------
        came : mapping from population to (t, unit)
            Of input populations, sorted, after all that came before.
        until : float
            Where the loop is to stop.
        turning : sequence of int
            Populations whose current changes there.
        """
        old, q, graph = self.given, self.queue, self.graph
        t, unit, at, sent = [old.t[:0]], [old.unit[:0]], [0], old.sent.copy()
        for p in range(len(graph.size)):
            at.append(at[-1])
            if len(old.t):  # else nothing is left: a recording begins
                read = self.unread(p)
                part = slice(old.at[p] + read, old.at[p + 1])
                t, unit = [*t, old.t[part]], [*unit, old.unit[part]]
                at[-1] += len(t[-1])
                if graph.model[p] < 0:
                    sent[p] = max(sent[p] - read, 0)  # nothing is sent where no calendar takes it
                    q.cursor[(graph.source == p) & (graph.kind != CALENDAR)] -= read
            if p in came:
                t, unit = [*t, came[p][0]], [*unit, came[p][1]]
                at[-1] += len(t[-1])
        start = np.array(at, np.int64)
        still = np.zeros(max([0, *graph.size[list(turning)]]), self.cells.x.dtype)
        events = np.concatenate(t), np.concatenate(unit), start, sent
        packed = packed_in(events[1], start, graph.size)
        self.given = Given(*events, packed, until, np.array(turning, np.int64), still)
        q.due[-1], self.turned = self.turned, np.inf
        for k in np.flatnonzero(graph.model[graph.source] < 0):
            p, direct = graph.source[k], graph.kind[k] != CALENDAR
            place = start[p] + (q.cursor[k] if direct else sent[p])
            due = self.given.t[place] + graph.delay[k] * direct if place < start[p + 1] else np.inf
            q.due[k if direct else -1] = due if direct else min(q.due[-1], due)

    def unread(self, p: int) -> int:
        """Return how many events of input population p nobody needs any more."""
        graph, given, n = self.graph, self.given, int(self.given.at[p + 1] - self.given.at[p])
        out = graph.source == p
        cursors = self.queue.cursor[out & (graph.kind != CALENDAR)]
        to_write = given.sent[p] if (out & (graph.kind == CALENDAR)).any() else n
        return int(min([n, to_write, *cursors])) if graph.model[p] < 0 else 0

    def turn(self, p: int, amplitude: float, now: float | None = None) -> None:
        """Lead a current into population p; from ``now`` on, to which its neurons were brought."""
        graph, neuron = self.graph, self.network.populations[p].neuron
        assert neuron is not None
        table = graph.tables[graph.table_at[p] : graph.table_at[p + 1]]
        table[2:] = neuron.with_current(amplitude).table()
        if now is not None:
            self.turned = now

    def advance(self) -> int:
        """Run the event loop until it is done or needs something."""
        parts = (self.graph, self.calls, self.weights, self.cells, self.queue, self.given, self.out)
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
            columns = max(2 * q.open_t.shape[1], int(q.pages[:, COUNT].max()))
            wide = [wider(a, columns) for a in (q.open_t, q.open_target, q.open_weight)]
            self.queue = q._replace(open_t=wide[0], open_target=wide[1], open_weight=wide[2])
        else:
            self._relog([2 * (int(mask) + 1) for mask in q.log_mask])

    def _relog(self, room: list[int]) -> None:
        """Move the logs into rings of ``room`` places each."""
        q = self.queue
        masks, at = rings(room)
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
        first = q.books[row][FIRST_PAGE]
        for page in q.pages[first : first + q.books[row][MASK] + 1]:
            chunk = int(page[HEAD])
            while chunk >= 0:
                after, start = int(q.links[chunk]), chunk * calendar.CHUNK
                end = start + calendar.CHUNK if after >= 0 else int(page[TAIL])
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
        check_fits(state, self.network, graph, self.cells.x.dtype)
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
        for k in np.flatnonzero((graph.kind != CALENDAR) & (graph.model[graph.source] >= 0)):
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
            numbers = arrays[0].astype(np.int64) >> book[SHIFT]
            for number in np.unique(numbers):
                page = book[FIRST_PAGE] + (number & book[MASK])
                chosen = np.flatnonzero(numbers == number)
                places = self._page(int(page), len(chosen))
                for name, array in zip(names, arrays, strict=True):
                    q.entries[name][places] = array[chosen]
            book[WAITING] = len(numbers)
            if len(numbers):
                book[NEXT_PAGE] = numbers[0]
                q.due[k] = float(numbers[0] << book[SHIFT])

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
