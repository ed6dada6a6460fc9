"""Kernels of the leaky integrate-and-fire neuron; without a leak its decay is 1 (``if_.py``).

numba neither vectorizes the pass over neighbours in kernels of this size nor gives the
test of each lane, so that ``sweep`` is written in LLVM instructions.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import int32, int64, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, likely
from eventsnn.kernels.vector import LINE, first_bit, splat
from eventsnn.neurons import neuron as base
from eventsnn.neurons.decay_kernel import decay_at
from eventsnn.neurons.look_ahead import AHEAD, look_ahead
from eventsnn.neurons.neuron import Kernels
from eventsnn.neurons.work_list import mark

# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU, _THRESHOLD, _SUBTRACT, _REFRACTORY, _FINE = 2, 3, 4, 5, 6
_MANY = base.MANY
_FOUR, _ONE = (0,) * 4, (0,)


def table(
    tau_us: float, threshold: float, subtract: bool, refractory_us: float, decays: NDArray[Any]
) -> NDArray[np.float64]:
    """Return what the kernels read: [tau, threshold, subtract?, refractory, decay table]."""
    return np.array([tau_us, threshold, subtract, refractory_us, *decays], np.float64)


def _sweep(
    _: Any, x: Any, weights: Any, times: Any, at: Any, now: Any, refractory: Any, registers: Any
) -> Any:
    """Decay, add to and test some registers full of neighbours; return who reached the threshold.

    ``at`` is (first neuron, first weight, first place of the ends of refractory times, a
    weight to be fetched in advance), ``now`` is (t, decay, threshold). The lengths of
    ``refractory`` (0: nobody ever is) and ``registers`` (1 or 4) are known to the
    compiler. Lane k sets bit k of the answer, a uint64.
    """
    lanes = LINE * 8 // x.dtype.bitwidth

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def data(i: int) -> Any:
            array = context.make_array(signature.args[i])(context, b, args[i]).data
            return b.gep(array, [b.extract_value(args[3], i)])

        def fetch(lane: int) -> None:
            i32, byte = ir.IntType(32), ir.IntType(8).as_pointer()
            kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
            call = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
                b.module, kind, "llvm.prefetch.p0i8"
            )
            b.call(call, [b.bitcast(b.gep(later, [i64(lane)]), byte), i32(0), i32(3), i32(1)])

        def register(base: Any, kind: Any, lane: int) -> Any:
            return b.bitcast(b.gep(base, [i64(lane)]), ir.VectorType(kind, lanes).as_pointer())

        def spread(value: Any) -> Any:
            return splat(b, ir.VectorType(value.type, lanes), value)

        i64, double = ir.IntType(64), ir.DoubleType()
        real, size = context.get_value_type(x.dtype), x.dtype.bitwidth // 8
        t, decay, threshold = (spread(b.extract_value(args[4], i)) for i in range(3))
        # The places in ``at`` are in the order of the arrays.
        v_at, weights_at, ready_at = data(0), data(1), data(2)
        array = context.make_array(weights)(context, b, args[1]).data
        later = b.gep(array, [b.extract_value(args[3], 3)])
        word = i64(0)
        for lane in range(0, lanes * registers.count, lanes):
            fetch(lane)
            v_place = register(v_at, real, lane)
            old = b.fmul(b.load(v_place, align=size), decay)
            v = b.fadd(old, b.load(register(weights_at, real, lane), align=size))
            reached = b.fcmp_ordered(">=", v, threshold)
            if refractory.count:
                ready = b.load(register(ready_at, double, lane), align=8)
                awake = b.fcmp_ordered(">=", t, ready)
                v, reached = b.select(awake, v, old), b.and_(awake, reached)
            b.store(v, v_place, align=size)
            bits = b.zext(b.bitcast(reached, ir.IntType(lanes)), i64)
            word = b.or_(word, b.shl(bits, i64(lane)))
        return word

    return types.uint64(x, weights, times, at, now, refractory, registers), codegen


sweep: Any = intrinsic(_sweep)


def _to_line(_: Any, array: Any, place: Any) -> Any:
    """Return how many elements lie between a place and the next full register in memory."""
    size = array.dtype.bitwidth // 8

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, b, args[0]).data
        i64 = ir.IntType(64)
        address = b.ptrtoint(b.gep(data, [args[1]]), i64)
        return b.udiv(b.and_(b.neg(address), i64(LINE - 1)), i64(size))

    return types.uint64(array, types.uint64), codegen


_lanes_to_line: Any = intrinsic(_to_line)


@inlined
def _mark_bits(work: Any, n: Any, start: Any, word: Any) -> None:
    """Mark neuron start + k for each set bit k."""
    while word:
        mark(work, int(n), int(start + first_bit(word)))
        word &= word - np.uint64(1)


@inlined
def _rest(cells: Any, now: Any, weights: Any, work: Any, at: Any) -> None:
    """Take at[2] neighbours from at[0] on, too few for a register, through a delivery."""
    _, x, times, n, threshold, refractory = cells
    t, decay, _ = now
    start, first, length = at
    flag = False
    for k in range(length):
        awake = not refractory or t >= times[start + k + n]
        v = x[start + k] * decay
        v = v + weights[first + k] if awake else v
        x[start + k] = v
        flag |= awake & (v >= threshold)
    if flag:
        for i in range(start, start + length):
            if x[i] >= threshold and t >= times[i + n]:
                mark(work, int(n), int(i))


@inlined
def _neighbours(cells: Any, now: Any, weights: Any, work: Any, at: Any, refractory: Any) -> None:
    """Take at[2] neighbours from at[0] on through a delivery; their weights start at at[1].

    The weights at[3] later are needed soon. ``now`` is (t, decay, threshold); see
    ``_sweep`` for ``refractory``.
    """
    _, x, times, n, _, _ = cells
    # Unsigned indexes need no test for a negative wrap.
    i, k, left, later = np.uint64(at[0]), np.uint64(at[1]), np.uint64(at[2]), np.uint64(at[3])
    lanes = np.uint64(LINE // x.itemsize)
    four = np.uint64(4) * lanes
    if left > four:
        # Where rows are long, a register of weights lies within a cache line.
        before = _lanes_to_line(weights, k)
        _rest(cells, now, weights, work, (i, k, before))
        i, k, left = i + before, k + before, left - before
    while left >= four:
        places = i, k, i + n, k + later
        _mark_bits(work, n, i, sweep(x, weights, times, places, now, refractory, _FOUR))
        i, k, left = i + four, k + four, left - four
    while left >= lanes:
        places = i, k, i + n, k + later
        _mark_bits(work, n, i, sweep(x, weights, times, places, now, refractory, _ONE))
        i, k, left = i + lanes, k + lanes, left - lanes
    _rest(cells, now, weights, work, (i, k, left))


@inlined
def _together(cells: Any, t: float, clock: int, weights: Any, work: Any, at: Any) -> Any:
    """Take the neighbours of one clock through a delivery; return how many were untouched."""
    table, x, times, _, threshold, refractory = cells
    dt = t - times[clock]
    times[clock] = t
    now = t, x.dtype.type(decay_at(table, _FINE, _TAU, dt)), threshold
    if refractory:
        _neighbours(cells, now, weights, work, at, _ONE)
    else:
        _neighbours(cells, now, weights, work, at, ())
    return int32(at[2] if dt != 0.0 else 0)


@inlined
def _cells(table: Any, x: Any, times: Any) -> Any:
    """What stays the same from synapse to synapse. Unsigned indexes need no wrap test."""
    threshold = x.dtype.type(table[_THRESHOLD])
    return table, x, times, np.uint64(table[0]), threshold, table[_REFRACTORY] != 0.0


@inlined
def _one(cells: Any, t: float, j: Any, weight: Any, work: Any) -> bool:
    """Decay, add to and mark one neuron that has a clock of its own; return if it may fire.

    The caller counts an update; here it is taken back if the neuron was up to date.
    """
    table, x, times, n, threshold, _ = cells
    dt = t - times[j]
    times[j] = t
    v, reached = x[j] * x.dtype.type(decay_at(table, _FINE, _TAU, dt)), False
    if likely(t >= times[n + j]):
        v += weight
        if not likely(v < threshold):
            mark(work, int(n), int(j))
            reached = True
    x[j] = v
    if not likely(dt > 0.0):
        work[1] -= 1
    return reached


def _receive(
    table: Any, x: Any, times: Any, t: float, weights: Any, targets: Any, runs: Any, work: Any
) -> None:
    size = int64(table[1])
    cells = _cells(table, x, times)
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        if first < 0:
            for k in range(np.uint64(k0), np.uint64(k0 + length)):
                _one(cells, t, np.uint64(targets[k]), weights[k], work)
            work[1] += length
        elif size == 1:
            for k in range(length):
                _one(cells, t, np.uint64(first + k), weights[k0 + k], work)
            work[1] += length
        else:
            for clock in range(first // size, (first + length) // size):
                k = k0 + clock * size - first
                work[1] += _together(cells, t, clock, weights, work, (clock * size, k, size, 0))


def _rows(
    table: Any,
    x: Any,
    times: Any,
    at: Any,
    units: Any,
    weights: Any,
    span: Any,
    delay: float,
    limit: float,
    work: Any,
) -> Any:
    cells, size = _cells(table, x, times), int64(table[0])
    k, tail, start, mask = span[0], span[1], span[2], span[3]
    place = start + (k & mask)
    t, row = at[place] + delay, units[place] * size
    while True:
        k += 1
        place = start + ((k if k < tail else k - 1) & mask)
        after, next_row = at[place] + delay, units[place] * size
        work[1] += _together(cells, t, 0, weights, work, (0, row, size, next_row - row))
        done = after != t and (work[0] > 0 or work[1] > _MANY)
        if k == tail or after >= limit or done:
            return k
        t, row = after, next_row


def _train(
    table: Any,
    x: Any,
    times: Any,
    at: Any,
    targets: Any,
    weights: Any,
    grouped: Any,
    span: Any,
    limit: float,
    work: Any,
) -> Any:
    cells = _cells(table, x, times)
    k, tail, adds = np.uint64(span[0]), np.uint64(span[1]), 0
    while k < tail and at[k] < limit:
        t, target, marked = at[k], int64(targets[k]), False
        if target >= 0:
            marked = _one(cells, t, np.uint64(target), weights[k], work)
            adds += 1
        else:
            look_ahead(grouped, targets, weights, min(k + np.uint64(AHEAD), tail - np.uint64(1)))
            n = int64(weights[k])
            for s in range(np.uint64(~target), np.uint64(~target + n)):
                marked |= _one(cells, t, np.uint64(grouped[s].target), grouped[s].weight, work)
            adds += n
        if marked:
            # The rest of this instant only. Nobody can predict where an instant ends.
            limit = np.nextafter(t, math.inf)
        k += np.uint64(1)
    work[1] += adds
    span[2] += adds
    return int64(k)


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    n, marked = int64(table[0]), work[0]
    work[0] = 0
    real = x.dtype.type
    threshold = real(table[_THRESHOLD])
    n_fired = 0
    for i in range(2, 2 + marked):
        j = work[i]
        work[2 + n + j] = 0
        v = x[j]
        if v >= threshold:
            fired[n_fired] = j
            values[n_fired] = v
            n_fired += 1
            x[j] = v - threshold if table[_SUBTRACT] != 0.0 else real(0.0)
            times[n + j] = t + table[_REFRACTORY]
    return n_fired


@cache
def compiled(dtype: Any) -> Kernels:
    """Compile the kernels for a state dtype."""
    return base.entry_points(_receive, _train, _settle, dtype, _rows)
