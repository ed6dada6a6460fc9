"""Lee, Delbruck & Pfeiffer (2016) as a learning rule: event by event, sample by sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.data.images import Images
from eventsnn.events import EventBatch
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.rules.learned import Arrays, Batch, Epoch, Learned, Predicted, Rates, Shape
from eventsnn.rules.lee2016 import state as rows
from eventsnn.rules.lee2016.machine import LeeMachine
from eventsnn.rules.lee2016.network import group_of, network_of
from eventsnn.rules.lee2016.options import Lee2016Options
from eventsnn.rules.lee2016.saved import arrays_of, restored
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.rule import Rule
from eventsnn.rules.traffic import RuleTraffic

_UNTIMED = (
    "spikes of one instant come one after the other here, which no engine runs; eventsnn "
    "reproduce lee2016 draws its answers over operations"
)


class Lee2016(Rule[Network, LeeMachine]):
    """The rule ``lee2016``: backpropagation on membrane potentials; batches of one sample."""

    kind = "lee2016"
    Options = Lee2016Options
    takes = (EventBatch, Images)

    options: Lee2016Options

    @property
    def batch(self) -> int:
        """Samples between two reports, and to a Ctrl-C: it learns one by one all the same."""
        return 64

    def network(self, layers: Layers) -> Network:
        """Return a chain of layers of ``graded_lif`` neurons."""
        return network_of(layers, self.options)

    def populations(self, network: Network) -> dict[str, int]:
        """Return how many neurons each population has."""
        return {p.name: p.size for p in network.populations}

    def shapes(self, network: Network) -> dict[str, Shape]:
        """Return the shape of each connection's weights: ``weights.0`` and so on."""
        return {f"weights.{k}": c.topology.weight_shape for k, c in enumerate(network.connections)}

    def start(
        self,
        network: Network,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[LeeMachine, list[Rates]]:
        """Draw uniform weights of variance 1 / fan-in, equation (14)."""
        return LeeMachine(network, self.options, weights or first_weights(network, rng)), []

    def begin_epoch(self, state: LeeMachine, epoch: Epoch) -> LeeMachine:
        """Set the epoch, by which rates fall."""
        state.epoch = epoch.number
        return state

    def learn(
        self, state: LeeMachine, batch: Batch, rng: np.random.Generator
    ) -> tuple[LeeMachine, Learned]:
        """Learn samples one by one."""
        out = state.learn(batch.data, batch.order, int(rng.integers(1 << 63)))
        right = int((out.answer[:, -1] == batch.labels).sum())
        return state, Learned(right, float(out.loss.sum()))

    def end_epoch(self, state: LeeMachine, epoch: Epoch) -> LeeMachine:
        """Multiply the weights by their scales."""
        state.end_epoch()
        return state

    def predict(
        self, state: LeeMachine, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict from whole recordings, or from images presented as long as in tests."""
        self.check_data(data)
        found = state.answers(data, order, threads)
        return Predicted(found.answer[:, -1], found.tally[rows.SPIKES], found.tally[rows.ADDS, 1:])

    def costs(self, state: LeeMachine) -> dict[str, Any]:
        """Return spikes and operations a sample while learning."""
        mean = state.work.tally / max(state.seen, 1)
        return {
            "spikes_per_recording": mean[rows.SPIKES].tolist(),
            "operations_per_recording": mean[rows.ADDS, 1:].tolist(),
            "backward_operations_per_recording": mean[rows.BACK_ADDS, 1:].tolist(),
            "weight_updates_per_recording": mean[rows.UPDATES, 1:].tolist(),
        }

    def arrays(self, state: LeeMachine) -> Arrays:
        """Return copies of all that learning changes."""
        return arrays_of(state)

    def restore(self, network: Network, arrays: Arrays) -> LeeMachine:
        """Return the machine that the arrays were made of."""
        return restored(network, self.options, arrays)

    def own(self, state: LeeMachine) -> OwnNetwork | None:
        """Return what its network is; None where a layer is not dense."""
        populations, net = state.network.populations, state.net
        if any(group_of(p) != p.size for p in populations[1:]):
            return None
        layers = range(len(populations) - 1)
        weights = [rows.layer_weights(net, k) * rows.maps(net, net.scale, k) for k in layers]
        names = self.populations(state.network)
        return OwnNetwork(names, "graded_lif", weights, net.weight.itemsize, _UNTIMED)

    def traffic(self, state: LeeMachine, data: Data, index: int, name: str) -> RuleTraffic:
        """Run one sample, and return every spike that it caused."""
        found, work = state.record(data, index)
        size = int(work.logged[0])
        of = [work.log_population[:size] == p for p in range(len(state.network.populations))]
        label = int(labels_of(data)[index])
        whole = data.duration[index] if isinstance(data, EventBatch) else self.options.test_us
        return RuleTraffic(
            name,
            [work.log_t[:size][mask] for mask in of],
            [work.log_unit[:size][mask] for mask in of],
            found.spikes[0].astype(np.float64),
            None if label < 0 else label,
            float(whole),
            found.tally[rows.ADDS, 1:],
            "us",
            tuple(self.populations(state.network).values()),
        )


def first_weights(network: Network, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Draw the weights of a start; a connection that brings its own keeps them."""
    out = []
    for connection, population in zip(network.connections, network.populations[1:], strict=True):
        topology = connection.topology
        given = topology.default_weights()
        fan_in = max(1, int(np.prod(topology.weight_shape)) // group_of(population))
        bound = (3 / fan_in) ** 0.5
        drawn = rng.uniform(-bound, bound, topology.weight_shape) if given is None else given
        out.append(np.asarray(drawn, np.float64))
    return out
