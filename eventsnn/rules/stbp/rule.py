"""STBP as a learning rule: minibatches on a grid of steps, forward and back over events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

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
from eventsnn.optimizers.over_ranks import owned, shared, step
from eventsnn.ranks.ranks import Ranks
from eventsnn.rules.learned import Arrays, Batch, Epoch, Learned, Predicted, Rates, Shape
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.rule import Rule
from eventsnn.rules.saved_arrays import taken
from eventsnn.rules.stbp import walk
from eventsnn.rules.stbp.measured import costs_of, own_of, traffic_of
from eventsnn.rules.stbp.network import check_chain, network_of
from eventsnn.rules.stbp.options import STBPOptions
from eventsnn.rules.stbp.over_ranks import found_by_all, parts_of, rates_of_all
from eventsnn.rules.stbp.plan import GridLane, plan_of
from eventsnn.rules.stbp.start import drawn
from eventsnn.rules.stbp.state import STBPState, arrays_of, names_of
from eventsnn.rules.traffic import RuleTraffic
from eventsnn.text import named
from eventsnn.threads import in_threads

EVALUATION = 0xB5297A4D3F84D5B5
"""Key of what is drawn for the first image of an evaluation; those of others are added to it."""


class STBP(Rule[Network, STBPState]):
    """The rule ``stbp`` of Wu et al. (2018): backpropagation through time of rates."""

    kind = "stbp"
    Options = STBPOptions
    takes = (EventBatch, Images)
    whole_batches = True

    options: STBPOptions

    @property
    def lanes(self) -> int:
        """Parts of a batch that this rank takes at once, as many as any other."""
        return self._lanes or self.threads

    _lanes = 0

    def over(self, ranks: Ranks) -> Self:
        """See ``OverRanks``; ranks tell each other their threads."""
        rule = super().over(ranks)
        every = ranks.gathered([np.array([self.threads], np.int64)])
        rule._lanes = max(int(one[0][0]) for one in every)
        return rule

    def groups(self, n: int) -> list[range]:
        """Return samples, each of which any rank may take."""
        return [range(k, k + 1) for k in range(n)]

    @property
    def batch(self) -> int:
        """Samples of an update."""
        return self.options.batch

    def network(self, layers: Layers) -> Network:
        """Return a chain of layers of ``grid_lif``."""
        return network_of(layers, self.options.neuron())

    def adopt(self, network: Network) -> Network:
        """Return a chain of the neurons that the options describe, or refuse another network."""
        if not isinstance(network, Network):
            raise UserError(f"rule stbp: network is {named(network)}; give a Network")
        check_chain(network)
        neuron = self.options.neuron()
        usual = replace(neuron, threshold=1)
        for population in network.populations[1:]:
            other = population.neuron
            if not isinstance(other, type(neuron)) or replace(other, threshold=1) != usual:
                raise UserError(
                    f"rule stbp: {named(population.name)} has {other}, the options "
                    f"make {neuron}; change one of them"
                )
        return network

    def populations(self, network: Network) -> dict[str, int]:
        """Return how many neurons each population has."""
        return {p.name: p.size for p in network.populations}

    def shapes(self, network: Network) -> dict[str, Shape]:
        """Return the shapes of weights and biases."""
        return names_of(network, self.options.bias)

    def start(
        self,
        network: Network,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[STBPState, list[Rates]]:
        """Draw weights and biases, or take weights and, where they follow, biases."""
        if weights is None:
            w, b = drawn(network, self.options.init, rng)
            weights = w + b if self.options.bias else w
        return self.begin(network, weights), []

    def begin(self, network: Network, params: list[NDArray[Any]]) -> STBPState:
        """Return the state before the first update of weights and, behind them, biases.

        Raises
        ------
        UserError
            Where their number or their shapes do not fit.
        """
        names, plan = names_of(network, self.options.bias), plan_of(network, self.options)
        shapes = [np.shape(p) for p in params]
        if shapes != list(names.values()):
            raise UserError(f"weights have the shapes {shapes}; give {list(names.values())}")
        own = [np.array(p, self.options.real, order="C") for p in params]
        counts, optimizer = walk.tally(plan), self.options.make_optimizer().init(own)
        rate = self.options.rate
        return STBPState(network, plan, own, optimizer, (counts.spikes, counts.adds), 0, rate)

    def with_weights(self, network: Network, weights: list[NDArray[Any]]) -> STBPState:
        """Return the state of weights that learned elsewhere; biases are 0."""
        shapes = list(self.shapes(network).values())[len(weights) :]
        return self.begin(network, [*weights, *(np.zeros(shape) for shape in shapes)])

    def begin_epoch(self, state: STBPState, epoch: Epoch) -> STBPState:
        """Take the rate of the epoch."""
        return replace(state, rate=self.options.rate_in(epoch.number))

    def learn(
        self, state: STBPState, batch: Batch, rng: np.random.Generator
    ) -> tuple[STBPState, Learned]:
        """Make one update by the mean loss of the batch."""
        sample = self.sample(batch.data, batch.order, rng)
        labels, loss, right = batch.labels, 0.0, 0
        grade_by, n = self.options.make_loss(), len(batch.order)

        def grade(rates: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
            nonlocal loss, right
            graded = grade_by(rates, labels[part])
            loss += float(graded.loss.sum())
            right += int((answers(graded.scores) == labels[part]).sum())
            return graded.gradient / n

        gradients = owned(self.ranks, self.gradients(state, sample, grade))
        learns = [float(c.learns) for c in state.network.connections]
        rates = [state.rate * share for share in learns * (1 + bool(state.biases))]
        optimizer, now = self.options.make_optimizer(), (state.optimizer, state.params)
        params, memory = step(self.ranks, optimizer, gradients, now, rates, self.threads)
        kept = [np.asarray(p) for p in params]
        state = replace(state, params=kept, optimizer=memory, learned=state.learned + n)
        return state, Learned(right, loss)

    def gradients(
        self, state: STBPState, sample: walk.GridSample, grade: walk.Grade
    ) -> walk.Arrays:
        """Return the derivatives by weights and biases, summed over samples.

        Of several ranks each has those of its own targets; others are 0.

        ``grade`` takes the rates of some samples and their places; returns derivatives by them.
        """
        plan, total = state.plan, walk.GridCounts(*state.counts)
        by = walk.weighed(plan, state.weights, state.biases)
        flat = [np.zeros(w.size, plan.real) for w in state.weights]
        biases = [np.zeros_like(b) for b in state.biases]
        each, how = self.lanes, (self.ranks.columns, self.threads)
        for block in parts_of(plan, len(sample.order), each * self.ranks.size):
            mine = slice(each * self.ranks.rank, each * (self.ranks.rank + 1))
            own = list(zip(self._room(state, len(block[mine])), block[mine], strict=True))
            counts = [walk.tally(plan) for _ in own]

            def one(k: int, own: Any = own, counts: Any = counts) -> NDArray[np.float64]:
                lane, part = own[k]
                walk.encoded(lane, sample, part, True)
                return walk.run(lane, by, part.stop - part.start, counts[k]) / plan.steps

            rates = in_threads(one, range(len(own)), self.threads)
            every = rates_of_all(self.ranks, rates, plan.layers[-1].size)
            by_rate = [grade(*pair) for pair in zip(every, block, strict=True)][mine]

            def back(k: int, own: Any = own, counts: Any = counts, by_rate: Any = by_rate) -> None:
                walk.walk_back(own[k][0], by, by_rate[k], counts[k])

            in_threads(back, range(len(own)), self.threads)
            walked = [walk.walked(lane, part.stop - part.start) for lane, part in own]
            found, counted = found_by_all(self.ranks, plan, walked, counts)
            walk.add_gradients(plan, found, flat, biases, how)
            walk.added(total, counted)
        layers = zip(flat, state.weights, plan.layers, strict=True)
        whole = [
            layer.joined.given(g).reshape(w.shape) * plan.real(layer.share)
            for g, w, layer in layers
        ]
        return [*whole, *biases]

    def predict(
        self, state: STBPState, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict; what is drawn for an image depends on its number alone."""
        counted, rates = self.rates(state, data, order, threads)
        scores = self.options.make_loss()(rates, np.zeros(len(rates), np.int64)).scores
        return Predicted(answers(scores), counted.spikes, counted.adds[0])

    def rates(
        self, state: STBPState, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> tuple[walk.GridCounts, NDArray[np.float64]]:
        """Return what was counted, and spikes a step of each output, float64 (n, classes)."""
        self.check_data(data)
        self._check_inputs(state, data)
        plan, sample = state.plan, self.sample(data, order, None)
        by, total = walk.weighed(plan, state.weights, state.biases, False), walk.tally(plan)
        n, each = len(order), plan.together
        parts = [slice(k, min(k + each, n)) for k in range(0, n, each)]
        lanes = [GridLane(plan, False) for _ in range(max(1, min(threads, len(parts))))]
        out = np.zeros((n, plan.layers[-1].size))

        def some(k: int) -> walk.GridCounts:
            count = walk.tally(plan)
            for part in parts[k :: len(lanes)]:
                walk.encoded(lanes[k], sample, part, False)
                out[part] = walk.run(lanes[k], by, part.stop - part.start, count)
            return count

        walk.added(total, in_threads(some, range(len(lanes)), threads))
        return total, out / plan.steps

    def sample(
        self, data: Data, order: NDArray[np.int64], rng: np.random.Generator | None
    ) -> walk.GridSample:
        """Return samples with the keys of what is drawn for them, by ``rng`` or their numbers."""
        if rng is None or not isinstance(data, Images):
            keys = np.uint64(EVALUATION) + np.asarray(order, np.uint64) * np.uint64(
                0x9E6C63D0876A9A47
            )
        else:
            keys = rng.integers(0, 1 << 64, len(order), np.uint64, endpoint=False)
        once = self.options.in_a_step == "once"
        return walk.GridSample(data, np.asarray(order, np.int64), keys, self.options.step_us, once)

    def _room(self, state: STBPState, many: int) -> list[GridLane]:
        """Return lanes for so many parts of the batch."""
        while len(state.lanes) < many:
            state.lanes.append(GridLane(state.plan, True))
        return state.lanes[:many]

    def _check_inputs(self, state: STBPState, data: Data) -> None:
        if inputs_of(data) != state.plan.n_in:
            raise UserError(
                f"{data.source}: {inputs_of(data)} inputs, the network takes {state.plan.n_in}; "
                "give data of as many"
            )

    def costs(self, state: STBPState) -> dict[str, Any]:
        """Return operations a sample while learning."""
        return costs_of(state)

    def arrays(self, state: STBPState) -> Arrays:
        """Return parameters, the optimizer's state, of all ranks, and counts."""
        return arrays_of(replace(state, optimizer=shared(self.ranks, state.optimizer)))

    def restore(self, network: Network, arrays: Arrays) -> STBPState:
        """Return the state that the arrays were made of."""
        shapes = self.shapes(network)
        fresh = self.begin(network, [np.zeros(shape) for shape in shapes.values()])
        found = taken(arrays, arrays_of(fresh))
        slots: tuple[list[Param], ...] = tuple(
            [found[f"optimizer.{s}.{name}"] for name in shapes]
            for s in range(len(fresh.optimizer.slots))
        )
        step = int(found["optimizer.step"][0])
        return replace(
            fresh,
            params=[found[name] for name in shapes],
            optimizer=fresh.optimizer._replace(step=step, slots=slots),
            counts=(found["counts.spikes"], found["counts.adds"]),
            learned=int(found["learned"][0]),
        )

    def own(self, state: STBPState) -> OwnNetwork:
        """Return what its network is."""
        return own_of(state)

    def traffic(self, state: STBPState, data: Data, index: int, name: str) -> RuleTraffic:
        """Run one sample, and return every spike that it caused."""
        self.check_data(data)
        self._check_inputs(state, data)
        return traffic_of(self, state, data, index, name)
