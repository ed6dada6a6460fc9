"""ReLU networks on frames as a learning rule: minibatches, cross-entropy, Adam, pruning."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.network.layer_string import Layers, dense_sizes
from eventsnn.optimizers.over_ranks import owned, shared, step
from eventsnn.rules.learned import (
    Arrays,
    Batch,
    Epoch,
    Learned,
    NeuronWork,
    Predicted,
    Rates,
    Shape,
)
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.relu import walk
from eventsnn.rules.relu.frames import Frames, cut_of, frames_of
from eventsnn.rules.relu.options import ReLUOptions
from eventsnn.rules.relu.state import ReLUState, Sizes, arrays_of, restored, shapes_of
from eventsnn.rules.rule import Rule
from eventsnn.rules.traffic import RuleTraffic

_FEW, _PRUNE_EVERY, _TOGETHER = 16, 50, 250
"""Recordings that the start looks at; updates between prunings; recordings run in one go."""

_UNTIMED = "a frame has one answer, when it ends; for an earlier one another network learns"


class ReLU(Rule[Sizes, ReLUState]):
    """The rule ``relu``: dense ReLU networks on frames of events, by backpropagation.

    What event-driven networks are compared with; pixels and signals that are 0 are passed over.
    Every multiply-accumulate is counted but those of weights that are 0, which are made here all
    the same.
    """

    kind = "relu"
    spiking = False
    Options = ReLUOptions

    options: ReLUOptions

    @property
    def batch(self) -> int:
        """Recordings of an update."""
        return self.options.batch

    def network(self, layers: Layers) -> Sizes:
        """Return the sizes of a chain of dense layers."""
        return dense_sizes(layers, self.kind)

    def groups(self, n: int) -> list[range]:
        """Return recordings, each of which any rank may take."""
        return [range(k, k + 1) for k in range(n)]

    def populations(self, network: Sizes) -> dict[str, int]:
        """Return the sizes by name."""
        return {f"layer {k}" if k else "input": size for k, size in enumerate(network)}

    def shapes(self, network: Sizes) -> dict[str, Shape]:
        """Return the shapes of weights and biases."""
        return shapes_of(network, self.options.frames)

    def start(
        self,
        network: Sizes,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[ReLUState, list[Rates]]:
        """Draw weights after He et al. (2015), for as many pixels as frames have; biases are 0."""
        if weights is not None:
            return self.begin(network, weights, 1.0), []
        few = self.frames(data, np.arange(min(_FEW, len(data))), network)
        gain = 1 / math.sqrt(max(float(np.square(few.values).mean()) if few.start[-1] else 1, 1))
        speaking = max(len(few.values) / max(len(few.seen), 1), 1.0)
        drawn = []
        for k, shape in enumerate(self.shapes(network).values()):
            fan_in = speaking if k == 0 else shape[0]
            scale = math.sqrt(2 / fan_in) if len(shape) == 2 else 0.0
            drawn.append((scale * rng.standard_normal(shape)).astype(np.float32))
        return self.begin(network, drawn, gain), []

    def begin(self, network: Sizes, params: list[NDArray[Any]], gain: float) -> ReLUState:
        """Return the state before the first update of weights and biases.

        Raises
        ------
        UserError
            Where their shapes do not fit.
        """
        shapes, given = list(self.shapes(network).values()), [np.shape(p) for p in params]
        if given != shapes:
            raise UserError(f"weights have the shapes {given}; give {shapes}")
        own = [np.array(p, np.float32, order="C") for p in params]
        memory = self.options.make_optimizer().init(own)
        return ReLUState(network, own, gain, memory, np.zeros(4, np.int64))

    def begin_epoch(self, state: ReLUState, epoch: Epoch) -> ReLUState:
        """Note how far the run is: rate and sparsity depend on it."""
        total = max(1, epoch.steps * epoch.epochs)
        return replace(state, total=total, progress=epoch.number * epoch.steps / total)

    def frames(self, data: Data, order: NDArray[np.int64], sizes: Sizes) -> Frames:
        """Return the frames of some recordings."""
        self.check_data(data)
        assert isinstance(data, EventBatch)
        if data.n_units != sizes[0]:
            raise UserError(
                f"{data.source}: {data.n_units} inputs, the network takes {sizes[0]}; give data "
                "of as many"
            )
        return frames_of(data, order, cut_of(self.options, sizes[0]))

    def learn(
        self, state: ReLUState, batch: Batch, rng: np.random.Generator
    ) -> tuple[ReLUState, Learned]:
        """Make one update by the mean loss of the batch."""
        labels, share, own = batch.all_labels, self.options.dropout, batch.rows
        n, frames = len(labels), self.frames(batch.data, batch.order, state.sizes)
        kept = walk.everyone(state, n)
        if share:
            kept = [np.float32(1 / (1 - share)) * (rng.random(k.shape) >= share) for k in kept]
            kept = [k.astype(np.float32) for k in kept]
        passed = walk.forward(state, frames, [k[own] for k in kept], self.threads)
        graded = self.options.make_loss()(self._outputs(passed), labels)
        error = (graded.gradient / n).astype(np.float32)[own]
        errors = walk.errors_of(state, passed, error, self.threads)
        passed, errors = walk.together(self.ranks, passed, errors)
        self._count(state, passed, n)
        grown = walk.gradients(state, passed, errors, self.ranks.columns, self.threads)
        state = self._updated(state, grown)
        right = int((answers(graded.scores) == labels).sum())
        return state, Learned(right, float(graded.loss.sum()))

    def _outputs(self, passed: walk.Signals) -> NDArray[np.float64]:
        """Return the output's sums for the recordings of all ranks."""
        own = passed.sent[-1]
        every = self.ranks.gathered([own.reshape(-1)])
        return np.concatenate([one[0] for one in every]).reshape(-1, own.shape[1]).astype(float)

    def _updated(self, state: ReLUState, grown: list[NDArray[Any]]) -> ReLUState:
        """Make an update; a weight that was taken away stays 0."""
        optimizer, first = self.options.make_optimizer(), state.params[0]
        alive = first != 0 if self.options.sparsity else None
        rates = [self.options.rate_in(state.progress)] * len(grown)
        gradients, now = owned(self.ranks, grown), (state.optimizer, state.params)
        params, memory = step(self.ranks, optimizer, gradients, now, rates, self.threads)
        progress = state.progress + 1 / state.total
        if alive is not None:
            first *= alive
            if memory.step % _PRUNE_EVERY == 0 or progress > 1 - 0.5 / state.total:
                prune(first, self.options.sparsity_at(progress))
        return replace(
            state, params=[np.asarray(p) for p in params], optimizer=memory, progress=progress
        )

    def _count(self, state: ReLUState, passed: walk.Signals, n: int) -> None:
        """Add what an update costs: backward a gradient a synapse, and errors of layers below."""
        each = walk.operations(state, walk.senders(state, passed))
        updates = sum(p.size for p in state.params)
        state.counts[:] += [n, each.sum(), each.sum() + each[1:].sum(), updates]

    def predict(
        self, state: ReLUState, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict from frames; what is 0 is passed over, and not counted."""
        sizes, classes = state.sizes, np.zeros(len(order), np.int64)
        spoke = [np.zeros(len(w), np.int64) for w in state.weights]
        seen, last = 0, 0
        for first in range(0, len(order), _TOGETHER):
            part = slice(first, first + _TOGETHER)
            frames = self.frames(data, order[part], sizes)
            passed = walk.forward(state, frames, walk.everyone(state, len(frames.seen)), threads)
            classes[part] = answers(passed.sent[-1].astype(np.float64))
            spoke = [a + b for a, b in zip(spoke, walk.senders(state, passed), strict=True)]
            seen, last = seen + int(frames.seen.sum()), last + int((passed.sent[-1] > 0).sum())
        spikes = np.array([*(int(n.sum()) for n in spoke), last], np.int64)
        counted = seen if self.options.values == "counts" else 0
        biases, hidden = len(order) * sum(sizes[1:]), len(order) * sum(sizes[1:-1])
        work = NeuronWork(additions=biases + counted, multiplications=0, comparisons=hidden)
        return Predicted(classes, spikes, walk.operations(state, spoke), work)

    def arrays(self, state: ReLUState) -> Arrays:
        """Return weights, biases, the optimizer's state, of all ranks, and counts."""
        state = replace(state, optimizer=shared(self.ranks, state.optimizer))
        return arrays_of(state, list(self.shapes(state.sizes)))

    def restore(self, network: Sizes, arrays: Arrays) -> ReLUState:
        """Return the state that the arrays were made of."""
        shapes = self.shapes(network)
        fresh = self.begin(network, [np.zeros(shape) for shape in shapes.values()], 1.0)
        return restored(fresh, arrays, list(shapes))

    def costs(self, state: ReLUState) -> dict[str, Any]:
        """Return multiply-accumulates a recording while learning."""
        n, *rest = state.counts.tolist()
        if not n:
            return {}
        names = ("operations", "backward_operations", "weight_updates")
        return {f"{k}_per_recording": [v / n] for k, v in zip(names, rest, strict=True)}

    def own(self, state: ReLUState) -> OwnNetwork:
        """Return what its network is."""
        graded = [self.options.values == "counts"] + [True] * (len(state.weights) - 1)
        return OwnNetwork(
            self.populations(state.sizes),
            "relu",
            state.weights,
            4,
            _UNTIMED,
            synapses=tuple(w.size for w in state.weights),
            multiplies=tuple(graded),
            until_us=float(self.options.until_us),
        )

    def traffic(self, state: ReLUState, data: Data, index: int, name: str) -> RuleTraffic:
        """Run one recording; a unit that is not 0 is a spike at the end of the last frame."""
        found = self.frames(data, np.array([index]), state.sizes)
        passed = walk.forward(state, found, walk.everyone(state, 1))
        spoke = walk.senders(state, passed)
        units: list[NDArray[Any]] = [found.pixels % state.sizes[0]]
        units += [np.flatnonzero(sent[0] > 0) for sent in passed.sent]
        whole = float(self.options.until_us or data.duration[index])  # type: ignore[union-attr]
        label = int(labels_of(data)[index])
        return RuleTraffic(
            name,
            [np.full(len(u), whole) for u in units],
            [u.astype(np.int32) for u in units],
            passed.sent[-1][0].astype(np.float64),
            None if label < 0 else label,
            whole,
            walk.operations(state, spoke),
            "us",
            state.sizes,
        )


def prune(weights: NDArray[Any], share: float) -> None:
    """Set the smallest weights to 0, in place, until that share of all is."""
    gone = int(share * weights.size) - int((weights == 0).sum())
    if gone <= 0:
        return
    size = np.abs(weights.reshape(-1))
    size[size == 0] = np.inf
    weights.reshape(-1)[np.argpartition(size, gone - 1)[:gone]] = 0
