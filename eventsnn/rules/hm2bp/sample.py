"""One sample through a network: forward, graded, back, and its weights changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from operator import call
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.hm2bp.backward import Desk, SampleWay, learn_block, list_rows
from eventsnn.rules.hm2bp.forward import run_block
from eventsnn.rules.hm2bp.grading import Pairs, Wanted, grade
from eventsnn.rules.hm2bp.layers import GridLayer
from eventsnn.rules.hm2bp.prepared import PreparedLayer
from eventsnn.rules.hm2bp.trains import Trains, collect
from eventsnn.rules.hm2bp.update import Learning, Stepping
from eventsnn.threads import in_threads

Matrices = Sequence[NDArray[np.float32]]

NONE = np.zeros((0, 0), np.float32)
"""Stands for weights of a layer onto itself where it has none."""


class Marked(NamedTuple):
    """How a sample was answered, and what that cost.

    Attributes
    ----------
    counts : int32 array (n_out,)
        Spikes of each output, before the revival.
    cost : float
    """

    counts: NDArray[np.int32]
    cost: float


class SampleRunner:
    """Runs samples one by one; holds the room that one takes.

    Parameters
    ----------
    layers : sequence of GridLayer
    steps : int
        T.
    wanted : Wanted
    side_effect : bool
    threads : int
        Changes no bit.
    """

    def __init__(
        self,
        layers: Sequence[GridLayer],
        steps: int,
        wanted: Wanted,
        side_effect: bool = True,
        threads: int = 1,
    ) -> None:
        self.wanted, self.threads = wanted, threads
        self.lowest = next((k for k, layer in enumerate(layers) if layer.learns), len(layers))
        self.layers = [
            PreparedLayer(layer, steps, k > self.lowest, side_effect, threads)
            for k, layer in enumerate(layers)
        ]
        sizes = [self.layers[0].n_in, *(layer.n_out for layer in self.layers)]
        rests = [0, *(layer.rest for layer in self.layers[:-1]), 0]
        self.trains = [Trains.room(n, steps, r) for n, r in zip(sizes, rests, strict=True)]
        self.cells = [[layer.cells(c) for c in layer.blocks] for layer in self.layers]
        self.pairs = Pairs.room(sizes[-1], self.layers[-1].shape.curves, steps)

    @cached_property
    def desks(self) -> list[list[Desk]]:
        """Room for the way back."""
        return [[layer.desk(c) for c in layer.blocks] for layer in self.layers]

    @property
    def input(self) -> Trains:
        """Where the next sample's spikes are to be written."""
        return self.trains[0]

    def forward(self, weights: Matrices, inward: Matrices) -> None:
        """Run the sample in ``input``; the spikes of all layers are in ``trains`` then."""
        for k, layer in enumerate(self.layers):
            setting = layer.wires, layer.constants
            tasks = [
                partial(
                    run_block,
                    self.trains[k],
                    (*setting, columns, layer.dense),
                    weights[k],
                    inward[k],
                    cells,
                )
                for columns, cells in zip(layer.blocks, self.cells[k], strict=True)
            ]
            in_threads(call, tasks, self.threads)
            for columns, cells in zip(layer.blocks, self.cells[k], strict=True):
                collect(cells.steps, cells.counts, columns, self.trains[k + 1])

    def learn(
        self,
        learning: Sequence[Learning],
        inward: Matrices,
        label: int,
        weight: float,
        stepping: Stepping,
    ) -> Marked:
        """Run the sample in ``input`` and learn it."""
        self.forward([one.weights for one in learning], inward)
        top, n = self.trains[-1], self.layers[-1].n_out
        counts = top.counts
        error, lateral = np.empty(n, np.float32), np.empty(n, np.float32)
        cost, _ = grade(top, label, weight, self.wanted, self.pairs, (error, lateral))
        for k in range(len(self.layers) - 1, self.lowest - 1, -1):
            error = self._back(k, error, lateral, learning[k], stepping)
            lateral = np.ones(len(error), np.float32)
        return Marked(counts, cost)

    def _back(
        self,
        k: int,
        error: NDArray[np.float32],
        lateral: NDArray[np.float32],
        learning: Learning,
        stepping: Stepping,
    ) -> NDArray[np.float32]:
        """Go back through layer k; return the errors of the counts below it."""
        layer, own = self.layers[k], self.trains[k + 1]
        if layer.dense:
            list_rows(self.trains[k], layer.event_rows)
        passed = SampleWay(own, self.trains[k], error, lateral)
        tasks = [
            partial(learn_block, passed, layer.shape, learning, stepping, columns, desk)
            for columns, desk in zip(layer.blocks, self.desks[k], strict=True)
        ]
        in_threads(call, tasks, self.threads)
        below = self.desks[k][0].below
        for desk in self.desks[k][1:]:
            below = below + desk.below
        return below
