"""Convolutions of the fast path: an event touches a patch of positions.

A position's channels fill whole registers and share one clock. A patch is
taken in one go: each position decays by its own gap, adds its channels' weights, and
tells which of them reached the threshold. Those are tested at the end of the instant.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from eventsnn.simulate.feedforward_layer import LINE


class Patches(NamedTuple):
    """What each sender touches, in a convolution of ``columns`` positions a row.

    ``down`` and ``step`` lead from a position's weights to those of the position below
    it and to the right of it.

    Attributes
    ----------
    of : int32 array (n_in, 4)
        First position, number of rows and columns, and the place of the first
        position's weights.
    columns, c_out, down, step : int
    """

    of: NDArray[np.int32]
    columns: int
    c_out: int
    down: int
    step: int


class Block(NamedTuple):
    """State of ``size`` channels from ``first`` on, at every position.

    Attributes
    ----------
    first, size : int
    v : float array (positions * lanes,)
        Potentials, a position's channels padded to full registers.
    clock : int64 array (positions,)
        When the position was last brought up to now; -1 for never.
    ready : int64 array (positions * lanes,)
        When each neuron's refractory time ends.
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


def _splat(builder: Any, vector: Any, value: Any) -> Any:
    index = ir.VectorType(ir.IntType(32), vector.count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), ir.Constant(index, None))


