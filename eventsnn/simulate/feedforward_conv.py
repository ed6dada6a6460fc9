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
from eventsnn.simulate.feedforward_patch import Block, Patches, run_block
from eventsnn.topology.conv2d import Conv2d

MAX_CHUNKS = 8
"""Registers of a position in one block of channels."""

MAX_UNROLLED = 64
"""Registers of a patch up to which it is compiled as a whole."""


class PatchLayer:
    """A convolution into spiking neurons.

    Parameters
    ----------
    topology : Conv2d
    weights : float array (kernel rows, kernel columns, c_in, c_out)
    neuron : IF or LIF
    """

    def __init__(self, topology: Conv2d, weights: NDArray[Any], neuron: IF | LIF) -> None:
        self.dtype, self.topology = weights.dtype.type, topology
        self.firing, self.decay = Firing.of(neuron, self.dtype), decay_of(neuron, self.dtype)
        t = topology
        self.most = tuple(-(-k // s) for k, s in zip(t.kernel_size, t.stride, strict=True))
        per_chunk = LINE // weights.dtype.itemsize
        self.blocks: list[tuple[int, int, int, NDArray[Any], Patches]] = []
        for first in range(0, t.channels, MAX_CHUNKS * per_chunk):
            size = min(MAX_CHUNKS * per_chunk, t.channels - first)
            # A power of two, so that a lane's position is a shift.
            chunks = 1 << (-(-size // per_chunk) - 1).bit_length()
            rows = weights.size // t.channels
            padded = aligned(rows * chunks * per_chunk, self.dtype)
            part = weights.reshape(rows, t.channels)[:, first : first + size]
            padded.reshape(rows, -1)[:, :size] = part
            patches = _patches(topology, chunks * per_chunk)
            self.blocks.append((first, size, chunks, padded, patches))

    def start(self) -> list[Block]:
        """Return all blocks at rest."""
        positions = self.topology.out_shape[0] * self.topology.out_shape[1]
        out = []
        for first, size, chunks, _, _ in self.blocks:
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
        for block, (_, _, chunks, weights, patches) in zip(state, self.blocks, strict=True):
            cursor = Cursor.start()
            cursor.spikes[0] = n
            one = (0,) * chunks, (0,), (0,)
            full = one[0], (0,) * self.most[0], (0,) * self.most[1]
            full = full if chunks * self.most[0] * self.most[1] <= MAX_UNROLLED else one
            args = deliveries, weights, patches, factors, self.firing, block
            while not run_block(*args, spikes, cursor, fresh, tally, full, one):
                spikes = spikes.grown()
            n = int(cursor.spikes[0])
        return collect(spikes, n, deliveries)


def _patches(topology: Conv2d, lanes: int) -> Patches:
    """Return what each sender touches, where a position has ``lanes`` weights."""
    height, width, c_in = topology.in_size
    rows, columns, c_out = topology.out_shape
    order = (2, 0, 1) if topology.planar else (0, 1, 2)
    grid = np.indices((height, width, c_in)).reshape(3, height, width, c_in)
    y, x, c = (axis.transpose(order).reshape(-1) for axis in grid)
    first, many, kernel = [], [], []
    for at, size, i in ((y, rows, 0), (x, columns, 1)):
        place, stride = at + topology.padding[i], topology.stride[i]
        begin = np.maximum(0, -((topology.kernel_size[i] - 1 - place) // stride))
        first.append(begin)
        many.append(np.maximum(0, np.minimum(size, place // stride + 1) - begin))
        kernel.append(place - begin * stride)
    weight = ((kernel[0] * topology.kernel_size[1] + kernel[1]) * c_in + c) * lanes
    of = np.stack([first[0] * columns + first[1], *many, weight], 1).astype(np.int32)
    down = -topology.stride[0] * topology.kernel_size[1] * c_in * lanes
    return Patches(of, columns, c_out, down, -topology.stride[1] * c_in * lanes)
