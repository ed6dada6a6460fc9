"""The reference engine: plain Python, one queue, float64. It is the definition.

Everything that is going to happen stands in one queue, ordered by

    (time, population, connection, sequence)

where populations rank in the order of ``Network.order`` and the sequence counts what
was sent. An instant is worked off population by population. All deliveries to a
neuron at one instant are handed to it together, in that order; it adds them, and is
tested once. What it fires is sent at once: with zero delay it reaches populations
that rank later in the same instant. Where a current changes, every neuron of its
population takes part in the instant.
"""

from __future__ import annotations

import math
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sortedcontainers import SortedKeyList

from eventsnn.engines.inputs import Feed, Inputs
from eventsnn.engines.options import Options, over_budget
from eventsnn.engines.turns import turns_of
from eventsnn.network import Network
from eventsnn.neurons.neuron import Neuron
from eventsnn.record import Counts, Readouts, Record, Spikes


class Pending(NamedTuple):
    """A delivery to come (or a predicted spike: connection -1, its unit as target)."""

    t: float
    rank: int
    connection: int
    sequence: int
    targets: list[int]
    weights: list[float]


class Log(NamedTuple):
    """Spikes of one population so far."""

    t: list[float]
    unit: list[int]
    value: list[float]


def run(
    network: Network, weights: tuple[NDArray[Any], ...], recordings: Inputs, options: Options
) -> Record:
    """Run every recording from rest and put the records end to end."""
    runs = []
    counts = Counts.zeros(network, len(recordings.until))
    for i, until in enumerate(recordings.until):
        machine = _Machine(network, weights, counts, i, options.event_budget)
        machine.run(recordings.feeds(i), float(until))
        runs.append(machine)
    spikes = {network.populations[p].name: _spikes([m.logs[p] for m in runs]) for p in options.kept}
    return Record(
        network,
        np.array([machine.now for machine in runs]),
        counts,
        spikes,
        _unit_spikes(network, runs) if options.unit_spikes else {},
        _readouts(network, runs),
    )


