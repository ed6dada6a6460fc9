"""The rule ``given``: it learns nothing; a network with its weights is kept and evaluated by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.engines.kept import read_only
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch
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
    most_events: int = option(
        0,
        "Events that a recording holds at most, of a network in whole numbers: with more its "
        "potentials may leave 32 bits; 0: any.",
        least=0,
    )

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
    """A network and its weights.

    Attributes
    ----------
    network : Network
    weights : list of float arrays, in the order of the connections
    kept : tuple of dtypes
        What a checkpoint keeps them in, as int8 of whole numbers; () for what they are.
    """

    network: Network
    weights: list[NDArray[Any]]
    kept: tuple[np.dtype[Any], ...] = ()


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
    most_events : int
        Events that a recording holds at most; 0: any.

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
        return state._replace(weights=[read_only(w) for w in state.weights])

    def arrays(self, state: GivenState) -> Arrays:
        """Return copies of the weights."""
        kept = state.kept or [w.dtype for w in state.weights]
        pairs = enumerate(zip(state.weights, kept, strict=True))
        return {f"weights.{k}": w.astype(dtype) for k, (w, dtype) in pairs}

    def restore(self, network: Network, arrays: Arrays) -> GivenState:
        """Return the state that the arrays were made of, in the precision that they had.

        Whole numbers of 8 or 16 bits are read as float64, which holds sums of them exactly.
        """
        found = [arrays[name] for name in self.shapes(network)]
        for name, array in zip(self.shapes(network), found, strict=True):
            if array.dtype not in (np.float32, np.float64, np.int8, np.int16):
                raise UserError(f"{name} is {array.dtype}")
        kept = tuple(array.dtype for array in found)
        floats = [a.astype(np.float64) if a.dtype.kind == "i" else a for a in found]
        shaped = network.shaped(floats).values()
        return GivenState(network, [array.copy() for array in shaped], kept)

    def check_data(self, data: Data) -> None:
        """Refuse a recording of more events than the network may be given."""
        super().check_data(data)
        if isinstance(data, EventBatch) and len(data):
            events = np.diff(data.start)
            where = f"{data.source}: recording {int(events.argmax())}"
            self.check_events(int(events.max()), where)

    def check_events(self, events: int, where: str, remedy: str = "cut it") -> None:
        """Refuse more events than the bounds of a network of whole numbers hold."""
        most = self.options.most_events
        if most and events > most:
            raise DataError(
                f"{where} has {events} events, the network takes {most} before its potentials may "
                f"leave 32 bits; {remedy}, or quantize with more --most-events"
            )


def _nothing() -> UserError:
    return UserError(
        "rule given: learns nothing, its weights are given (eventsnn.save); give another rule to "
        "learn by, such as adjoint"
    )
