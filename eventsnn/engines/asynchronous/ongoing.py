"""A run that goes on from where it stands: the event loop, and what is harvested from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous import event_loop as loop
from eventsnn.engines.asynchronous.buffers import Buffers
from eventsnn.engines.asynchronous.pace import Pace
from eventsnn.engines.asynchronous.places import CALENDAR, LEFT, PEAK, POPS, PUSHES
from eventsnn.engines.asynchronous.population_state import PopulationState
from eventsnn.engines.asynchronous.replaced import gather_anew
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.asynchronous.state_checked import digest_of
from eventsnn.engines.inputs import Feed
from eventsnn.engines.options import Options, over_budget
from eventsnn.engines.turns import Turn, amplitudes_of, turns_of
from eventsnn.network import Network
from eventsnn.record import Counts, Spikes


class Ongoing:
    """One network's buffers and what has been harvested from them.

    Attributes
    ----------
    now : float
        Every instant before it is worked off, microseconds.
    unit_spikes : dict from population name to int32 array (n,)
        Spikes of the output neurons since ``begin``.
    """

    def __init__(
        self, network: Network, weights: tuple[NDArray[Any], ...], options: Options
    ) -> None:
        self.network, self.options = network, options
        self.buffers = Buffers(network, weights, options)
        self.kept: dict[int, list[NDArray[Any]]] = {}
        self.starts: dict[int, list[int]] = {}
        self.now = 0.0
        self.sent: dict[int, int] = {}
        self.turns: list[Turn] = []
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

    def begin(self, state: State | None) -> None:
        """Put the network at rest at time 0, or where a state left it."""
        network = self.network
        self.buffers.begin(state)
        self.now = 0.0 if state is None else float(state.t)
        self.sent = dict.fromkeys(network.inputs, 0)
        self.unit_spikes = {
            network.populations[p].name: np.zeros(network.populations[p].size, np.int32)
            for p in ((*network.outputs, *self.options.counted) if self.options.unit_spikes else ())
            if network.populations[p].spiking
        }
        for p, amplitude in amplitudes_of(network, self.now).items():
            self.buffers.turn(p, amplitude)
        self.turns = turns_of(network, self.now)

    def allow(self) -> None:
        """Let the whole budget of spikes be fired from now on."""
        self.buffers.out.tally[LEFT] = self.buffers.budget

    def fired(self) -> int:
        """Return the spikes of all neurons since ``begin``."""
        return int(self.buffers.out.spikes[self.buffers.graph.model >= 0].sum())

    def added(self) -> int:
        """Return the synaptic additions since ``begin``."""
        return int(self.buffers.out.adds.sum())

    def run(self, feeds: Sequence[Feed], until: float, state: State | None) -> None:
        """Run one recording to ``until``, or until it is stopped."""
        self.begin(state)
        self.reach(feeds, until)
        if not np.isfinite(self.now):
            begun = 0.0 if state is None else float(state.t)
            self.now = max(begun, float(self.buffers.out.last[0]))
        for p, starts in self.starts.items():
            starts.append(len(self.kept[p][0]))

    def reach(self, feeds: Sequence[Feed], until: float) -> None:
        """Work off the instants before ``until``, or until it is stopped."""
        buffers = self.buffers
        pace = Pace(feeds, self.options.progress)
        while not self.stopped:
            following = self.turns[0].t if self.turns else np.inf
            stop = min(until, pace.stop(self.now), following)
            turning = [turn for turn in self.turns if turn.t == stop < until]
            self._go_on(feeds, stop, [turn.population for turn in turning])
            for turn in turning:
                buffers.turn(turn.population, turn.amplitude, stop)
            self.turns = self.turns[len(turning) :]
            if stop == until:
                break
            self.stopped = not pace.goes_on(self.now)

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
                append(self.kept[p], (out.t[:n][chosen], unit, out.value[:n][chosen]))
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

    def readout(self, name: str) -> tuple[NDArray[Any], ...]:
        """Return (final, maximum, maximum_t, integral) of one readout population."""
        p = self.network.index(name)
        neuron = self.network.populations[p].neuron
        assert neuron is not None
        cells = self.buffers.x(p), self.buffers.clocks(p), self.buffers.times(p)[1]
        return neuron.readouts(*cells, self.now)

    def readouts(self) -> dict[str, tuple[NDArray[Any], ...]]:
        """Return (final, maximum, maximum_t, integral) of each readout population."""
        silent = (p for p in self.network.populations if p.neuron and not p.spiking)
        return {population.name: self.readout(population.name) for population in silent}

    def gather_anew(self, p: int) -> None:
        """Let the readouts of population p gather anew from now on: see ``State``."""
        buffers = self.buffers
        x, times = buffers.x(p), buffers.times(p)
        found = np.concatenate([buffers.clocks(p)[None], times[1:]])
        here = PopulationState(self.network.populations[p], self.now, x.copy(), found)
        gather_anew(here, x, times, int(buffers.graph.clock[p]))

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


def append(arrays: list[NDArray[Any]], more: tuple[NDArray[Any], ...]) -> None:
    """Lengthen arrays in place: a long record is never held twice."""
    for array, new in zip(arrays, more, strict=True):
        old = len(array)
        array.resize(old + len(new), refcheck=False)
        array[old:] = new
