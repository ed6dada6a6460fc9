"""A layer forward: rows of weights at the events, neurons step by step; one step is in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.engines.layered.lanes import aligned
from eventsnn.kernels.compile import inlined, kernel
from eventsnn.kernels.vector import first_bit, reached
from eventsnn.rules.grid.rows import sum_rows
from eventsnn.rules.hm2bp.lanes import LANES, run_half, run_lanes, run_quarter

CHUNKS = (0,) * (LANES // 16)
"""As long as LANES neurons fill registers of 16 float32: ``vector.reached`` counts them so."""


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
    """State of a block's neurons, and its spikes.

    Attributes
    ----------
    v, current, drive : float32 arrays (padded,)
        ``drive`` is what is delivered at the next step.
    held : float32 array (padded,)
        The last step at which v is held at 0.
    steps : int32 array (padded, most)
        Steps at which each spiked.
    counts : int32 array (padded,)
        How many.
    latest : int32 array (padded,)
        Those that spiked at the last step, where the layer reaches itself.
    fired : uint64 array (T,)
        Who of some neurons spikes at a step, a bit each.
    """

    v: NDArray[np.float32]
    current: NDArray[np.float32]
    drive: NDArray[np.float32]
    held: NDArray[np.float32]
    steps: NDArray[np.int32]
    counts: NDArray[np.int32]
    latest: NDArray[np.int32]
    fired: NDArray[np.uint64]

    @classmethod
    def room(cls, padded: int, most: int, steps: int) -> StepCells:
        """Return room for so many neurons, spikes of each, and steps."""
        v, current, drive, held = aligned(4 * padded, np.float32).reshape(4, padded)
        counts, latest = np.zeros((2, padded), np.int32)
        spikes = np.empty((padded, most), np.int32)
        fired = np.zeros(steps, np.uint64)
        return cls(v, current, drive, held, spikes, counts, latest, fired)


class Columns(NamedTuple):
    """A block of a layer: the columns low to high - 1 of its runs of ``length`` neurons.

    A layer of several places is one block. So neuron k of a block is neuron low + k of the layer.
    """

    low: int
    high: int
    length: int


class Constants(NamedTuple):
    """What the neurons of a layer are.

    Attributes
    ----------
    keep, decay, gain : float32
        What is left of v and of the current after a step, and what v takes of the current.
    limit : float32
        The lowest v that fires.
    rest : float32
        Refractory steps.
    """

    keep: np.float32
    decay: np.float32
    gain: np.float32
    limit: np.float32
    rest: np.float32


@inlined
def _add_dense(drive: Any, events: Any, weights: Any, low: int, high: int) -> None:
    """Add a row of weights an event, in the order of the events."""
    shape = int64(0), int64(low), int64(weights.shape[1]), int64(high - low)
    sum_rows(drive, weights, events, (int64(0), int64(len(events))), shape)


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
def _move(v: Any, current: Any, drive: Any, held: Any, t: Any, constants: Any) -> None:
    """Make one step of some neurons."""
    keep, decay, gain, _, _ = constants
    none = np.float32(0)
    for k in range(LANES):
        a = current[k] * decay + drive[k]
        u = v[k] * keep + a * gain
        u = u if held[k] < t else none
        current[k], v[k], drive[k] = a, u, none


@inlined
def _fire(cells: Any, at: int, t: int, bits: Any, rest: Any) -> None:
    """Let the neurons at + k fire whose bit is set."""
    while bits:
        i = at + first_bit(bits)
        bits &= bits - np.uint64(1)
        cells.steps[i, cells.counts[i]] = t
        cells.counts[i] += 1
        cells.v[i], cells.held[i] = np.float32(0), np.float32(t) + rest


@kernel
def _run_strip(below: Any, weights: Any, cells: Any, constants: Any, at: int, columns: Any) -> None:
    """Run the last neurons of a dense layer over a sample, fewer than a register holds."""
    low, high, length = columns
    unit, first, part = below.unit, below.first, slice(at, at + LANES)
    v, current, drive, held = (
        cells.v[part],
        cells.current[part],
        cells.drive[part],
        cells.held[part],
    )
    width, begin, size = high - low - at, int64(low + at), int64(length)
    for t in range(1, len(first) - 1):
        span = int64(first[t - 1]), int64(first[t])
        sum_rows(drive, weights, unit, span, (int64(0), begin, size, int64(width)))
        _move(v, current, drive, held, np.float32(t), constants)
        bits = reached(v, int64(0), constants.limit, CHUNKS)[0]
        if bits:
            _fire(cells, at, t, bits, constants.rest)


@inlined
def _spread(cells: Any, at: int) -> None:
    """Write the steps at which neurons from ``at`` on fired."""
    for t in range(1, len(cells.fired)):
        bits = cells.fired[t]
        while bits:
            i = at + int64(first_bit(bits))
            bits &= bits - np.uint64(1)
            cells.steps[i, cells.counts[i]] = t
            cells.counts[i] += 1


@kernel
def _run_dense(below: Any, weights: Any, cells: Any, constants: Any, columns: Any) -> None:
    """Run a block of a dense layer, lot after lot."""
    low, high, length = columns
    unit, first, fired, at = below.unit, below.first, cells.fired, 0
    while at < high - low:
        left, shape = high - low - at, (int64(low + at), int64(length), int64(len(fired)))
        if left < LANES // 4:
            _run_strip(below, weights, cells, constants, at, columns)
            return
        if left >= LANES:
            run_lanes(weights, unit, first, fired, shape, constants)
            done = LANES
        elif left >= LANES // 2:
            run_half(weights, unit, first, fired, shape, constants)
            done = LANES // 2
        else:
            run_quarter(weights, unit, first, fired, shape, constants)
            done = LANES // 4
        _spread(cells, at)
        at += done


@kernel
def _run_steps(below: Any, setting: Any, weights: Any, inward: Any, cells: Any) -> None:
    """Run all neurons of a block over a sample, step by step."""
    wires, constants, (low, high, _), dense = setting
    n = 0
    for t in range(1, len(below.first) - 1):
        events = below.unit[below.first[t - 1] : below.first[t]]
        if dense:
            _add_dense(cells.drive, events, weights, low, high)
        else:
            _add_runs(cells.drive, events, weights, wires, low, high)
        if len(inward):
            _add_dense(cells.drive, cells.latest[:n], inward, low, high)
        n = 0
        for at in range(0, len(cells.v) - LANES, LANES):
            part = slice(at, at + LANES)
            v, held = cells.v[part], cells.held[part]
            _move(v, cells.current[part], cells.drive[part], held, np.float32(t), constants)
            bits = reached(v, int64(0), constants.limit, CHUNKS)[0]
            if bits:
                _fire(cells, at, t, bits, constants.rest)
            while bits and len(inward):
                cells.latest[n] = at + first_bit(bits)
                bits &= bits - np.uint64(1)
                n += 1


@kernel
def run_block(below: Any, setting: Any, weights: Any, inward: Any, cells: Any) -> None:
    """Run the neurons of a block over a sample.

    Parameters
    ----------
    below : Trains
        By step.
    setting : (RunWires, Constants, Columns, dense)
        ``dense``: each sender reaches all columns by a row of its own.
    weights : float32 array (rows, length)
    inward : float32 array (n, n), or of no rows
        From the layer onto itself; the block is the whole layer then.
    cells : StepCells
    """
    _, constants, columns, dense = setting
    for array in cells[:3]:
        array[:] = 0
    cells.held[:] = -1
    cells.counts[:] = 0
    if dense and not len(inward):
        _run_dense(below, weights, cells, constants, columns)
    else:
        _run_steps(below, setting, weights, inward, cells)
