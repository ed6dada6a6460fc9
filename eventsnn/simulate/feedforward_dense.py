"""Dense layers of the fast path: a block of neurons takes four events in one pass.

A block is up to 128 neighbouring neurons (eight registers of 64 bytes). In a pass
every potential is loaded once, taken through four events (decay, add the weight),
and stored once; its largest value on the way tells whether it may have fired. Only
those few neurons are then taken through the four events again, one by one, with
threshold, reset and refractory time: neurons of one layer do not feel each other.

numba cannot be made to keep such a pass in registers (measured: twice the time), so
``sweep`` and ``first_bit`` are written in LLVM instructions. They stand in this file
because a cached kernel must not depend on another file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

LINE = 64
"""Bytes of a vector register, and of a cache line."""

GROUP = 4
"""Events of one pass."""

_FOUR, _ONE = (0,) * GROUP, (0,)


class Deliveries(NamedTuple):
    """The events that reach a layer, recordings end to end.

    Attributes
    ----------
    row : int32 array (n,)
        Sender of each event: its row of the weights.
    decay : float array (n,)
        Factor of the potential since the event before; 1 within an instant.
    last : bool array (n,)
        True for the last event of an instant: thresholds are tested there.
    t : int64 array (n,)
        Microseconds.
    start : int64 array (n_recordings + 1,)
        Recording i owns the events start[i] to start[i + 1] - 1.
    """

    row: NDArray[np.int32]
    decay: NDArray[Any]
    last: NDArray[np.bool_]
    t: NDArray[np.int64]
    start: NDArray[np.int64]


class Weights(NamedTuple):
    """A block's weights: neuron k reads ``flat[offset + row * stride + k]``."""

    flat: NDArray[Any]
    stride: int
    offset: int


class Firing(NamedTuple):
    """When and how a neuron fires.

    Attributes
    ----------
    threshold : float
        Of the dtype of the potentials.
    subtract : bool
        True to subtract the threshold at a spike, False to set the potential to 0.
    refractory : int
        Microseconds after a spike in which deliveries are lost.
    """

    threshold: Any
    subtract: bool
    refractory: int


class Spikes(NamedTuple):
    """Room for spikes: the delivery that caused each, the neuron, the potential before reset."""

    event: NDArray[np.int32]
    unit: NDArray[np.int32]
    value: NDArray[Any]


class Block(NamedTuple):
    """One block: its first neuron, and the state of its neurons, padded to full registers.

    Attributes
    ----------
    first : int
        Number of its first neuron within the population.
    v, next_v : float array (width,)
        Potentials, aligned to ``LINE`` bytes; a pass goes from one to the other.
    ready : int64 array (width,)
        When each neuron's refractory time ends.
    held : uint64 array (n_words,)
        Neurons that a pass must not decide, lane k in bit k: they are refractory.
    """

    first: int
    v: NDArray[Any]
    next_v: NDArray[Any]
    ready: NDArray[np.int64]
    held: NDArray[np.uint64]


class Cursor(NamedTuple):
    """Where a block stands, in arrays of one number so that a kernel can move it."""

    recording: NDArray[np.int64]
    event: NDArray[np.int64]
    spikes: NDArray[np.int64]


def _splat(builder: Any, vector: Any, value: Any) -> Any:
    index = ir.VectorType(ir.IntType(32), vector.count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), ir.Constant(index, None))


