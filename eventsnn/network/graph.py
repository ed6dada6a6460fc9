"""Populations of neurons and the connections between them: frozen descriptions, no state."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network.checked import MAX_DELAY_US as MAX_DELAY_US
from eventsnn.network.checked import MAX_SYNAPSE_DELAY_US as MAX_SYNAPSE_DELAY_US
from eventsnn.network.checked import Weights as Weights
from eventsnn.network.checked import (
    by_connection,
    check_name,
    check_names,
    check_places,
    checked_delay,
    checked_weights,
)
from eventsnn.network.population import Population as Population
from eventsnn.network.synapse_table import SynapseTable, synapses_of
from eventsnn.network.written import Written
from eventsnn.neurons.neuron import check_precision
from eventsnn.registry import check_exact
from eventsnn.text import named
from eventsnn.topology.topology import Topology


@dataclass(frozen=True, eq=False, repr=False)
class Connection:
    """Synapses from one population to another (or to itself), without their weights.

    Attributes
    ----------
    source, target : str
        Names of populations.
    topology : Topology
    delay_us : int, or int64 array of ``topology.weight_shape``
        Whole microseconds >= 0, one for the connection or one a weight. Delays a
        synapse may be at most ``MAX_SYNAPSE_DELAY_US``.
    name : str
        ``source->target`` if not given.
    fixed : bool
        True for weights that no rule changes. A run is the same.

    Examples
    --------
    >>> from eventsnn import Connection, Dense
    >>> Connection("in", "h", Dense(4, 3), delay_us=1_000).name
    'in->h'
    """

    source: str
    target: str
    topology: Topology
    delay_us: int | NDArray[np.int64] = 0
    name: str = ""
    fixed: bool = False

    def __post_init__(self) -> None:
        """Check the names, the topology and the delays, which are copied."""
        for key in ("source", "target", "name"):
            check_name(getattr(self, key), f"connection: {key}")
        object.__setattr__(self, "name", self.name or f"{self.source}->{self.target}")
        where = f"connection {named(self.name)}"
        check_exact(self.topology, Topology, where, "Dense(n_in, n_out)")
        object.__setattr__(self, "delay_us", checked_delay(self))
        if not isinstance(self.fixed, bool):
            raise UserError(f"{where}: fixed is {named(self.fixed)}; give True or False")

    def __repr__(self) -> str:
        """Return one line of facts."""
        low, high = self.least_delay, self.greatest_delay
        delay = f"{low:,}" if low == high or self.one_delay else f"{low:,} to {high:,}"
        fixed = ", fixed" if self.fixed else ""
        return f"<Connection {named(self.name)}, {self.topology}, {delay} us{fixed}>"

    @property
    def learns(self) -> bool:
        """True if a rule may change the weights: they are not fixed, and must be given."""
        return not self.fixed and self.topology.default_weights() is None

    @property
    def one_delay(self) -> bool:
        """True if all synapses have the delay of the connection."""
        return isinstance(self.delay_us, int)

    @cached_property
    def least_delay(self) -> int:
        """Smallest delay in microseconds."""
        return int(np.min(self.delay_us, initial=MAX_DELAY_US))

    @cached_property
    def greatest_delay(self) -> int:
        """Largest delay in microseconds."""
        return int(np.max(self.delay_us, initial=0))


@dataclass(frozen=True, eq=False)
class Network(Written):
    """Populations and connections, checked as a whole.

    Raises
    ------
    UserError
        For a name given twice or unknown, sizes that do not match, no population, a connection
        into an input or out of a readout, or a cycle of zero total delay.

    Examples
    --------
    >>> import eventsnn as es
    >>> es.Network(
    ...     (es.Population("in", (1, 1, 4)), es.Population("h", 3, es.LIF(20_000))),
    ...     (es.Connection("in", "h", es.Dense(4, 3)),
    ...      es.Connection("h", "h", es.Dense(3, 3), delay_us=1_500)),
    ... )
    <Network in 4, h 3; 2 connections>
    """

    populations: tuple[Population, ...]
    connections: tuple[Connection, ...] = ()
    order: tuple[int, ...] = field(init=False, repr=False)
    """Populations in the order in which an instant is worked off: topological over the
    connections with a zero delay, first come first where that leaves a choice."""

    def __post_init__(self) -> None:
        """Check names and sizes, and find the order of an instant."""
        for key, kind in (("populations", Population), ("connections", Connection)):
            given = getattr(self, key)
            if not isinstance(given, list | tuple) or not all(isinstance(o, kind) for o in given):
                raise UserError(
                    f"network: {key} is {named(given)}; give a tuple of {kind.__name__}"
                )
            object.__setattr__(self, key, tuple(given))
        check_names([p.name for p in self.populations], "population")
        check_names([c.name for c in self.connections], "connection")
        if not self.populations:
            raise UserError("network: there are no populations; give at least one")
        for connection in self.connections:
            self._check_connection(connection)
        object.__setattr__(self, "order", self._instant_order())

    def __repr__(self) -> str:
        """Return one line of facts."""
        told = ", ".join(f"{named(p.name)} {p.size:,}" for p in self.populations)
        return f"<Network {told}; {len(self.connections)} connections>"

    def index(self, name: str) -> int:
        """Return the number of the population ``name``."""
        for i, population in enumerate(self.populations):
            if population.name == name:
                return i
        known = ", ".join(p.name for p in self.populations)
        raise UserError(f"network: no population is called {name!r}; there are {known}")

    def __getitem__(self, name: str) -> Population:
        """Return the population ``name``."""
        return self.populations[self.index(name)]

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Numbers of the input populations, which have no neuron model."""
        return tuple(i for i, p in enumerate(self.populations) if p.neuron is None)

    @cached_property
    def input(self) -> int:
        """Number of the input population: of several, the first without a generator."""
        if not self.inputs:
            raise UserError("network: no population is an input; give one without a neuron model")
        free = [i for i in self.inputs if self.populations[i].generator is None]
        return (*free, *self.inputs)[0]

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """Number of the source population of each connection."""
        return tuple(self.index(c.source) for c in self.connections)

    @cached_property
    def targets(self) -> tuple[int, ...]:
        """Number of the target population of each connection."""
        return tuple(self.index(c.target) for c in self.connections)

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Populations with a neuron model and without outgoing connections."""
        busy = {*self.sources, *self.inputs}
        return tuple(i for i in range(len(self.populations)) if i not in busy)

    def weights(
        self, weights: Weights, dtype: type[np.floating[Any]] | None = None
    ) -> tuple[NDArray[Any], ...]:
        """Check weights, and that the neurons fit their dtype; return them flat.

        In C order, and in the order of the connections.

        Parameters
        ----------
        weights : mapping by connection name, or sequence in connection order
            Each of its topology's ``weight_shape``, finite. Where a topology has
            default weights (pooling) they may be left out of a mapping, or be None.
        dtype : float32 or float64
            None: float64 if any array is float64 or any neuron is of whole numbers, else
            float32. Arrays that have the dtype and C order already are not copied.
        """
        given = by_connection(self.connections, weights)
        whole = [p.neuron is not None and p.neuron.whole for p in self.populations]
        if dtype is None:
            wide = any(a is not None and a.dtype == np.float64 for a in given)
            dtype = np.float64 if wide or any(whole) or not given else np.float32
        if dtype not in (np.float32, np.float64):
            raise UserError(
                f"simulate: dtype is {named(dtype)}; give numpy.float32 or numpy.float64"
            )
        for population in self.populations:
            if population.neuron is not None:
                check_precision(population.neuron, dtype, f"population {population.name}")
        triples = zip(self.connections, given, self.targets, strict=True)
        return tuple(checked_weights(c, array, dtype, whole[p]) for c, array, p in triples)

    def synapses(self, connection: str, weights: Weights | None = None) -> SynapseTable:
        """Return the synapses of a connection as (source, target, weight, delay_us).

        Parameters
        ----------
        connection : str
            Its name.
        weights : as for ``simulate``, optional

        Raises
        ------
        UserError
            If there is no such connection, or weights do not fit.

        Examples
        --------
        >>> import eventsnn as es
        >>> cells = es.Population("e", 3, es.LIF(20_000))
        >>> net = es.Network((cells,), (es.connect(cells, cells, es.OneToOne(), delay_us=500),))
        >>> net.synapses("e->e", {"e->e": 0.5}).weight
        array([0.5, 0.5, 0.5])
        """
        return synapses_of(self, connection, weights)

    def _check_connection(self, connection: Connection) -> None:
        source, target = self[connection.source], self[connection.target]
        topology = connection.topology
        if (source.size, target.size) != (topology.n_in, topology.n_out):
            raise UserError(
                f"connection {connection.name}: {topology.kind} leads from {topology.n_in} to "
                f"{topology.n_out} units, but {source.name} has {source.size} and {target.name} "
                f"has {target.size}; make them equal"
            )
        check_places(connection, source.shape, target.shape)
        if target.neuron is None:
            raise UserError(
                f"connection {connection.name}: leads into the input population {target.name}; "
                "the input only sends"
            )
        if not source.spiking:
            raise UserError(
                f"connection {connection.name}: {source.name} never spikes "
                f"({source.neuron.kind if source.neuron else ''}); a readout only receives"
            )

    def _instant_order(self) -> tuple[int, ...]:
        before: dict[int, set[int]] = {i: set() for i in range(len(self.populations))}
        for i, connection in enumerate(self.connections):
            if connection.least_delay == 0:
                before[self.targets[i]].add(self.sources[i])
        order: list[int] = []
        while before:
            free = [i for i, waits in before.items() if waits <= set(order)]
            if not free:
                names = ", ".join(self.populations[i].name for i in before)
                raise UserError(
                    f"network: the zero-delay connections among {names} hold a cycle; give one of "
                    "its connections a delay of at least 1 us"
                )
            order.append(free[0])
            del before[free[0]]
        return tuple(order)
