"""Blocks of layers as threads share them: what is put up on a board, and who does it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.kernels.board import PATIENCE, await_others, closed, done, put_up, rest, taken
from eventsnn.kernels.compile import kernel, threaded
from eventsnn.kernels.listed import Listed, listed
from eventsnn.rules.hm2bp.backward import LayerShape, SampleWay, learn_block
from eventsnn.rules.hm2bp.forward import Constants, run_block
from eventsnn.rules.hm2bp.gather import EventRows
from eventsnn.rules.hm2bp.trains import Trains

RUN, LEARN = range(2)
"""What is done with a block: it is run; it is gone back through, and its weights change."""


class LayerWay(NamedTuple):
    """A layer as samples go through it.

    Attributes
    ----------
    shape : LayerShape
    constants : Constants
    inward : float32 array (n, n), or of no rows
    below, own : Trains
    rows : EventRows
        Of ``below``.
    error, lateral : float32 arrays (n_out,)
        Derivatives of the loss by the counts; lateral factors.
    seen : int64 array (4,)
        What ``way`` counts: spikes below, and its own; runs that spikes go through, and that
        have a sender that spiked.
    blocks : (int, int)
        Its first block, and the end of its blocks.
    dense, back, shared : bool
        Each sender reaches all columns by a row of its own; errors come here; threads share it.
    """

    shape: LayerShape
    constants: Constants
    inward: NDArray[np.float32]
    below: Trains
    own: Trains
    rows: EventRows
    error: NDArray[np.float32]
    lateral: NDArray[np.float32]
    seen: NDArray[np.int64]
    blocks: tuple[int, int]
    dense: bool
    back: bool
    shared: bool


class Rooms(NamedTuple):
    """What blocks run on.

    Attributes
    ----------
    weights : Listed of (LearnedLayer, Columns)
        Weights of each block, and which of their columns are its own.
    cells : Listed of (Columns, StepCells)
    desks : Listed of (Columns, Desk)
    graded : Listed of GradingRoom
    stepping : Listed of Stepping
        For that of the lesson.
    """

    weights: Listed
    cells: Listed
    desks: Listed
    graded: Listed
    stepping: Listed


@kernel
def run_part(layers: Any, weights: Any, cells: Any, k: int, part: int) -> None:
    """Run a block of layer k."""
    layer = listed(layers, int64(k))
    block = int64(layer.blocks[0] + part)
    learning, own = listed(weights, block)
    setting = layer.shape.wires, layer.constants, own, layer.dense
    run_block(layer.below, setting, learning.weights, layer.inward, listed(cells, block)[1])


@kernel
def _learn_part(layers: Any, rooms: Any, k: int, part: int) -> None:
    """Go back through a block of layer k."""
    layer, stepping = listed(layers, int64(k)), listed(rooms.stepping, int64(0))
    block = int64(layer.blocks[0] + part)
    columns, desk = listed(rooms.desks, block)
    passed = SampleWay(layer.own, layer.below, layer.rows, layer.error, layer.lateral)
    learn_block(passed, layer.shape, listed(rooms.weights, block), stepping, columns, desk)


@kernel
def _do(layers: Any, rooms: Any, k: int, what: int, part: int) -> None:
    """Do a part of the work on layer k."""
    if what == RUN:
        run_part(layers, rooms.weights, rooms.cells, k, part)
    else:
        _learn_part(layers, rooms, k, part)


@kernel
def do_all(layers: Any, rooms: Any, board: Any, parity: int, k: int, what: int) -> None:
    """Do all parts of the work on layer k, with those that help."""
    layer = listed(layers, int64(k))
    parts = layer.blocks[1] - layer.blocks[0]
    if not layer.shared:
        for part in range(parts):
            _do(layers, rooms, k, what, part)
        return
    put_up(board, (2 * k + what) * 2 + parity, parts)
    part = taken(board, 0)[1]
    while part >= 0:
        _do(layers, rooms, k, what, part)
        done(board)
        part = taken(board, 0)[1]
    await_others(board)


@threaded
def assist(both, rooms, boards, mine):  # type: ignore[no-untyped-def]
    """Take blocks until the board is closed, or a sample is to be encoded.

    Parameters
    ----------
    both : (Listed of LayerWay, Listed of LayerWay)
        By parity.
    rooms, boards
        As of ``learn_sample``.
    mine : int
        The part that is this thread's; 0 is the leader's.

    Returns
    -------
    bool
        True: an encoding was taken.
    """
    board, encodings = boards
    looks = 0
    while not closed(board):
        work, part = taken(board, mine)
        if part >= 0:
            layers = both[1] if work & 1 else both[0]
            _do(layers, rooms, work >> 2, (work >> 1) & 1, part)
            done(board)
            looks = 0
        elif taken(encodings, 0)[1] >= 0:
            return True
        else:
            looks += 1
            rest(int64(board.give_way) if looks > PATIENCE else int64(0))
    return False
