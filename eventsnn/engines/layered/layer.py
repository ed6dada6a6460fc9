"""The contract of a layer, and which one runs which neurons behind which connection.

A *layer* is a population and the one connection into it, as the fast path runs them, walks
them in reverse, and counts the walk. A shape's folder registers its layer for the exact types
that its kernels were written for; ``any/`` takes every other pair, by the model's own kernels.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Decay, Deliveries, Tally, Train
from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Each, Laid
from eventsnn.neurons.neuron import Neuron
from eventsnn.ranks.sums import GroupSums, OfRank
from eventsnn.record import Readouts
from eventsnn.topology.topology import Topology


class Ahead(NamedTuple):
    """How many events a layer is going to take, and ``map`` or that of a thread pool."""

    events: int = 0
    each: Each = map


class Passage(NamedTuple):
    """What the reverse walk of a piece does at a layer, as ``Layer.cost`` counts it.

    Attributes
    ----------
    came : Deliveries
    close : Deliveries or None
        Those of near spikes, as they are walked (``Layer.beside``).
    spikes : Train or None
        Spikes and near spikes of the layer; None if it never fires.
    below : bool
        True if something below can use the errors of the deliveries.
    """

    came: Deliveries
    close: Deliveries | None
    spikes: Train | None
    below: bool


class Cost(NamedTuple):
    """Counts of a reverse walk, int64 (n_recordings,) each; see ``measure.backward.Backward``."""

    jumps: NDArray[np.int64]
    errors: NDArray[np.int64]
    gradients: NDArray[np.int64]
    traces: NDArray[np.int64]
    decays: NDArray[np.int64]


class Layer(ABC):
    """A population and the one connection into it.

    Parameters
    ----------
    topology : Topology
    neuron : Neuron
    weights : float array of the topology's ``weight_shape``, or Laid
    ahead : Ahead

    Attributes
    ----------
    decay : Decay or None
        Whose factors the layer reads at its deliveries; None for one that keeps clocks itself.

    Class attributes
    ----------------
    lays : bool
        True if weights may be ``Laid``.
    beside : bool
        True if the error of a delivery depends on which others come at its instant. Near
        spikes are then walked among the spikes.
    counts : bool
        True if it multiplies by ``Deliveries.multiple``, both ways; else a layer gets events that
        stand for several one by one.
    timed : bool
        True if it takes deliveries between microseconds, as neurons send that fire by themselves.
    """

    lays: ClassVar[bool] = False
    beside: ClassVar[bool] = False
    counts: ClassVar[bool] = False
    timed: ClassVar[bool] = False
    decay: Decay | None = None

    @abstractmethod
    def __init__(
        self, topology: Topology, neuron: Neuron, weights: NDArray[Any], ahead: Ahead
    ) -> None: ...

    @classmethod
    def fits(cls, neuron: Neuron) -> bool:
        """Return whether it runs a model of its type with these parameters."""
        return True

    @abstractmethod
    def start(self, recordings: int) -> Any:
        """Return the state at rest, for so many recordings."""

    @abstractmethod
    def start_apart(self, recordings: int) -> Any:
        """Return the state at rest of recordings that run in turns, a piece of each at a time.

        With such a state, and not ``fresh``, every recording goes on where it stood.
        """

    def start_at(self, v: NDArray[Any]) -> Any:
        """Return the state of one recording that begins with potentials ``v``, (n_out,).

        To be run not ``fresh``: time counts from there.
        """
        raise TypeError(f"feedforward: {type(self).__name__} begins at rest")

    @abstractmethod
    def run(self, deliveries: Deliveries, state: Any, fresh: bool, tally: Tally) -> Train | None:
        """Take the deliveries, change ``state``, add to ``tally``, return the spikes.

        Each recording begins at rest, but for the first one unless ``fresh``. None from a
        layer that never fires.
        """

    def run_near(
        self, deliveries: Deliveries, share: float, since: NDArray[Any] | None = None
    ) -> tuple[Train, Train]:
        """Run from rest or from potentials ``since``, and note who came near; of one that fires.

        Returns
        -------
        fired, crossed : Train
            The spikes, and where neurons reached ``share`` of their threshold: up to a neuron's
            first spike, the first of these is the first in truth.
        """
        raise TypeError(f"feedforward: {type(self).__name__} never fires")

    def readouts(self, state: Any, now: NDArray[np.float64]) -> Readouts:
        """Return what a layer that never fires keeps at the end ``now`` of each recording."""
        raise TypeError(f"feedforward: {type(self).__name__} is no readout")

    def owed(self, errors: Any, dtype: Any) -> Any:
        """Return what the deliveries are owed for, ready to be walked.

        ``errors`` are ``SpikeErrors``, or ``TimedErrors`` of a layer that never fires.
        """
        return errors

    @abstractmethod
    def walk(self, came: Deliveries, weights: NDArray[Any] | Laid, owed: Any) -> Any:
        """Return the walk of some deliveries, for the two methods below."""

    @abstractmethod
    def back(self, walk: Any, below: bool) -> tuple[NDArray[Any] | None, Any]:
        """Return (errors, gradient).

        The errors of the deliveries, float (n_deliveries,), may be None where nothing ``below``
        uses them; the gradient of the piece is as ``joined`` takes it.
        """

    def errors(self, walk: Any) -> NDArray[Any]:
        """Return the errors of deliveries alone."""
        errors, _ = self.back(walk, True)
        if errors is None:
            raise TypeError(f"adjoint: {type(self).__name__} has no errors")
        return errors

    def joined(
        self, parts: Sequence[Any], shape: tuple[int, ...], dtype: Any
    ) -> NDArray[Any] | Blockwise:
        """Return the gradient of a batch; a part is a sum for each group of recordings."""
        total = np.zeros(shape, dtype)
        for part in parts:
            for gradient in part:
                total += gradient
        return total

    def found(self, parts: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> OfRank:
        """Return the parts for the ranks that own the targets, which do what ``joined`` does."""
        return GroupSums([gradient for part in parts for gradient in part], shape, dtype)

    @classmethod
    def uncounted(cls, topology: Topology, neuron: Neuron) -> str | None:
        """Return why ``cost`` cannot count this pair, None if it can."""
        return (
            f"it is a {topology.kind} into {neuron.kind} neurons; the reverse walk is counted for "
            "dense connections into if, lif and readout neurons"
        )

    def cost(self, work: Passage) -> Cost:
        """Count the reverse walk of a piece, from its spikes alone."""
        raise TypeError(f"measure: no count of {type(self).__name__}")


L = TypeVar("L", bound=type[Layer])

_FAST: dict[tuple[type[Neuron], type[Topology]], type[Layer]] = {}
_GENERAL: dict[bool, type[Layer]] = {}


def runs(neurons: Sequence[type[Neuron]], topologies: Sequence[type[Topology]]) -> Callable[[L], L]:
    """Register a layer for neurons and topologies of these exact types."""

    def register(layer: L) -> L:
        _FAST.update({(neuron, shape): layer for neuron in neurons for shape in topologies})
        return layer

    return register


def runs_others(spiking: bool) -> Callable[[L], L]:
    """Register the layer of all pairs that have none, of models that do or do not spike."""

    def register(layer: L) -> L:
        _GENERAL[spiking] = layer
        return layer

    return register


def layer_of(neuron: Neuron, topology: Topology) -> type[Layer] | None:
    """Return the layer that runs these neurons behind this connection.

    None for a model that may fire between events and has no layer of its own, which waits for it.
    """
    other = None if neuron.predicts else general(neuron.spiking)
    _import_shapes()
    found = _FAST.get((type(neuron), type(topology)), other)
    return found if found is not None and found.fits(neuron) else None


def general(spiking: bool) -> type[Layer]:
    """Return the layer of all pairs that have none, of models that do or do not spike."""
    _import_shapes()
    return _GENERAL[spiking]


def fast_pairs() -> list[tuple[type[Neuron], type[Topology]]]:
    """Return the pairs that have a layer of their own."""
    _import_shapes()
    return list(_FAST)


@cache
def _import_shapes() -> None:
    """Import the layer of each folder beside this file."""
    folder = Path(__file__).parent
    for module in pkgutil.iter_modules([str(folder)]):
        if module.ispkg:
            import_module(f"{__package__}.{module.name}.forward")
