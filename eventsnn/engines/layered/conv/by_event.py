"""Convolutions of the fast path: an event touches a patch of positions.

A position's channels fill whole registers and share one clock. A patch is
taken in one go: each position decays by its own gap, adds its channels' weights, and
tells which of them reached the threshold. Those are tested at the end of the instant.
So it is where no neuron is refractory, compiled for each shape of a strip; neurons that may
be are taken position by position.

Round the map lies a margin of positions that do not exist, so that the patches at its
edges are whole too: nothing is asked of an event but its place. What gathers there is
thrown away where it reaches the threshold (``_mark``), and never counted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from eventsnn.engines.layered.conv.block import block_in
from eventsnn.kernels.compile import inlined, kernel, likely, threaded
from eventsnn.kernels.decay import FINE, SHIFT, looked_up
from eventsnn.kernels.vector import LINE, first_bit, reached, splat


def _greater(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


def _patch(
    _: Any, v: Any, clock: Any, w: Any, at: Any, t: Any, factors: Any, th: Any, sizes: Any
) -> Any:
    """Bring a patch up to ``t`` and add its weights; return whether any neuron reached ``th``.

    ``at`` is (first position, positions to the row below, place of the first one's
    weights); ``factors`` a ``Factors``. The lengths of the tuples in ``sizes`` are the
    registers of a position, the rows, the columns, and 1 if potentials decay, 0 if not.
    The weights lie as the patch does, row after row.
    """
    chunks, rows, columns, decays = (size.count for size in sizes)
    chunk = LINE * 8 // v.dtype.bitwidth
    lanes = chunk * chunks

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def data(kind: Any, array: Any) -> Any:
            return context.make_array(kind)(context, b, array).data

        def load(base: Any, lane: int) -> Any:
            place = b.bitcast(b.gep(base, [i64(lane)]), vector.as_pointer())
            return place, b.load(place, align=LINE)

        def rounded(x: Any) -> Any:
            return x if x.type == vector.element else b.fptrunc(x, vector.element)

        i64 = ir.IntType(64)
        vector = ir.VectorType(context.get_value_type(v.dtype), chunk)
        first, below, weight = (b.extract_value(args[3], i) for i in range(3))
        times, source, target = data(clock, args[1]), data(w, args[2]), data(v, args[0])
        table = data(factors[0], b.extract_value(args[5], 0))
        coarse = b.gep(table, [i64(FINE)])
        source, tops = b.gep(source, [weight]), []
        for y in range(rows):
            place = b.add(first, b.mul(below, i64(y)))
            clocks, row = b.gep(times, [place]), b.gep(target, [b.mul(place, i64(lanes))])
            top = None
            for c in range(columns):
                last = b.gep(clocks, [i64(c)])
                factor = None
                if decays:
                    gap = b.sub(args[4], b.load(last))
                    high = b.load(b.gep(coarse, [b.lshr(gap, i64(SHIFT))]))
                    low = b.load(b.gep(table, [b.and_(gap, i64(FINE - 1))]))
                    factor = splat(b, vector, rounded(b.fmul(high, low)))
                b.store(args[4], last)
                for k in range(0, lanes, chunk):
                    here, x = load(row, c * lanes + k)
                    _, weights = load(source, (y * columns + c) * lanes + k)
                    x = b.fadd(b.fmul(x, factor) if decays else x, weights)
                    b.store(x, here, align=LINE)
                    top = x if top is None else _greater(b, x, top)
            tops.append(top)
        while len(tops) > 1:
            tops = [
                *(_greater(b, *pair) for pair in zip(tops[::2], tops[1::2], strict=False)),
                *tops[len(tops) // 2 * 2 :],
            ]
        reached = b.fcmp_ordered(">=", tops[0], splat(b, vector, args[6]))
        return b.icmp_unsigned("!=", b.bitcast(reached, ir.IntType(chunk)), ir.IntType(chunk)(0))

    return types.boolean(v, clock, w, at, types.int64, factors, th, sizes), codegen


patch: Any = intrinsic(_patch)


def _struck(_: Any, v: Any, at: Any, th: Any, sizes: Any) -> Any:
    """Return in which positions of a patch a neuron reached ``th``: position k in bit k.

    ``at`` is (first position, positions to the row below), ``sizes`` as in ``_patch``.
    """
    chunks, rows, columns = (sizes[i].count for i in range(3))
    chunk = LINE * 8 // v.dtype.bitwidth

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        i64, none = ir.IntType(64), ir.IntType(chunk)(0)
        vector = ir.VectorType(context.get_value_type(v.dtype), chunk)
        base = context.make_array(v)(context, b, args[0]).data
        first, below = (b.extract_value(args[1], i) for i in range(2))
        limit, bits = splat(b, vector, args[2]), i64(0)
        for y, x in np.ndindex(rows, columns):
            place, top = b.add(b.add(first, b.mul(below, i64(y))), i64(x)), None
            for k in range(chunks):
                lane = b.add(b.mul(place, i64(chunks * chunk)), i64(k * chunk))
                held = b.load(b.bitcast(b.gep(base, [lane]), vector.as_pointer()), align=LINE)
                top = held if top is None else _greater(b, held, top)
            reached = b.bitcast(b.fcmp_ordered(">=", top, limit), ir.IntType(chunk))
            bit = b.zext(b.icmp_unsigned("!=", reached, none), i64)
            bits = b.or_(bits, b.shl(bit, i64(y * columns + x)))
        return bits

    return types.uint64(v, at, th, sizes), codegen


struck: Any = intrinsic(_struck)


@kernel
def _mark(first, rows, columns, patches, block, threshold, chunks, n):  # type: ignore[no-untyped-def]
    """Put the neurons of a patch that reached the threshold on the list, each once."""
    lanes = len(block.v) // len(block.clock)
    for y in range(rows):
        for p in range(first + y * patches.below, first + y * patches.below + columns):
            words = reached(block.v, p, threshold, chunks)
            for i in range(len(words)):
                word = words[i]
                while word:
                    k = p * lanes + i * 64 + np.int64(first_bit(word))
                    word &= word - np.uint64(1)
                    if patches.on_map[p] < 0:
                        block.v[k] = 0
                    elif not block.mark[k]:
                        block.mark[k] = True
                        block.marked[n] = k
                        n += 1
    return n


@kernel
def _careful(t, w, factors, firing, patches, block, p, there, n):  # type: ignore[no-untyped-def]
    """Take one position where a neuron is refractory or a gap is not in the table."""
    gap, lanes = t - block.clock[p], len(block.v) // len(block.clock)
    block.clock[p] = t
    if patches.on_map[p] < 0:
        return n
    decay, table = w.dtype.type(1), factors.table
    if len(table) and gap < FINE * FINE:
        decay = w.dtype.type(looked_up(table, 0, np.uint64(gap)))
    elif len(table):
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


@kernel
def _settle(e, t, firing, block, patches, marked, spikes, n):  # type: ignore[no-untyped-def]
    """Test the marked neurons in order of unit; return the number of spikes."""
    lanes = len(block.v) // len(block.clock)
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
            unit = np.int64(patches.on_map[p]) * patches.c_out + block.first + k - p * lanes
            spikes.unit[n] = unit
            n += 1
            block.v[k] = x - firing.threshold if firing.subtract else x - x
            if firing.refractory > 0:
                block.ready[k] = block.held[p] = t + firing.refractory
    return n


@kernel
def _refresh(t, p, rows, columns, patches, factors, block):  # type: ignore[no-untyped-def]
    """Decay the positions of a patch that have rested for longer than the table tells.

    What is then left for ``patch`` is a gap of 0, whose factor is exactly 1.
    """
    dtype, lanes = block.v.dtype.type, len(block.v) // len(block.clock)
    for y in range(rows):
        for q in range(p + y * patches.below, p + y * patches.below + columns):
            gap = t - block.clock[q]
            if gap >= FINE * FINE:
                decay = dtype(math.exp(-np.float64(gap) / factors.tau_us))
                for k in range(q * lanes, (q + 1) * lanes):
                    block.v[k] *= decay
                block.clock[q] = t


@kernel
def _touched(t, block, patches, sender):  # type: ignore[no-untyped-def]
    """Return how many positions of a patch were brought up to ``t`` already."""
    first, rows, columns = patches.of[sender, 0], patches.of[sender, 2], patches.of[sender, 3]
    n = 0
    for y in range(rows):
        p = np.uint64(first + y * patches.below)
        for _ in range(columns):
            n += (patches.on_map[p] >= 0) & (block.clock[p] == t)
            p += np.uint64(1)
    return n


@kernel
def _take_one(e, events, w, patches, factors, firing, block, marked, one):  # type: ignore[no-untyped-def]
    """Take an event, position by position, where neurons are refractory; return the marked."""
    t, sender = events.t[e], np.int64(events.row[e])
    first, weight = np.int64(patches.of[sender, 0]), np.int64(patches.of[sender, 1])
    rows, columns = np.int64(patches.of[sender, 2]), np.int64(patches.of[sender, 3])
    below, threshold, lanes = patches.below, firing.threshold, len(block.v) // len(block.clock)
    longest = np.int64(FINE * FINE if len(factors.table) else 1 << 62)
    for y in range(rows):
        for c in range(columns):
            p, there = first + y * below + c, weight + y * patches.down + c * lanes
            if block.held[p] > t or t - block.clock[p] >= longest:
                marked = _careful(t, w, factors, firing, patches, block, p, there, marked)
            elif patch(block.v, block.clock, w, (p, below, there), t, factors, threshold, one):
                marked = _mark(p, 1, 1, patches, block, threshold, one[0], marked)
    return marked


@inlined
def _fire(e, first, firing, patches, block, spikes, n, strip):  # type: ignore[no-untyped-def]
    """Fire the neurons of a strip that reached the threshold, in order of unit.

    For an instant of one event: nothing is left to be summed. Returns the number of spikes.
    """
    lanes, columns = len(block.v) // len(block.clock), len(strip[2])
    places = struck(block.v, (first, patches.below), firing.threshold, strip)
    while places:
        place = np.int64(first_bit(places))
        places &= places - np.uint64(1)
        p = first + place // columns * patches.below + place % columns
        words, at = reached(block.v, p, firing.threshold, strip[0]), patches.on_map[np.uint64(p)]
        for i in range(len(words)):
            word = words[i]
            while word:
                lane = i * 64 + np.int64(first_bit(word))
                word &= word - np.uint64(1)
                k = np.uint64(p * lanes + lane)
                x = block.v[k]
                spikes.event[n], spikes.value[n] = e, x
                spikes.unit[n] = at * patches.c_out + block.first + lane
                n += np.int64(at >= 0)
                block.v[k] = x - firing.threshold if firing.subtract & (at >= 0) else x - x
    return n


@kernel
def _plain_recording(  # type: ignore[no-untyped-def]
    begin, e, stop, events, w, patches, factors, firing, block, spikes, n, strip
):
    """As ``_any_recording`` where no neuron is refractory, and patches are whole strips.

    A loop of its own, so that all it needs stays in registers.
    """
    row, time, last, of = events.row, events.t, events.last, patches.of
    room, threshold = len(spikes.event) - len(block.v), firing.threshold
    lanes, shape = len(block.v) // len(block.clock), (len(strip[1]), len(strip[2]))
    adds, again, marked = np.int64(0), np.int64(0), np.int64(0)
    opens = e == begin or last[e - 1]
    e, one, end = np.uint64(e), np.uint64(1), np.uint64(stop)
    sender = np.uint64(row[e])
    while e < end and n <= room:
        t, closes = time[e], last[e]
        p, there, rows = np.int64(of[sender, 0]), np.int64(of[sender, 1]), np.int64(of[sender, 2])
        # Known to the compiler, but for single positions.
        columns = shape[1] if shape[1] > 1 else np.int64(of[sender, 3])
        adds += np.int64(of[sender, 4])
        if not likely(opens):
            again += _touched(t, block, patches, sender)
        if not likely(factors.complete):
            _refresh(t, p, rows, columns, patches, factors, block)
        # Read here, so that the next event does not wait for it.
        sender = np.uint64(row[min(e + one, end - one)])
        while rows > 0:
            for c in range(0, columns, shape[1]):
                q, at = p + c, (p + c, patches.below, there + c * lanes)
                if not likely(not patch(block.v, block.clock, w, at, t, factors, threshold, strip)):
                    if opens & closes:
                        n = _fire(e, q, firing, patches, block, spikes, n, strip)
                    else:
                        marked = _mark(q, *shape, patches, block, threshold, strip[0], marked)
            p += patches.below * shape[0]
            there += patches.down * shape[0]
            rows -= shape[0]
        if not likely(marked == 0 or not closes):
            n = _settle(e, t, firing, block, patches, marked, spikes, n)
            marked = np.int64(0)
        opens = closes
        e += one
    return np.int64(e), n, adds, adds - again


@kernel
def _any_recording(  # type: ignore[no-untyped-def]
    begin, e, stop, events, w, patches, factors, firing, block, spikes, n, one
):
    """Take events until ``stop`` or until ``spikes`` might not hold those of one more instant.

    Returns the first event not taken, the number of spikes, and how many positions were
    added to and brought up to now.
    """
    room = len(spikes.event) - len(block.v)
    adds, again, marked = np.int64(0), np.int64(0), np.int64(0)
    while e < stop and n <= room:
        sender = np.int64(events.row[e])
        adds += patches.of[sender, 4]
        if e > begin and not events.last[e - 1]:
            again += _touched(events.t[e], block, patches, sender)
        marked = _take_one(e, events, w, patches, factors, firing, block, marked, one)
        if marked > 0 and events.last[e]:
            n = _settle(e, events.t[e], firing, block, patches, marked, spikes, n)
            marked = np.int64(0)
        e += 1
    return e, n, adds, adds - again


@threaded
def run_block(  # type: ignore[no-untyped-def]
    events, w, patches, factors, firing, state, spikes, cursor, fresh, tally, strip, one
):
    """Take a block of channels through all recordings from ``cursor`` on (see ``Layer.run``).

    ``strip`` and ``one`` are the ``sizes`` of ``_patch`` for a strip and for a single
    position; one of the two is None, and what takes it is not compiled. ``strip`` is for
    neurons that are never refractory, ``one`` for others.

    Returns
    -------
    bool
        True when all is done, False to be called again with more room in ``spikes``.
    """
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    while r < len(events.start) - 1:
        begin, stop = events.start[r], events.start[r + 1]
        block = block_in(state, r, e == begin and (fresh or r > 0), firing.refractory)
        args = events, w, patches, factors, firing, block, spikes, n
        adds = updates = np.int64(0)
        if one is not None:
            e, n, adds, updates = _any_recording(begin, e, stop, *args, one)
        if strip is not None and e < stop:
            e, n, adds, updates = _plain_recording(begin, e, stop, *args, strip)
        tally.adds[r] += adds * block.size
        tally.updates[r] += updates * block.size
        if e < stop:
            break
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
