"""A network as a C program has it: numbered from the input on, every size known before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from eventsnn.exchange.c.answer import CAnswer
from eventsnn.exchange.c.door import check_connection, check_network, check_population
from eventsnn.exchange.c.traits import Traits
from eventsnn.network import Connection, Network, Population

WORD = 32
"""Neurons of a word of bits."""


@dataclass(frozen=True, eq=False)
class CPopulation:
    """A population, and where its numbers begin among those of all.

    Attributes
    ----------
    population : Population
    traits : Traits
        Of an input none that matter.
    bits, v, clock, ready : int
        First place of its bits (words), potentials, clocks, and ends of refractory times.
    share : int
        Neighbours of one clock.
    clocks, pauses : int
        How many it has of these.
    """

    population: Population
    traits: Traits
    bits: int
    v: int
    clock: int
    ready: int
    share: int
    clocks: int
    pauses: int

    @property
    def size(self) -> int:
        """Neurons."""
        return self.population.size

    @property
    def words(self) -> int:
        """Words of bits."""
        return -(-self.size // WORD)


@dataclass(frozen=True, eq=False)
class CConnection:
    """A connection between numbered populations, with its weights, flat."""

    source: int
    target: int
    connection: Connection
    weights: NDArray[Any]


@dataclass(frozen=True, eq=False)
class CProgram:
    """All that is written, but for the words of C.

    Attributes
    ----------
    network : Network
    places : tuple of CPopulation
        The input, then populations in the order in which an instant reaches them; the output last.
    ways : tuple of CConnection
        By the population that they lead to.
    answer : CAnswer
    sensor : (polarities, height, width) or None
    """

    network: Network
    places: tuple[CPopulation, ...]
    ways: tuple[CConnection, ...]
    answer: CAnswer
    sensor: tuple[int, int, int] | None

    @property
    def neurons(self) -> tuple[CPopulation, ...]:
        """The populations behind the input."""
        return self.places[1:]

    @property
    def whole(self) -> bool:
        """Whether its neurons are of whole numbers."""
        return any(p.neuron is not None and p.neuron.whole for p in self.network.populations)

    @property
    def output(self) -> CPopulation:
        """The population whose answer is read."""
        return self.places[-1]

    def total(self, name: str) -> int:
        """Return how many ``clocks``, ``pauses`` or ``words`` all populations have."""
        return sum(getattr(place, name) for place in self.places)


def program_of(
    network: Network,
    weights: tuple[NDArray[Any], ...],
    answer: CAnswer,
    sensor: tuple[int, int, int] | None,
) -> CProgram:
    """Number a network that a C program can run; ``weights`` are flat.

    Raises
    ------
    UserError
        That names the population or connection that it cannot, and what to do.
    """
    check_network(network)
    last = len(network.populations) - 1
    between = [p for p in network.order if p not in (network.input, last)]
    order = [network.input, *between, last]
    places: list[CPopulation] = []
    for p in order:
        places.append(_place(network, p, places[-1] if places else None))
    number = {p: k for k, p in enumerate(order)}
    ways = [
        CConnection(number[network.sources[c]], number[network.targets[c]], connection, weights[c])
        for c, connection in enumerate(network.connections)
    ]
    for way in ways:
        check_connection(way.connection, way.source < way.target)
    ordered = sorted(ways, key=lambda way: way.target)
    return CProgram(network, tuple(places), tuple(ordered), answer, sensor)


def _place(network: Network, p: int, before: CPopulation | None) -> CPopulation:
    """Return a population behind the one before it."""
    population = network.populations[p]
    traits = check_population(population, p == len(network.populations) - 1)
    share = _share(network, p)
    keeps_time = population.neuron is not None and (traits.leaks or not population.spiking)
    clocks = population.size // share if keeps_time else 0
    counts = clocks, population.size if traits.refractory_us else 0
    if before is None:
        return CPopulation(population, traits, 0, 0, 0, 0, share, *counts)
    v = 0 if before.population.neuron is None else before.v + before.size
    firsts = before.bits + before.words, v, before.clock + before.clocks
    return CPopulation(population, traits, *firsts, before.ready + before.pauses, share, *counts)


def _share(network: Network, p: int) -> int:
    """Return how many neighbours are always reached together, through every connection."""
    into = [c for k, c in enumerate(network.connections) if network.targets[k] == p]
    sizes = {c.topology.clock_size for c in into}
    return sizes.pop() if len(sizes) == 1 else 1
