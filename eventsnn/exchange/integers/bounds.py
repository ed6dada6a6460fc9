"""How large a potential can become: bounds from weights, thresholds and the events of a recording.

A potential never exceeds the sum of all positive weights that reach its neuron in a recording, nor
falls below that of the negative ones: decay, resets and refractory times only shrink it. A neuron
that was given P in all fires at most P / threshold times, for every spike takes a threshold, or
more, of what was given. So what one event can bring about adds up: the most that it gives a neuron
behind the input is its weight; through neurons that fire, their share of a spike times the next
weight. A bound is what the worst input unit brings about, times the events of a recording.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, identity

from eventsnn.errors import UserError
from eventsnn.exchange.integers.reference import checked_order
from eventsnn.network import Network, Weights
from eventsnn.text import named

MOST = (1 << 31) - 1
"""The largest potential of 32 bits; the smallest is its negative."""

MOST_EVENTS = (1 << 31) - 1


SLACK = 1.0 + 1e-11
"""More than what float64 rounds."""


def bounds(network: Network, weights: Weights, events: int) -> dict[str, int]:
    """Return the largest size that a potential of each population can reach.

    Parameters
    ----------
    network : Network
        Of integer neurons, without a cycle.
    weights : mapping by connection name, or sequence in connection order
        Whole numbers.
    events : int
        Of a recording, at most.

    Returns
    -------
    dict from population name to int
    """
    return {name: int(most * events * SLACK) for name, most in by_event(network, weights).items()}


def most_events(network: Network, weights: Weights) -> int:
    """Return how many events a recording may hold so that no potential leaves 32 bits.

    Raises
    ------
    UserError
        If a single event may do so: it names the population.
    """
    found = by_event(network, weights)
    for name, most in found.items():
        if most * SLACK > MOST:
            raise UserError(
                f"integers: potentials of {named(name)} may leave 32 bits after one event; give it "
                "smaller weights, or a smaller fraction"
            )
    largest = max(found.values(), default=0.0) * SLACK
    return min(MOST_EVENTS, int(MOST / largest)) if largest else MOST_EVENTS


def by_event(network: Network, weights: Weights) -> dict[str, float]:
    """Return how much a single event can move a potential of each population, at most.

    Its own spike and what it adds to spikes of others are both in it.
    """
    flat = network.shaped(weights, np.float64)
    source = network.populations[network.input]
    # What an event at each input unit (a row) adds, at most, to the spikes of a neuron (a column).
    spikes: dict[str, csr_array] = {source.name: csr_array(identity(source.size))}
    out = {}
    for population in checked_order(network):
        neuron: Any = population.neuron
        plus, minus = csr_array((source.size, population.size)), 0.0
        for connection in network.connections:
            if connection.target == population.name:
                given = spikes[connection.source]
                more, less = _signs(network, connection.name, flat)
                plus = plus + given @ more
                minus += float((given @ less).max())
        scale = 1 << neuron.fraction
        out[population.name] = scale * max(float(plus.max()), minus)
        if population.spiking:
            limits = np.array([neuron.of(j).threshold for j in range(population.size)], float)
            spikes[population.name] = csr_array(plus * scale / limits)
    return out


def _signs(network: Network, name: str, weights: Weights) -> tuple[csr_array, csr_array]:
    """Return the positive weights, and the negative ones without their sign: sender, target.

    What falls on one pair is summed, the positive and the negative apart.
    """
    table = network.synapses(name, weights)
    connection = next(c for c in network.connections if c.name == name)
    shape = network[connection.source].size, network[connection.target].size
    places, weight = (table.source, table.target), np.asarray(table.weight, np.float64)
    plus, minus = (coo_array((np.maximum(s * weight, 0), places), shape).tocsr() for s in (1, -1))
    return plus, minus
