"""Neurons once more through what reached them, by the definition of their model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.waiting import waiting
from eventsnn.engines.gathered import Given
from eventsnn.engines.turns import amplitudes_of, turns_of
from eventsnn.measure.operations import source_train
from eventsnn.network import Connection, Population, Weights
from eventsnn.neurons.neuron import Neuron
from eventsnn.record import Record


class Snapshot(NamedTuple):
    """A neuron just after an instant.

    Attributes
    ----------
    t : float
        Microseconds.
    x, times : tuples of float
        Its cell.
    neuron : Neuron
        The model from here on, with the current that a generator leads into it.
    reached : tuple of float or None
        Its variables before the reset, where it fired.
    """

    t: float
    x: tuple[float, ...]
    times: tuple[float, ...]
    neuron: Neuron
    reached: tuple[float, ...] | None = None


class Instant(NamedTuple):
    """What reaches some neurons at one time: weights of each, in the order of delivery."""

    t: float
    weights: dict[int, list[float]]


class Delivered:
    """What reached the neurons of a population in a run of one recording."""

    def __init__(self, record: Record, weights: Weights, events: Given, population: str) -> None:
        network, began = record.network, record.began
        target, flat = network.index(population), network.weights(weights)
        self.since = record.since
        self.began = None if began is None else began.of(network)[population]
        self.amplitude = amplitudes_of(network, self.since).get(target, 0.0)
        self.turns = [turn for turn in turns_of(network, self.since) if turn.population == target]
        self._into: list[tuple[Connection, NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        self._on_its_way: list[tuple[NDArray[Any], ...]] = []
        for c, connection in enumerate(network.connections):
            if network.targets[c] != target:
                continue
            t, unit, _ = source_train(record, c, events, each=True)
            t, unit = t[t >= self.since], unit[t >= self.since]
            late: tuple[NDArray[Any], ...] = (np.zeros(0),) * 3
            if began is not None:
                before = waiting(began, network, c)
                t, unit = np.concatenate([before.t, t]), np.concatenate([before.unit, unit])
                late = before.due, before.target, before.weight
            order = np.lexsort((unit, t))  # events of one instant go by unit
            self._into.append((connection, flat[c], t[order], unit[order]))
            self._on_its_way.append(late)

    def of(self, units: tuple[int, ...]) -> Iterator[Instant]:
        """Go through the instants at which something reaches one of these neurons."""
        parts = [self._through(place, units) for place in range(len(self._into))]
        columns = [np.concatenate([part[k] for part in parts] or [np.zeros(0)]) for k in range(5)]
        t, place, sequence, unit, weight = columns
        order = np.lexsort((sequence, place, t))  # stable: synapses of a spike stay in order
        rows = zip(*(c[order].tolist() for c in (t, unit, weight)), strict=True)
        now = Instant(-math.inf, {})
        for when, one, value in rows:
            if when != now.t:
                if now.weights:
                    yield now
                now = Instant(when, {})
            now.weights.setdefault(int(one), []).append(value)
        if now.weights:
            yield now

    def _through(self, place: int, units: tuple[int, ...]) -> list[NDArray[Any]]:
        """Return time, connection, sequence, unit and weight of what comes by one connection."""
        connection, flat, t, sender = self._into[place]
        delays = np.broadcast_to(connection.delay_us, connection.topology.weight_shape).reshape(-1)
        known: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        due, target, weight = self._on_its_way[place]
        wanted = np.isin(target, units)
        same = np.ones(int(wanted.sum()))
        first = (due[wanted], place * same, -same, target[wanted], weight[wanted])
        out = [[np.asarray(values, np.float64)] for values in first]
        for sequence, (when, one) in enumerate(zip(t.tolist(), sender.tolist(), strict=True)):
            if one not in known:
                targets, synapses = connection.topology.fan_out(one)
                wanted = np.isin(targets, units)
                known[one] = targets[wanted], synapses[wanted]
            targets, synapses = known[one]
            if not len(targets):
                continue
            same = np.ones(len(targets))
            columns = (when + delays[synapses], place * same, sequence * same, targets)
            for column, values in zip(out, (*columns, flat[synapses]), strict=True):
                column.append(np.asarray(values, np.float64))
        return [np.concatenate(column) for column in out]


def replayed(
    population: Population, arrivals: Delivered, units: tuple[int, ...], until: float
) -> dict[int, list[Snapshot]]:
    """Return what some neurons went through, from where the run began.

    Neurons that act on others of their population are run with all of them.
    """
    neuron = population.neuron
    assert neuron is not None
    if type(neuron).lateral is not Neuron.lateral:
        kept = _Replay(neuron, tuple(range(population.size)), arrivals).until(until)
        return {unit: kept[unit] for unit in units}
    return {unit: _Replay(neuron, (unit,), arrivals).until(until)[unit] for unit in units}


class _Replay:
    """Neurons on their way through the instants at which something arrives, or they fire."""

    def __init__(self, neuron: Neuron, units: tuple[int, ...], arrivals: Delivered) -> None:
        self.base = self.neuron = neuron
        if arrivals.amplitude:
            self.neuron = neuron.with_current(arrivals.amplitude)
        began, each = arrivals.began, sorted(units)
        self.cells = {u: neuron.of(u).start() for u in each}
        if began is not None:
            self.cells = {u: self.neuron.of(u).recalled(began.cell(u)) for u in each}
        self.coming, self.turns = arrivals.of(units), list(arrivals.turns)
        self.kept = {unit: [self._snapshot(arrivals.since, unit)] for unit in self.cells}

    def until(self, end: float) -> dict[int, list[Snapshot]]:
        """Work off the instants before ``end``."""
        never = Instant(math.inf, {})
        coming = next(self.coming, never)
        while True:
            due = {u: self.neuron.next_spike(cell) for u, cell in self.cells.items()}
            turning = self.turns[0].t if self.turns else math.inf
            t = min([coming.t, turning, *due.values()])
            if not t < end:
                return self.kept
            weights = coming.weights if coming.t == t else {}
            fires = {unit for unit, when in due.items() if when == t}
            touched = sorted({*weights, *fires, *(self.cells if turning == t else ())})
            self._instant(Instant(t, {u: weights.get(u, []) for u in touched}), fires)
            coming = next(self.coming, never) if coming.t == t else coming

    def _instant(self, instant: Instant, due: set[int]) -> None:
        """Let neurons take what arrives, fire, and act on others."""
        t, before, fired = instant.t, self.neuron, list[int]()
        if self.turns and self.turns[0].t == t:
            self.neuron = self.base.with_current(self.turns.pop(0).amplitude)
        reached: dict[int, tuple[float, ...]] = {}
        for unit, weights in instant.weights.items():
            cell, one, after = self.cells[unit], before.of(unit), self.neuron.of(unit)
            was = one.now(cell, t)
            came = cell, t, weights, unit in due
            value = one.receive(*came) if after is one else one.turned(*came, after)
            if value is not None:
                fired.append(unit)
                reached[unit] = (value if before.value_is_v else was[0], *was[1:])
        moved = self._acted_on(t, fired) if fired and len(self.cells) > 1 else set()
        for unit in {*instant.weights, *moved}:
            self.kept[unit].append(self._snapshot(t, unit, reached.get(unit)))

    def _acted_on(self, t: float, fired: list[int]) -> set[int]:
        """Let those that fired act on others; return whom they changed."""
        was = {unit: (*cell.x, *cell.times) for unit, cell in self.cells.items()}
        self.neuron.lateral(list(self.cells.values()), t, fired)
        return {u for u, cell in self.cells.items() if (*cell.x, *cell.times) != was[u]}

    def _snapshot(self, t: float, unit: int, reached: tuple[float, ...] | None = None) -> Snapshot:
        cell = self.cells[unit]
        return Snapshot(t, tuple(cell.x), tuple(cell.times), self.neuron.of(unit), reached)
