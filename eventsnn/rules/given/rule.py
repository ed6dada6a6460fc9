"""The rule ``given``: it learns nothing; a network with its weights is kept and evaluated by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.engines.kept import read_only
from eventsnn.errors import UserError
from eventsnn.losses import losses
from eventsnn.losses.loss import Loss, Reads
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.options import option, take
from eventsnn.rules.learned import Arrays, Batch, Learned, Rates
from eventsnn.rules.network_rule import NetworkRule, check_output
from eventsnn.rules.rule import Reading
from eventsnn.rules.rule_options import RuleOptions


def _losses() -> tuple[str, ...]:
    return tuple(losses())


@dataclass(frozen=True)
class GivenOptions(RuleOptions):
    """How the answer of a given network is read."""

    loss: str = option(
        "cross-entropy", "Loss, of which scores and probabilities are.", choices=_losses
    )
    reads: Reads = option(
        "integral",
        "What it reads: potentials of a readout, or spike counts of neurons that fire.",
        choices=("integral", "maximum", "final", "counts"),
    )
    gain: float = option(1.0, "Scores a unit of output.", above=0)

    def __post_init__(self) -> None:
        """Refuse what cannot be read."""
        take(self)
        self.make_loss()

    def make_loss(self) -> Loss:
        """Return the loss, with the parameters that it takes from here."""
        kind = losses()[self.loss]
        known = [name for name in kind.options if hasattr(self, name)]
        return kind(**{name: getattr(self, name) for name in known})


class GivenState(NamedTuple):
    """A network and its weights, in the order of the connections."""

    network: Network
    weights: list[NDArray[Any]]


class GivenWeights(NetworkRule[GivenState]):
    """The rule ``given``: any network that the simulator runs, with weights that learned elsewhere.

    Nothing learns. ``eventsnn.save`` keeps networks by it.

    Parameters
    ----------
    loss : str
        Which scores the answer is made of: "cross-entropy" also gives probabilities.
    reads : "integral", "maximum", "final" or "counts"
        Of the last population: potentials of a readout, or spike counts.
    gain : float
        Scores a unit of output, > 0.

    Examples
    --------
    >>> from eventsnn import rules
    >>> rules.GivenWeights(reads="counts")
    <GivenWeights reads='counts'>
    """

    kind = "given"
    Options = GivenOptions
    learns: ClassVar[bool] = False

    options: GivenOptions

    def network(self, layers: Layers) -> Network:
        """Refuse layers, whose weights nobody gives."""
        raise _nothing()

    def adopt(self, network: Network) -> Network:
        """Return the network, if its answer can be read."""
        check_output(self.kind, network, self.options.make_loss())
        return network

    def with_weights(self, network: Network, weights: list[NDArray[Any]]) -> GivenState:
        """Return the state of these weights, which stay as they are."""
        return GivenState(network, weights)

    def start(
        self,
        network: Network,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[GivenState, list[Rates]]:
        """Refuse to draw weights."""
        raise _nothing()

    def learn(
        self, state: GivenState, batch: Batch, rng: np.random.Generator
    ) -> tuple[GivenState, Learned]:
        """Refuse to learn."""
        raise _nothing()

    def compile(self, network: Network, data: Data) -> None:
        """Refuse to learn, before anything is compiled for it."""
        raise _nothing()

    def reading(self, state: GivenState) -> Reading:
        """Return the network with its weights."""
        return Reading(state.network, state.weights, self.options.make_loss())

    def settled(self, state: GivenState) -> GivenState:
        """Return the same with weights that cannot be written."""
        return GivenState(state.network, [read_only(w) for w in state.weights])

    def arrays(self, state: GivenState) -> Arrays:
        """Return copies of the weights."""
        return {f"weights.{k}": w.copy() for k, w in enumerate(state.weights)}

    def restore(self, network: Network, arrays: Arrays) -> GivenState:
        """Return the state that the arrays were made of, in the precision that they had."""
        names = self.shapes(network)
        for name in names:
            if arrays[name].dtype not in (np.float32, np.float64):
                raise UserError(f"{name} is {arrays[name].dtype}")
        flat = network.weights([arrays[name] for name in names])
        pairs = zip(flat, names.values(), strict=True)
        return GivenState(network, [array.reshape(shape).copy() for array, shape in pairs])


def _nothing() -> UserError:
    return UserError(
        "rule given: learns nothing, its weights are given (eventsnn.save); give another rule to "
        "learn by, such as adjoint"
    )
