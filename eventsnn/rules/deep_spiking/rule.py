"""Deep Spiking Networks as a learning rule: sample by sample, in the paper's own machine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.data.images import Images
from eventsnn.errors import DivergedError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.network.layer_string import Layers, dense_sizes
from eventsnn.rules.deep_spiking import state as rows
from eventsnn.rules.deep_spiking.costs import costs
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.options import DeepSpikingOptions
from eventsnn.rules.deep_spiking.traffic import traffic
from eventsnn.rules.learned import Arrays, Batch, Epoch, Learned, Predicted, Rates, Shape
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.rule import Rule
from eventsnn.rules.traffic import RuleTraffic

Sizes = tuple[int, ...]
"""Units a population, input first: all that describes such a network."""

_UNTIMED = "its answer is the mean drive over T steps of a recording's events, not of its time"


class DeepSpiking(Rule[Sizes, HerdingMLP]):
    """The rule ``deep-spiking`` of O'Connor & Welling (2016); it learns inside each sample."""

    kind = "deep-spiking"
    aliases = ("herding",)
    Options = DeepSpikingOptions
    takes = (EventBatch, Images)

    options: DeepSpikingOptions

    @property
    def batch(self) -> int:
        """Samples between two reports, and to a Ctrl-C: it learns one by one all the same."""
        return 64

    @property
    def online_batch(self) -> int:
        """Along a stream it is asked before each sample."""
        return 1

    def network(self, layers: Layers) -> Sizes:
        """Return the sizes of a chain of dense layers."""
        return dense_sizes(layers, self.kind)

    def populations(self, network: Sizes) -> dict[str, int]:
        """Return the sizes by name."""
        return {f"layer {k}" if k else "input": size for k, size in enumerate(network)}

    def shapes(self, network: Sizes) -> dict[str, Shape]:
        """Return the shape of each layer's weights: ``weight0`` and so on."""
        return {f"weight{k}": shape for k, shape in enumerate(pairwise(network))}

    def start(
        self,
        network: Sizes,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[HerdingMLP, list[Rates]]:
        """Draw normal weights; nothing depends on the data."""
        own = self.options
        scale, upper = own.init_scale, own.upper_scale or own.init_scale
        if weights is None:
            weights = [
                (upper if layer else scale) * rng.standard_normal(shape)
                for layer, shape in enumerate(pairwise(network))
            ]
        return HerdingMLP(weights, own.network), []

    def begin_epoch(self, state: HerdingMLP, epoch: Epoch) -> HerdingMLP:
        """Set the epoch's learning rate."""
        state.options = self.options.at_epoch(epoch.number)
        return state

    def end_epoch(self, state: HerdingMLP, epoch: Epoch) -> HerdingMLP:
        """Set the learning rate with which learning goes on, as in a network that was saved."""
        return self.begin_epoch(state, epoch._replace(number=epoch.number + 1))

    def learn(
        self, state: HerdingMLP, batch: Batch, rng: np.random.Generator
    ) -> tuple[HerdingMLP, Learned]:
        """Learn samples one by one."""
        outputs = state.train(batch.data, batch.order)
        return state, Learned(int((answers(outputs) == batch.labels).sum()), float("nan"))

    def predict(
        self, state: HerdingMLP, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict with the quantizers of the test."""
        outputs, tally = state.outputs(data, order, threads)
        spikes = np.array([tally[rows.IN_SPIKES, 0], *tally[rows.SPIKES]])
        return Predicted(answers(outputs), spikes, tally[rows.ADDS])

    def check(self, state: HerdingMLP, epoch: Epoch) -> None:
        """Raise DivergedError if a weight is no longer finite."""
        for layer, weight in enumerate(state.weights):
            if not np.isfinite(weight).all():
                raise DivergedError(
                    f"epoch {epoch.number + 1}: weights of layer {layer + 1} are no longer "
                    f"finite; lower eta (it is {self.options.at_epoch(epoch.number).eta})"
                )

    def costs(self, state: HerdingMLP) -> dict[str, Any]:
        """Return operations a recording while learning."""
        return costs(state.counts, max(state.n_trained, 1))

    def arrays(self, state: HerdingMLP) -> Arrays:
        """Return the network's whole state."""
        return state.snapshot()

    def restore(self, network: Sizes, arrays: Arrays) -> HerdingMLP:
        """Return the network that the arrays were made of."""
        state = HerdingMLP([np.zeros(shape) for shape in pairwise(network)], self.options.network)
        state.restore(arrays)
        return state

    def own(self, state: HerdingMLP) -> OwnNetwork:
        """Return what its network is; its neurons are quantizers, polled after every spike."""
        itemsize = int(np.dtype(state.options.numpy_dtype).itemsize)
        names = self.populations(state.sizes)
        return OwnNetwork(names, "herding", state.weights, itemsize, _UNTIMED)

    def traffic(self, state: HerdingMLP, data: Data, index: int, name: str) -> RuleTraffic:
        """Run one sample, and return every spike that it caused."""
        return traffic(state, data, index, name)
