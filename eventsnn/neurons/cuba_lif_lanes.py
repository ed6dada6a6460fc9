"""Current-based LIF, eight neighbours at a time: what is the same for all is in registers.

numba does not vectorize a loop over seven arrays, so this is written in LLVM instructions. The
operations are those of ``cuba_lif_kernels._advance``, in their order: the same bits.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from eventsnn.kernels.vector import splat
from eventsnn.neurons.cuba_lif_flow import MARGIN

LANES = 8
"""Neighbours of a call: their clocks fill a cache line."""

# v, current, slope, weight, clock, end of the refractory time, next spike.
_V, _I, _SLOPE, _WEIGHT, _CLOCK, _READY, _NEXT = range(7)


class _Lanes:
    """Vectors of ``LANES`` doubles of one call, and the arithmetic on them."""

    def __init__(self, builder: Any) -> None:
        self.b, self.double = builder, ir.VectorType(ir.DoubleType(), LANES)
        self.zero = ir.Constant(self.double, [0.0] * LANES)
        self.margin = ir.Constant(self.double, [MARGIN] * LANES)

    def add(self, *terms: Any) -> Any:
        total, *others = terms
        for term in others:
            total = self.b.fadd(total, term)
        return total

    def over(self, one: Any, other: Any) -> Any:
        """Return the greater of two."""
        return self.b.select(self.b.fcmp_ordered(">", one, other), one, other)

    def size(self, one: Any) -> Any:
        """Return the absolute value."""
        return self.over(one, self.b.fsub(self.zero, one))

    def bits(self, mask: Any) -> Any:
        return self.b.zext(self.b.bitcast(mask, ir.IntType(LANES)), ir.IntType(64))


class _Rows:
    """Rows of x, weights and times (0, 1, 2) from the places ``at`` on, by the number of these."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        self.b, self.at = builder, args[3]
        kinds = [context.get_value_type(signature.args[n].dtype) for n in range(3)]
        self.kinds = [ir.VectorType(kind, LANES) for kind in kinds]
        self.sizes = [signature.args[n].dtype.bitwidth // 8 for n in range(3)]
        self.data = [
            context.make_array(signature.args[n])(context, builder, args[n]).data for n in range(3)
        ]
        self.alike = self.sizes[0] == self.sizes[2]

    def _place(self, array: int, n: int) -> Any:
        place = self.b.gep(self.data[array], [self.b.extract_value(self.at, n)])
        return self.b.bitcast(place, self.kinds[array].as_pointer())

    def load(self, array: int, n: int) -> Any:
        return self.b.load(self._place(array, n), align=self.sizes[array])

    def store(self, value: Any, array: int, n: int) -> None:
        self.b.store(value, self._place(array, n), align=self.sizes[array])

    def wide(self, value: Any) -> Any:
        """Return what the state holds in double precision."""
        return value if self.alike else self.b.fpext(value, self.kinds[2])

    def narrow(self, value: Any) -> Any:
        """Return what the state holds of a double."""
        return value if self.alike else self.b.fptrunc(value, self.kinds[0])


def _flow(k: _Lanes, state: Any, factors: Any, constants: Any) -> Any:
    """Return v, i and the slope after an interval with these factors."""
    b, (v, i), (kept, left, response), (bias, rate) = k.b, state, factors, constants
    v = k.add(bias, b.fmul(b.fsub(v, bias), kept), b.fmul(i, response))
    i = b.fmul(i, left)
    return v, i, b.fmul(b.fsub(b.fadd(i, bias), v), rate)


def _rests(k: _Lanes, state: Any, until: Any, constants: Any) -> Any:
    """Return who surely stays below the threshold: for good, or for the time ``until``.

    ``stays_below`` and ``below_until`` of ``cuba_lif_flow.py``.
    """
    b, (v, current) = k.b, state
    bias, rate, threshold, most = constants
    sizes = k.add(k.size(v), k.size(bias))
    top = k.over(v, bias)
    lift = b.fmul(k.over(b.fsub(current, b.fsub(top, bias)), k.zero), most)
    for_good = k.add(k.add(top, lift), b.fmul(k.margin, k.add(sizes, lift)))
    rise = k.over(b.fsub(b.fadd(k.over(current, k.zero), bias), v), k.zero)
    gain = b.fmul(b.fmul(rise, rate), until)
    for_now = k.add(k.add(v, gain), b.fmul(k.margin, k.add(sizes, gain)))
    return b.or_(b.fcmp_ordered("<", for_good, threshold), b.fcmp_ordered("<", for_now, threshold))


def _move(_: Any, x: Any, weights: Any, times: Any, at: Any, now: Any, fresh: Any) -> Any:
    """Bring ``LANES`` neighbours up to now and add their weights; return who needs more than that.

    ``at`` are the first places of each row (``_V`` to ``_NEXT``); ``now`` is (t, common clock, what
    v keeps, what i keeps, response, bias, rate, threshold, largest response). The length of
    ``fresh`` is 0 where the common clock is t: then weights are added, and nothing moves.

    Lane k sets bit k of the answer, a uint64, where its neuron does not go with the others (it has
    another clock, is in its refractory time, or is due), and stays as it was; bit 8 + k where it
    went along and may fire before its next spike is expected.
    """

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        k, rows = _Lanes(b), _Rows(context, b, signature, args)
        numbers = [splat(b, k.double, b.extract_value(args[4], i)) for i in range(9)]
        t, common, *factors, bias, rate, threshold, most = numbers
        old_v, old_i, weight = rows.load(0, _V), rows.load(0, _I), rows.load(1, _WEIGHT)
        clock, ready, due = (rows.load(2, n) for n in (_CLOCK, _READY, _NEXT))
        along = b.and_(b.fcmp_ordered("==", clock, common), b.fcmp_unordered("!=", due, t))
        new_v, new_i = old_v, old_i
        if signature.args[5].count > 0:
            along = b.and_(along, b.fcmp_ordered("<=", ready, common))
            v, i = rows.wide(old_v), rows.wide(old_i)
            v, i, slope = _flow(k, (v, i), factors, (bias, rate))
            new_v, new_i, slope = (rows.narrow(value) for value in (v, i, slope))
            rows.store(b.select(along, slope, rows.load(0, _SLOPE)), 0, _SLOPE)
            rows.store(b.select(along, new_v, old_v), 0, _V)
            rows.store(b.select(along, t, clock), 2, _CLOCK)
        new_i = b.fadd(new_i, weight)
        rows.store(b.select(along, new_i, old_i), 0, _I)
        state, until = (rows.wide(new_v), rows.wide(new_i)), b.fsub(due, t)
        may_fire = b.and_(along, b.not_(_rests(k, state, until, (bias, rate, threshold, most))))
        return b.or_(k.bits(b.not_(along)), b.shl(k.bits(may_fire), ir.IntType(64)(LANES)))

    return types.uint64(x, weights, times, at, now, fresh), codegen


move: Any = intrinsic(_move)
