"""How large a potential can become: bounds from weights, thresholds and the events of a recording.

A potential never exceeds the sum of all positive weights that reach its neuron in a recording, nor
falls below that of the negative ones: decay, resets and refractory times only shrink it. An event
brings a neuron behind the input at most its largest weight. A neuron that was given P fires at
most P / threshold times, for every spike takes a threshold, or more, of what was given. So the
bounds of a layer follow from those of the layer before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array

from eventsnn.errors import UserError
from eventsnn.exchange.integers.reference import checked_order
from eventsnn.network import Network, Weights
from eventsnn.text import named

MOST = (1 << 31) - 1
"""The largest potential of 32 bits; the smallest is its negative."""

MOST_EVENTS = (1 << 31) - 1


@dataclass(frozen=True)
class _Link:
    """A connection into a population: what each sender adds, and takes, at most, by target."""

    source: str
    plus: csc_array
    minus: csc_array


@dataclass(frozen=True)
class _Layer:
    """A population behind the input."""

    name: str
    limits: NDArray[np.float64] | None
    scale: int
    links: tuple[_Link, ...]


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
    found = _bounds(_layers(network, weights), events)
    return {name: int(value) for name, value in found.items()}


def most_events(network: Network, weights: Weights) -> int:
    """Return how many events a recording may hold so that no potential leaves 32 bits.

    Raises
    ------
    UserError
        If a single event may do so: it names the population.
    """
    layers = _layers(network, weights)
    least, most = 0, MOST_EVENTS + 1
    while most - least > 1:
        middle = (least + most) // 2
        fits = max(_bounds(layers, middle).values(), default=0.0) <= MOST
        least, most = (middle, most) if fits else (least, middle)
    if least == 0:
        found = _bounds(layers, 1)
        name = next(name for name in found if found[name] > MOST)
        raise UserError(
            f"integers: potentials of {named(name)} may leave 32 bits after one event; give it "
            "smaller weights, or a smaller fraction"
        )
    return least


def _layers(network: Network, weights: Weights) -> list[_Layer]:
    out = []
    flat = network.shaped(weights, np.float64)
    for population in checked_order(network):
        neuron: Any = population.neuron
        limits = None
        if population.spiking:
            limits = np.array([neuron.of(j).threshold for j in range(population.size)], float)
        links = [
            _link(network, c.name, flat) for c in network.connections if c.target == population.name
        ]
        out.append(_Layer(population.name, limits, 1 << neuron.fraction, tuple(links)))
    return out


def _link(network: Network, name: str, weights: Weights) -> _Link:
    table = network.synapses(name, weights)
    connection = next(c for c in network.connections if c.name == name)
    shape = network[connection.source].size, network[connection.target].size
    places = (table.source, table.target)
    weight = np.asarray(table.weight, np.float64)
    # What falls on one pair is summed, the positive and the negative apart.
    plus, minus = (coo_array((np.maximum(s * weight, 0), places), shape).tocsc() for s in (1, -1))
    return _Link(connection.source, plus, minus)


def _bounds(layers: list[_Layer], events: int) -> dict[str, float]:
    """Return the bounds in float64: beyond 2**53 inexact, and far too large."""
    fired: dict[str, NDArray[np.float64]] = {}
    out = {}
    for layer in layers:
        plus, minus = np.zeros(1), np.zeros(1)
        for link in layer.links:
            plus = plus + _given(link.plus, fired.get(link.source), events)
            minus = minus + _given(link.minus, fired.get(link.source), events)
        plus, minus = plus * layer.scale, minus * layer.scale
        out[layer.name] = float(max(plus.max(), minus.max()))
        if layer.limits is not None:
            fired[layer.name] = np.floor(plus / layer.limits)
    return out


def _given(
    weights: csc_array, fired: NDArray[np.float64] | None, events: int
) -> NDArray[np.float64]:
    """Return what reaches each neuron in all: of the input, or of neurons that fire so often."""
    if fired is None:
        return np.asarray(weights.max(axis=0).todense(), np.float64).reshape(-1) * events
    return np.asarray(fired @ weights, np.float64).reshape(-1)
