"""Rules that follow gradients: minibatches forward, graded, walked in reverse, an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.engines.kept import read_only
from eventsnn.engines.layered.dense.laid import plain
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.losses.loss import Graded, TargetLoss
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.optimizers.applied import clip_by_norm
from eventsnn.optimizers.optimizer import Param
from eventsnn.optimizers.over_ranks import Gradient, shared, step, whole
from eventsnn.rules.gradient.all_ranks import probabilities, together
from eventsnn.rules.gradient.along import AlongStream
from eventsnn.rules.gradient.arrays import arrays_of, restored
from eventsnn.rules.gradient.chunk import Chunk, Walked, count_into
from eventsnn.rules.gradient.options import GradientOptions
from eventsnn.rules.gradient.own_loop import OwnLoop
from eventsnn.rules.gradient.silent import pull_up
from eventsnn.rules.gradient.start import Aim, start_weights
from eventsnn.rules.gradient.state import GradientState
from eventsnn.rules.learned import Arrays, Batch, Epoch, Learned, Rates
from eventsnn.rules.network_rule import NetworkRule, check_output
from eventsnn.rules.rule import Reading
from eventsnn.threads import later

_COMPILED_FOR = 1 << 20
"""Events of the recordings that kernels are compiled with."""

_TRAITS = {
    "tau_us": 30_000.0,
    "readout_tau_us": 30_000.0,
    "tau_syn_us": 5_000.0,
    "threshold": 1.0,
    "reset": "subtract",
    "refractory_us": 0.0,
    "loss": "cross-entropy",
    "reads": "integral",
    "gain": 1.0,
}


class GradientRule(OwnLoop, AlongStream, NetworkRule[GradientState]):
    """A rule that learns by gradients; each says how it finds them.

    Attributes
    ----------
    loss : Loss
    optimizer : Optimizer
    """

    options: GradientOptions

    def __init__(self, options: Any = None, threads: int = 1, **given: Any) -> None:
        super().__init__(options, threads, **given)
        self.loss, self.optimizer = self.options.make_loss(), self.options.make_optimizer()

    @property
    def batch(self) -> int:
        """Recordings of an update."""
        return self.options.batch

    @property
    def answers_first(self) -> bool:
        """The way forward of an update is the answer before it."""
        return True

    @property
    def validate(self) -> float:
        """Share of the training recordings kept apart to choose the best epoch."""
        return self.options.validate

    @property
    def patience(self) -> int:
        """Epochs without a better one after which a run ends; 0: never."""
        return self.options.patience

    @property
    def teachers(self) -> tuple[str, ...]:
        """Checkpoints of networks that teach."""
        return self.options.teacher

    @property
    def begins_with(self) -> str:
        """Checkpoint of a trained network to begin with."""
        return self.options.start_from

    @property
    def traits(self) -> dict[str, Any]:
        """Neurons and readout; digests of teachers hold those of other gradient rules, too."""
        return {name: getattr(self.options, name, other) for name, other in _TRAITS.items()}

    def network(self, layers: Layers) -> Network:
        """Return the network of a layer string, as the loss needs it."""
        return self.options.network(layers)

    def adopt(self, network: Network) -> Network:
        """Return a network that a program described, or refuse it where the rule cannot learn it.

        What the options say of neurons is of layers: there, none of it may be given.
        """
        check_output(self.kind, network, self.loss)
        self.check_network(network)
        usual = type(self.options)()
        for name in self.options.of_layers:
            if getattr(self.options, name) != getattr(usual, name):
                raise UserError(
                    f"rule {self.kind}: {name} is {getattr(self.options, name)}, of layers; the "
                    "network has neurons of its own, leave it out"
                )
        return network

    def kept(self, network: Network, weights: list[NDArray[Any]]) -> list[Param]:
        """Return weights as the rule keeps them from one update to the next."""
        return list(weights)

    def begin(self, network: Network, weights: list[NDArray[Any]]) -> GradientState:
        """Return the state before the first update of these weights."""
        params = self.kept(network, weights)
        by_target = [1.0] * (len(network.populations) - 1) + [self.options.output_rate]
        pairs = zip(network.targets, network.connections, strict=True)
        # What a rate of 0 multiplies does not learn.
        scales = [by_target[t] if connection.learns else 0.0 for t, connection in pairs]
        return GradientState(network, params, self.optimizer.init(params), scales)

    def with_weights(self, network: Network, weights: list[NDArray[Any]]) -> GradientState:
        """Return the state of weights that learned elsewhere, in float32."""
        return self.begin(network, [np.array(w, np.float32) for w in weights])

    def start(
        self,
        network: Network,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[GradientState, list[Rates]]:
        """Take a trained network's weights, or draw some that let each population fire."""
        rates: list[Rates] = []
        if weights is None:
            aim = Aim(self.options.init_spikes, self.options.init_output)
            weights, rates = start_weights(network, self.events(data), aim, rng)
        state = self.begin(network, weights)
        if self.options.scaled:
            sizes = [float(np.sqrt(np.mean(w.astype(np.float64) ** 2))) for w in state.weights]
            scales = [old * new for old, new in zip(state.scales, sizes, strict=True)]
            state = replace(state, scales=scales)
        return state, rates

    def compile(self, network: Network, data: Data) -> None:
        """Learn two recordings with weights of no meaning, and predict them."""
        few = self.events(data).beginning(2, _COMPILED_FOR)
        shapes = self.shapes(network).values()
        state = self.begin(network, [np.full(shape, 0.05, np.float32) for shape in shapes])
        batch = Batch(few, np.arange(len(few)), whole=True)
        state, _ = self.learn(state, batch, np.random.default_rng(0))
        self.predict(state, few, batch.order)

    def begin_epoch(self, state: GradientState, epoch: Epoch) -> GradientState:
        """Note how far the run is: the learning rate depends on it."""
        total = max(1, epoch.steps * epoch.epochs)
        last = (epoch.epochs - 1) * epoch.steps / total
        state = replace(state, total=total, last_epoch=last)
        return replace(state, progress=epoch.number * epoch.steps / total)

    def read(self, state: GradientState, batch: Batch, rng: np.random.Generator) -> Chunk:
        """Read the recordings of a batch, and draw all that is drawn for them."""
        events = self.events(batch.data)
        events = events if batch.whole else events.select(batch.order)
        came = np.zeros(state.sizes[state.network.input], np.int64)
        count_into(events.unit, came)
        return Chunk(events, came, {}, batch.teaching, among=batch.among)

    def learn(
        self, state: GradientState, batch: Batch, rng: np.random.Generator
    ) -> tuple[GradientState, Learned]:
        """Make one update by the mean loss of the batch."""
        return next(self.learn_all(state, [lambda: batch], rng))

    def learn_all(
        self,
        state: GradientState,
        batches: Iterable[Callable[[], Batch]],
        rng: np.random.Generator,
    ) -> Iterator[tuple[GradientState, Learned]]:
        """Make an update a batch, and read the next one while the weights change."""
        left = iter(batches)

        def reading() -> Callable[[], Chunk] | None:
            fetch = next(left, None)
            return None if fetch is None else partial(self._fetched, state, fetch, rng)

        ready = reading()
        while ready is not None:
            chunk = ready()
            walked = self.walk(state, chunk)
            ahead = reading()
            ready = None if ahead is None else later(ahead, self.threads)
            state = self._updated(state, walked)
            said = answers(walked.scores)
            right = int((said == chunk.labels).sum())
            yield state, Learned(right, float(walked.loss.sum()), said)

    def _fetched(
        self, state: GradientState, fetch: Callable[[], Batch], rng: np.random.Generator
    ) -> Chunk:
        return self.read(state, fetch(), rng)

    def walk(self, state: GradientState, chunk: Chunk) -> Walked:
        """Run a batch, grade it, and walk it in reverse."""
        trace = together(self.ranks, self.run(state, chunk))
        graded = self.grade(trace.outputs, chunk)
        errors = (graded.gradient / len(chunk.labels))[chunk.rows]
        gradients = self.reverse(state, chunk, trace, errors)
        return Walked(graded.loss, graded.scores, gradients, trace.spoke)

    def grade(self, outputs: NDArray[Any], chunk: Chunk) -> Graded:
        """Grade outputs against the labels and, if there are any, what teachers say."""
        labels, share = chunk.labels, self.options.teacher_share
        if chunk.teaching is None or not isinstance(self.loss, TargetLoss):
            return self.loss(outputs, labels)
        target = (1 - share) * self.loss.targets(labels, outputs.shape[1])
        target += share * probabilities(self.ranks, chunk, target.shape[1], self.threads)
        return self.loss.towards(np.asarray(outputs, np.float64), target)

    def _updated(self, state: GradientState, walked: Walked) -> GradientState:
        options, gradients = self.options, walked.gradients
        if options.silent_pull:
            self._pull_up(state.network, walked.spoke, gradients)
        if options.clip:
            every = whole(self.ranks, gradients, self.threads)
            gradients = [*clip_by_norm(every, options.clip)[0]]
        rate = options.rate_at(state.progress)
        rates = [rate * scale for scale in state.scales]
        now = state.optimizer, state.params
        params, memory = step(self.ranks, self.optimizer, gradients, now, rates, self.threads)
        progress = state.progress + 1 / state.total
        state = replace(state, params=params, optimizer=memory, progress=progress)
        return state.averaging(options.average, self.threads) if options.average else state

    def _pull_up(
        self,
        network: Network,
        spoke: list[NDArray[np.int64]],
        gradients: list[Gradient],
    ) -> None:
        """Pull up the weights of neurons that were silent in every recording."""
        ends = zip(network.sources, network.targets, strict=True)
        for c, (source, target) in enumerate(ends):
            if network.populations[target].spiking:
                topology, pull = network.connections[c].topology, self.options.silent_pull
                pull_up(topology, gradients[c], spoke[source], spoke[target], pull)

    def reading(self, state: GradientState) -> Reading:
        """Return the network with the weights that are evaluated."""
        return Reading(state.network, state.model, self.loss)

    def settled(self, state: GradientState) -> GradientState:
        """Return a state of the evaluated weights alone, as arrays that cannot be written."""
        return replace(state, params=[read_only(w) for w in state.model], averaged=None)

    def check(self, state: GradientState, epoch: Epoch) -> None:
        """Raise UserError if a weight is no longer finite."""
        for connection, weight in zip(state.network.connections, state.params, strict=True):
            if not np.isfinite(plain(weight)).all():
                raise UserError(
                    f"epoch {epoch.number + 1}: weights of {connection.name} are no longer "
                    f"finite; lower rate (it is {self.options.rate}), or give clip"
                )

    def arrays(self, state: GradientState) -> Arrays:
        """Return weights and the optimizer's state, to which all ranks give their part."""
        return arrays_of(replace(state, optimizer=shared(self.ranks, state.optimizer)))

    def restore(self, network: Network, arrays: Arrays) -> GradientState:
        """Return the state that the arrays were made of."""
        shapes = self.shapes(network).values()
        fresh = self.begin(network, [np.zeros(shape, np.float32) for shape in shapes])
        return restored(fresh, arrays, partial(self.kept, network))

    def events(self, data: Data) -> EventBatch:
        """Return data that are recordings, or refuse them."""
        self.check_data(data)
        assert isinstance(data, EventBatch)
        return data
