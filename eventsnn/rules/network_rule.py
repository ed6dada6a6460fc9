"""Rules whose trained network the simulator runs."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.loss import Loss
from eventsnn.network import Network
from eventsnn.rules.evaluation import predict
from eventsnn.rules.learned import Predicted, Shape
from eventsnn.rules.rule import Reading, Rule, State
from eventsnn.text import named


class NetworkRule(Rule[Network, State]):
    """A rule that learns the weights of a ``Network``; the simulator predicts with them."""

    @abstractmethod
    def reading(self, state: State) -> Reading:
        """Return the network as it is evaluated and saved."""

    def populations(self, network: Network) -> dict[str, int]:
        """Return how many neurons each population has."""
        return {p.name: p.size for p in network.populations}

    def shapes(self, network: Network) -> dict[str, Shape]:
        """Return the shape of each connection's weights: ``weights.0`` and so on."""
        return {f"weights.{k}": c.topology.weight_shape for k, c in enumerate(network.connections)}

    def predict(
        self, state: State, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict with the simulator."""
        self.check_data(data)
        assert isinstance(data, EventBatch)
        whole = len(order) == len(data) and bool((order == np.arange(len(data))).all())
        return predict(*self.reading(state), data if whole else data.select(order), threads)


def check_output(rule: str, network: Network, loss: Loss) -> None:
    """Refuse a network of a program whose last population does not give what the loss reads.

    Raises
    ------
    UserError
        That names the population.
    """
    if not isinstance(network, Network):
        raise UserError(f"rule {rule}: network is {named(network)}; give a Network")
    last, spikes = network.populations[-1], loss.reads in ("counts", "first_spike")
    if last.neuron is None:
        raise UserError(f"rule {rule}: the last population is the input; put the output last")
    if spikes and len(network.populations) - 1 not in network.outputs:
        raise UserError(
            f"rule {rule}: the last population {named(last.name)} sends its spikes on; put an "
            "output that does not behind it"
        )
    if last.spiking != spikes:
        remedy = "reads='counts'" if last.spiking else "reads='integral', 'maximum' or 'final'"
        raise UserError(
            f"rule {rule}: the loss reads {loss.reads}, the last population {named(last.name)} "
            f"has {last.neuron.kind} neurons; give {remedy}, or another output"
        )
