"""Convolutions of the fast path: the layer around the kernels of ``feedforward_patch``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.simulate.feedforward_events import Deliveries, Spikes, Train, collect
from eventsnn.simulate.feedforward_layer import (
    LINE,
    Cursor,
    Factors,
    Firing,
    Tally,
    aligned,
    decay_of,
)
from eventsnn.simulate.feedforward_patch import Block, Shape, run_block
from eventsnn.topology.conv2d import Conv2d

MAX_CHUNKS = 8
"""Registers of a position in one block of channels."""


class PatchLayer:
    """A convolution into spiking neurons.

    Parameters
    ----------
    topology : Conv2d
    weights : float array (kernel rows, kernel columns, c_in, c_out)
    neuron : IF or LIF
    """

    def __init__(self, topology: Conv2d, weights: NDArray[Any], neuron: IF | LIF) -> None:
        t = topology
        self.dtype = weights.dtype.type
        self.firing, self.decay = Firing.of(neuron, self.dtype), decay_of(neuron, self.dtype)
        sizes = (*t.in_size, *t.out_shape, *t.kernel_size, *t.stride, *t.padding)
        self.shape = Shape(*sizes, t.planar)
        self.count = -(-self.shape.kernel_columns // self.shape.stride_columns)
        per_chunk = LINE // weights.dtype.itemsize
        self.blocks: list[tuple[int, int, int, NDArray[Any]]] = []
        for first in range(0, t.channels, MAX_CHUNKS * per_chunk):
            size = min(MAX_CHUNKS * per_chunk, t.channels - first)
            # A power of two, so that a lane's position is a shift.
            chunks = 1 << (-(-size // per_chunk) - 1).bit_length()
            rows = weights.size // t.channels
            padded = aligned(rows * chunks * per_chunk, self.dtype)
            part = weights.reshape(rows, t.channels)[:, first : first + size]
            padded.reshape(rows, -1)[:, :size] = part
            self.blocks.append((first, size, chunks, padded))

    def start(self) -> list[Block]:
        """Return all blocks at rest."""
        positions = self.shape.rows * self.shape.columns
        out = []
        for first, size, chunks, _ in self.blocks:
            n = positions * chunks * LINE // np.dtype(self.dtype).itemsize
            clock, held = np.full(positions, -1, np.int64), np.full(positions, -1, np.int64)
            ready, marked = np.full(n, -1, np.int64), np.empty(n, np.int32)
            v, mark = aligned(n, self.dtype), np.zeros(n, np.bool_)
            out.append(Block(first, size, v, clock, ready, held, marked, mark))
        return out

    def run(self, deliveries: Deliveries, state: list[Block], fresh: bool, tally: Tally) -> Train:
        """Take every block through all deliveries; see ``Layer.run``."""
        longest = int(deliveries.t.max(initial=0)) + 1
        factors = Factors.of(self.decay, longest)
        n, most = 0, max(len(block.v) for block in state)
        spikes = Spikes.room(len(deliveries.t) // 2 + 2 * most, self.dtype)
        for block, (_, _, chunks, weights) in zip(state, self.blocks, strict=True):
            cursor = Cursor.start()
            cursor.spikes[0] = n
            sizes = (0,) * chunks, (0,) * self.count
            args = deliveries, weights, self.shape, factors, self.firing, block
            while not run_block(*args, spikes, cursor, fresh, tally, *sizes):
                spikes = spikes.grown()
            n = int(cursor.spikes[0])
        return collect(spikes, n, deliveries)