class _Machine:
    """One recording's run."""

    def __init__(
        self,
        network: Network,
        weights: tuple[NDArray[Any], ...],
        counts: Counts,
        row: int,
        event_budget: int,
    ) -> None:
        self.network, self.weights, self.counts, self.row = network, weights, counts, row
        self.left = self.budget = event_budget
        self.rank = {p: rank for rank, p in enumerate(network.order)}
        self.queue = SortedKeyList(key=lambda e: (e.t, e.rank, e.connection, e.sequence))
        self.sequence = count()
        self.now = 0.0
        self.logs = [Log([], [], []) for _ in network.populations]
        self.cells = [
            [p.neuron.of(unit).start() for unit in range(p.size)] if p.neuron else []
            for p in network.populations
        ]
        self.neurons = [p.neuron for p in network.populations]
        self.turns = turns_of(network, 0.0)
        self.predicts = [p.predicts for p in network.populations]
        self.predicted: dict[tuple[int, int], Pending] = {}
        for p, population in enumerate(network.populations):
            if population.neuron and population.predicts:
                for unit in range(population.size):
                    self._predict(p, unit, population.neuron)

    def run(self, feeds: list[Feed], until: float) -> None:
        """Work off the instants before ``until``."""
        given = {feed.population: feed.between(0.0, until) for feed in feeds}
        cursor = dict.fromkeys(given, 0)
        while True:
            now = min(
                *(float(t[cursor[p]]) for p, (t, _) in given.items() if cursor[p] < len(t)),
                self.queue[0].t if self.queue else math.inf,
                self.turns[0].t if self.turns else math.inf,
                math.inf,
            )
            if now >= until:
                break
            self.now = now
            for p in self.network.order:
                if p not in given:
                    fired = self._instant(p)
                else:
                    fired, (t, unit) = [], given[p]
                    while cursor[p] < len(t) and t[cursor[p]] == now:
                        fired.append(int(unit[cursor[p]]))
                        cursor[p] += 1
                self.counts.spikes[self.row, p] += len(fired)
                for sender in fired:
                    self._send(p, sender)
        if math.isfinite(until):
            self.now = until

    def _instant(self, p: int) -> list[int]:
        """Hand population ``p`` all that is due now; return the units that fire, sorted."""
        neuron = after = self.neurons[p]
        assert neuron is not None and after is not None
        arrived: dict[int, list[float]] = {}
        if self.turns and self.turns[0][:2] == (self.now, p):
            base = self.network.populations[p].neuron
            assert base is not None
            after = self.neurons[p] = base.with_current(self.turns.pop(0).amplitude)
            arrived = {unit: [] for unit in range(len(self.cells[p]))}
        due = set()
        while self.queue and (self.queue[0].t, self.queue[0].rank) == (self.now, self.rank[p]):
            pending = self.queue.pop(0)
            if pending.connection < 0:
                due.add(pending.targets[0])
                del self.predicted[p, pending.targets[0]]
                continue
            self._count_delivery(pending)
            for target, weight in zip(pending.targets, pending.weights, strict=True):
                arrived.setdefault(target, []).append(weight)
        fired = []
        for unit in sorted(due | set(arrived)):
            cell, one = self.cells[p][unit], neuron.of(unit)
            came = cell, self.now, arrived.get(unit, []), unit in due
            value = one.receive(*came) if after is neuron else one.turned(*came, after.of(unit))
            if value is not None:
                fired.append(unit)
                self.logs[p].t.append(self.now)
                self.logs[p].unit.append(unit)
                self.logs[p].value.append(value)
            if self.predicts[p]:
                self._predict(p, unit, neuron)
        neuron.lateral(self.cells[p], self.now, fired)
        self.counts.neuron_updates[self.row, p] += len(due | set(arrived))
        self.left -= len(fired)
        if self.left < 0:
            self.counts.spikes[self.row, p] += len(fired)
            raise over_budget(self.network, self.counts.spikes[self.row], self.budget)
        return fired

    def _send(self, p: int, packed: int) -> None:
        """Queue one spike, or an event with its count, for all its synapses, one delay together."""
        more, sender = divmod(packed, self.network.populations[p].size)
        for c, connection in enumerate(self.network.connections):
            if self.network.sources[c] != p:
                continue
            targets, synapses = connection.topology.fan_out(sender)
            weights = [w * (more + 1) for w in self.weights[c][synapses].tolist()]
            rank = self.rank[self.network.targets[c]]
            if isinstance(connection.delay_us, int):
                when = self.now + connection.delay_us
                self._push(Pending(when, rank, c, next(self.sequence), targets.tolist(), weights))
                continue
            self.counts.deliveries[self.row, c] += 1
            delays = connection.delay_us.reshape(-1)[synapses]
            for target, weight, delay in zip(targets.tolist(), weights, delays, strict=True):
                when = self.now + int(delay)
                self._push(Pending(when, rank, c, next(self.sequence), [target], [weight]))

    def _predict(self, p: int, unit: int, neuron: Neuron) -> None:
        """Replace the neuron's predicted spike in the queue."""
        if (p, unit) in self.predicted:
            self.queue.remove(self.predicted.pop((p, unit)))
        when = neuron.next_spike(self.cells[p][unit])
        if when < math.inf:
            pending = Pending(when, self.rank[p], -1, unit, [unit], [])
            self.predicted[p, unit] = pending
            self._push(pending)

    def _push(self, pending: Pending) -> None:
        self.queue.add(pending)
        self.counts.queue_pushes[self.row] += 1
        self.counts.queue_peak[self.row] = max(self.counts.queue_peak[self.row], len(self.queue))

    def _count_delivery(self, pending: Pending) -> None:
        self.counts.queue_pops[self.row] += 1
        self.counts.synaptic_adds[self.row, pending.connection] += len(pending.targets)
        if self.network.connections[pending.connection].one_delay:
            self.counts.deliveries[self.row, pending.connection] += 1


def _spikes(logs: list[Log]) -> Spikes:
    start = np.concatenate([[0], np.cumsum([len(log.t) for log in logs])]).astype(np.int64)
    return Spikes(
        np.array([t for log in logs for t in log.t], np.float64),
        np.array([unit for log in logs for unit in log.unit], np.int32),
        np.array([value for log in logs for value in log.value], np.float64),
        start,
    )


def _unit_spikes(network: Network, runs: list[_Machine]) -> dict[str, NDArray[np.int32]]:
    out = {}
    for p in network.outputs:
        population = network.populations[p]
        if population.spiking:
            rows = [np.bincount(m.logs[p].unit, minlength=population.size) for m in runs]
            out[population.name] = np.array(rows, np.int32).reshape(len(runs), population.size)
    return out


def _readouts(network: Network, runs: list[_Machine]) -> dict[str, Readouts]:
    out = {}
    for p, population in enumerate(network.populations):
        neuron = population.neuron
        if neuron is None or neuron.spiking:
            continue
        values = np.array([[neuron.readout(cell, m.now) for cell in m.cells[p]] for m in runs])
        values = values.reshape(len(runs), population.size, 4)
        out[population.name] = Readouts(*(values[:, :, k].copy() for k in range(4)))
    return out
