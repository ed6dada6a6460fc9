"""A layer forward: rows of weights at the events, neurons step by step; one step is in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, kernel, threaded

LANES = 64
"""Neurons that are looked at together for a spike; blocks are padded to whole lanes."""


class RunWires(NamedTuple):
    """Where spikes go: runs of one length.

    Attributes
    ----------
    start : int32 array (n_in + 1,)
        Runs of sender j are start[j] to start[j + 1] - 1.
    place : int32 array (n_runs,)
        Which run of neighbouring targets each reaches: place * length is the first of them.
    row : int32 array (n_runs,)
        The row of weights that it adds.
    """

    start: NDArray[np.int32]
    place: NDArray[np.int32]
    row: NDArray[np.int32]


class StepCells(NamedTuple):
    """State of a block's neurons, place by place, padded; float32.

    Attributes
    ----------
    v, current, drive : float32 arrays
        ``drive`` is what is delivered at the next step.
    held : float32 array
        The last step at which v is held at 0.
    """

    v: NDArray[np.float32]
    current: NDArray[np.float32]
    drive: NDArray[np.float32]
    held: NDArray[np.float32]


class Columns(NamedTuple):
    """A block of a layer: the columns low to high - 1 of its runs of ``length`` neurons."""

    low: int
    high: int
    length: int


@inlined
def _add_dense(drive: Any, events: Any, weights: Any, low: int, high: int) -> None:
    """Add a row of weights an event, four at a time, in the order of the events."""
    n, k = len(events), 0
    while k + 4 <= n:
        a = weights[np.uint64(events[k]), low:high]
        b = weights[np.uint64(events[k + 1]), low:high]
        c = weights[np.uint64(events[k + 2]), low:high]
        d = weights[np.uint64(events[k + 3]), low:high]
        for i in range(len(a)):
            drive[i] = (((drive[i] + a[i]) + b[i]) + c[i]) + d[i]
        k += 4
    while k < n:
        a = weights[np.uint64(events[k]), low:high]
        for i in range(len(a)):
            drive[i] += a[i]
        k += 1


@inlined
def _add_runs(drive: Any, events: Any, weights: Any, wires: Any, low: int, high: int) -> None:
    """Add the rows of each event's runs."""
    start, place, row = wires
    width = np.uint64(high - low)
    for k in range(len(events)):
        j = np.uint64(events[k])
        for r in range(start[j], start[j + np.uint64(1)]):
            first, weight = np.uint64(place[r]) * width, weights[np.uint64(row[r]), low:high]
            into = drive[first : first + width]
            for i in range(len(weight)):
                into[i] += weight[i]


@inlined
def _move(v: Any, current: Any, drive: Any, held: Any, t: Any, constants: Any) -> Any:
    """Make one step of some neurons; return whether one is beyond the limit."""
    keep, decay, gain, limit = constants
    none, fires = np.float32(0), False
    for k in range(LANES):
        a = current[k] * decay + drive[k]
        u = v[k] * keep + a * gain
        u = u if held[k] < t else none
        current[k], v[k], drive[k] = a, u, none
        fires |= u > limit
    return fires


@kernel
def _step(cells: Any, t: Any, constants: Any, columns: Any, out: Any) -> Any:
    """Make one step; write the units that fire, and return how many."""
    keep, decay, gain, limit, rest = constants
    low, high, length = columns
    width, n = high - low, 0
    for first in range(0, len(cells.v), LANES):
        part = slice(first, first + LANES)
        v, held = cells.v[part], cells.held[part]
        moving = keep, decay, gain, limit
        if _move(v, cells.current[part], cells.drive[part], held, t, moving):
            for k in range(LANES):
                if v[k] > limit:
                    at = first + k
                    out[n] = (at // width) * length + low + at % width
                    n += 1
                    v[k], held[k] = np.float32(0), t + rest
    return n


@threaded
def run_block(below, wires, weights, inward, cells, setting, out):  # type: ignore[no-untyped-def]
    """Run the neurons of a block over a sample.

    Parameters
    ----------
    below : Trains
        By step.
    wires : RunWires
    weights : float32 array (rows, length)
    inward : float32 array (n, n), or of no rows
        From the layer onto itself; the block is the whole layer then.
    cells : StepCells
    setting : (constants, Columns, dense)
        Constants: decay of v, decay of a, gain, limit, refractory steps; float32. ``dense``: each
        sender reaches all columns by a row of its own.
    out : (int32 array, int32 array (T + 1,))
        As ``unit`` and ``first`` of ``Trains``.
    """
    constants, columns, dense = setting
    unit, first = out
    low, high, _ = columns
    for array in cells[:3]:
        array[:] = 0
    cells.held[:] = -1
    n, since = 0, 0
    first[0] = first[1] = 0
    for t in range(1, len(first) - 1):
        events = below.unit[below.first[t - 1] : below.first[t]]
        if dense:
            _add_dense(cells.drive, events, weights, low, high)
        else:
            _add_runs(cells.drive, events, weights, wires, low, high)
        if len(inward):
            _add_dense(cells.drive, unit[since:n], inward, low, high)
        since = n
        n += _step(cells, np.float32(t), constants, columns, unit[n:])
        first[t + 1] = n
