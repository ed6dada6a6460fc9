"""LANES neurons that go together: their state is in registers while they go over steps.

What numba makes of a loop over lanes within one over steps loads and stores the state at each
step, and leaves it for each spike. The numbers are the same.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventsnn.kernels.vector import LINE, splat

LANES = 64
"""As many as a word has bits."""

_I64 = ir.IntType(64)
_alloca: Any = cgutils.alloca_once
_unpack: Any = cgutils.unpack_tuple
_vector = ir.VectorType(ir.FloatType(), LANES)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Return where LANES numbers of an array begin."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _vector.as_pointer())


def _sweep_rows(_: Any, table: Any, state: Any, fired: Any, shape: Any, constants: Any) -> Any:
    """Write K of LANES neurons, step after step backwards (``spsp``).

    Parameters
    ----------
    table : float32 array (rows, columns)
    state : float32 array (3, LANES)
        As ``Sweep.state``; begins at a cache line.
    fired : uint64 array (T,)
    shape : (int64, int64, int64, int64)
        The last row, the first column, the last step, and how many steps.
    constants : (float32, float32, float32, float32)
        ``Curves.decays`` and ``Curves.start``.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row, column, step, count = _unpack(builder, args[3], 4)
        keep, decay, *begin = (splat(builder, _vector, c) for c in _unpack(builder, args[4], 4))
        size = builder.extract_value(context.make_array(table)(context, builder, args[0]).shape, 1)
        words = context.make_array(fired)(context, builder, args[2]).data
        places = [_place(context, builder, state, args[1], _I64(k * LANES)) for k in range(3)]
        kept = [_alloca(builder, _vector) for _ in places]
        for place, one in zip(places, kept, strict=True):
            builder.store(builder.load(place, align=LINE), one)
        with cgutils.for_range_slice(builder, _I64(0), count, _I64(1)) as (i, _):
            at = builder.add(builder.mul(builder.sub(row, i), size), column)
            word = builder.load(builder.gep(words, [builder.sub(step, i)]))
            who = builder.bitcast(word, ir.VectorType(ir.IntType(1), LANES))
            slow, fast, rest = (builder.load(one) for one in kept)
            k = _k(builder, slow, fast, rest)
            builder.store(k, _place(context, builder, table, args[0], at), align=4)
            rest = builder.fmul(builder.select(who, k, rest), decay)
            slow = builder.select(who, begin[0], builder.fmul(slow, keep))
            fast = builder.select(who, begin[1], builder.fmul(fast, decay))
            for one, value in zip(kept, (slow, fast, rest), strict=True):
                builder.store(value, one)
        for place, one in zip(places, kept, strict=True):
            builder.store(builder.load(one), place, align=LINE)
        return context.get_dummy_value()

    return types.none(table, state, fired, shape, constants), codegen


def _k(builder: Any, slow: Any, fast: Any, rest: Any) -> Any:
    """Return max(slow - fast, 0) + rest."""
    first, none = builder.fsub(slow, fast), ir.Constant(_vector, [0.0] * LANES)
    above = builder.fcmp_ordered(">", first, none)
    return builder.fadd(builder.select(above, first, none), rest)


sweep_rows: Any = intrinsic(_sweep_rows)


def _runner(lanes: int) -> Any:
    """Return what runs so many neurons of a dense layer over a sample, from rest.

    It takes weights, float32 (rows, columns); ``unit`` and ``first`` of ``Trains``; uint64 (T,),
    in which a bit for each that fires is written at the steps 1 to T - 1; (the first column, the
    columns, T), int64; ``forward.Constants``.
    """
    vector = ir.VectorType(ir.FloatType(), lanes)
    rest = [ir.Constant(vector, [number] * lanes) for number in (0.0, 0.0, -1.0, 0.0)]

    def run(_: Any, weights: Any, unit: Any, first: Any, fired: Any, shape: Any, cell: Any) -> Any:
        def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
            column, size, steps = _unpack(b, args[4], 3)
            table, events, begins, out = (
                context.make_array(kind)(context, b, one).data
                for kind, one in zip((weights, unit, first, fired), args[:4], strict=True)
            )
            state = [_alloca(b, vector) for _ in rest]
            for place, number in zip(state, rest, strict=True):
                b.store(number, place)
            with cgutils.for_range_slice(b, _I64(1), steps, _I64(1)) as (t, _):
                edge = b.gep(begins, [b.sub(t, _I64(1))])
                _deliver(b, state[3], (b.gep(table, [column]), size), events, edge)
                who = _moved(b, vector, state, t, _unpack(b, args[5], 5))
                word = b.bitcast(who, ir.IntType(lanes))
                word = b.zext(word, _I64) if lanes < LANES else word
                b.store(word, b.gep(out, [t]))
            return context.get_dummy_value()

        return types.none(weights, unit, first, fired, shape, cell), codegen

    return intrinsic(run)


def _deliver(b: Any, drive: Any, rows: Any, events: Any, edge: Any) -> None:
    """Sum the rows of the events edge[0] to edge[1] - 1; ``rows``: where they begin, their size."""
    vector = drive.type.pointee
    first, end = (b.sext(b.load(b.gep(edge, [_I64(k)])), _I64) for k in range(2))
    b.store(ir.Constant(vector, [0.0] * vector.count), drive)
    with cgutils.for_range_slice(b, first, end, _I64(1)) as (k, _):
        row = b.sext(b.load(b.gep(events, [k])), _I64)
        at = b.gep(rows[0], [b.mul(row, rows[1])])
        x = b.load(b.bitcast(at, vector.as_pointer()), align=4)
        b.store(b.fadd(b.load(drive), x), drive)


def _moved(b: Any, vector: Any, state: Any, t: Any, cell: Any) -> Any:
    """Make one step; return who fires. ``state`` is where v, a, ``held`` and the drive stand."""
    keep, decay, gain, limit, rest = cell
    v, current, held, drive = (b.load(one) for one in state)
    now, zero = b.sitofp(t, ir.FloatType()), ir.Constant(vector, [0.0] * vector.count)

    def wide(x: Any) -> Any:
        return splat(b, vector, x)

    current = b.fadd(b.fmul(current, wide(decay)), drive)
    u = b.fadd(b.fmul(v, wide(keep)), b.fmul(current, wide(gain)))
    u = b.select(b.fcmp_ordered("<", held, wide(now)), u, zero)
    who = b.fcmp_ordered(">=", u, wide(limit))
    b.store(b.select(who, zero, u), state[0])
    b.store(current, state[1])
    b.store(b.select(who, wide(b.fadd(now, rest)), held), state[2])
    return who


run_lanes: Any = _runner(LANES)
run_half: Any = _runner(LANES // 2)
run_quarter: Any = _runner(LANES // 4)
