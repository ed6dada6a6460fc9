"""A trained network as an engine runs it: normalisation folded into weights and a bias.

The bias, and what an image sends as a current, are weights of one more input that fires in every
step. Signals that skip to behind a neuron are spikes of several populations that take the same
weights. The engine moves spikes; its potentials are those of the rule up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.rules.ledinauskas2020.graph import NormedGraph, NormedSynapses
from eventsnn.rules.ledinauskas2020.norm import folded
from eventsnn.rules.ledinauskas2020.state import NormedState
from eventsnn.topology.sparse import Sparse

if TYPE_CHECKING:
    from eventsnn.rules.ledinauskas2020.rule import Ledinauskas2020


class FoldedNetwork(NamedTuple):
    """A network and one sample, as ``simulate`` takes them.

    Attributes
    ----------
    network : Network
        ``input`` has one unit before those of the data.
    weights : list of arrays, in the order of the connections
    stream : EventStream
        One instant, a microsecond, a step.
    """

    network: Network
    weights: list[NDArray[Any]]
    stream: EventStream


def simulated(rule: Ledinauskas2020, state: NormedState, data: Data, index: int) -> FoldedNetwork:
    """Return what an engine is to run for the spikes of the rule's own loops.

    Raises
    ------
    UserError
        Where each step has its own statistics: then no weights do the same in every step.
    """
    if rule.options.norm == "per-step":
        raise UserError(
            "norm is 'per-step'; statistics of each step do not fold into weights, train with "
            "'pooled'"
        )
    ran = rule.run(state, data, np.array([index]), None, state.running)
    built = _Built(state, rule.options.epsilon, ran.sent[0][0])
    return built.network(rule.options.n_steps)


class _Built:
    """Connections of a folded network, one after the other."""

    def __init__(self, state: NormedState, epsilon: float, sent: NDArray[Any]) -> None:
        self.state, self.epsilon, self.sent = state, epsilon, sent
        self.names = [p.name for p in state.network.populations]
        self.connections: list[Connection] = []
        self.weights: list[NDArray[Any]] = []

    def network(self, steps: int) -> FoldedNetwork:
        """Return all of it."""
        graph = self.state.graph
        for p, layer in enumerate(graph.layers, 1):
            bias = np.zeros(layer.size)
            for s in layer.synapses:
                bias += self._synapses(p, s)
            if p < len(graph.layers):
                ends = np.zeros(graph.n_in + 2, np.int64)
                ends[1:] = layer.size
                clock = Sparse(layer.size, ends, np.arange(layer.size, dtype=np.int32))
                self._connect(0, p, clock, bias, "clock")
            for k in layer.before:
                for source in signals(graph, k):
                    self._connect(source, p, _one_to_one(layer.size), np.ones(layer.size), "past")
        populations = self.state.network.populations
        first = Population(populations[0].name, (graph.n_in + 1,))
        network = Network((first, *populations[1:]), tuple(self.connections))
        return FoldedNetwork(network, self.weights, self._stream(steps))

    def _synapses(self, p: int, s: int) -> NDArray[np.float64]:
        """Connect through folded weights; return the bias that belongs to them."""
        state, graph = self.state, self.state.graph
        one, params = graph.synapses[s], state.parameters
        weights, bias = np.asarray(params.weights[s], np.float64), np.zeros(one.channels)
        if s < graph.normed:
            gamma, beta = params.gamma[s], params.beta[s]
            weights, bias = folded(weights, state.running[s], gamma, beta, self.epsilon)
        flat = (weights * one.share).reshape(-1)
        injected = np.tile(bias, graph.layers[p - 1].size // one.channels)
        if one.source == 0 and self.sent.ndim == 1:
            for j in np.flatnonzero(self.sent).tolist():
                target, weight = _row(one, j)
                injected[target] += float(self.sent[j]) * flat[weight]
            return injected
        topology, values = _listed(graph, one, flat)
        for source in signals(graph, one.source):
            self._connect(source, p, topology, values, one.name)
        return injected

    def _connect(
        self, source: int, p: int, topology: Sparse, weights: NDArray[np.float64], name: str
    ) -> None:
        ends = self.names[source], self.names[p]
        number = len(self.connections)
        self.connections.append(Connection(*ends, topology, name=f"{number} {name}"))
        self.weights.append(weights)

    def _stream(self, steps: int) -> EventStream:
        t, unit = np.arange(steps), np.zeros(steps, np.int64)
        if self.sent.ndim == 2:
            at, units = np.nonzero(self.sent)
            t, unit = np.append(t, at), np.append(unit, units + 1)
        order = np.lexsort((unit, t))
        shape = (1, 1, self.state.graph.n_in + 1)
        return EventStream(t[order], unit[order].astype(np.int32), shape, None, steps)


def signals(graph: NormedGraph, source: int) -> list[int]:
    """Return the populations whose spikes make up a signal; one may stand more than once."""
    found = [source]
    for k in graph.layers[source - 1].after if source else ():
        found += signals(graph, k)
    return found


def _row(one: NormedSynapses, j: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return targets and weights of a sender."""
    runs, k = one.runs, np.arange(one.channels)
    of = slice(int(runs.start[j]), int(runs.start[j + 1]))
    return (
        (runs.target[of, None] + k).reshape(-1).astype(np.int64),
        (runs.weight[of, None] + k).reshape(-1).astype(np.int64),
    )


def _listed(
    graph: NormedGraph, one: NormedSynapses, flat: NDArray[np.float64]
) -> tuple[Sparse, NDArray[np.float64]]:
    """Return synapses as a list, every one with a weight of its own."""
    runs, k = one.runs, np.arange(one.channels)
    ends = runs.start.astype(np.int64) * one.channels
    if one.source == 0:
        ends = np.append(np.zeros(1, np.int64), ends)  # behind the unit that fires in every step
    target = (runs.target[:, None] + k).reshape(-1).astype(np.int32)
    return Sparse(int(runs.sizes[1]), ends, target), flat[(runs.weight[:, None] + k).reshape(-1)]


def _one_to_one(n: int) -> Sparse:
    return Sparse(n, np.arange(n + 1), np.arange(n, dtype=np.int32))
