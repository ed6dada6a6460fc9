"""Dense layers of the fast path: the kernels of a block of neurons.

A block is up to 160 neighbouring neurons (ten registers of 64 bytes). In a pass
every potential is loaded once, taken through four events (decay, add the weight),
and stored once; its largest value on the way tells whether it may have fired. Only
the few registers that hold such a neuron are then taken through the four events again,
with threshold and reset; where there is a refractory time, neuron by neuron. Neurons of
one layer do not feel each other.

numba cannot be made to keep such a pass in registers (measured: twice the time), so
``sweep`` and ``retake`` are written in LLVM instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventsnn.engines.layered.dense.apart import fetch, leave
from eventsnn.engines.layered.dense.instants import CROWDED, take_instant
from eventsnn.engines.layered.dense.one_by_one import note, step_lanes
from eventsnn.kernels.compile import inlined, kernel, likely, threaded
from eventsnn.kernels.vector import LINE, first_bit, lane_bits, splat

GROUP = 4
"""Events of one pass."""

_FOUR, _ONE = (0,) * GROUP, (0,)


def _sweep(
    _: Any,
    v: Any,
    old: Any,
    w: Any,
    events: Any,
    e: Any,
    th: Any,
    near: Any,
    chunks: Any,
    group: Any,
) -> Any:
    """Take half ``old`` of ``v`` through events e, e + 1, ... into the other half.

    ``w`` is (flat, stride, offset), ``events`` (row, decay). The lengths of the tuples
    ``chunks`` and ``group`` are the number of registers and of events, known to the
    compiler. The answer is a tuple of uint64: bit k is set if lane k reached ``th``, or its
    limit in ``near`` unless that is None, at any of the events.
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
        stride, limit = b.extract_value(args[2], 1), splat(b, vector, args[5])
        row, decay = (data(events[i], b.extract_value(args[3], i)) for i in range(2))

        width = i64(chunks.count * lanes)
        source = b.gep(data(v, args[0]), [b.mul(args[1], width)])
        target = b.gep(data(v, args[0]), [b.mul(b.sub(i64(1), args[1]), width)])

        def at(base: Any, index: Any) -> Any:
            return b.bitcast(b.gep(base, [index]), vector.as_pointer())

        factors, rows = [], []
        for j in range(group.count):
            event = b.add(args[4], i64(j))
            factors.append(splat(b, vector, b.load(b.gep(decay, [event]))))
            sender = b.zext(b.load(b.gep(row, [event])), i64)
            rows.append(b.gep(weights, [b.mul(sender, stride)]))
        words = [i64(0)] * n_words
        for c in range(chunks.count):
            lane = i64(c * lanes)
            x = b.load(at(source, lane), align=LINE)
            top = None
            for factor, weight_row in zip(factors, rows, strict=True):
                weight = b.load(at(weight_row, lane), align=v.dtype.bitwidth // 8)
                x = b.fadd(b.fmul(x, factor), weight)
                top = x if top is None else b.select(b.fcmp_ordered(">", x, top), x, top)
            b.store(x, at(target, lane), align=LINE)
            if near != types.none:
                limits = data(near[0], b.extract_value(args[6], 0))
                limit = b.load(at(limits, lane), align=LINE)
            reached = b.bitcast(b.fcmp_ordered(">=", top, limit), ir.IntType(lanes))
            bits = b.shl(b.zext(reached, i64), i64(c % per_word * lanes))
            words[c // per_word] = b.or_(words[c // per_word], bits)
        return cgutils.pack_array(b, words)  # type: ignore[no-untyped-call]

    answer = types.UniTuple(types.uint64, n_words)  # type: ignore[no-untyped-call]
    return answer(v, types.uint64, w, events, types.uint64, th, near, chunks, group), codegen


sweep: Any = intrinsic(_sweep)


def _retake(
    _: Any,
    v: Any,
    old: Any,
    w: Any,
    events: Any,
    e: Any,
    firing: Any,
    lane: Any,
    passing: Any,
    near: Any,
    group: Any,
) -> Any:
    """Take the register that begins at ``lane`` through a pass again, with threshold and reset.

    ``events`` is (row, decay, last), ``firing`` (threshold, subtract). What the register
    held before each reset goes to ``passing``, event after event. The answer is a pair of
    uint64: bit k of the first is set if place k of ``passing`` is a spike, of the second if a
    neuron reached its limit in ``near`` there, which becomes the threshold. A whole register,
    since one neuron would take as long, and the next pass would wait for it to be written.
    """
    lanes = LINE * 8 // v.dtype.bitwidth

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def data(kind: Any, array: Any) -> Any:
            return context.make_array(kind)(context, b, array).data

        i64, real = ir.IntType(64), context.get_value_type(v.dtype)
        vector = ir.VectorType(real, lanes)
        weights = b.gep(data(w[0], b.extract_value(args[2], 0)), [b.extract_value(args[2], 2)])
        stride = b.extract_value(args[2], 1)
        row, decay, last = (data(events[i], b.extract_value(args[3], i)) for i in range(3))
        limit, subtract = (b.extract_value(args[5], i) for i in range(2))
        subtract = b.trunc(subtract, ir.IntType(1)) if subtract.type.width > 1 else subtract
        width = b.lshr(context.make_array(v)(context, b, args[0]).nitems, i64(1))

        def at(base: Any, index: Any) -> Any:
            return b.bitcast(b.gep(base, [index]), vector.as_pointer())

        source = b.add(b.mul(args[1], width), args[6])
        target = b.add(b.mul(b.sub(i64(1), args[1]), width), args[6])
        x, bits, crossed = b.load(at(data(v, args[0]), source), align=LINE), i64(0), i64(0)
        lowest = None
        if near != types.none:
            limits = at(data(near[0], b.extract_value(args[8], 0)), args[6])
            lowest = b.load(limits, align=LINE)
        for j in range(group.count):
            event = b.add(args[4], i64(j))
            factor = splat(b, vector, b.load(b.gep(decay, [event])))
            sender = b.zext(b.load(b.gep(row, [event])), i64)
            place = b.add(b.mul(sender, stride), args[6])
            weight = b.load(at(weights, place), align=v.dtype.bitwidth // 8)
            x = b.fadd(b.fmul(x, factor), weight)
            b.store(x, at(data(passing, args[7]), i64(j * lanes)), align=LINE)
            closes = b.icmp_unsigned("!=", b.load(b.gep(last, [event])), ir.IntType(8)(0))
            never = ir.Constant(real, float("inf"))
            fires = b.fcmp_ordered(">=", x, splat(b, vector, b.select(closes, limit, never)))
            if lowest is not None:
                close = b.fcmp_ordered("<", lowest, splat(b, vector, limit))
                close = b.and_(close, b.fcmp_ordered(">=", x, lowest))
                close = b.select(closes, close, ir.Constant(close.type, None))
                lowest = b.select(close, splat(b, vector, limit), lowest)
                these = b.zext(b.bitcast(close, ir.IntType(lanes)), i64)
                crossed = b.or_(crossed, b.shl(these, i64(j * lanes)))
            rest = b.fsub(x, b.select(subtract, splat(b, vector, limit), x))
            x = b.select(fires, rest, x)
            these = b.zext(b.bitcast(fires, ir.IntType(lanes)), i64)
            bits = b.or_(bits, b.shl(these, i64(j * lanes)))
        b.store(x, at(data(v, args[0]), target), align=LINE)
        if lowest is not None:
            b.store(lowest, limits, align=LINE)
        return cgutils.pack_array(b, [bits, crossed])  # type: ignore[no-untyped-call]

    kinds = v, types.uint64, w, events, types.uint64, firing, types.uint64, passing, near, group
    answer = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]
    return answer(*kinds), codegen


retake: Any = intrinsic(_retake)


@inlined
def _fire_lanes(events, w, firing, block, near, old, i, word, e, group, spikes, n):  # type: ignore[no-untyped-def]
    """As ``step_lanes``, without refractory times: all lanes of a register at once."""
    one, shift = np.uint64(1), lane_bits(block.v)
    lanes = one << shift
    train, rule = (events.row, events.decay, events.last), (firing.threshold, firing.subtract)
    while word:
        first = first_bit(word) >> shift << shift
        word &= ~(((one << lanes) - one) << first)
        first += i * np.uint64(64)
        fired, close = retake(block.v, old, w, train, e, rule, first, block.passing, near, group)
        while fired:
            k = first_bit(fired)
            fired &= fired - one
            spikes.event[n], spikes.value[n] = e + (k >> shift), block.passing[k]
            spikes.unit[n] = block.first + first + (k & (lanes - one))
            n += one
        if near is not None:
            while close:
                k = first_bit(close)
                close &= close - one
                unit = block.first + first + (k & (lanes - one))
                note(near, e + (k >> shift), unit, block.passing[k])
    return n


@inlined
def _fire(events, w, firing, block, near, old, words, e, group, spikes, n):  # type: ignore[no-untyped-def]
    """Take the neurons in ``words``, and those that are refractory, through a pass again."""
    for k in range(len(words)):
        i = np.uint64(k)
        word = words[i] | block.held[i]
        if likely(word == np.uint64(0)):
            continue
        if firing.refractory == 0:
            n = _fire_lanes(events, w, firing, block, near, old, i, word, e, group, spikes, n)
        else:
            count = np.uint64(len(group))
            n = step_lanes(events, w, firing, block, near, old, i, word, e, count, spikes, n)
    return n


@kernel
def _instants(given, block, near, at, bounds, chunks):  # type: ignore[no-untyped-def]
    """Take a block through instants while there is room; see ``take_instant``."""
    (old, e, n), (stop, room, spikes) = at, bounds
    while e < stop and n <= room:
        e, n = take_instant(given, block, near, old, e, (spikes, n), chunks)
        old = np.uint64(1) - old
    return old, e, n


@threaded
def run_block(events, w, firing, block, near, spikes, cursor, fresh, chunks):  # type: ignore[no-untyped-def]
    """Take a block through all recordings from ``cursor`` on, each from rest (see ``Layer.run``).

    It returns False, to be called again with ``cursor``, where ``spikes`` might not hold
    those of one more pass, and True when all is done.
    """
    zero, one, four = np.uint64(0), np.uint64(1), np.uint64(GROUP)
    n, e, r = np.uint64(cursor.spikes[0]), np.uint64(cursor.event[0]), cursor.recording[0]
    train, given, v = (events.row, events.decay), (events, w, firing), block.v
    threshold, old = firing.threshold, zero
    room = np.uint64(len(spikes.event) - GROUP * len(block.ready) - 1)
    while r < len(events.start) - 1:
        begin, stop = np.uint64(events.start[r]), np.uint64(events.start[r + 1])
        if len(block.apart.v):
            if e == begin and e < stop:
                fetch(block, r, old, firing.refractory)
        elif e == begin and (fresh or r > 0):
            block.v[:] = 0
            block.ready[:] = -1
            block.held[:] = 0
            if near is not None:
                near.limit[:] = near.share
        crowded = len(events.multiple) > 0 or np.int64(stop - begin) >= CROWDED * events.instants[r]
        if crowded:  # a call: its code beside that of passes makes them slower
            old, e, n = _instants(given, block, near, (old, e, n), (stop, room, spikes), chunks)
        while e < stop and n <= room:
            if e + four <= stop:
                words = sweep(v, old, w, train, e, threshold, near, chunks, _FOUR)
                n = _fire(events, w, firing, block, near, old, words, e, _FOUR, spikes, n)
                e += four
            else:
                words = sweep(v, old, w, train, e, threshold, near, chunks, _ONE)
                n = _fire(events, w, firing, block, near, old, words, e, _ONE, spikes, n)
                e += one
            old = one - old
        if e < stop:
            break
        if len(block.apart.v) and stop > begin:
            leave(block, r, old, firing.refractory)
        r += 1
    if old == one:
        for k in range(len(block.ready)):
            block.v[k] = block.v[len(block.ready) + k]
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
