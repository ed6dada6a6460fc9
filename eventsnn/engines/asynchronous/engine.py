"""The asynchronous engine: any graph, event by event, through the queue.

This file runs the event loop over recordings and makes the record; ``buffers.py``
makes and enlarges the arrays it runs on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous import event_loop as loop
from eventsnn.engines.asynchronous.buffers import Buffers
from eventsnn.engines.asynchronous.pace import Pace
from eventsnn.engines.asynchronous.places import CALENDAR, PEAK, POPS, PUSHES
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.asynchronous.state_checked import digest_of
from eventsnn.engines.inputs import Feed, Inputs
from eventsnn.engines.options import Options, over_budget
from eventsnn.engines.pool import Pool
from eventsnn.engines.turns import amplitudes_of, turns_of
from eventsnn.network import Network
from eventsnn.record import Counts, Readouts, Record, Spikes
from eventsnn.threads import in_threads

TASKS_A_THREAD = 4
"""Recordings differ: who is done with some takes others."""


class Done(NamedTuple):
    """What some recordings leave: spikes by population end to end, and a row a recording."""

    spikes: dict[int, Spikes]
    ends: list[float]
    units: list[dict[str, NDArray[np.int32]]]
    readouts: list[dict[str, tuple[NDArray[Any], ...]]]
    state: State | None


def run(
    network: Network,
    weights: tuple[NDArray[Any], ...],
    recordings: Inputs,
    options: Options,
    state: State | None = None,
) -> Record:
    """Run recordings from rest, or one recording from a state.

    Threads take recordings that follow one another, each with buffers of its own.
    """
    n = len(recordings.until)
    counts = Counts.zeros(network, n)
    if state is not None:
        state = state.of_dtype(options.dtype)
        for t in recordings.times(0) or [np.zeros(0)]:
            state.check(network, t, float(recordings.until[0]))
    # Whoever follows the run is told of one recording after the other.
    threads = 1 if options.progress is not None else min(options.threads, n)
    tasks = 1 if threads <= 1 else min(n, TASKS_A_THREAD * threads)
    pool = Pool() if options.pool is None else options.pool
    key = "asynchronous", options._replace(threads=1, progress=None, pool=None)

    def work(rows: range) -> Done:
        with pool.using(key, lambda: _Machine(network, weights, options)) as machine:
            machine.renew(options)
            return machine.through(recordings, rows, counts, state)

    cuts = np.linspace(0, n, tasks + 1).astype(int).tolist()
    done = list(in_threads(work, [range(a, b) for a, b in pairwise(cuts)], threads))
    names = [population.name for population in network.populations]
    return Record(
        network,
        np.array([end for one in done for end in one.ends], np.float64),
        counts,
        {names[p]: _end_to_end([one.spikes[p] for one in done]) for p in options.kept},
        _stacked([row for one in done for row in one.units]),
        _joined([row for one in done for row in one.readouts]),
        done[0].state if state is not None else None,
        state,
    )


def resting_state(network: Network, dtype: type[np.floating[Any]]) -> State:
    """Return the state of a network at rest at time 0."""
    weights = tuple(np.zeros(0, dtype) for _ in network.connections)
    machine = _Machine(network, weights, Options((), False, dtype, 1, 0))
    machine.renew(machine.options)
    machine.run([], 0.0, None)
    return machine.state()


class _Machine:
    """One network's buffers and what has been harvested from them."""

    def __init__(
        self, network: Network, weights: tuple[NDArray[Any], ...], options: Options
    ) -> None:
        self.network, self.options = network, options
        self.buffers = Buffers(network, weights, options)
        self.kept: dict[int, list[NDArray[Any]]] = {}
        self.starts: dict[int, list[int]] = {}
        self.now = 0.0
        self.sent: dict[int, int] = {}
        self.stopped = False
        self.unit_spikes: dict[str, NDArray[np.int32]] = {}

    def renew(self, options: Options) -> None:
        """Forget what was harvested, and take the options of another run."""
        self.options, self.stopped = options, False
        self.kept = {
            p: [np.zeros(0), np.zeros(0, np.int32), np.zeros(0, options.dtype)]
            for p in options.kept
        }
        self.starts = {p: [0] for p in options.kept}

    def through(self, recordings: Inputs, rows: range, counts: Counts, state: State | None) -> Done:
        """Run some recordings, one after the other, and write their counts."""
        ends, units, readouts = [], [], []
        for i in rows:
            until = 0.0 if self.stopped else float(recordings.until[i])
            self.run(recordings.feeds(i), until, state)
            self.count(counts, i)
            ends.append(self.now)
            units.append(self.unit_spikes)
            readouts.append(self.readouts())
        spikes = {p: self.spikes(p) for p in self.kept}
        return Done(spikes, ends, units, readouts, self.state() if state is not None else None)

    def run(self, feeds: Sequence[Feed], until: float, state: State | None) -> None:
        """Run one recording to ``until``, or until it is stopped."""
        buffers, network = self.buffers, self.network
        buffers.begin(state)
        self.now = 0.0 if state is None else float(state.t)
        self.sent = dict.fromkeys(network.inputs, 0)
        self.unit_spikes = {
            network.populations[p].name: np.zeros(network.populations[p].size, np.int32)
            for p in (network.outputs if self.options.unit_spikes else ())
            if network.populations[p].spiking
        }
        for p, amplitude in amplitudes_of(network, self.now).items():
            buffers.turn(p, amplitude)
        turns = [turn for turn in turns_of(network, self.now) if turn.t < until]
        pace = Pace(feeds, self.options.progress)
        while not self.stopped:
            stop = min([until, pace.stop(self.now), *(turn.t for turn in turns[:1])])
            turning = [turn for turn in turns if turn.t == stop]
            self._go_on(feeds, stop, [turn.population for turn in turning])
            for turn in turning:
                buffers.turn(turn.population, turn.amplitude, stop)
            turns = turns[len(turning) :]
            if stop == until:
                break
            self.stopped = not pace.goes_on(self.now)
        if not np.isfinite(self.now):
            self.now = float(buffers.out.last[0])
        for p, starts in self.starts.items():
            starts.append(len(self.kept[p][0]))

    def _go_on(self, feeds: Sequence[Feed], stop: float, turning: Sequence[int]) -> None:
        """Work off the instants before ``stop``."""
        buffers = self.buffers
        came = {feed.population: feed.between(self.now, stop) for feed in feeds}
        for p, (t, _) in came.items():
            self.sent[p] += len(t)
        buffers.feed(came, stop, turning)
        status = loop.HARVEST
        while status != loop.DONE:
            status = buffers.advance()
            if status == loop.OVER_BUDGET:
                spikes = buffers.out.spikes
                raise over_budget(self.network, spikes, self.options.event_budget)
            if status in (loop.DONE, loop.HARVEST):
                self._harvest()
            else:
                buffers.enlarge(status)
        self.now = stop

    def _harvest(self) -> None:
        """Take the spikes out of the loop's buffer."""
        out = self.buffers.out
        n = int(out.n[0])
        out.n[0] = 0
        names = [population.name for population in self.network.populations]
        for p in np.flatnonzero(out.kept).tolist() if n else ():
            chosen = out.population[:n] == p
            unit = out.unit[:n][chosen]
            if p in self.kept:
                _append(self.kept[p], (out.t[:n][chosen], unit, out.value[:n][chosen]))
            if names[p] in self.unit_spikes:
                counts = self.unit_spikes[names[p]]
                counts += np.bincount(unit, minlength=len(counts)).astype(np.int32)

    def count(self, counts: Counts, row: int) -> None:
        """Write the counts of the recording that has just run."""
        out = self.buffers.out
        counts.spikes[row] = out.spikes
        for p, sent in self.sent.items():
            counts.spikes[row, p] = sent
        counts.neuron_updates[row] = out.updates
        counts.deliveries[row] = out.deliveries
        counts.synaptic_adds[row] = out.adds
        counts.queue_pushes[row] = out.tally[PUSHES]
        counts.queue_pops[row] = out.tally[POPS]
        counts.queue_peak[row] = out.tally[PEAK]

    def spikes(self, p: int) -> Spikes:
        """Return all spikes kept of a population."""
        t, unit, value = self.kept[p]
        return Spikes(t, unit, value, np.array(self.starts[p], np.int64))

    def readouts(self) -> dict[str, tuple[NDArray[Any], ...]]:
        """Return (final, maximum, maximum_t, integral) of each readout population."""
        out = {}
        for p, population in enumerate(self.network.populations):
            if population.neuron is not None and not population.neuron.spiking:
                cells = self.buffers.x(p), self.buffers.clocks(p), self.buffers.times(p)[1]
                out[population.name] = population.neuron.readouts(*cells, self.now)
        return out

    def state(self) -> State:
        """Return where the run stands."""
        graph, queue = self.buffers.graph, self.buffers.queue
        logs = [self._log(p) for p in range(len(graph.size))]
        firsts = np.array([first for _, _, first in logs], np.int64)
        synapses = [
            self.buffers.waiting(k) for k in np.flatnonzero(graph.kind == CALENDAR).tolist()
        ]
        kinds: list[Any] = [np.float64, np.int32, self.options.dtype]
        t, target, weight = (
            np.concatenate([np.zeros(0, kind), *(s[i] for s in synapses)])
            for i, kind in enumerate(kinds)
        )
        return State(
            t=np.array(self.now),
            network=digest_of(self.buffers.network).copy(),
            sizes=graph.size.copy(),
            x=self.buffers.cells.x.copy(),
            times=self.buffers.cells.times.copy(),
            log_t=np.concatenate([np.zeros(0), *(log[0] for log in logs)]),
            log_unit=np.concatenate([np.zeros(0, np.int32), *(log[1] for log in logs)]),
            log_at=np.cumsum([0, *(len(log[0]) for log in logs)]).astype(np.int64),
            cursor=np.where(graph.kind != CALENDAR, queue.cursor - firsts[graph.source], 0),
            synapse_t=t,
            synapse_target=target,
            synapse_weight=weight,
            synapse_at=np.cumsum([0, *(len(s[0]) for s in synapses)]).astype(np.int64),
            described=self.network,
        )

    def _log(self, p: int) -> tuple[NDArray[np.float64], NDArray[np.int32], int]:
        """Return the spikes of a population that some channel has still to read, and the first."""
        graph, queue = self.buffers.graph, self.buffers.queue
        readers = (graph.source == p) & (graph.kind != CALENDAR)
        if graph.model[p] < 0:
            given, n = self.buffers.given, int(np.diff(self.buffers.given.at)[p])
            first = int(min(queue.cursor[readers], default=n))
            part = slice(int(given.at[p]) + first, int(given.at[p]) + n)
            return given.t[part], given.unit[part], first
        first = int(min(queue.cursor[readers], default=queue.log_tail[p]))
        places = queue.log_at[p] + (np.arange(first, queue.log_tail[p]) & queue.log_mask[p])
        return queue.log_t[places], queue.log_unit[places], first


def _append(arrays: list[NDArray[Any]], more: tuple[NDArray[Any], ...]) -> None:
    """Lengthen arrays in place: a long record is never held twice."""
    for array, new in zip(arrays, more, strict=True):
        old = len(array)
        array.resize(old + len(new), refcheck=False)
        array[old:] = new


def _end_to_end(parts: list[Spikes]) -> Spikes:
    """Lay the spikes of consecutive recordings end to end."""
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0, *(len(part.t) for part in parts)])
    starts = [part.start[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return Spikes(
        np.concatenate([part.t for part in parts]),
        np.concatenate([part.unit for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([*starts, ends[-1:]]),
    )


def _stacked(rows: list[dict[str, NDArray[np.int32]]]) -> dict[str, NDArray[np.int32]]:
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _joined(rows: list[dict[str, tuple[NDArray[Any], ...]]]) -> dict[str, Readouts]:
    names = rows[0] if rows else ()
    columns = {name: zip(*(row[name] for row in rows), strict=True) for name in names}
    return {name: Readouts(*(np.array(c) for c in column)) for name, column in columns.items()}
