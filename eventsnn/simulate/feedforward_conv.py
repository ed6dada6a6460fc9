"""Convolutions of the fast path: the layer around the kernels of ``feedforward_patch``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.simulate.feedforward_collect import collect
from eventsnn.simulate.feedforward_events import Deliveries, Spikes, Train
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
"""Registers up to which a patch, or a row of one, is compiled as a whole."""

LEAST_ON_MAP = 0.5
"""Share of the positions of whole strips that must lie on the map for them to be taken."""


Sizes = tuple[tuple[int, ...], ...]


class Patches(NamedTuple):
    """What each sender touches, on a grid of positions ``below`` to a row.

    The grid is the map, with a margin or without. A sender's weights lie as its patch does,
    row after row of positions; ``down`` leads from a position's weights to those of the
    position below it.

    Attributes
    ----------
    of : int32 array (n_in, 5)
        First position of the patch, the place of its weights, number of rows and columns,
        and how many of its positions are on the map.
    on_map : int32 array (positions of the grid,)
        Number of each position on the map; -1 in the margin.
    below, c_out, down : int
    whole : bool
        True if every sender's patch is made of whole strips.
    """

    of: NDArray[np.int32]
    on_map: NDArray[np.int32]
    below: int
    c_out: int
    down: int
    whole: bool


class Block(NamedTuple):
    """State of ``size`` channels from ``first`` on, at every position.

    Attributes
    ----------
    first, size : int
    v : float array (positions * lanes,)
        Potentials on the grid of ``Patches``, a position's channels padded to full registers.
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
        per_chunk = LINE // weights.dtype.itemsize
        self.blocks: list[tuple[int, int, Sizes, NDArray[Any], Patches]] = []
        for first in range(0, topology.channels, MAX_CHUNKS * per_chunk):
            size = min(MAX_CHUNKS * per_chunk, topology.channels - first)
            # A power of two, so that a lane's position is a shift.
            chunks = 1 << (-(-size // per_chunk) - 1).bit_length()
            laid = _as_patches(topology, weights[..., first : first + size], chunks * per_chunk)
            rows, columns = _strip(topology, chunks)
            patches = _patches(topology, chunks * per_chunk, (rows, columns))
            decays = (0,) if len(self.decay.table) else ()
            strip = (0,) * chunks, (0,) * rows, (0,) * columns, decays
            self.blocks.append((first, size, strip, laid, patches))

    def start(self) -> list[Block]:
        """Return all blocks at rest."""
        out = []
        for first, size, strip, _, patches in self.blocks:
            positions = len(patches.on_map)
            n = positions * len(strip[0]) * LINE // np.dtype(self.dtype).itemsize
            clock, held = np.full(positions, -1, np.int64), np.full(positions, -1, np.int64)
            ready, marked = np.full(n, -1, np.int64), np.empty(n, np.int32)
            v, mark = aligned(n, self.dtype), np.zeros(n, np.bool_)
            out.append(Block(first, size, v, clock, ready, held, marked, mark))
        return out

    def run(self, deliveries: Deliveries, state: list[Block], fresh: bool, tally: Tally) -> Train:
        """Take every block through all deliveries; see ``Layer.run``."""
        factors = Factors.of(self.decay, deliveries)
        n, most = 0, max(len(block.v) for block in state)
        spikes = Spikes.room(len(deliveries.t) + 2 * most, self.dtype)
        for block, (_, _, strip, weights, patches) in zip(state, self.blocks, strict=True):
            cursor = Cursor.start()
            cursor.spikes[0] = n
            args = deliveries, weights, patches, factors, self.firing, block
            plain = self.firing.refractory == 0 and factors.complete and patches.whole
            sizes = (strip, None) if plain else (None, (strip[0], (0,), (0,), strip[3]))
            while not run_block(*args, spikes, cursor, fresh, tally, *sizes):
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


class _Reach(NamedTuple):
    """Rows, or columns, of positions that each sender reaches: ``begin`` to ``end - 1``.

    They may lie off the map. ``phase`` is the sender's place modulo the stride.
    """

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    phase: NDArray[np.int64]

    def on_map(self, size: int) -> NDArray[np.int64]:
        """Return how many lie on a map of ``size`` of them."""
        return np.clip(self.end, 0, size) - np.clip(self.begin, 0, size)


def _reach(topology: Conv2d, axis: int) -> _Reach:
    """Return what the senders of each row (axis 0) or column (axis 1) reach."""
    kernel, stride = topology.kernel_size[axis], topology.stride[axis]
    place = np.arange(topology.in_size[axis]) + topology.padding[axis]
    return _Reach(-((kernel - 1 - place) // stride), place // stride + 1, place % stride)


@lru_cache(maxsize=32)
def _strip(topology: Conv2d, chunks: int) -> tuple[int, int]:
    """Return the rows and columns of what is compiled as a whole: a patch, or a row of one.

    Or a single position, where they would be too large or mostly off the map.
    """
    rows, columns = _most(topology)
    share = [
        _reach(topology, i).on_map(topology.out_shape[i]).mean() / (rows, columns)[i]
        for i in (0, 1)
    ]
    if chunks * rows * columns <= MAX_UNROLLED and share[0] * share[1] >= LEAST_ON_MAP:
        return rows, columns
    if chunks * columns <= MAX_UNROLLED and share[1] >= LEAST_ON_MAP:
        return 1, columns
    return 1, 1


@lru_cache(maxsize=32)
def _patches(topology: Conv2d, lanes: int, strip: tuple[int, int]) -> Patches:
    """Return what each sender touches, where a position has ``lanes`` weights."""
    most, size = _most(topology), topology.out_shape[:2]
    # As far as a strip may stick out.
    margin = [n - 1 for n in strip]
    height, width, c_in = topology.in_size
    order = (2, 0, 1) if topology.planar else (0, 1, 2)
    grid = np.indices((height, width, c_in)).reshape(3, height, width, c_in)
    y, x, c = (axis.transpose(order).reshape(-1) for axis in grid)
    reach = [_Reach(*(a[at] for a in _reach(topology, i))) for i, at in enumerate((y, x))]
    first = [np.clip(r.begin, -m, n + m) for r, m, n in zip(reach, margin, size, strict=True)]
    last = [np.clip(r.end, -m, n + m) for r, m, n in zip(reach, margin, size, strict=True)]
    many = [b - a for a, b in zip(first, last, strict=True)]
    skipped = [a - r.begin for a, r in zip(first, reach, strict=True)]
    below = size[1] + 2 * margin[1]
    corner = (first[0] + margin[0]) * below + first[1] + margin[1]
    of_kernel = (reach[0].phase * topology.stride[1] + reach[1].phase) * c_in + c
    weight = ((of_kernel * most[0] + skipped[0]) * most[1] + skipped[1]) * lanes
    on_map = reach[0].on_map(size[0]) * reach[1].on_map(size[1])
    of = np.stack([corner, weight, *many, on_map], 1).astype(np.int32)
    number = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    padded = np.pad(number, [(m, m) for m in margin], constant_values=-1).reshape(-1)
    whole = bool((many[0] % strip[0] == 0).all() and (many[1] == strip[1]).all())
    return Patches(of, padded, below, topology.channels, most[1] * lanes, whole)
