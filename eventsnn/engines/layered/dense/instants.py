"""Dense layers of the fast path, where many events share an instant.

Their thresholds are tested once an instant: a block's potentials decay once, stay in
registers while the weights of all its events are added, in the order of the events, and are
compared and stored once. The sums are those of ``block.py``, bit for bit.

numba cannot be made to keep a block in registers, so ``add_instant`` is written in LLVM
instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventsnn.engines.layered.dense.one_by_one import note, step_lanes
from eventsnn.kernels.compile import inlined, likely
from eventsnn.kernels.vector import LINE, first_bit, splat

CROWDED = 3
"""Events an instant, on average, from which taking an instant at a time pays."""

_I64 = ir.IntType(64)


def _add_instant(_: Any, state: Any, w: Any, train: Any, limit: Any, near: Any, chunks: Any) -> Any:
    """Take a block through the events of an instant, from one half of its potentials to the other.

    ``state`` is (potentials, the half they are in), ``w`` (flat, stride, offset), ``train``
    (row, decay, first event, their end) and perhaps their counts; ``chunks`` has as many entries as
    there are registers. Bit k of the answer, words of uint64, is set if lane k reached its limit.
    """
    v = state[0]
    lanes, size = LINE * 8 // v.dtype.bitwidth, v.dtype.bitwidth // 8
    per_word, n, n_words = 64 // lanes, range(chunks.count), -(-chunks.count * lanes // 64)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def part(which: int, k: int) -> Any:
            kind, value = signature.args[which][k], b.extract_value(args[which], k)
            array = isinstance(kind, types.Array)
            return context.make_array(kind)(context, b, value).data if array else value

        def at(base: Any, k: int) -> Any:
            return b.bitcast(b.gep(base, [_I64(k * lanes)]), vector.as_pointer())

        def row_of(event: Any) -> Any:
            sender = b.zext(b.load(b.gep(part(2, 0), [event])), _I64)
            here = b.gep(part(1, 0), [b.add(b.mul(sender, part(1, 1)), part(1, 2))])
            found = [b.load(at(here, k), align=size) for k in n]
            if train.count == 4:
                return found
            times = splat(b, vector, b.load(b.gep(part(2, 4), [event])))
            return [b.fmul(one, times) for one in found]

        vector = ir.VectorType(context.get_value_type(v.dtype), lanes)
        width = _I64(chunks.count * lanes)
        source = b.gep(part(0, 0), [b.mul(part(0, 1), width)])
        target = b.gep(part(0, 0), [b.mul(b.sub(_I64(1), part(0, 1)), width)])
        factor = splat(b, vector, b.load(b.gep(part(2, 1), [part(2, 2)])))
        rest = [b.fmul(b.load(at(source, k), align=LINE), factor) for k in n]
        sums = _added(b, rest, (part(2, 2), part(2, 3)), row_of)
        words, bound = [_I64(0)] * n_words, splat(b, vector, args[3])
        for k in n:
            b.store(sums[k], at(target, k), align=LINE)
            bound = bound if near == types.none else b.load(at(part(4, 0), k), align=LINE)
            reached = b.bitcast(b.fcmp_ordered(">=", sums[k], bound), ir.IntType(lanes))
            bits = b.shl(b.zext(reached, _I64), _I64(k % per_word * lanes))
            words[k // per_word] = b.or_(words[k // per_word], bits)
        return cgutils.pack_array(b, words)  # type: ignore[no-untyped-call]

    return _words(n_words)(state, w, train, limit, near, chunks), codegen


def _words(n: int) -> Any:
    return types.UniTuple(types.uint64, n)  # type: ignore[no-untyped-call]


def _added(b: Any, x: list[Any], span: tuple[Any, Any], row_of: Any) -> list[Any]:
    """Add the rows of the events of a span, of at least one, to registers; return them."""
    begin, add, done = b.block, b.append_basic_block("add"), b.append_basic_block("done")
    b.branch(add)
    b.position_at_end(add)
    event, held = b.phi(_I64), [b.phi(one.type) for one in x]
    new = [b.fadd(one, more) for one, more in zip(held, row_of(event), strict=True)]
    after = b.add(event, _I64(1))
    for phi, start, again in zip([event, *held], [span[0], *x], [after, *new], strict=True):
        phi.add_incoming(start, begin)
        phi.add_incoming(again, b.block)
    b.cbranch(b.icmp_unsigned("<", after, span[1]), add, done)
    b.position_at_end(done)
    return new


add_instant: Any = intrinsic(_add_instant)


@inlined
def _end_of(last, e):  # type: ignore[no-untyped-def]
    """Return the first event behind the instant of event ``e``."""
    while not last[e]:
        e += np.uint64(1)
    return e + np.uint64(1)


@inlined
def _fire_instant(firing, block, near, now, lanes, e, out):  # type: ignore[no-untyped-def]
    """Fire the neurons of ``lanes`` (number of the word, word) that reached their threshold.

    Their potentials are in half ``now`` of ``v``; event ``e`` ends the instant. Returns the
    number of spikes.
    """
    one, width, word, (spikes, n) = np.uint64(1), np.uint64(len(block.ready)), lanes[1], out
    while word:
        bit = word & (~word + one)
        word ^= bit
        k = lanes[0] * np.uint64(64) + first_bit(bit)
        x = block.v[now * width + k]
        if near is not None and x >= near.limit[k]:
            if near.limit[k] < firing.threshold:
                note(near, e, block.first + k, x)
            near.limit[k] = firing.threshold
        if x >= firing.threshold:
            spikes.event[n], spikes.unit[n], spikes.value[n] = e, block.first + k, x
            n += one
            block.v[now * width + k] = x - firing.threshold if firing.subtract else x - x
    return n


@inlined
def take_instant(given, block, near, old, e, out, chunks):  # type: ignore[no-untyped-def]
    """Take a block through the instant that begins with event ``e``.

    ``given`` is (events, weights, firing), ``out`` (spikes, their number). Returns the first
    event behind it, and the number of spikes.
    """
    (events, w, firing), (spikes, n), one = given, out, np.uint64(1)
    end = _end_of(events.last, e)
    train = events.row, events.decay, e, end
    halves, limit = (block.v, old), firing.threshold
    if len(events.multiple):
        counted = events.row, events.decay, e, end, events.multiple
        words = add_instant(halves, w, counted, limit, near, chunks)
    else:
        words = add_instant(halves, w, train, limit, near, chunks)
    for k in range(len(words)):
        i = np.uint64(k)
        word = words[i] | block.held[i]
        if likely(word == np.uint64(0)):
            continue
        if firing.refractory == 0:
            n = _fire_instant(firing, block, near, one - old, (i, word), end - one, (spikes, n))
        else:
            args = i, word, e, end - e, spikes, n
            n = step_lanes(events, w, firing, block, near, old, *args)
    return end, n
