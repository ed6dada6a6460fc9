"""Dense layers of the fast path: the layer around the kernels of ``block``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.collect import Cursor, collect
from eventsnn.engines.layered.deliveries import Decay, Deliveries, Spikes, Tally, Train
from eventsnn.engines.layered.dense import cost
from eventsnn.engines.layered.dense.apart import Apart
from eventsnn.engines.layered.dense.backward import Blockwise, Part, fan_of, part_of
from eventsnn.engines.layered.dense.block import GROUP, run_block
from eventsnn.engines.layered.dense.laid import Laid, cuts_of, lay, plain
from eventsnn.engines.layered.dense.walks import SentWalks
from eventsnn.engines.layered.lanes import LINE, aligned
from eventsnn.engines.layered.layer import Ahead, Cost, Passage, runs
from eventsnn.engines.layered.patch import patch_walk
from eventsnn.engines.layered.spiking import Firing, SpikingLayer
from eventsnn.engines.layered.walk import Walk
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology

PACK_FROM = 24
"""Events for each row of weights from which copying them into blocks pays."""


class Block(NamedTuple):
    """One block: its first neuron, and the state of its neurons, padded to full registers.

    Attributes
    ----------
    first : int
        Number of its first neuron within the population.
    v : float array (2 * width,)
        Potentials twice over, aligned to ``LINE`` bytes; a pass goes from one half to
        the other, so that a neuron that fired can be taken through it again.
    ready : int64 array (width,)
        When each neuron's refractory time ends.
    held : uint64 array (n_words,)
        Neurons that a pass must not decide, lane k in bit k: they are refractory.
    passing : float array (GROUP * lanes of a register,)
        Potentials of a register before its resets, event by event; all blocks share it.
    apart : Apart
        Where each recording stands; without recordings, every one begins at rest.
    """

    first: int
    v: NDArray[Any]
    ready: NDArray[np.int64]
    held: NDArray[np.uint64]
    passing: NDArray[Any]
    apart: Apart

    @classmethod
    def rest(cls, firsts: list[int], ends: list[int], dtype: Any) -> list[Block]:
        """Return blocks at rest, side by side in a few arrays; their lanes end at ``ends``."""
        v, ready = aligned(2 * ends[-1], dtype), np.full(ends[-1], -1, np.int64)
        passing = aligned(GROUP * LINE // np.dtype(dtype).itemsize, dtype)
        apart = Apart.none(dtype)
        out = []
        for first, (a, b) in zip(firsts, pairwise([0, *ends]), strict=True):
            held = np.zeros(-(-(b - a) // 64), np.uint64)
            out.append(cls(first, v[2 * a : 2 * b], ready[a:b], held, passing, apart))
        return out


class Weights(NamedTuple):
    """A block's weights: neuron k reads ``flat[offset + row * stride + k]``."""

    flat: NDArray[Any]
    stride: int
    offset: int


class Near(NamedTuple):
    """Where neurons of a block first came near their threshold in a recording.

    Attributes
    ----------
    limit : float array (width,)
        What each neuron has to reach to be noted; the threshold once it was.
    share : float
        The limit at the start of a recording.
    spikes : Spikes
        Those notes, of all blocks.
    noted : int64 array (1,)
        How many there are.
    """

    limit: NDArray[Any]
    share: Any
    spikes: Spikes
    noted: NDArray[np.int64]


