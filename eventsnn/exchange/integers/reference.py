"""The definition of the integer machine: one recording through a network, in plain Python ints.

Nothing here is numpy or float arithmetic; numbers grow as they need to. Engines and programs that
were exported give the same integers wherever the bounds hold (``bounds.py``).
``docs/explanation/integers.md`` is this file in words.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.network import Network, Population, Weights
from eventsnn.text import named

HALF = 1 << 29

Arrived = dict[int, dict[int, list[int]]]
"""Weights by the microsecond at which they arrive and by the neuron that they reach."""


class Potential(NamedTuple):
    """What an integer readout keeps of a recording.

    Attributes
    ----------
    final, maximum, integral : int
        At the end of the recording; see ``neurons/integer_readout.py``.
    """

    final: int
    maximum: int
    integral: int


class IntegerRun(NamedTuple):
    """What a recording did.

    Attributes
    ----------
    spikes : dict from population name to list of (t_us, unit)
        In order of time and, at an instant, of unit; of the input too.
    potentials : dict from population name to list of Potential
        Of populations that never fire, one a neuron.
    largest : dict from population name to int
        The largest size that a potential had.
    """

    spikes: dict[str, list[tuple[int, int]]]
    potentials: dict[str, list[Potential]]
    largest: dict[str, int]


def run(network: Network, weights: Weights, stream: EventStream) -> IntegerRun:
    """Run one recording.

    Parameters
    ----------
    network : Network
        One input, and populations of ``IntegerLIF`` and ``IntegerReadout`` without a cycle.
    weights : mapping by connection name, or sequence in connection order
        Whole numbers.
    stream : EventStream

    Raises
    ------
    UserError
        For another network, and a weight that is no whole number.
    """
    order = checked_order(network)
    whole = _whole(network, weights)
    source = network.populations[network.input].name
    spikes = {source: sorted(zip(stream.t.tolist(), stream.unit.tolist(), strict=True))}
    found = IntegerRun(spikes, {}, {})
    for population in order:
        arrived: Arrived = {}
        for c, connection in enumerate(network.connections):
            if connection.target == population.name:
                _deliver(network, c, whole[c], found.spikes[connection.source], arrived)
        work = _fire if population.spiking else _integrate
        work(population, arrived, found, stream.duration)
    return found


def checked_order(network: Network) -> list[Population]:
    """Return the populations behind the input, each after those that send to it.

    Raises
    ------
    UserError
        For a network that is not one of integers, or has a cycle: it names the population.
    """
    if len(network.inputs) != 1 or network.populations[network.input].generator is not None:
        raise UserError("integers: the network has no input, or several; give one with one input")
    left = [p for i, p in enumerate(network.populations) if i != network.input]
    for p in left:
        if p.neuron is None or not p.neuron.whole or p.generator is not None:
            kind = p.neuron.kind if p.neuron else "input"
            raise UserError(
                f"integers: population {named(p.name)} has {kind} neurons; give a network that "
                "eventsnn quantize wrote"
            )
    order: list[Population] = []
    while left:
        waiting = {p.name for p in left}
        free = [
            p
            for p in left
            if not any(c.source in waiting for c in network.connections if c.target == p.name)
        ]
        if not free:
            raise UserError(
                f"integers: population {named(left[0].name)} is in a cycle, in which no potential "
                "has a bound; give a network without one"
            )
        order.append(free[0])
        left.remove(free[0])
    return order


def _whole(network: Network, weights: Weights) -> list[list[int]]:
    """Return the flat weights of each connection as ints."""
    out = []
    for connection, flat in zip(network.connections, network.weights(weights), strict=True):
        values = flat.tolist()
        if any(value != int(value) for value in values):
            raise UserError(
                f"integers: weights of {named(connection.name)} are no whole numbers; give those "
                "that eventsnn quantize wrote"
            )
        out.append([int(value) for value in values])
    return out


def _deliver(
    network: Network, c: int, weights: list[int], spikes: list[tuple[int, int]], arrived: Arrived
) -> None:
    """Add what the spikes of a connection's source deliver, and when."""
    connection = network.connections[c]
    delays = connection.delay_us
    for t, unit in spikes:
        for target, k in zip(*(a.tolist() for a in connection.topology.fan_out(unit)), strict=True):
            delay = delays if isinstance(delays, int) else int(delays.reshape(-1)[k])
            arrived.setdefault(t + delay, {}).setdefault(target, []).append(weights[k])


def _factor(ticks: int, rows: tuple[tuple[int, ...], ...], cut: int) -> int:
    """Return the decay over some ticks, 2**30 for none."""
    if not rows:
        return 2 * HALF
    if ticks >= cut:
        return 0
    out = rows[0][ticks & 255]
    for row in rows[1:]:
        ticks >>= 8
        out = (out * row[ticks & 255] + HALF) >> 30
    return out


def _fire(population: Population, arrived: Arrived, found: IntegerRun, end: int) -> None:
    """Run neurons that fire; deliveries from the end on are not seen."""
    neuron: Any = population.neuron
    n, (rows, cut) = population.size, neuron.decays
    v, clock, ready = [0] * n, [-1] * n, [-1] * n
    limits = [neuron.of(j).threshold for j in range(n)]
    spikes: list[tuple[int, int]] = []
    largest = 0
    for t in sorted(t for t in arrived if t < end):
        for j, weights in sorted(arrived[t].items()):
            ticks = t // neuron.tick_us - clock[j] // neuron.tick_us
            v[j] = (v[j] * _factor(ticks, rows, cut) + HALF) >> 30
            clock[j] = t
            if t < ready[j]:
                continue
            v[j] += sum(weights) << neuron.fraction
            largest = max(largest, abs(v[j]))
            if v[j] >= limits[j]:
                spikes.append((t, j))
                v[j] = v[j] - limits[j] if neuron.reset == "subtract" else 0
                ready[j] = t + int(neuron.refractory_us)
    found.spikes[population.name], found.largest[population.name] = spikes, largest


def _integrate(population: Population, arrived: Arrived, found: IntegerRun, end: int) -> None:
    """Run neurons that never fire, to the end of the recording."""
    neuron: Any = population.neuron
    n, (rows, cut) = population.size, neuron.decays
    v, clock, most, total = [0] * n, [-1] * n, [0] * n, [0] * n
    largest = 0

    def bring(j: int, t: int) -> None:
        ticks = t // neuron.tick_us - clock[j] // neuron.tick_us
        if not rows:
            total[j] += v[j] * (t - clock[j])
        v[j] = (v[j] * _factor(ticks, rows, cut) + HALF) >> 30
        clock[j] = t

    for t in sorted(t for t in arrived if t < end):
        for j, weights in sorted(arrived[t].items()):
            bring(j, t)
            came = sum(weights) << neuron.fraction
            v[j] += came
            total[j] += came if rows else 0
            most[j] = max(most[j], v[j])
            largest = max(largest, abs(v[j]))
    for j in range(n):
        bring(j, end)
    kept = [Potential(v[j], most[j], total[j] - v[j] if rows else total[j]) for j in range(n)]
    found.potentials[population.name], found.largest[population.name] = kept, largest
