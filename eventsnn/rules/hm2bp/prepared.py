"""A layer made ready for its kernels: wires, blocks of columns, room for a sample."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from eventsnn.engines.layered.lanes import aligned
from eventsnn.errors import UserError
from eventsnn.rules.hm2bp.backward import Desk, LayerShape
from eventsnn.rules.hm2bp.forward import Columns, Constants, RunWires, StepCells
from eventsnn.rules.hm2bp.gather import TABLE, EventRows
from eventsnn.rules.hm2bp.lanes import LANES
from eventsnn.rules.hm2bp.layers import GridLayer
from eventsnn.rules.hm2bp.spsp import BLOCK, Curves, Sweep
from eventsnn.topology.topology import Topology

_BLOCKS = 2
"""Blocks of the columns of a layer that sends errors down: their sums are added up in this order.

Elsewhere nothing is summed over columns, and there are as many blocks as threads."""

_LINE = 16
"""Columns of a block are a multiple of so many: a cache line of float32."""


@lru_cache(maxsize=64)
def wires_of(topology: Topology) -> RunWires:
    """Return the runs of every sender."""
    length = topology.weight_shape[-1]
    table, out = topology.table(), np.zeros(1 + 3 * topology.max_fan_out, np.int64)
    runs_of = topology.kernel().__wrapped__
    start, place, row = [0], [], []
    for sender in range(topology.n_in):
        runs_of(table, sender, out)
        found = out[1 : 1 + 3 * out[0]].reshape(-1, 3)
        if (found[:, 2] != length).any() or (found[:, :2] % length).any():
            raise UserError(f"topology {topology.kind}: its fan-outs are no runs of {length}")
        place += (found[:, 0] // length).tolist()
        row += (found[:, 1] // length).tolist()
        start.append(len(place))
    return RunWires(*(np.array(values, np.int32) for values in (start, place, row)))


def blocks_of(length: int, most: int) -> list[Columns]:
    """Cut the columns of a layer into blocks of about the same size."""
    lines = -(-length // _LINE)
    count = min(most, max(1, lines // 2))
    edges = [min(length, _LINE * (lines * k // count)) for k in range(count + 1)]
    return [Columns(a, b, length) for a, b in pairwise(edges)]


class PreparedLayer:
    """A layer, ready to run.

    Parameters
    ----------
    layer : GridLayer
    steps : int
        T.
    down : bool
        Whether errors go further down from it.
    side_effect : bool
    threads : int
        Changes no bit.
    """

    def __init__(
        self, layer: GridLayer, steps: int, down: bool, side_effect: bool, threads: int
    ) -> None:
        self.layer, self.steps = layer, steps
        self.wires = wires_of(layer.topology)
        self.rows, self.length = layer.weight_shape
        self.n_in, self.n_out = layer.topology.n_in, layer.topology.n_out
        self.places = self.n_out // self.length
        self.dense = self.places == 1
        keep, decay, gain, limit = (np.float32(c) for c in layer.neuron.constants)
        self.rest = int(layer.neuron.refractory_steps)
        above = np.nextafter(limit, np.float32(np.inf))
        self.constants = Constants(keep, decay, gain, above, np.float32(self.rest))
        self.shape = LayerShape(
            self.wires,
            Curves.of(layer.steps),
            np.float32(layer.neuron.threshold),
            np.float32(layer.divisor),
            len(self.wires.place) == self.places * self.rows,
            layer.learns,
            layer.ratio,
            side_effect,
            down,
        )
        whole = self.places > 1 or layer.recurrent or bool(layer.inhibition)
        self.blocks = blocks_of(self.length, 1 if whole else _BLOCKS if down else threads)

    def cells(self, columns: Columns) -> StepCells:
        """Return room for the neurons of a block, and their spikes."""
        most = 1 + (self.steps - 1) // (self.rest + 1)
        return StepCells.room(self._padded(columns) + LANES, most, self.steps)

    def desk(self, columns: Columns) -> Desk:
        """Return room for the way back through a block."""
        width, padded = columns.high - columns.low, self._padded(columns)
        e = aligned(len(self.wires.place) * width, np.float32).reshape(-1, width)
        gradient = np.zeros((0 if self.dense else self.rows, width), np.float32)
        delta, factor, share, silent, side = (
            aligned(width * self.places, np.float32) for _ in range(5)
        )
        below, lanes = np.zeros(self.n_in, np.float32), aligned(16, np.float32)
        lots, rows = (1, TABLE) if self.dense else (padded // LANES, BLOCK)
        sweep = Sweep.room(lots, rows, self.steps)
        return Desk(sweep, e, gradient, delta, factor, share, silent, side, below, lanes)

    def event_rows(self) -> EventRows:
        """Return room for what the spikes below add on the way back."""
        return EventRows.room(self.n_in, self.steps, self.dense)

    def _padded(self, columns: Columns) -> int:
        neurons: Any = (columns.high - columns.low) * self.places
        return -(-int(neurons) // LANES) * LANES
