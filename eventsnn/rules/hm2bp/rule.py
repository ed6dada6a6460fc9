"""HM2-BP as a learning rule, sample by sample (Jin, Zhang & Li 2018)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, sensor_of
from eventsnn.data.images import Images
from eventsnn.errors import DivergedError, UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.rules.hm2bp.build import initial_weights, layers_of
from eventsnn.rules.hm2bp.counting import costs_of, count_forward, count_learned
from eventsnn.rules.hm2bp.distort import drawn_field
from eventsnn.rules.hm2bp.encoder import Encoder
from eventsnn.rules.hm2bp.layers import GridLayer, network_of
from eventsnn.rules.hm2bp.options import HM2BPOptions
from eventsnn.rules.hm2bp.predicting import (
    dense_sweep,
    own_network,
    predicted,
    runner_of,
    traffic_of,
)
from eventsnn.rules.hm2bp.sample import Marked
from eventsnn.rules.hm2bp.state import HM2State, arrays_of, restored
from eventsnn.rules.hm2bp.trains import Trains
from eventsnn.rules.hm2bp.way import Lesson
from eventsnn.rules.learned import Arrays, Batch, Epoch, Learned, Predicted, Rates, Shape
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.rule import Rule
from eventsnn.rules.traffic import RuleTraffic


class SteppedNetwork(NamedTuple):
    """The layers as the rule runs them, and as a network that the simulator runs."""

    layers: tuple[GridLayer, ...]
    network: Network


class HM2BP(Rule[SteppedNetwork, HM2State]):
    """The rule ``hm2bp`` of Jin, Zhang & Li (2018)."""

    kind = "hm2bp"
    Options = HM2BPOptions
    takes = (EventBatch, Images)

    options: HM2BPOptions

    @property
    def batch(self) -> int:
        """Samples between two reports, and to a Ctrl-C: it learns one by one all the same."""
        return 16

    def network(self, layers: Layers) -> SteppedNetwork:
        """Return the layers; UserError where the rule has no such part."""
        shape, found = layers_of(layers, self.options)
        return SteppedNetwork(found, network_of(shape, found))

    def populations(self, network: SteppedNetwork) -> dict[str, int]:
        """Return the sizes by name."""
        return {p.name: p.size for p in network.network.populations}

    def shapes(self, network: SteppedNetwork) -> dict[str, Shape]:
        """Return the shape of the weights into each layer: ``weights.0`` and so on."""
        return {f"weights.{k}": layer.weight_shape for k, layer in enumerate(network.layers)}

    def start(
        self,
        network: SteppedNetwork,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[HM2State, list[Rates]]:
        """Draw uniform weights; nothing depends on the data."""
        drawn, inward = initial_weights(network.layers, self.options, rng)
        if weights is not None:
            drawn = [np.array(w, np.float32) for w in weights]
        return HM2State.fresh(network.layers, drawn, inward, len(data)), []

    def begin_epoch(self, state: HM2State, epoch: Epoch) -> HM2State:
        """Set the epoch's rate, and draw its distortion."""
        state.epoch, state.rate = epoch.number, self.options.rate_at(epoch.number)
        state.distortion = None
        return state

    def learn(
        self, state: HM2State, batch: Batch, rng: np.random.Generator
    ) -> tuple[HM2State, Learned]:
        """Learn samples one by one."""
        data, labels, numbers = batch.data, batch.labels, batch.numbers
        options = self.options
        self._check(state, data, labels, numbers)
        if options.encode.distort and isinstance(data, Images) and state.distortion is None:
            drawn = np.random.default_rng([options.seed & (1 << 63) - 1, 3, state.epoch])
            *_, height, width = sensor_of(data)
            state.distortion = drawn_field(drawn, height, width)
        if not state.runners or state.runners[0].threads != self.threads:
            state.bring_home()
            state.runners.insert(0, runner_of(state, self.options, self.threads))
        again = 1 + state.epoch if options.encode.redraw or options.encode.distort else 0
        encoder = Encoder(options, data, state.runners[0].layers[0].n_in)

        def encode(number: int, trains: Trains) -> None:
            encoder.encode(int(batch.order[number]), trains, again, state.distortion)

        lessons = [
            Lesson(
                int(label),
                float(state.boost[number]) if options.sample_weights else 1.0,
                options.stepping(state.step + 1 + k, state.rate),
            )
            for k, (number, label) in enumerate(zip(numbers, labels, strict=True))
        ]
        if not lessons:
            return state, Learned(0, 0.0)
        marked = state.runners[0].learn(state.home, state.inward, lessons, encode)
        return state, self._learned(state, marked, numbers, labels)

    def _learned(
        self,
        state: HM2State,
        marked: list[Marked],
        numbers: NDArray[np.int64],
        labels: NDArray[np.int64],
    ) -> Learned:
        """Note how samples were answered."""
        runner, right, loss = state.runners[0], 0, 0.0
        state.step += len(marked)
        state.learned += len(marked)
        count_forward(runner, state.tally)
        count_learned(runner, len(marked), state.tally)
        for one, number, label in zip(marked, numbers, labels, strict=False):
            if not math.isfinite(one.cost):
                raise DivergedError(
                    f"sample {number}: outputs that inhibit each other have no lateral factor; "
                    "raise output_threshold, lower inhibition, or leave lateral_factor out"
                )
            correct = bool(answers(one.counts) == label)
            state.wrong[number], state.labels[number] = not correct, label
            right, loss = right + correct, loss + one.cost
        return Learned(right, loss)

    def _check(
        self,
        state: HM2State,
        data: Data,
        labels: NDArray[np.int64],
        numbers: NDArray[np.int64],
    ) -> None:
        """Refuse labels of no output, and samples that the run does not know."""
        self.check_data(data)
        n = state.layers[-1].topology.n_out
        wrong = np.flatnonzero((labels < 0) | (labels >= n))
        if wrong.size:
            raise UserError(
                f"{data.source}: sample {numbers[wrong[0]]} has the label {labels[wrong[0]]}; the "
                f"network has {n} outputs, for the classes 0 to {n - 1}"
            )
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(state.boost)):
            raise UserError(
                f"{data.source}: sample {numbers.max()}, but the run began with "
                f"{len(state.boost)} samples; start it with these data"
            )

    def end_epoch(self, state: HM2State, epoch: Epoch) -> HM2State:
        """Weigh the samples that were wrong more."""
        state.end_epoch()
        return state

    def predict(
        self, state: HM2State, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict by the most spikes; images have the same trains each time."""
        self.check_data(data)
        return predicted(state, self.options, data, order, threads)

    def check(self, state: HM2State, epoch: Epoch) -> None:
        """Raise DivergedError if a weight is no longer finite."""
        for k, weights in enumerate(state.weights):
            if not np.isfinite(weights).all():
                raise DivergedError(
                    f"epoch {epoch.number + 1}: weights of layer {k + 1} are no longer finite; "
                    f"lower rate (it is {self.options.rate:g})"
                )

    def costs(self, state: HM2State) -> dict[str, Any]:
        """Return operations a recording while learning."""
        if not state.learned:
            return {}
        dense = {"dense_sweep_per_recording": dense_sweep(state, self.options)}
        return costs_of(state.tally, state.learned) | dense

    def arrays(self, state: HM2State) -> Arrays:
        """Return copies of all that learning changes."""
        return arrays_of(state)

    def restore(self, network: SteppedNetwork, arrays: Arrays) -> HM2State:
        """Return the state that the arrays were made of."""
        _, inward = initial_weights(network.layers, self.options, np.random.default_rng(0))
        return restored(network.layers, inward, arrays)

    def own(self, state: HM2State) -> OwnNetwork:
        """Return what its network is; the rule encodes what it reads, and runs it itself."""
        return own_network(state, self.options)

    def traffic(self, state: HM2State, data: Data, index: int, name: str) -> RuleTraffic:
        """Run one sample, and return every spike that it caused."""
        return traffic_of(state, self.options, data, index, name)
