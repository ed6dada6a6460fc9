"""Deep networks with normalised currents as a learning rule: minibatches on a grid of steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, inputs_of
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.optimizers.optimizer import Param
from eventsnn.optimizers.over_ranks import shared, step
from eventsnn.rules.learned import Arrays, Batch, Epoch, Learned, Predicted, Rates, Shape
from eventsnn.rules.ledinauskas2020.back import GraphGradients, backward, of_all
from eventsnn.rules.ledinauskas2020.encode import encoded
from eventsnn.rules.ledinauskas2020.graph import NormedGraph, graph_of, network_of
from eventsnn.rules.ledinauskas2020.lanes import WalkSettings, lanes
from eventsnn.rules.ledinauskas2020.measured import costs_of, own_of, spikes_of, traffic_of
from eventsnn.rules.ledinauskas2020.norm import Running, at_rest
from eventsnn.rules.ledinauskas2020.options import NormedOptions
from eventsnn.rules.ledinauskas2020.state import (
    NormedState,
    arrays_of,
    names_of,
    start_of,
    taken,
)
from eventsnn.rules.ledinauskas2020.walk import GraphRun, forward
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.rule import Rule
from eventsnn.rules.traffic import RuleTraffic

_BLOCK = 1 << 25
"""Numbers that a prediction holds at a time."""


class Ledinauskas2020(Rule[Network, NormedState]):
    """The rule ``ledinauskas2020``: surrogate gradients through batch normalisation and skips."""

    kind = "ledinauskas2020"
    Options = NormedOptions
    takes = (EventBatch, Images)

    options: NormedOptions

    @property
    def batch(self) -> int:
        """Samples of an update."""
        return self.options.batch

    def groups(self, n: int) -> list[range]:
        """Return the lanes of a batch, whose sums one rank makes."""
        return lanes(n)

    def network(self, layers: Layers) -> Network:
        """Return layers of ``grid_lif`` below a readout that sums."""
        network = network_of(layers, self.options.neuron())
        self.graph(network)
        return network

    def graph(self, network: Network) -> NormedGraph:
        """Return the graph of a network."""
        return graph_of(network, self.options.shortcut == "after")

    def populations(self, network: Network) -> dict[str, int]:
        """Return how many neurons each population has."""
        return {p.name: p.size for p in network.populations}

    def shapes(self, network: Network) -> dict[str, Shape]:
        """Return the shapes of weights, and of gamma and beta."""
        return names_of(self.graph(network))

    def start(
        self,
        network: Network,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[NormedState, list[Rates]]:
        """Draw weights, or take weights, gamma and beta."""
        graph = self.graph(network)
        return self.begin(network, start_of(graph, rng) if weights is None else weights), []

    def begin(self, network: Network, params: list[NDArray[Any]]) -> NormedState:
        """Return the state before the first update.

        Raises
        ------
        UserError
            Where the number of the parameters or their shapes do not fit.
        """
        graph, options = self.graph(network), self.options
        names, shapes = names_of(graph), [np.shape(p) for p in params]
        if shapes != list(names.values()):
            raise UserError(f"weights have the shapes {shapes}; give {list(names.values())}")
        own = [np.array(p, options.real, order="C") for p in params]
        groups = options.settings().groups
        running = [at_rest(groups, one.channels) for one in graph.synapses[:-1]]
        if options.norm == "none":
            running = [Running(r.mean, r.variance - options.epsilon) for r in running]
        n = len(graph.layers)
        counts = np.zeros(n + 1, np.int64), np.zeros((3, n), np.int64)
        return NormedState(network, graph, own, running, options.make_optimizer().init(own), counts)

    def begin_epoch(self, state: NormedState, epoch: Epoch) -> NormedState:
        """Count the updates of the run."""
        return replace(state, updates=epoch.steps * epoch.epochs)

    def learn(
        self, state: NormedState, batch: Batch, rng: np.random.Generator
    ) -> tuple[NormedState, Learned]:
        """Make one update by the mean loss of the batch; move the running statistics.

        Gradients that explode overflow: what is no longer finite then, ``check`` tells.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return self._learn(state, batch, rng)

    def _learn(
        self, state: NormedState, batch: Batch, rng: np.random.Generator
    ) -> tuple[NormedState, Learned]:
        labels, rows = batch.all_labels, batch.rows
        n = len(labels)
        ran = self.run(state, batch.data, batch.order, rng, place=(rows.start, n))
        every = self.ranks.gathered([ran.logits.reshape(-1)])
        logits = np.concatenate([one[0] for one in every]).reshape(n, -1)
        graded = self.options.make_loss()(logits, labels)
        found = self.gradients(state, ran, (graded.gradient / n)[rows], n)
        self._count(state, ran, found)
        rates = [self.options.rate_in(state.optimizer.step, state.updates)] * len(state.params)
        optimizer, now = self.options.make_optimizer(), (state.optimizer, state.params)
        gradients = of_all(found, self.ranks)
        params, memory = step(self.ranks, optimizer, gradients, now, rates, self.threads)
        running = state.running
        if self.options.norm != "none":
            pairs = zip(running, ran.statistics, strict=True)
            running = [old.moved(new, self.options.momentum) for old, new in pairs]
        kept = [np.asarray(p) for p in params]
        right = int((answers(graded.scores) == labels).sum())
        return (
            replace(
                state, params=kept, optimizer=memory, running=running, learned=state.learned + n
            ),
            Learned(right, float(graded.loss.sum())),
        )

    def run(
        self,
        state: NormedState,
        data: Data,
        order: NDArray[np.int64],
        rng: np.random.Generator | None,
        running: list[Running] | None = None,
        place: tuple[int, int] | None = None,
    ) -> GraphRun:
        """Run samples, by the statistics of themselves or by running ones.

        ``place``: where they stand in a batch that ranks share out, whose statistics they are then
        (the first one's place, samples of all).
        """
        self.check_data(data)
        if inputs_of(data) != state.graph.n_in:
            raise UserError(
                f"{data.source}: {inputs_of(data)} inputs, the network takes {state.graph.n_in}; "
                "give data of as many"
            )
        how = self.options.input, self.options.n_steps, self.options.real
        sent = encoded(data, np.asarray(order, np.int64), how, rng, place or (0, len(order)))
        settings = self._settings(place[1] if place else 0)
        return forward(state.graph, state.parameters, sent, settings, running)

    def _settings(self, n: int) -> WalkSettings:
        """Return what the walk reads; n: samples of all ranks, if they share them out."""
        settings = self.options.settings(self.threads)
        return settings._replace(ranks=self.ranks, batch=n) if self.ranks.size > 1 else settings

    def gradients(
        self, state: NormedState, ran: GraphRun, by_logits: NDArray[Any], n: int = 0
    ) -> GraphGradients:
        """Return derivatives by all parameters; ``ran`` is used up; n: samples of all ranks."""
        return backward(state.graph, state.parameters, ran, by_logits, self._settings(n))

    def _count(self, state: NormedState, ran: GraphRun, found: GraphGradients) -> None:
        spikes, adds = state.counts
        own = [spikes_of(state.graph, ran), ran.adds, found.adds, found.products]
        every = zip(*self.ranks.gathered(own), strict=True)
        for total, parts in zip((spikes, *adds), every, strict=True):
            total += np.sum(parts, 0)

    def blocks(
        self, state: NormedState, data: Data, order: NDArray[np.int64]
    ) -> Iterator[tuple[slice, GraphRun]]:
        """Run samples by the running statistics, as many at a time as memory is meant for."""
        each = self.options.n_steps * sum(layer.size for layer in state.graph.layers)
        many = max(4, min(256, _BLOCK // (3 * each)))
        for k in range(0, len(order), many):
            part = slice(k, min(k + many, len(order)))
            yield part, self.run(state, data, order[part], None, state.running)

    def predict(
        self, state: NormedState, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict by the running statistics."""
        self.check_data(data)
        n = len(state.graph.layers)
        logits = np.zeros((len(order), state.graph.layers[-1].size))
        spikes, adds = np.zeros(n + 1, np.int64), np.zeros(n, np.int64)
        for part, ran in self.blocks(state, data, order):
            logits[part] = ran.logits
            spikes += spikes_of(state.graph, ran)
            adds += ran.adds
        scores = self.options.make_loss()(logits, np.zeros(len(order), np.int64)).scores
        return Predicted(answers(scores), spikes, adds)

    def costs(self, state: NormedState) -> dict[str, Any]:
        """Return operations a sample while learning."""
        return costs_of(state, self.options.n_steps)

    def arrays(self, state: NormedState) -> Arrays:
        """Return parameters, running statistics, counts, and the optimizer's state of all ranks."""
        return arrays_of(replace(state, optimizer=shared(self.ranks, state.optimizer)))

    def restore(self, network: Network, arrays: Arrays) -> NormedState:
        """Return the state that the arrays were made of."""
        names = self.shapes(network)
        fresh = self.begin(network, [np.zeros(shape) for shape in names.values()])
        found = taken(arrays, arrays_of(fresh))
        slots: tuple[list[Param], ...] = tuple(
            [found[f"optimizer.{s}.{name}"] for name in names]
            for s in range(len(fresh.optimizer.slots))
        )
        step, n = int(found["optimizer.step"][0]), len(fresh.running)
        return replace(
            fresh,
            params=[found[name] for name in names],
            running=[Running(found[f"mean.{k}"], found[f"variance.{k}"]) for k in range(n)],
            optimizer=fresh.optimizer._replace(step=step, slots=slots),
            counts=(found["counts.spikes"], found["counts.adds"]),
            learned=int(found["learned"][0]),
        )

    def own(self, state: NormedState) -> OwnNetwork:
        """Return what its network is."""
        return own_of(state, self.options.n_steps)

    def traffic(self, state: NormedState, data: Data, index: int, name: str) -> RuleTraffic:
        """Run one sample, and return every spike that it caused."""
        ran = self.run(state, data, np.array([index]), None, state.running)
        return traffic_of(state.graph, ran, data, index, name)
