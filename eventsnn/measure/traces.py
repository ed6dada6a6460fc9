"""Potentials of chosen neurons over a recording, by the reference engine's own equations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.measure.operations import source_train
from eventsnn.network import Weights
from eventsnn.record import Record


def potentials(
    record: Record, weights: Weights, events: EventStream, population: str, unit: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (t, v) of one neuron: its potential just after each instant that reached it.

    Parameters
    ----------
    record : Record
        Of a run of this one recording from rest, with all spikes kept.
    weights : as they were given to the run
    events : EventStream
    population : str
        Of a model that does not fire between events.
    unit : int

    Returns
    -------
    t : float64 array
        Microseconds. A spike gives two points: the potential it reached, and what the
        reset left.
    v : float64 array
        In the units of the weights.
    """
    network = record.network
    neuron, target = network[population].neuron, network.index(population)
    size = network[population].size
    known = isinstance(unit, int | np.integer) and 0 <= unit < size
    if neuron is None or neuron.predicts or not known:
        raise UserError(
            f"potentials: {population}[{unit}] cannot be followed; give a neuron of a population "
            "that fires only at deliveries"
        )
    t: list[float] = [0.0]
    v: list[float] = [0.0]
    cell = neuron.start()
    for now, arrived in _arrivals(record, weights, events, target, unit):
        value = neuron.receive(cell, now, arrived, False)
        if value is not None:
            t.append(now)
            v.append(value)
        t.append(now)
        v.append(cell.x[0])
    return np.array(t), np.array(v)


def _arrivals(
    record: Record, weights: Weights, events: EventStream, target: int, unit: int
) -> list[tuple[float, list[float]]]:
    """Return the weights that reach the neuron at each instant, in the order of delivery."""
    network = record.network
    flat = network.weights(weights)
    came: list[tuple[float, int, int, float]] = []
    for c in (c for c, p in enumerate(network.targets) if p == target):
        connection, known = network.connections[c], {}
        delays = np.broadcast_to(connection.delay_us, connection.topology.weight_shape).reshape(-1)
        t, senders, _ = source_train(record, c, events)
        for sequence, (when, sender) in enumerate(zip(t.tolist(), senders.tolist(), strict=True)):
            if sender not in known:
                targets, synapses = connection.topology.fan_out(sender)
                known[sender] = synapses[targets == unit]
            for synapse in known[sender].tolist():
                weight = float(flat[c][synapse])
                came.append((when + int(delays[synapse]), c, sequence, weight))
    instants: dict[float, list[float]] = {}
    for when, _, _, weight in sorted(came, key=lambda arrival: arrival[:3]):
        if when < record.duration[0]:
            instants.setdefault(when, []).append(weight)
    return list(instants.items())
