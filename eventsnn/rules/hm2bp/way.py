"""A sample's way through the layers, forward and back, shared out among threads by blocks.

One thread leads: it puts up the blocks of a layer, takes blocks itself, and does alone what lies
between (the order of spikes, grading, sums over blocks). Who does a block changes no bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import int64

from eventsnn.kernels.board import put_up
from eventsnn.kernels.compile import kernel, threaded
from eventsnn.kernels.listed import listed, put
from eventsnn.rules.hm2bp.gather import list_pairs
from eventsnn.rules.hm2bp.grading import Pairs, Wanted, grade
from eventsnn.rules.hm2bp.parts import LEARN, RUN, do_all, run_part
from eventsnn.rules.hm2bp.trains import collect
from eventsnn.rules.hm2bp.update import Stepping


class Lesson(NamedTuple):
    """How a sample is learned: its label, its weight, and how weights move."""

    label: int
    weight: float
    stepping: Stepping


class GradingRoom(NamedTuple):
    """How outputs are graded, and room for it."""

    wanted: Wanted
    pairs: Pairs


@kernel
def _collected(layer: Any, cells: Any) -> None:
    """Bring the spikes of a layer into order."""
    for b in range(layer.blocks[0], layer.blocks[1]):
        columns, state = listed(cells, int64(b))
        collect(state.steps, state.counts, columns, layer.own)


@kernel
def _list_rows(layers: Any, n: int) -> None:
    """List the rows of K that dense layers add on the way back."""
    for k in range(n):
        layer = listed(layers, int64(k))
        if layer.back and layer.dense:
            list_pairs(layer.below, layer.rows)


@kernel
def _forward(layers: Any, rooms: Any, board: Any, n: int, parity: int) -> None:
    """Run a sample through n layers; ``parity`` tells ``assist`` which list ``layers`` is."""
    for k in range(n):
        layer = listed(layers, int64(k))
        do_all(layers, rooms, board, parity, k, RUN)
        _collected(layer, rooms.cells)


@kernel
def _back(layers: Any, rooms: Any, board: Any, span: Any) -> None:
    """Go back through the layers, and change their weights."""
    lowest, n, parity = span
    for k in range(n - 1, lowest - 1, -1):
        layer = listed(layers, int64(k))
        do_all(layers, rooms, board, parity, k, LEARN)
        if k > lowest:
            _sum_below(layer, rooms.desks, listed(layers, int64(k - 1)).error)


@kernel
def _sum_below(layer: Any, desks: Any, error: Any) -> None:
    """Sum the errors that the blocks of a layer send down, in their order."""
    for b in range(layer.blocks[0], layer.blocks[1]):
        below = listed(desks, int64(b))[1].below
        for j in range(len(error)):
            error[j] = below[j] if b == layer.blocks[0] else error[j] + below[j]


@kernel
def _count(layers: Any, n: int) -> None:
    """Count the spikes of a sample and what they went through."""
    for k in range(n):
        layer = listed(layers, int64(k))
        below, fans, seen = layer.below, layer.shape.wires.start, layer.seen
        last = len(below.first) - 2
        seen[0] += below.start[len(below.start) - 1]
        seen[1] += layer.own.start[len(layer.own.start) - 1]
        for j in range(len(fans) - 1):
            spikes = below.start[j + 1] - below.start[j]
            seen[2] += spikes * (fans[j + 1] - fans[j])
            seen[3] += (fans[j + 1] - fans[j]) if spikes else 0
        for s in range(below.first[last], below.first[last + 1]):
            # Spikes at the last step reach nobody.
            seen[2] -= fans[below.unit[s] + 1] - fans[below.unit[s]]


@threaded
def run_sample(layers, weights, cells, n):  # type: ignore[no-untyped-def]
    """Run a sample through n layers, and count; as ``learn_sample`` does, on one thread."""
    for k in range(n):
        layer = listed(layers, int64(k))
        for part in range(layer.blocks[1] - layer.blocks[0]):
            run_part(layers, weights, cells, k, part)
        _collected(layer, cells)
    _count(layers, n)


@threaded
def learn_sample(layers, rooms, lesson, counts, boards, span):  # type: ignore[no-untyped-def]
    """Run a sample, grade it, go back through the layers, and change their weights.

    Parameters
    ----------
    layers : Listed of LayerWay
    rooms : Rooms
    lesson : Lesson
    counts : int32 array (n_out,)
        Spikes of each output, to be written.
    boards : (Board, Board)
        For blocks, and for the next sample, which is to be encoded.
    span : (int, int, int, bool)
        The lowest layer that learns, the number of layers, the parity (``assist``), and whether
        a next sample is to be encoded meanwhile.

    Returns
    -------
    float
        As of ``grade``.
    """
    board, encodings = boards
    lowest, n, parity, ahead = span
    put(rooms.stepping, int64(0), lesson.stepping)
    _forward(layers, rooms, board, n, parity)
    if ahead:
        put_up(encodings, 0, 1)
    _list_rows(layers, n)
    top, how = listed(layers, int64(n - 1)), listed(rooms.graded, int64(0))
    for j in range(len(counts)):
        counts[j] = top.own.start[j + 1] - top.own.start[j]
    out = top.error, top.lateral
    cost = grade(top.own, lesson.label, lesson.weight, how.wanted, how.pairs, out)
    _back(layers, rooms, board, (lowest, n, parity))
    _count(layers, n)
    return cost