def _patch_rows(
    _: Any, v: Any, clock: Any, w: Any, at: Any, t: Any, factors: Any, th: Any, sizes: Any
) -> Any:
    """Bring a patch up to ``t`` and add its weights; return which neurons reached ``th``.

    ``at`` is (first position, positions to the row below, place of the first one's
    weights, steps from there to those of the position below and to the right);
    ``factors`` a ``Factors``. The lengths of the three tuples in ``sizes`` are the
    registers of a position, the rows and the columns. The answer is a tuple of uint64,
    each row's neurons in words of its own.
    """
    chunks, rows, columns = (size.count for size in sizes)
    chunk = LINE * 8 // v.dtype.bitwidth
    lanes = chunk * chunks
    n_words = -(-columns * lanes // 64)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def data(kind: Any, array: Any) -> Any:
            return context.make_array(kind)(context, b, array).data

        i64 = ir.IntType(64)
        vector = ir.VectorType(context.get_value_type(v.dtype), chunk)
        first, below, weight, down, step = (b.extract_value(args[3], i) for i in range(5))
        times, source, target = data(clock, args[1]), data(w, args[2]), data(v, args[0])
        table, mask = data(factors[0], b.extract_value(args[5], 0)), b.extract_value(args[5], 1)
        limit, words = _splat(b, vector, args[6]), [i64(0)] * (rows * n_words)
        for y, c in np.ndindex(rows, columns):
            position = b.add(b.add(first, b.mul(below, i64(y))), i64(c))
            place = b.gep(times, [position])
            gap = b.and_(b.sub(args[4], b.load(place)), mask)
            b.store(args[4], place)
            factor = _splat(b, vector, b.load(b.gep(table, [gap])))
            there = b.add(b.mul(down, i64(y)), b.add(b.mul(step, i64(c)), weight))
            for k in range(0, lanes, chunk):
                here = b.gep(target, [b.add(b.mul(position, i64(lanes)), i64(k))])
                here = b.bitcast(here, vector.as_pointer())
                weights = b.bitcast(b.gep(source, [b.add(there, i64(k))]), vector.as_pointer())
                x = b.fmul(b.load(here, align=LINE), factor)
                x = b.fadd(x, b.load(weights, align=LINE))
                b.store(x, here, align=LINE)
                reached = b.bitcast(b.fcmp_ordered(">=", x, limit), ir.IntType(chunk))
                word, bit = divmod(c * lanes + k, 64)
                bits = b.shl(b.zext(reached, i64), i64(bit))
                words[y * n_words + word] = b.or_(words[y * n_words + word], bits)
        return cgutils.pack_array(b, words)  # type: ignore[no-untyped-call]

    answer = types.UniTuple(types.uint64, rows * n_words)  # type: ignore[no-untyped-call]
    return answer(v, clock, w, at, types.int64, factors, th, sizes), codegen


patch_rows: Any = intrinsic(_patch_rows)


def _first_bit(_: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a uint64 that is not 0."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.uint64), codegen


first_bit: Any = intrinsic(_first_bit)


@njit(cache=True, error_model="numpy", inline="always")
def _mark_words(words, rows, first, below, lanes, block, n):  # type: ignore[no-untyped-def]
    """Put the neurons in the words of some rows on the list of the marked, each once."""
    for i in range(len(words)):
        word = words[i]
        while word:
            y = i // (len(words) // rows)
            k = (first + y * below) * lanes + (i - y * (len(words) // rows)) * 64 + first_bit(word)
            word &= word - np.uint64(1)
            if not block.mark[k]:
                block.mark[k] = True
                block.marked[n] = k
                n += 1
    return n


@njit(cache=True, error_model="numpy", nogil=True)
def _careful(t, w, factors, firing, block, p, there, lanes, n):  # type: ignore[no-untyped-def]
    """As ``patch_rows`` for one position, where a neuron is refractory or a gap too long."""
    gap = t - block.clock[p]
    block.clock[p] = t
    decay = factors.by_gap[0]
    if factors.mask != 0 and gap < len(factors.by_gap):
        decay = factors.by_gap[gap]
    elif factors.mask != 0:
        decay = w.dtype.type(math.exp(-np.float64(gap) / factors.tau_us))
    for k in range(p * lanes, p * lanes + block.size):
        x = block.v[k] * decay
        if t >= block.ready[k]:
            x += w[there + k - p * lanes]
            if x >= firing.threshold and not block.mark[k]:
                block.mark[k] = True
                block.marked[n] = k
                n += 1
        block.v[k] = x
    return n


@njit(cache=True, error_model="numpy", inline="always")
def _settle(e, t, firing, block, c_out, lanes, marked, spikes, n):  # type: ignore[no-untyped-def]
    """Test the marked neurons in order of unit; return the number of spikes."""
    for i in range(1, marked):
        k, j = block.marked[i], i
        while j > 0 and block.marked[j - 1] > k:
            block.marked[j] = block.marked[j - 1]
            j -= 1
        block.marked[j] = k
    for i in range(marked):
        k = block.marked[i]
        block.mark[k] = False
        x = block.v[k]
        if x >= firing.threshold:
            p = k // lanes
            spikes.event[n], spikes.value[n] = e, x
            spikes.unit[n] = p * c_out + block.first + k - p * lanes
            n += 1
            block.v[k] = x - firing.threshold if firing.subtract else x - x
            block.ready[k] = block.held[p] = t + firing.refractory
    return n


@njit(cache=True, error_model="numpy", inline="always")
def _needs_care(t, block, top, rows, columns, below, longest):  # type: ignore[no-untyped-def]
    for y in range(rows):
        for p in range(top + y * below, top + y * below + columns):
            if block.held[p] > t or t - block.clock[p] >= longest:
                return True
    return False


@njit(cache=True, error_model="numpy", nogil=True)
def _touched(t, block, top, rows, columns, patches):  # type: ignore[no-untyped-def]
    """Return how many positions of a patch were brought up to ``t`` already."""
    n = 0
    for y in range(rows):
        first = top + y * patches.columns
        for p in range(first, first + columns):
            n += block.clock[p] == t
    return n


@njit(cache=True, error_model="numpy", nogil=True)
def run_block(  # type: ignore[no-untyped-def]
    events, w, patches, factors, firing, block, spikes, cursor, fresh, tally, full, one
):
    """Take a block of channels through all recordings from ``cursor`` on (see ``Layer.run``).

    It returns early, at the end of an instant, where ``spikes`` might not hold those of
    one more.

    Returns
    -------
    bool
        True when all is done.
    """
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    lanes = len(block.v) // len(block.clock)
    longest = len(factors.by_gap) if factors.mask != 0 else np.int64(1) << 62
    careful = firing.refractory > 0 or not factors.complete
    threshold, below = firing.threshold, patches.columns
    marked = 0
    room = len(spikes.event) - len(block.v)
    while r < len(events.start) - 1:
        if e == events.start[r] and (fresh or r > 0):
            block.v[:] = 0
            block.clock[:] = -1
            block.ready[:] = -1
            block.held[:] = -1
        stop = events.start[r + 1]
        while e < stop and n <= room:
            t = events.t[e]
            # Four numbers, not a row: a view would be counted by reference for each event.
            sender = np.uint64(events.row[e])
            top, weight = np.int64(patches.of[sender, 0]), np.int64(patches.of[sender, 3])
            rows, columns = np.int64(patches.of[sender, 1]), np.int64(patches.of[sender, 2])
            tally.adds[r] += rows * columns * block.size
            tally.updates[r] += rows * columns * block.size
            if e > events.start[r] and not events.last[e - 1]:
                tally.updates[r] -= block.size * _touched(t, block, top, rows, columns, patches)
            at = top, below, weight, patches.down, patches.step
            care = careful and _needs_care(t, block, top, rows, columns, below, longest)
            if not care and rows == len(full[1]) and columns == len(full[2]):
                words = patch_rows(block.v, block.clock, w, at, t, factors, threshold, full)
                marked = _mark_words(words, rows, top, below, lanes, block, marked)
            else:
                for y, c in np.ndindex(rows, columns):
                    p, there = top + y * below + c, weight + y * patches.down + c * patches.step
                    if care and (block.held[p] > t or t - block.clock[p] >= longest):
                        marked = _careful(t, w, factors, firing, block, p, there, lanes, marked)
                    else:
                        at = p, below, there, patches.down, patches.step
                        words = patch_rows(block.v, block.clock, w, at, t, factors, threshold, one)
                        marked = _mark_words(words, 1, p, below, lanes, block, marked)
            if marked > 0 and events.last[e]:
                n = _settle(e, t, firing, block, patches.c_out, lanes, marked, spikes, n)
                marked = 0
            e += 1
        if e < stop:
            break
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
