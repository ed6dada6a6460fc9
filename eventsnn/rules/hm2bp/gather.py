"""S-PSP gathered: the sum over the spikes of a sender is a sum of rows of K."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, kernel
from eventsnn.rules.grid.rows import sum_pairs
from eventsnn.rules.hm2bp.lanes import LANES
from eventsnn.rules.hm2bp.spsp import BLOCK, begin_sweep, sweep_lot

TABLE = 4 * BLOCK
"""Steps whose rows of K are in memory at once, of LANES neurons: they fit the nearest cache."""


class EventRows(NamedTuple):
    """Which rows of K the spikes below add.

    Attributes
    ----------
    cursor : int32 array (n_in,)
        Spikes of each sender that are still to come, on the way back, end here.
    first : int32 array (tables + 1,)
        Of a dense layer: where the senders of each table begin.
    sender : int32 array (n_in * tables,)
        Those that spike in its steps.
    upto : int32 array (n_in * tables + 1,)
        Where their pairs begin and end.
    pair : int32 array (n_in * T,)
        Rows are added up two by two.
    """

    cursor: NDArray[np.int32]
    first: NDArray[np.int32]
    sender: NDArray[np.int32]
    upto: NDArray[np.int32]
    pair: NDArray[np.int32]

    @classmethod
    def room(cls, n_in: int, steps: int, dense: bool) -> EventRows:
        """Return room for the spikes of so many senders."""
        tables = -(-steps // TABLE) if dense else 0
        cursor, first = np.zeros(n_in, np.int32), np.zeros(tables + 1, np.int32)
        sender, upto = np.zeros(n_in * tables, np.int32), np.zeros(n_in * tables + 1, np.int32)
        return cls(cursor, first, sender, upto, np.empty(n_in * (steps + BLOCK) * dense, np.int32))


@inlined
def _pairs_of_block(step: Any, span: Any, low: int, pair: Any, n: int) -> int:
    """Write the rows of the spikes span[0] to span[1] - 1, two by two; an odd one with zeros."""
    k, end = span
    while k < end:
        pair[2 * n] = step[k] - low
        pair[2 * n + 1] = step[k + 1] - low if k + 1 < end else TABLE
        n += 1
        k += 2
    return n


@inlined
def _pairs_of_sender(below: Any, j: int, steps: Any, rows: Any, n: int) -> int:
    """Write the pairs of one sender in a table's steps, block after block."""
    start, step = below.start[j], below.step
    low, high = steps
    end = rows.cursor[j]
    while end > start and step[end - 1] >= low:
        edge = max(low, high - BLOCK * ((high - 1 - step[end - 1]) // BLOCK + 1))
        begin = end - 1
        while begin > start and step[begin - 1] >= edge:
            begin -= 1
        n = _pairs_of_block(step, (begin, end), low, rows.pair, n)
        end = begin
    rows.cursor[j] = end
    return n


@kernel
def list_pairs(below: Any, rows: Any) -> None:
    """List the rows of K that a dense layer adds, table after table."""
    start, step = below.start, below.step
    high, table, found, n = len(below.first) - 1, 0, 0, 0
    for j in range(len(rows.cursor)):
        rows.cursor[j] = start[j + 1]
    while high > 1:
        low = max(1, high - TABLE)
        rows.first[table] = found
        for j in range(len(start) - 1):
            end = rows.cursor[j]
            if end > start[j] and step[end - 1] >= low:
                rows.sender[found], rows.upto[found] = j, n
                n = _pairs_of_sender(below, j, (low, high), rows, n)
                found += 1
        high, table = low, table + 1
    rows.first[table], rows.upto[found] = found, n


@kernel
def _gather_lot(table: Any, rows: Any, span: Any, e: Any, at: int) -> None:
    """Add rows of K of the neurons at to at + LANES - 1 to their part of e."""
    width = int64(e.shape[1])
    left = width - at
    for k in range(span[0], span[1]):
        pairs = int64(rows.upto[k]), int64(rows.upto[k + 1])
        begin = int64(rows.sender[k]) * width + at
        if left >= LANES:
            sum_pairs(e, table, rows.pair, pairs, (begin, int64(0), int64(LANES), int64(LANES)))
        else:
            sum_pairs(e, table, rows.pair, pairs, (begin, int64(0), int64(LANES), left))


@kernel
def _gather_dense(own: Any, curves: Any, columns: Any, room: Any) -> None:
    """Gather a block of a dense layer, lot after lot."""
    sweep, rows, e = room
    low, high, _ = columns
    for at in range(low, high, LANES):
        begin_sweep(own, at, min(at + LANES, high), 0, sweep)
        end, table = len(own.first) - 1, 0
        while end > 1:
            first = max(1, end - TABLE)
            sweep_lot(own, at, (first, end), curves, sweep, (0, 0))
            span = rows.first[table], rows.first[table + 1]
            _gather_lot(sweep.table, rows, span, e, int64(at - low))
            end, table = first, table + 1


@inlined
def _gather_run(table: Any, steps: Any, first: int, at: int, e: Any) -> None:
    """Add a part of the rows of some steps to e."""
    for k in range(len(steps)):
        row = table[np.uint64(steps[k] - first), at : at + len(e)]
        for i in range(len(e)):
            e[i] += row[i]


@kernel
def _gather_runs(own: Any, below: Any, wires: Any, curves: Any, width: int, room: Any) -> None:
    """Gather a layer of several places, all neurons abreast."""
    sweep, rows, e = room
    units, start = len(own.start) - 1, below.start
    for j in range(len(rows.cursor)):
        rows.cursor[j] = start[j + 1]
    for lot in range(len(sweep.state)):
        begin_sweep(own, lot * LANES, min(lot * LANES + LANES, units), lot, sweep)
    high = len(own.first) - 1
    while high > 1:
        low = max(1, high - BLOCK)
        for lot in range(len(sweep.state)):
            sweep_lot(own, lot * LANES, (low, high), curves, sweep, (lot, lot * LANES))
        for j in range(len(start) - 1):
            last = rows.cursor[j]
            k = last
            while k > start[j] and below.step[k - 1] >= low:
                k -= 1
            if k == last:
                continue
            rows.cursor[j] = k
            for r in range(wires.start[j], wires.start[j + 1]):
                _gather_run(sweep.table, below.step[k:last], low, wires.place[r] * width, e[r])
        high = low


@kernel
def gather_spsp(own: Any, below: Any, wires: Any, setting: Any, room: Any) -> None:
    """Write the S-PSP of every synapse whose sender spiked; the others stay as they are.

    Parameters
    ----------
    own, below : Trains
        Of the layer, and of the one below.
    wires : RunWires
    setting : (Curves, Columns, dense)
    room : (Sweep, EventRows, e)
        ``e`` is float32 (n_runs, width); of a dense layer ``list_pairs`` listed the pairs.
    """
    curves, columns, dense = setting
    e, start = room[2], below.start
    for j in range(len(start) - 1):
        if start[j + 1] > start[j]:
            for r in range(wires.start[j], wires.start[j + 1]):
                e[r, :] = 0
    if dense:
        _gather_dense(own, curves, columns, room)
    else:
        _gather_runs(own, below, wires, curves, columns.high - columns.low, room)
