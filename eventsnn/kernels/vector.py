"""Vector registers: how wide they are, and what hand-written LLVM needs to use them."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LINE = 64
"""Bytes of a vector register, and of a cache line."""


def splat(builder: Any, vector: Any, value: Any) -> Any:
    """Return a vector of the type ``vector`` that holds a value in each lane."""
    index = ir.VectorType(ir.IntType(32), vector.count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), ir.Constant(index, None))


def _first_bit(_: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a uint64 that is not 0."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.cttz(args[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), codegen


first_bit: Any = intrinsic(_first_bit)


def _reached(_: Any, v: Any, position: Any, th: Any, chunks: Any) -> Any:
    """Return which numbers of a row reached ``th``: a tuple of uint64, lane k in bit k.

    ``v`` holds row after row of as many registers as ``chunks`` is long, and begins at a cache
    line; ``position`` is the number of the row.
    """
    chunk = LINE * 8 // v.dtype.bitwidth
    n_words = -(-chunks.count * chunk // 64)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        i64 = ir.IntType(64)
        vector = ir.VectorType(context.get_value_type(v.dtype), chunk)
        base = context.make_array(v)(context, b, args[0]).data
        base = b.gep(base, [b.mul(args[1], i64(chunks.count * chunk))])
        limit, words = splat(b, vector, args[2]), [i64(0)] * n_words
        for k in range(0, chunks.count * chunk, chunk):
            x = b.load(b.bitcast(b.gep(base, [i64(k)]), vector.as_pointer()), align=LINE)
            bits = b.zext(b.bitcast(b.fcmp_ordered(">=", x, limit), ir.IntType(chunk)), i64)
            words[k // 64] = b.or_(words[k // 64], b.shl(bits, i64(k % 64)))
        return cgutils.pack_array(b, words)  # type: ignore[no-untyped-call]

    answer = types.UniTuple(types.uint64, n_words)  # type: ignore[no-untyped-call]
    return answer(v, types.int64, th, chunks), codegen


reached: Any = intrinsic(_reached)


def _lane_bits(_: Any, v: Any) -> Any:
    """Return how many bits count the lanes of a register, as a constant."""
    lanes = LINE * 8 // v.dtype.bitwidth

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return ir.IntType(64)(lanes.bit_length() - 1)

    return types.uint64(v), codegen


lane_bits: Any = intrinsic(_lane_bits)