@runs((IF, LIF), (Dense,))
class DenseLayer(SpikingLayer):
    """A dense connection into spiking neurons; see ``Layer``.

    Weights (n_in, n_out) that are to take many events are laid out.
    """

    lays = True
    counts = True

    def __init__(
        self, topology: Topology, neuron: Neuron, weights: NDArray[Any] | Laid, ahead: Ahead
    ) -> None:
        self._remember(neuron, weights.shape[1], weights.dtype.type)
        self.n_in = weights.shape[0]
        self.firing, self.decay = Firing.of(neuron, self.dtype), Decay.of(neuron, self.dtype)
        self.lanes = LINE // weights.dtype.itemsize
        cuts = cuts_of(self.n_out, self.lanes)
        if not isinstance(weights, Laid) and ahead.events > PACK_FROM * len(weights):
            weights = Laid.of(weights, ahead.each)
        if isinstance(weights, Laid):
            parts = [Weights(part.reshape(-1), part.shape[1], 0) for part in weights.parts]
        else:
            parts = _unlaid(weights, cuts, self.lanes)
        self.blocks = [(chunks, part) for (_, chunks), part in zip(cuts, parts, strict=True)]
        self.firsts = [first for first, _ in cuts]
        self.ends = np.cumsum([chunks * self.lanes for _, chunks in cuts]).tolist()

    def start(self, recordings: int) -> list[Block]:
        """Return all blocks at rest."""
        return Block.rest(self.firsts, self.ends, self.dtype)

    def start_at(self, v: NDArray[Any]) -> list[Block]:
        """Return all blocks with potentials ``v``."""
        out, last = self.start(1), [*self.firsts[1:], self.n_out]
        for block, end in zip(out, last, strict=True):
            block.v[: end - block.first] = v[block.first : end]
        return out

    def start_apart(self, recordings: int) -> list[Block]:
        """Return all blocks at rest, in each recording."""
        return [
            block._replace(apart=Apart.rest(recordings, len(block.ready), self.dtype))
            for block in self.start(recordings)
        ]

    def run(self, deliveries: Deliveries, state: list[Block], fresh: bool, tally: Tally) -> Train:
        """Take every block through all deliveries; see ``Layer.run``."""
        return self._run(deliveries, state, fresh, tally, [None] * len(state))

    def run_near(
        self, deliveries: Deliveries, share: float, since: NDArray[Any] | None = None
    ) -> tuple[Train, Train]:
        """Run, and note on the way where each neuron first came near."""
        n, fresh = len(deliveries.start) - 1, since is None
        state = self.start(n) if since is None else self.start_at(since)
        tally, shared = Tally.zeros(n), self.firing.share_of(share)
        notes = Spikes.room(n * self.ends[-1], self.dtype)
        limit, noted = aligned(self.ends[-1], self.dtype), np.zeros(1, np.int64)
        limit[:] = shared
        near = [Near(limit[a:b], shared, notes, noted) for a, b in pairwise([0, *self.ends])]
        fired = self._run(deliveries, state, fresh, tally, near)
        return fired, collect(notes, int(noted[0]), deliveries, ordered=True)

    def _run(
        self,
        deliveries: Deliveries,
        state: list[Block],
        fresh: bool,
        tally: Tally,
        near: Sequence[Near | None],
    ) -> Train:
        spikes, cursor = Spikes.room(len(deliveries.t) + 4096, self.dtype), Cursor.start()
        own: Any = deliveries.multiple.astype(self.dtype)
        deliveries = deliveries._replace(multiple=own)
        for block, close, (chunks, weights) in zip(state, near, self.blocks, strict=True):
            cursor.recording[0] = cursor.event[0] = 0
            args = deliveries, weights, self.firing, block, close
            while not run_block(*args, spikes, cursor, fresh, (0,) * chunks):
                spikes = spikes.grown()
        tally.updates[:] += deliveries.instants * self.n_out
        tally.adds[:] += np.diff(deliveries.start) * self.n_out
        return collect(spikes, int(cursor.spikes[0]), deliveries, ordered=True)

    def errors(self, walk: Walk) -> NDArray[Any]:
        """Return the errors of deliveries: each sender sees one row of all targets."""
        laid = np.ascontiguousarray(plain(walk.weights)).reshape(-1)
        return patch_walk(fan_of(*walk.weights.shape), laid, walk)

    def back(self, walk: Walk, below: bool) -> tuple[NDArray[Any] | None, Part]:
        """Return errors and gradient: a walk, summed block by block where it is needed."""
        return (self.errors(walk) if below else None), part_of(walk)

    def joined(self, parts: Sequence[Part], shape: tuple[int, ...], dtype: Any) -> Blockwise:
        """Return the gradient of a batch, not summed yet."""
        return Blockwise(parts, shape, dtype)

    def found(self, parts: Sequence[Part], shape: tuple[int, ...], dtype: Any) -> SentWalks:
        """Return walks for the ranks that own the targets: events and jumps, not gradients."""
        return SentWalks([walk for walk, _ in parts], shape, dtype, self.membrane.tau_us)

    @classmethod
    def uncounted(cls, topology: Topology, neuron: Neuron) -> str | None:
        """Return why the walk cannot be counted: with pauses it depends on the errors."""
        return cost.uncounted(neuron)

    def cost(self, work: Passage) -> Cost:
        """Count the reverse walk."""
        return cost.of_walk(work, (self.n_in, self.n_out), self.membrane.tau_us)


def _unlaid(weights: NDArray[Any], cuts: list[tuple[int, int]], lanes: int) -> list[Weights]:
    """Return each block's weights where they are; a last one that must be padded is copied."""
    n_in, n_out = weights.shape
    flat = weights.reshape(-1)
    out = [Weights(flat, n_out, first) for first, _ in cuts]
    first, width = cuts[-1][0], cuts[-1][1] * lanes
    if first + width > n_out:
        part = aligned(n_in * width, weights.dtype, np.empty)
        lay(weights, first, part.reshape(n_in, width))
        out[-1] = Weights(part, width, 0)
    return out
