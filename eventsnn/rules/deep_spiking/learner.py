"""The event-driven backprop MLP as the trainer sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.errors import DivergedError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers, unanswered
from eventsnn.network.layer_string import dense_sizes
from eventsnn.rules.deep_spiking.costs import costs
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.learner import Arrays, Learned, Rates
from eventsnn.train.augment import augment
from eventsnn.train.options import TrainOptions


class HerdingLearner:
    """O'Connor & Welling's network; it learns sample by sample.

    Parameters
    ----------
    options : TrainOptions
        With layers filled in.
    """

    chunk = 64  # samples between two reports, and to a Ctrl-C

    def __init__(self, options: TrainOptions) -> None:
        self.options = options
        rng = np.random.default_rng([options.seed, 0])
        own: Any = options.own
        scale, upper = own.init_scale, own.upper_scale or own.init_scale
        weights = [
            (upper if layer else scale) * rng.standard_normal(shape)
            for layer, shape in enumerate(pairwise(dense_sizes(options.layers, options.rule)))
        ]
        self.net = HerdingMLP(weights, own.network)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a population, input first."""
        return self.net.sizes

    def meet(self, data: Data) -> None:
        """It knows no other network."""

    def compile(self, data: Data) -> None:
        """Run one sample through a throwaway copy, so that no epoch's time has compilation."""
        copy = HerdingLearner(self.options)
        copy.learn(data, np.zeros(1, np.int64), np.random.default_rng(0))
        copy.net.outputs(data, np.zeros(1, np.int64))

    def start(self, data: Data) -> list[Rates]:
        """Nothing depends on the data."""
        return []

    def begin_epoch(self, epoch: int, steps: int, epochs: int) -> None:
        """Set the epoch's learning rate."""
        self.net.options = self.options.own.at_epoch(epoch)

    def learn(self, data: Data, chunk: NDArray[np.int64], rng: np.random.Generator) -> Learned:
        """Learn samples one by one, changed at random where the options say so."""
        change, labels = self.options.augmentation, labels_of(data)[chunk]
        if change and isinstance(data, EventBatch):
            outputs = self.net.train(augment(data, chunk, change, rng), np.arange(len(chunk)))
        else:
            outputs = self.net.train(data, chunk)
        return Learned(int((answers(outputs) == labels).sum()), float("nan"))

    def learn_all(
        self, data: Data, chunks: Iterable[NDArray[np.int64]], rng: np.random.Generator
    ) -> Iterator[Learned]:
        """Learn chunk after chunk."""
        for chunk in chunks:
            yield self.learn(data, chunk, rng)

    def evaluate(self, data: Data, threads: int) -> dict[str, Any]:
        """Predict every sample; see ``Learner``."""
        outputs, counts = self.net.outputs(data, np.arange(len(data)), threads)
        predictions = answers(outputs)
        result: dict[str, Any] = {
            "accuracy": float((predictions == labels_of(data)).mean()),
            "recordings": len(data),
            "no_answer": unanswered(predictions),
            "predictions": predictions.tolist(),
        }
        return result | costs(counts, len(data))

    def check(self, epoch: int) -> None:
        """Raise UserError if a weight is no longer finite."""
        for layer, weight in enumerate(self.net.weights):
            if not np.isfinite(weight).all():
                raise DivergedError(
                    f"epoch {epoch + 1}: weights of layer {layer + 1} are no longer finite; "
                    f"lower eta (it is {self.net.options.eta})"
                )

    def costs(self) -> dict[str, Any]:
        """Return operations per recording while learning."""
        return costs(self.net.counts, max(self.net.n_trained, 1))

    def snapshot(self) -> Arrays:
        """Return the network's whole state."""
        return self.net.snapshot()

    def restore(self, arrays: Arrays) -> None:
        """Take a snapshot back."""
        self.net.restore(arrays)
