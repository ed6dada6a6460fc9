"""Convolutions of the fast path: the layer around the kernels.

Where a position's channels fill a register or two, ``by_event`` takes event after
event; where they fill more, ``by_place`` takes position after position.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.collect import Cursor, collect
from eventsnn.engines.layered.conv.backward import conv_gradient, fan_of, laid_out
from eventsnn.engines.layered.conv.block import Block
from eventsnn.engines.layered.conv.by_event import run_block
from eventsnn.engines.layered.conv.by_place import ROOM, Places, Visits, run_places
from eventsnn.engines.layered.conv.grid import Patches, as_patches, patches_of, strip_of
from eventsnn.engines.layered.deliveries import Decay, Deliveries, Spikes, Tally, Train
from eventsnn.engines.layered.dense.laid import plain
from eventsnn.engines.layered.lanes import LINE, aligned
from eventsnn.engines.layered.layer import Ahead, runs
from eventsnn.engines.layered.patch import patch_walk
from eventsnn.engines.layered.spiking import Factors, Firing, SpikingLayer
from eventsnn.engines.layered.walk import Walk
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology.conv2d import Conv2d

MAX_CHUNKS = 4
"""Registers of a position in one block of channels."""

LEAST_CHUNKS = 4
"""Registers of a position from which on its events are taken one after the other."""

Sizes = tuple[tuple[int, ...], ...]


class Channels(NamedTuple):
    """A block of channels, ready to run.

    Attributes
    ----------
    first, size : int
    strip : Sizes
        The ``sizes`` of ``by_event._patch``.
    weights : float array
        Laid out by ``as_patches``.
    patches : Patches
    by_place : bool
        True to take the events of a position one after the other if no neuron is refractory.
    """

    first: int
    size: int
    strip: Sizes
    weights: NDArray[Any]
    patches: Patches
    by_place: bool


@runs((IF, LIF), (Conv2d,))
class PatchLayer(SpikingLayer):
    """A convolution into spiking neurons; see ``Layer``.

    Weights are (kernel rows, kernel columns, c_in, c_out).
    """

    def __init__(
        self, topology: Conv2d, neuron: Neuron, weights: NDArray[Any], ahead: Ahead
    ) -> None:
        self._remember(neuron, topology.n_out, weights.dtype.type)
        self.topology = topology
        self.firing, self.forgets = Firing.of(neuron, self.dtype), Decay.of(neuron, self.dtype)
        per_chunk = LINE // weights.dtype.itemsize
        self.blocks: list[Channels] = []
        for first in range(0, topology.channels, MAX_CHUNKS * per_chunk):
            size = min(MAX_CHUNKS * per_chunk, topology.channels - first)
            # A power of two, so that a lane's position is a shift.
            chunks = 1 << (-(-size // per_chunk) - 1).bit_length()
            laid = as_patches(topology, weights[..., first : first + size], chunks * per_chunk)
            # Position after position, only the listing of a patch is compiled as a whole.
            rows, columns = strip_of(topology, chunks if chunks < LEAST_CHUNKS else 1)
            patches = patches_of(topology, chunks * per_chunk, (rows, columns))
            if not patches.whole:
                rows = columns = 1
                patches = patches_of(topology, chunks * per_chunk, (1, 1))
            decays = (0,) if len(self.forgets.table) else ()
            strip = (0,) * chunks, (0,) * rows, (0,) * columns, decays
            alike = bool((patches.of[:, 2:4] == (rows, columns)).all())
            by_place = chunks >= LEAST_CHUNKS and alike
            self.blocks.append(Channels(first, size, strip, laid, patches, by_place))

    def start(self, recordings: int) -> list[Block]:
        """Return all blocks at rest."""
        return self.start_apart(1)

    def start_apart(self, recordings: int) -> list[Block]:
        """Return all blocks at rest, in each recording."""
        out = []
        for channels in self.blocks:
            positions = len(channels.patches.on_map)
            n = positions * len(channels.strip[0]) * LINE // np.dtype(self.dtype).itemsize
            clock = np.full((recordings, positions), -1, np.int64)
            v = aligned(recordings * n, self.dtype).reshape(recordings, n)
            # Nobody asks for it where no neuron is refractory.
            ready = np.full((recordings, n if self.firing.refractory else 0), -1, np.int64)
            marked = np.empty(n, np.int32)
            rest = v, clock, ready, clock.copy(), marked, np.zeros(n, np.bool_)
            out.append(Block(channels.first, channels.size, *rest))
        return out

    def run(self, deliveries: Deliveries, state: list[Block], fresh: bool, tally: Tally) -> Train:
        """Take every block through all deliveries; see ``Layer.run``."""
        factors = Factors.of(self.forgets, deliveries)
        most = max(len(block.mark) for block in state)
        spikes = Spikes.room(len(deliveries.t) + 2 * most, self.dtype)
        cursor = Cursor.start()
        for block, channels in zip(state, self.blocks, strict=True):
            cursor.recording[0] = cursor.event[0] = 0
            args = deliveries, factors, block, spikes, (cursor, fresh, tally)
            if channels.by_place and self.firing.refractory == 0:
                spikes = self._by_place(channels, *args)
            else:
                spikes = self._by_event(channels, *args)
        return collect(spikes, int(cursor.spikes[0]), deliveries, ordered=len(self.blocks) == 1)

    def errors(self, walk: Walk) -> NDArray[Any]:
        """Return the errors of deliveries: each sender sees a patch of the targets."""
        return patch_walk(fan_of(self.topology), laid_out(self.topology, plain(walk.weights)), walk)

    def back(self, walk: Walk, below: bool) -> tuple[NDArray[Any] | None, NDArray[Any]]:
        """Return errors and gradient: a sum for each group of recordings."""
        return (self.errors(walk) if below else None), conv_gradient(self.topology, walk)

    def _by_event(
        self,
        channels: Channels,
        deliveries: Deliveries,
        factors: Factors,
        block: Block,
        spikes: Spikes,
        rest: tuple[Cursor, bool, Tally],
    ) -> Spikes:
        """Take each event to all of its positions; return ``spikes``, grown if need be."""
        patches, strip = channels.patches, channels.strip
        plain = self.firing.refractory == 0
        sizes = (strip, None) if plain else (None, (strip[0], (0,), (0,), strip[3]))
        args = deliveries, channels.weights, patches, factors, self.firing, block
        while not run_block(*args, spikes, *rest, *sizes):
            spikes = spikes.grown()
        return spikes

    def _by_place(
        self,
        channels: Channels,
        deliveries: Deliveries,
        factors: Factors,
        block: Block,
        spikes: Spikes,
        rest: tuple[Cursor, bool, Tally],
    ) -> Spikes:
        """Take each position through all of its events; return ``spikes``, grown if need be."""
        positions = len(channels.patches.on_map)
        lanes = len(block.mark) // positions
        places = _places(channels, deliveries, lanes)
        args = deliveries, channels.weights, places, factors, self.firing, block
        visits = Visits.room(ROOM, positions, lanes, self.dtype)
        while not run_places(*args, visits, spikes, *rest, channels.strip):
            if visits.midway[0] < 0:
                visits = Visits.room(2 * len(visits.event), positions, lanes, self.dtype)
            else:
                spikes = spikes.grown()
        return spikes


def _places(channels: Channels, deliveries: Deliveries, lanes: int) -> Places:
    """Return where deliveries go: to whole patches, the rows of their weights end to end."""
    patches = channels.patches
    row, column = np.divmod(np.arange(len(patches.on_map)), patches.below)
    here = (row * patches.down + column * lanes).astype(np.int32)
    corner, weight = patches.of[:, 0], patches.of[:, 1] - here[patches.of[:, 0]]
    to = deliveries.row
    return Places(corner[to], weight[to], here, patches.on_map, patches.below, patches.c_out)
