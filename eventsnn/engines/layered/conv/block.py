"""The state of a block of channels, and that of each recording in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined


class Block(NamedTuple):
    """State of ``size`` channels from ``first`` on, at every position.

    Between runs ``v``, ``clock``, ``ready`` and ``held`` have rows of these shapes: one a recording
    where recordings run in turns, or one that all take after another. ``block_in`` takes one out.

    Attributes
    ----------
    first, size : int
    v : float array (positions * lanes,)
        Potentials on the grid of ``Patches``, a position's channels padded to full registers.
    clock : int64 array (positions,)
        When the position was last brought up to now; -1 for never.
    ready : int64 array (positions * lanes,)
        When each neuron's refractory time ends; empty where there is none.
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


@inlined
def block_in(state, r, begins, refractory):  # type: ignore[no-untyped-def]
    """Return the state of recording ``r``, at rest where it ``begins`` and shares its row."""
    k = r if len(state.v) > 1 else 0
    own = state.v[k], state.clock[k], state.ready[k], state.held[k]
    block = Block(state.first, state.size, *own, state.marked, state.mark)
    if begins and len(state.v) == 1:
        block.v[:] = 0
        block.clock[:] = -1
        if refractory > 0:
            block.ready[:] = -1
            block.held[:] = -1
    return block
