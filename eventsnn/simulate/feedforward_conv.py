"""Convolutions of the fast path: the layer around the kernels of ``feedforward_patch``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

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
from eventsnn.simulate.feedforward_patch import run_block
from eventsnn.topology.conv2d import Conv2d

MAX_CHUNKS = 8
"""Registers of a position in one block of channels."""

MAX_UNROLLED = 64
"""Registers of a patch up to which it is compiled as a whole."""


class Patches(NamedTuple):
    """What each sender touches, in a convolution of ``columns`` positions a row.

    A sender's weights lie as its patch does, row after row of positions; ``down`` leads
    from a position's weights to those of the position below it.

    Attributes
    ----------
    of : int32 array (n_in, 4)
        First position, number of rows and columns, and the place of the first
        position's weights.
    columns, c_out, down : int
    """

    of: NDArray[np.int32]
    columns: int
    c_out: int
    down: int


class Block(NamedTuple):
    """State of ``size`` channels from ``first`` on, at every position.

    Attributes
    ----------
    first, size : int
    v : float array (positions * lanes,)
        Potentials, a position's channels padded to full registers.
    clock : int64 array (positions,)
        When the position was last brought up to now; -1 for never.
    ready : int64 array (positions * lanes,)
        When each neuron's refractory time ends.
    held : int64 array (positions,)
        Latest of ``ready`` at the position.
    marked : int32 array (positions * lanes,)
        Neurons to test at the end of the instant.
    mark : bool array (positions * lanes,)
        True for those.
    """

    first: int
    size: int
    v: NDArray[Any]
    clock: NDArray[np.int64]
    ready: NDArray[np.int64]
    held: NDArray[np.int64]
    marked: NDArray[np.int32]
    mark: NDArray[np.bool_]


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
        self.most = _most(topology)
        per_chunk = LINE // weights.dtype.itemsize
        self.blocks: list[tuple[int, int, int, NDArray[Any], Patches]] = []
        for first in range(0, topology.channels, MAX_CHUNKS * per_chunk):
            size = min(MAX_CHUNKS * per_chunk, topology.channels - first)
            # A power of two, so that a lane's position is a shift.
            chunks = 1 << (-(-size // per_chunk) - 1).bit_length()
            laid = _as_patches(topology, weights[..., first : first + size], chunks * per_chunk)
            patches = _patches(topology, chunks * per_chunk)
            self.blocks.append((first, size, chunks, laid, patches))

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
        return collect(spikes, n, deliveries, ordered=len(self.blocks) == 1)


def _most(topology: Conv2d) -> tuple[int, int]:
    """Return the most rows and columns of positions that a sender reaches."""
    (height, width), (down, right) = topology.kernel_size, topology.stride
    return -(-height // down), -(-width // right)


def _as_patches(topology: Conv2d, weights: NDArray[Any], lanes: int) -> NDArray[Any]:
    """Lay weights (kernel rows, kernel columns, c_in, channels) as the patches they fill.

    A sender sees every ``stride``-th row of the kernel, the last one in its first row
    of positions; which ones, its place modulo the stride tells. The result, flat, is
    (stride, stride, c_in, rows, columns, lanes).
    """
    (down, right), (rows, columns) = topology.stride, _most(topology)
    c_in, channels = weights.shape[2:]
    size = down * right * c_in * rows * columns * lanes
    flat = aligned(size, weights.dtype)
    laid = flat.reshape(down, right, c_in, rows, columns, lanes)
    for y, x in np.ndindex(down, right):
        seen = weights[y::down, x::right][::-1, ::-1].transpose(2, 0, 1, 3)
        laid[y, x, :, : seen.shape[1], : seen.shape[2], :channels] = seen
    return flat


@lru_cache(maxsize=32)
def _patches(topology: Conv2d, lanes: int) -> Patches:
    """Return what each sender touches, where a position has ``lanes`` weights."""
    height, width, c_in = topology.in_size
    rows, columns, c_out = topology.out_shape
    order = (2, 0, 1) if topology.planar else (0, 1, 2)
    grid = np.indices((height, width, c_in)).reshape(3, height, width, c_in)
    y, x, c = (axis.transpose(order).reshape(-1) for axis in grid)
    first, many, phase, skipped = [], [], [], []
    for at, size, i in ((y, rows, 0), (x, columns, 1)):
        kernel, stride = topology.kernel_size[i], topology.stride[i]
        place = at + topology.padding[i]
        begin = -((kernel - 1 - place) // stride)
        first.append(np.maximum(0, begin))
        many.append(np.maximum(0, np.minimum(size, place // stride + 1) - first[-1]))
        phase.append(place % stride)
        skipped.append(first[-1] - begin)
    most = _most(topology)
    of_kernel = (phase[0] * topology.stride[1] + phase[1]) * c_in + c
    weight = ((of_kernel * most[0] + skipped[0]) * most[1] + skipped[1]) * lanes
    of = np.stack([first[0] * columns + first[1], *many, weight], 1).astype(np.int32)
    return Patches(of, columns, c_out, most[1] * lanes)
