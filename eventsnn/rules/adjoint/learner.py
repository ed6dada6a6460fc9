"""The spike adjoint as the trainer sees it: layered networks, dropout a recording."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import blockwise_adjoint
from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.events import EventBatch
from eventsnn.optimizers.optimizer import Param
from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.rules.gradient.chunk import Chunk, Walked, count_into
from eventsnn.rules.gradient.learner import GradientLearner
from eventsnn.topology.dense import Dense
from eventsnn.train.options import TrainOptions


class AdjointLearner(GradientLearner):
    """A layered network that learns by the spike adjoint."""

    def __init__(self, options: TrainOptions, threads: int = 1) -> None:
        super().__init__(options, threads)
        layered.check_layered(self.network)
        first = -2 if options.gradient.dropout_at == "last" else 0
        self.droppable = self.learning[first:-1] if options.gradient.dropout else []

    def kept(self, weights: list[NDArray[Any]]) -> list[Param]:
        """Return weights as they run: those of a dense connection from the input laid out."""
        network, out = self.network, list[Param](weights)
        for c, connection in enumerate(network.connections):
            if network.sources[c] != network.input or not network[connection.target].spiking:
                continue
            if isinstance(connection.topology, Dense):
                out[c] = Laid.of(weights[c])
        return out

    def read(self, events: EventBatch, order: NDArray[np.int64], rng: np.random.Generator) -> Chunk:
        """Read the recordings ``order``, and draw which hidden neurons speak in each."""
        chunk, share = super().read(events, order, rng), self.options.gradient.dropout
        masks = {
            p: rng.random((len(order), self.sizes[p]), np.float32) >= share for p in self.droppable
        }
        return chunk._replace(masks=masks)

    def walk(self, chunk: Chunk) -> Walked:
        """Run a batch layer by layer and walk it in reverse."""
        batch, masks, options = chunk.batch, chunk.masks, self.options.gradient
        louder = np.float32(1 / (1 - options.dropout))
        pairs = zip(self.params, self.network.sources, strict=True)
        # Neurons that speak do so the louder where others are dropped.
        weights = [plain(p) * louder if source in masks else p for p, source in pairs]
        args = self.network, weights, batch, self.threads, masks, options.near
        passed = layered.run_checked(*args)
        outputs = layered.outputs_of(passed, self.output, self.loss.reads)
        graded = self.grade(outputs, batch)
        errors = {self.output: (self.loss.reads, graded.gradient / len(batch))}
        spoke = self._spoke(chunk, passed)
        worth = self._cost_of(spoke, len(batch)), options.near_weight
        gradients = blockwise_adjoint(passed, weights, errors, worth, self.threads).weights
        for gradient, source in zip(gradients, self.network.sources, strict=True):
            if source not in masks:
                continue
            if isinstance(gradient, Blockwise):
                gradient.scale(louder)
            else:
                gradient *= louder
        return Walked(graded.loss, graded.scores, gradients, spoke)

    def _cost_of(self, spoke: list[NDArray[np.int64]], n: int) -> float | dict[int, float]:
        """Return what a spike costs, by population where it depends on how many there are."""
        options: AdjointOptions = self.options.own
        cost, target = options.spike_cost / n, options.spike_target_at(self.progress)
        if not target:
            return cost
        costs = {}
        for p in self.learning[:-1]:
            heard = n * (1 - options.dropout) if p in self.droppable else n
            rate = float(spoke[p].sum()) / (heard * self.sizes[p])
            costs[p] = cost * (rate / target - 1)
        return costs

    def _spoke(self, chunk: Chunk, passed: layered.Passed) -> list[NDArray[np.int64]]:
        spoke = [np.zeros(size, np.int64) for size in self.sizes]
        spoke[self.network.input] = chunk.came
        for piece in passed.pieces:
            for p, train in piece.trains.items():
                count_into(train.unit, spoke[p])
        return spoke
