"""Convolutions of many channels on the fast path: one position after the other.

The events are first told apart by the positions they touch. Then each position takes its
own, in order of time: its channels stay in registers meanwhile, as the neurons of a dense
layer do, and an event costs them one pass over its weights.

So where no neuron is refractory; ``by_event`` takes any event, one after the
other, to all of its positions.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from eventsnn.engines.layered.conv.block import block_in
from eventsnn.engines.layered.lanes import aligned
from eventsnn.kernels.compile import inlined, kernel, likely, threaded
from eventsnn.kernels.decay import FINE, SHIFT
from eventsnn.kernels.vector import LINE, first_bit, reached, splat

ROOM = 1 << 15
"""Visits that are laid out in one go: few enough to stay in the cache."""


class Places(NamedTuple):
    """Where the deliveries of a run go, on the grid of ``grid.Patches``.

    Position p of a patch takes the weights from ``weight[e] + here[p]`` on.

    Attributes
    ----------
    corner, weight : int32 arrays (n_deliveries,)
    here : int32 array (positions,)
    on_map : int32 array (positions,)
    below, c_out : int
    """

    corner: NDArray[np.int32]
    weight: NDArray[np.int32]
    here: NDArray[np.int32]
    on_map: NDArray[np.int32]
    below: int
    c_out: int


class Visits(NamedTuple):
    """The deliveries to a position end to end, those to the next one behind them.

    Attributes
    ----------
    event : int32 array (room,)
    factor : float array (room,)
        Decay of the position since its visit before.
    first, end : int64 arrays (positions + 1,)
        Where the visits of each position begin and end.
    passing : float array (lanes,)
        What a position held before a reset.
    midway : int64 array (3,)
        The position under way, -1 for none; its next visit; the first delivery not laid out.
    """

    event: NDArray[np.int32]
    factor: NDArray[Any]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    passing: NDArray[Any]
    midway: NDArray[np.int64]

    @classmethod
    def room(cls, n: int, positions: int, lanes: int, dtype: Any) -> Visits:
        """Return room for n visits, and none under way."""
        first, end = (np.zeros(positions + 1, np.int64) for _ in range(2))
        event, factor, passing = np.empty(n, np.int32), np.empty(n, dtype), aligned(lanes, dtype)
        return cls(event, factor, first, end, passing, np.array([-1, 0, 0]))


def _greatest(builder: Any, registers: list[Any]) -> Any:
    """Return the largest of the registers, lane by lane."""
    while len(registers) > 1:
        x, y, *rest = registers
        registers = [*rest, builder.select(builder.fcmp_ordered(">", x, y), x, y)]
    return registers[0]


def _stay(
    _: Any, block: Any, w: Any, visits: Any, span: Any, events: Any, firing: Any, sizes: Any
) -> Any:
    """Take a position through visits until one of its neurons fires.

    ``block`` is (potentials, first one of the position, ``Visits.passing``), ``w`` (weights,
    ``Places.weight``, ``Places.here`` of the position), ``visits`` (event, factor), ``span``
    (first visit, their end), ``events`` the time of each delivery, ``firing`` (threshold,
    subtract). The lengths of the tuples in ``sizes`` are the registers of a position, and 1
    if potentials decay, 0 if not. The answer is the visit at which a neuron fired, or the end.
    """
    chunks, decays = (size.count for size in sizes)
    chunk = LINE * 8 // block[0].dtype.bitwidth

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def data(kind: Any, array: Any) -> Any:
            return context.make_array(kind)(context, b, array).data

        def part(which: int, k: int) -> Any:
            kind, value = signature.args[which][k], b.extract_value(args[which], k)
            return data(kind, value) if isinstance(kind, types.Array) else value

        def at(base: Any, k: int) -> Any:
            return b.bitcast(b.gep(base, [i64(k * chunk)]), vector.as_pointer())

        def index(base: Any, k: Any) -> Any:
            return b.sext(b.load(b.gep(base, [k])), i64)

        i64, n = ir.IntType(64), range(chunks)
        vector = ir.VectorType(context.get_value_type(block[0].dtype), chunk)
        home, passing = b.gep(part(0, 0), [part(0, 1)]), part(0, 2)
        source, weight = b.gep(part(1, 0), [part(1, 2)]), part(1, 1)
        event, factor, first, end = part(2, 0), part(2, 1), part(3, 0), part(3, 1)
        time, limit, subtract = data(events, args[4]), splat(b, vector, part(5, 0)), part(5, 1)
        subtract = b.trunc(subtract, ir.IntType(1)) if subtract.type.width > 1 else subtract
        held, begin = [b.load(at(home, k), align=LINE) for k in n], b.block
        visit, test, on, fire, done = (
            b.append_basic_block(name) for name in ("visit", "test", "on", "fire", "done")
        )
        b.branch(visit)

        b.position_at_end(visit)
        i, x = b.phi(i64), [b.phi(vector) for _ in n]
        after, e = b.add(i, i64(1)), index(event, i)
        row = b.gep(source, [index(weight, e)])
        decay = splat(b, vector, b.load(b.gep(factor, [i]))) if decays else None
        new = [b.fmul(x[k], decay) if decays else x[k] for k in n]
        new = [b.fadd(new[k], b.load(at(row, k), align=LINE)) for k in n]
        bits = b.bitcast(b.fcmp_ordered(">=", _greatest(b, new), limit), ir.IntType(chunk))
        b.cbranch(b.icmp_unsigned("!=", bits, ir.IntType(chunk)(0)), test, on)

        b.position_at_end(test)  # nothing fires before the instant is over
        ends = b.icmp_signed("==", after, end)
        following = index(event, b.select(ends, i, after))
        now, then = (b.load(b.gep(time, [k])) for k in (e, following))
        over = b.or_(ends, b.icmp_signed("!=", now, then))
        b.cbranch(over, fire, on)

        b.position_at_end(on)
        b.cbranch(b.icmp_signed("<", after, end), visit, done)

        b.position_at_end(fire)
        rest = []
        for k in n:
            b.store(new[k], at(passing, k), align=LINE)
            left = b.fsub(new[k], b.select(subtract, limit, new[k]))
            rest.append(b.select(b.fcmp_ordered(">=", new[k], limit), left, new[k]))
        b.branch(done)

        b.position_at_end(done)
        answer, leave = b.phi(i64), [b.phi(vector) for _ in n]
        for phi, start, again in zip([i, *x], [first, *held], [after, *new], strict=True):
            phi.add_incoming(start, begin)
            phi.add_incoming(again, on)
        for phi, fired, never in zip([answer, *leave], [i, *rest], [end, *new], strict=True):
            phi.add_incoming(fired, fire)
            phi.add_incoming(never, on)
        for k in n:
            b.store(leave[k], at(home, k), align=LINE)
        return answer

    return types.int64(block, w, visits, span, events, firing, sizes), codegen


stay: Any = intrinsic(_stay)


@kernel
def _touched(p, t, clock, places, strip):  # type: ignore[no-untyped-def]
    """Return how many positions of the patch from ``p`` on were brought up to ``t`` already."""
    n = np.int64(0)
    for _ in range(len(strip[1])):
        for c in range(len(strip[2])):
            q = p + np.uint64(c)
            n += (places.on_map[q] >= 0) & (clock[q] == t)
        p += np.uint64(places.below)
    return n


@kernel
def _fits(e, stop, events, visits, strip):  # type: ignore[no-untyped-def]
    """Return the end of the instants from ``e`` on whose visits there is room for."""
    most = min(stop, e + len(visits.event) // (len(strip[1]) * len(strip[2])))
    while most > e and not events.last[most - 1]:
        most -= 1
    return most


@kernel
def _count(e, until, places, visits, strip):  # type: ignore[no-untyped-def]
    """Find where the visits of each position begin: a patch begins and ends in each row."""
    first, columns = visits.first, np.uint64(len(strip[2]))
    first[:] = 0
    for k in range(e, until):
        p = np.uint64(places.corner[k])
        for _ in range(len(strip[1])):
            first[p] += 1
            first[p + columns] -= 1
            p += np.uint64(places.below)
    n, at_once = np.int64(0), np.int64(0)
    for q in range(len(first)):
        at_once += first[q]
        first[q] = visits.end[q] = n
        n += at_once


@kernel
def _lay_out(e, until, events, places, factors, clock, visits, strip):  # type: ignore[no-untyped-def]
    """List the visits of deliveries ``e`` to ``until - 1``; return how many moved no clock."""
    columns, decays, dtype = len(strip[2]), len(strip[3]), visits.factor.dtype.type
    shift, mask, fine = np.uint64(SHIFT), np.uint64(FINE - 1), np.uint64(FINE)
    again, opens = np.int64(0), True
    for k in range(e, until):
        p, t = np.uint64(places.corner[k]), events.t[k]
        if not likely(opens):
            again += _touched(p, t, clock, places, strip)
        opens = events.last[k]
        for _ in range(len(strip[1])):
            for c in range(columns):
                q = p + np.uint64(c)
                i = np.uint64(visits.end[q])
                visits.end[q] += 1
                visits.event[i] = k
                gap = np.uint64(t - clock[q])
                clock[q] = t
                if decays and likely(gap < fine * fine):
                    high, low = factors.table[fine + (gap >> shift)], factors.table[gap & mask]
                    visits.factor[i] = dtype(high * low)
                elif decays:
                    visits.factor[i] = dtype(math.exp(-np.float64(gap) / factors.tau_us))
            p += np.uint64(places.below)
    return again


@inlined
def _note(e, unit, threshold, passing, spikes, n, chunks):  # type: ignore[no-untyped-def]
    """Write down the neurons of a position that fired; return the number of spikes."""
    words = reached(passing, 0, threshold, chunks)
    for i in range(len(words)):
        word = words[i]
        while word:
            k = np.uint64(i * 64) + first_bit(word)
            word &= word - np.uint64(1)
            spikes.event[n], spikes.value[n] = e, passing[k]
            spikes.unit[n] = unit + np.int64(k)
            n += 1
    return n


@kernel
def _run_place(p, i, end, events, w, places, firing, block, visits, spikes, n, sizes):  # type: ignore[no-untyped-def]
    """Take position ``p`` through its visits from ``i`` to ``end``.

    Returns the first one left, where ``spikes`` might not hold those of one more, and the
    number of spikes. A spike names the last delivery of its instant.
    """
    lanes, rule = len(visits.passing), (firing.threshold, firing.subtract)
    unit = np.int64(places.on_map[p]) * places.c_out + block.first
    there, train = np.int64(places.here[p]), (visits.event, visits.factor)
    home, source = (block.v, p * lanes, visits.passing), (w, places.weight, there)
    while i < end and n + lanes <= len(spikes.event):
        i = stay(home, source, train, (i, end), events.t, rule, sizes)
        if i < end:
            e = np.uint64(visits.event[np.uint64(i)])
            while not events.last[e]:
                e += np.uint64(1)
            n = _note(e, unit, firing.threshold, visits.passing, spikes, n, sizes[0])
            i += 1
    return i, n


@kernel
def _run_places(events, w, places, firing, block, visits, spikes, n, sizes):  # type: ignore[no-untyped-def]
    """Take the positions through the visits laid out; return the number of spikes and of adds.

    Some are left midway where ``spikes`` has no room.
    """
    adds, midway = np.int64(0), visits.midway
    for p in range(max(midway[0], 0), len(block.clock)):
        first, end = visits.first[p], visits.end[p]
        if end == first or places.on_map[p] < 0:
            continue
        i = midway[1] if midway[0] >= 0 else first
        i, n = _run_place(p, i, end, events, w, places, firing, block, visits, spikes, n, sizes)
        midway[0], midway[1] = p, i
        if i < end:
            return n, adds
        midway[0] = -1
        adds += end - first
    return n, adds


@threaded
def run_places(  # type: ignore[no-untyped-def]
    events, w, places, factors, firing, state, visits, spikes, cursor, fresh, tally, strip
):
    """Take a block of channels through all recordings from ``cursor`` on (see ``Layer.run``).

    ``strip`` is a whole patch, as ``by_event.run_block`` takes one.

    Returns
    -------
    bool
        True when all is done, False to be called again with more room in ``spikes``, or in
        ``visits`` if no position is under way.
    """
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    midway, sizes = visits.midway, (strip[0], strip[3])
    while r < len(events.start) - 1:
        begin, stop = events.start[r], events.start[r + 1]
        block = block_in(state, r, e == begin and midway[0] < 0 and (fresh or r > 0), 0)
        while e < stop:
            if midway[0] < 0:
                midway[2] = _fits(e, stop, events, visits, strip)
                _count(e, midway[2], places, visits, strip)
                args = e, midway[2], events, places, factors, block.clock, visits, strip
                tally.updates[r] -= _lay_out(*args) * block.size
            n, adds = _run_places(events, w, places, firing, block, visits, spikes, n, sizes)
            tally.adds[r] += adds * block.size
            tally.updates[r] += adds * block.size
            if midway[0] >= 0 or midway[2] == e:
                cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
                return False
            e = midway[2]
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return True
