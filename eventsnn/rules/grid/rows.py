"""Sums of rows of numbers, kept in registers while rows are added.

What numba makes of the plain loops loads and stores the sum for every row, and tests each time
whether two arrays overlap, which costs as much as a row of 32 numbers. The sums are the same, in
the same order, number by number; a product is rounded before it is added.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventsnn.kernels.vector import LINE, splat

_WIDTHS = (8, 4, 2, 1)
"""Registers that are summed side by side; what fills none is summed in halves, down to a number."""

_REGISTERS = 16
"""Most that hold sums: as many are left for what is added."""

_I64 = ir.IntType(64)
_alloca: Any = cgutils.alloca_once
_unpack: Any = cgutils.unpack_tuple


def _data(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _summed(builder: Any, into: Any, n: Any, count: Any, terms: Any) -> None:
    """Add ``count`` rows; ``terms(i, at, kind, width)`` are so many vectors or numbers of row i.

    ``into`` is (where sums begin, how many sums of n numbers stand there): terms are those of the
    first, then of the next.
    """
    to, sides = into
    real = to.type.pointee
    size = 8 if isinstance(real, ir.DoubleType) else 4
    done = builder.mul(n, _I64(0))
    for width, lanes in _levels(LINE // size, sides):
        many = width * lanes
        left = builder.sub(n, done)
        end = builder.sub(n, builder.srem(left, _I64(many)))
        kind = ir.VectorType(real, lanes) if lanes > 1 else real
        with cgutils.for_range_slice(builder, done, end, _I64(many)) as (at, _):
            places = [
                builder.bitcast(
                    builder.gep(to, [_place(builder, at, (side, n), k * lanes)]), kind.as_pointer()
                )
                for side in range(sides)
                for k in range(width)
            ]
            sums = [_alloca(builder, kind) for _ in places]
            for place, s in zip(places, sums, strict=True):
                builder.store(builder.load(place, align=size), s)
            with cgutils.for_range_slice(builder, _I64(0), count, _I64(1)) as (i, _):
                for s, term in zip(sums, terms(i, at, kind, width), strict=True):
                    builder.store(builder.fadd(builder.load(s), term), s)
            for place, s in zip(places, sums, strict=True):
                builder.store(builder.load(s), place, align=size)
        done = end


def _place(builder: Any, at: Any, side: tuple[int, Any], more: int) -> Any:
    """Return at + side * n + more."""
    row = builder.mul(side[1], _I64(side[0]))
    return builder.add(builder.add(row, at), _I64(more))


def _levels(lanes: int, sides: int) -> list[tuple[int, int]]:
    """Return (how many side by side, numbers of each), from wide to narrow."""
    levels = [(w, lanes) for w in _WIDTHS if w * sides <= _REGISTERS]
    while lanes > 1:
        lanes //= 2
        levels.append((1, lanes))
    return levels


def _loaded(builder: Any, row: Any, at: Any, kind: Any, width: int) -> list[Any]:
    """Return so many vectors or numbers of a row from ``at`` on."""
    size = 8 if isinstance(row.type.pointee, ir.DoubleType) else 4
    lanes = getattr(kind, "count", 1)
    places = [builder.gep(row, [builder.add(at, _I64(k * lanes))]) for k in range(width)]
    to = kind.as_pointer()
    return [builder.load(builder.bitcast(p, to), align=size) for p in places]


def _sum_rows(_: Any, to: Any, rows: Any, index: Any, span: Any, shape: Any) -> Any:
    """Add to to[at + k] the numbers rows[index[i] * stride + offset + k], i in order, k < n.

    ``span`` is (first, last) of i, ``shape`` (at, offset, stride, n), all int64.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, last = _unpack(builder, args[3], 2)
        at, offset, stride, n = _unpack(builder, args[4], 4)
        sums = _data(context, builder, to, args[0], at)
        table = _data(context, builder, rows, args[1], offset)
        listed = _data(context, builder, index, args[2], first)

        def terms(i: Any, here: Any, kind: Any, width: int) -> list[Any]:
            which = builder.sext(builder.load(builder.gep(listed, [i])), _I64)
            row = builder.gep(table, [builder.mul(which, stride)])
            return _loaded(builder, row, here, kind, width)

        _summed(builder, (sums, 1), n, builder.sub(last, first), terms)
        return context.get_dummy_value()

    return types.none(to, rows, index, span, shape), codegen


