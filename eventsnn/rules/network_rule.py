"""Rules whose trained network the simulator runs."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.events import EventBatch
from eventsnn.network import Network
from eventsnn.rules.evaluation import predict
from eventsnn.rules.learned import Predicted, Shape
from eventsnn.rules.rule import Reading, Rule, State


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
