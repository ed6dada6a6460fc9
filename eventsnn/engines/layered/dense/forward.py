"""Dense layers of the fast path: the layer around the kernels of ``block``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.collect import collect
from eventsnn.engines.layered.deliveries import Deliveries, Spikes, Train
from eventsnn.engines.layered.dense.block import GROUP, run_block
from eventsnn.engines.layered.dense.laid import Laid, cuts_of, lay
from eventsnn.engines.layered.layer import LINE, Cursor, Each, Firing, Tally, aligned
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF

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
    """

    first: int
    v: NDArray[Any]
    ready: NDArray[np.int64]
    held: NDArray[np.uint64]
    passing: NDArray[Any]

    @classmethod
    def rest(cls, firsts: list[int], ends: list[int], dtype: Any) -> list[Block]:
        """Return blocks at rest, side by side in a few arrays; their lanes end at ``ends``."""
        v, ready = aligned(2 * ends[-1], dtype), np.full(ends[-1], -1, np.int64)
        passing = aligned(GROUP * LINE // np.dtype(dtype).itemsize, dtype)
        out = []
        for first, (a, b) in zip(firsts, pairwise([0, *ends]), strict=True):
            held = np.zeros(-(-(b - a) // 64), np.uint64)
            out.append(cls(first, v[2 * a : 2 * b], ready[a:b], held, passing))
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


class DenseLayer:
    """A dense connection into spiking neurons.

    Parameters
    ----------
    weights : float array (n_in, n_out), or Laid
    neuron : IF or LIF
    n_events : int
        How many events the layer is going to take. Where they are many, an array is laid out.
    each : callable
        ``map``, or a thread pool's: lays the blocks.
    """

    def __init__(
        self, weights: NDArray[Any] | Laid, neuron: IF | LIF, n_events: int, each: Each = map
    ) -> None:
        self.n_out, self.dtype = weights.shape[1], weights.dtype.type
        self.firing = Firing.of(neuron, self.dtype)
        self.lanes = LINE // weights.dtype.itemsize
        cuts = cuts_of(self.n_out, self.lanes)
        if not isinstance(weights, Laid) and n_events > PACK_FROM * len(weights):
            weights = Laid.of(weights, each)
        if isinstance(weights, Laid):
            parts = [Weights(part.reshape(-1), part.shape[1], 0) for part in weights.parts]
        else:
            parts = _unlaid(weights, cuts, self.lanes)
        self.blocks = [(chunks, part) for (_, chunks), part in zip(cuts, parts, strict=True)]
        self.firsts = [first for first, _ in cuts]
        self.ends = np.cumsum([chunks * self.lanes for _, chunks in cuts]).tolist()

    def start(self) -> list[Block]:
        """Return all blocks at rest."""
        return Block.rest(self.firsts, self.ends, self.dtype)

    def run(self, deliveries: Deliveries, state: list[Block], fresh: bool, tally: Tally) -> Train:
        """Take every block through all deliveries; see ``Layer.run``."""
        return self._run(deliveries, state, fresh, tally, [None] * len(state))

    def run_near(self, deliveries: Deliveries, tally: Tally, share: float) -> tuple[Train, Train]:
        """Run from rest, and note who came near.

        Returns
        -------
        fired, close : Train
            The spikes, and where each neuron first reached ``share`` of its threshold.
        """
        state, shared = self.start(), self.firing.share_of(share)
        notes = Spikes.room((len(deliveries.start) - 1) * self.ends[-1], self.dtype)
        limit, noted = aligned(self.ends[-1], self.dtype), np.zeros(1, np.int64)
        near = [Near(limit[a:b], shared, notes, noted) for a, b in pairwise([0, *self.ends])]
        fired = self._run(deliveries, state, True, tally, near)
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
        for block, close, (chunks, weights) in zip(state, near, self.blocks, strict=True):
            cursor.recording[0] = cursor.event[0] = 0
            args = deliveries, weights, self.firing, block, close
            while not run_block(*args, spikes, cursor, fresh, (0,) * chunks):
                spikes = spikes.grown()
        tally.updates[:] += deliveries.instants * self.n_out
        tally.adds[:] += np.diff(deliveries.start) * self.n_out
        return collect(spikes, int(cursor.spikes[0]), deliveries, ordered=True)


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