@intrinsic  # type: ignore[untyped-decorator]
def sweep(
    _: Any, v: Any, out: Any, w: Any, row: Any, decay: Any, e: Any, th: Any, chunks: Any, group: Any
) -> Any:
    """Take ``v`` through the events e, e + 1, ... into ``out``; return which lanes reached ``th``.

    ``w`` is (flat, stride, offset). The lengths of the tuples ``chunks`` and ``group``
    are the number of registers and of events, known to the compiler. The answer is a
    tuple of uint64, lane k in bit k.
    """
    lanes = LINE * 8 // v.dtype.bitwidth
    per_word = 64 // lanes
    n_words = -(-chunks.count // per_word)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def data(kind: Any, array: Any) -> Any:
            return context.make_array(kind)(context, b, array).data

        i64 = ir.IntType(64)
        vector = ir.VectorType(context.get_value_type(v.dtype), lanes)
        weights = b.gep(data(w[0], b.extract_value(args[2], 0)), [b.extract_value(args[2], 2)])
        stride, limit = b.extract_value(args[2], 1), _splat(b, vector, args[6])

        def at(base: Any, index: Any) -> Any:
            return b.bitcast(b.gep(base, [index]), vector.as_pointer())

        factors, rows = [], []
        for j in range(group.count):
            event = b.add(args[5], i64(j))
            factors.append(_splat(b, vector, b.load(b.gep(data(decay, args[4]), [event]))))
            sender = b.zext(b.load(b.gep(data(row, args[3]), [event])), i64)
            rows.append(b.gep(weights, [b.mul(sender, stride)]))
        words = [i64(0)] * n_words
        for c in range(chunks.count):
            lane = i64(c * lanes)
            x = b.load(at(data(v, args[0]), lane), align=LINE)
            top = None
            for factor, source in zip(factors, rows, strict=True):
                weight = b.load(at(source, lane), align=v.dtype.bitwidth // 8)
                x = b.fadd(b.fmul(x, factor), weight)
                top = x if top is None else b.select(b.fcmp_ordered(">", x, top), x, top)
            b.store(x, at(data(out, args[1]), lane), align=LINE)
            reached = b.bitcast(b.fcmp_ordered(">=", top, limit), ir.IntType(lanes))
            bits = b.shl(b.zext(reached, i64), i64(c % per_word * lanes))
            words[c // per_word] = b.or_(words[c // per_word], bits)
        return cgutils.pack_array(b, words)

    answer = types.UniTuple(types.uint64, n_words)
    return answer(v, out, w, row, decay, types.int64, th, chunks, group), codegen


@intrinsic  # type: ignore[untyped-decorator]
def first_bit(_: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a uint64 that is not 0."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.uint64), codegen


@njit(cache=True, error_model="numpy", nogil=True)
def _step_lanes(events, w, firing, block, v, out, i, word, e, count, spikes, n):  # type: ignore[no-untyped-def]
    """Take the neurons in ``word`` through events one by one; ``v`` is before them, ``out`` after."""
    one = np.uint64(1)
    block.held[i] = np.uint64(0)
    while word:
        k = i * 64 + first_bit(word)
        bit = word & (~word + one)
        word ^= bit
        x, ready = v[k], block.ready[k]
        for j in range(e, e + count):
            x = x * events.decay[j]
            if events.t[j] >= ready:
                x = x + w.flat[w.offset + np.int64(events.row[j]) * w.stride + k]
                if events.last[j] and x >= firing.threshold:
                    spikes.event[n], spikes.unit[n], spikes.value[n] = j, block.first + k, x
                    n += 1
                    x = x - firing.threshold if firing.subtract else x - x
                    ready = events.t[j] + firing.refractory
        out[k], block.ready[k] = x, ready
        if ready > events.t[e + count - 1]:
            block.held[i] |= bit
    return n


@njit(cache=True, error_model="numpy", nogil=True)
def run_block(events, w, firing, block, spikes, cursor, chunks):  # type: ignore[no-untyped-def]
    """Take a block through all recordings, each from rest, from ``cursor`` on.

    Spikes are written in the order of neurons within an event. It returns early, to be
    called again with ``cursor``, where ``spikes`` might not hold those of one more pass.

    Returns
    -------
    bool
        True when all is done.
    """
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    v, out = block.v, block.next_v
    room = len(spikes.event) - GROUP * len(v)
    while r < len(events.start) - 1:
        if e == events.start[r]:
            v[:] = 0
            block.ready[:] = -1
            block.held[:] = 0
        stop = events.start[r + 1]
        while e < stop and n <= room:
            if e + GROUP <= stop:
                count = GROUP
                words = sweep(
                    v, out, w, events.row, events.decay, e, firing.threshold, chunks, _FOUR
                )
            else:
                count = 1
                words = sweep(
                    v, out, w, events.row, events.decay, e, firing.threshold, chunks, _ONE
                )
            for i in range(len(words)):
                word = words[i] | block.held[i]
                if word:
                    n = _step_lanes(events, w, firing, block, v, out, i, word, e, count, spikes, n)
            v, out = out, v
            e += count
        if e < stop:
            break
        r += 1
    if e < events.start[-1]:
        block.v[:] = v.copy()
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
