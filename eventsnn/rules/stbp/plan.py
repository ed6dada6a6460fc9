"""What a network's walk needs beside its weights: tables of each layer, and room for samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.memory import check_room
from eventsnn.network import Network
from eventsnn.neurons.grid_lif import GridLIF
from eventsnn.rules.grid.fan import BundleTable, RunTable, bundles_of, runs_of
from eventsnn.rules.grid.joined import JoinedRuns, joined
from eventsnn.rules.grid.rows import TOGETHER
from eventsnn.rules.stbp.encode import SentSpikes, UnitSpikes, spikes_room
from eventsnn.rules.stbp.options import STBPOptions
from eventsnn.surrogates.surrogate import Surrogate

_BUDGET = 3 << 20
"""Bytes of potentials, slopes and errors that a thread has at a time: they stay in its cache."""

_MOST = 16
"""Samples that a thread takes at a time."""


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """A layer.

    Attributes
    ----------
    runs : RunTable
    joined : JoinedRuns
        The same, as spikes go forward and gradients are added.
    bundles : BundleTable or None
        None for the first layer, below which nobody asks for errors.
    share : float
        What a spike adds of a weight.
    forward : tuple
        (decay, residue, threshold), of the state's dtype.
    slopes : tuple
        f' at silence and at a spike.
    """

    runs: RunTable
    joined: JoinedRuns
    bundles: BundleTable | None
    share: float
    forward: tuple[Any, Any, Any]
    slopes: tuple[Any, Any]

    @property
    def size(self) -> int:
        """Neurons."""
        return int(self.runs.sizes[1])


@dataclass(frozen=True, eq=False)
class GridPlan:
    """A network on a grid of steps."""

    layers: list[LayerPlan]
    n_in: int
    steps: int
    real: Any
    surrogate: Surrogate
    carried: int
    walk: str

    @property
    def together(self) -> int:
        """Samples that a thread takes at a time."""
        numbers = 3 * self.steps * sum(layer.size for layer in self.layers)
        return int(max(1, min(_MOST, _BUDGET // (numbers * np.dtype(self.real).itemsize))))

    @property
    def dense(self) -> NDArray[np.int64]:
        """Additions of a dense sweep a sample: forward, gradients, errors below; (3, n_layers)."""
        synapses = np.array([int(layer.runs.synapses.sum()) for layer in self.layers], np.int64)
        below = synapses.copy()
        below[0] = 0
        return self.steps * np.array([synapses, synapses, below])


def plan_of(network: Network, options: STBPOptions) -> GridPlan:
    """Return the tables of a chain of layers of ``GridLIF``.

    Raises
    ------
    UserError
        If it is no such chain.
    """
    layers, real = list[LayerPlan](), options.real
    for k, connection in enumerate(network.connections):
        neuron = network.populations[k + 1].neuron
        chained = network.sources[k] == k and network.targets[k] == k + 1
        if not chained or type(neuron) is not GridLIF:
            raise UserError(
                f"connection {connection.name}: rule stbp takes a chain of grid_lif layers; give "
                "one"
            )
        runs = runs_of(connection)
        forward = tuple(real(v) for v in (neuron.decay, neuron.residue, neuron.threshold))
        by = (-1.0, -neuron.residue) if options.form == "exact" else (-neuron.decay,) * 2
        bundles = bundles_of(runs) if k else None
        share = connection.topology.share
        slopes = (real(by[0]), real(by[1]))
        layers.append(LayerPlan(runs, joined(runs), bundles, share, forward, slopes))
    surrogate, carried = options.make_surrogate(), options.carried
    n_in, steps = network.populations[0].size, options.n_steps
    return GridPlan(layers, n_in, steps, real, surrogate, carried, options.walk)


class LayerRoom(NamedTuple):
    """Running variables of a layer in some samples.

    Attributes
    ----------
    u, h, e : float arrays (n_samples, steps, n)
        Potentials, slopes, errors.
    sent, units : SentSpikes, UnitSpikes
    left, down : float arrays (n,), (TOGETHER * n_in,)
    words, bytes : uint64 (n / 8,), uint8, of the same memory
    """

    u: NDArray[Any]
    h: NDArray[Any]
    e: NDArray[Any]
    sent: SentSpikes
    units: UnitSpikes
    left: NDArray[Any]
    down: NDArray[Any]
    words: NDArray[np.uint64]
    bytes: NDArray[np.uint8]


class GridLane:
    """Room of one thread; it grows with the events of a recording.

    Parameters
    ----------
    plan : GridPlan
    learns : bool
        Whether it walks back, too.
    """

    def __init__(self, plan: GridPlan, learns: bool) -> None:
        steps, many, real = plan.steps, plan.together, plan.real
        sizes = [layer.size for layer in plan.layers]
        size = np.dtype(real).itemsize
        taken = many * steps * sum(sizes) * (3 * size + 8)
        check_room(taken, "stbp: potentials of some samples: it")
        self.plan, self.layers = plan, list[LayerRoom]()
        for layer, n in zip(plan.layers, sizes, strict=True):
            shape = many, steps, n
            back = shape if learns else (0, 0, 0)
            words = np.zeros(-(-n // 8), np.uint64)
            self.layers.append(
                LayerRoom(
                    np.zeros(shape, real),
                    np.zeros(back, real),
                    np.zeros(back, real),
                    *spikes_room(many, steps, n, n * steps),
                    np.zeros(n, real),
                    np.zeros(TOGETHER * int(layer.runs.sizes[0]), real),
                    words,
                    words.view(np.uint8),
                )
            )
        self.sent, self.units = spikes_room(many, steps, plan.n_in, 0)
        self.lit = np.zeros(plan.n_in, np.int32)

    def grow(self, spikes: int) -> None:
        """Make room for so many spikes of the input a sample."""
        if self.sent.unit.shape[1] <= spikes:
            many = len(self.sent.at)
            self.sent, self.units = spikes_room(many, self.plan.steps, self.plan.n_in, spikes)