def _sum_pairs(_: Any, to: Any, rows: Any, index: Any, span: Any, shape: Any) -> Any:
    """Add rows as ``sum_rows`` does, two by two: to + (a + b).

    Pair i is index[2 * i] and index[2 * i + 1].
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, last = _unpack(builder, args[3], 2)
        at, offset, stride, n = _unpack(builder, args[4], 4)
        sums = _data(context, builder, to, args[0], at)
        table = _data(context, builder, rows, args[1], offset)
        listed = _data(context, builder, index, args[2], builder.mul(first, _I64(2)))

        def terms(i: Any, here: Any, kind: Any, width: int) -> list[Any]:
            found = []
            for side in range(2):
                place = builder.add(builder.mul(i, _I64(2)), _I64(side))
                which = builder.sext(builder.load(builder.gep(listed, [place])), _I64)
                row = builder.gep(table, [builder.mul(which, stride)])
                found.append(_loaded(builder, row, here, kind, width))
            return [builder.fadd(a, b) for a, b in zip(*found, strict=True)]

        _summed(builder, (sums, 1), n, builder.sub(last, first), terms)
        return context.get_dummy_value()

    return types.none(to, rows, index, span, shape), codegen


def _add_row(_: Any, to: Any, row: Any, shape: Any) -> Any:
    """Add to to[at + k] the numbers row[from + k], k < n; ``shape`` is (at, from, n), all int64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at, begin, n = _unpack(builder, args[2], 3)
        sums, table = (
            _data(context, builder, to, args[0], at),
            _data(context, builder, row, args[1], begin),
        )
        _summed(
            builder,
            (sums, 1),
            n,
            _I64(1),
            lambda i, here, kind, width: _loaded(builder, table, here, kind, width),
        )
        return context.get_dummy_value()

    return types.none(to, row, shape), codegen


def _products(steps: int) -> Any:
    """Return what adds, for ``steps`` rows of factors at once, products with a matrix."""

    def add(_: Any, to: Any, factors: Any, matrix: Any, shape: Any) -> Any:
        """Add products, i < count in order, for s < ``steps`` and k < n.

        to[at + s * n + k] += factors[f + s * stride + i] * matrix[m + i * n + k]; ``shape`` is
        (at, f, stride, m, count, n), all int64.
        """

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            at, f, stride, m, count, n = _unpack(builder, args[3], 6)
            sums = _data(context, builder, to, args[0], at)
            factor = _data(context, builder, factors, args[1], f)
            table = _data(context, builder, matrix, args[2], m)

            def terms(i: Any, here: Any, kind: Any, width: int) -> list[Any]:
                row = _loaded(builder, builder.gep(table, [builder.mul(i, n)]), here, kind, width)
                found = []
                for s in range(steps):
                    place = builder.add(builder.mul(stride, _I64(s)), i)
                    times = builder.load(builder.gep(factor, [place]))
                    by = splat(builder, kind, times) if hasattr(kind, "count") else times
                    found += [builder.fmul(by, x) for x in row]
                return found

            _summed(builder, (sums, steps), n, count, terms)
            return context.get_dummy_value()

        return types.none(to, factors, matrix, shape), codegen

    return intrinsic(add)


sum_rows: Any = intrinsic(_sum_rows)
sum_pairs: Any = intrinsic(_sum_pairs)
add_row: Any = intrinsic(_add_row)
TOGETHER = 4
"""Steps of which products are added at once: the rows of the matrix are read once for them."""

add_product: Any = _products(1)
add_products: Any = _products(TOGETHER)
