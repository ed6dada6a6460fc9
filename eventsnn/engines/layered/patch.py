"""The errors of deliveries whose fan-out is a patch: a few rows of neighbours.

The adjoint ``lam`` of every target lies on a grid with a margin, so that each sender sees
a whole patch of it. A dense connection is one row. It is never decayed event by event:
within a segment (see ``walk_kernel.Growth``) what is added is scaled by exp(-u / tau) of its
own time u, and what is read is scaled back by the time of reading.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from eventsnn.engines.layered.walk import Walk
from eventsnn.kernels.compile import allocating
from eventsnn.kernels.vector import LINE

_SUMS = 4  # sums that a scalar product keeps side by side, to hide the latency of an addition


class Fan(NamedTuple):
    """Where senders and targets see each other.

    Attributes
    ----------
    size : int
        Places of the grid of targets.
    cell : int32 array (n_out,)
        Place of each target on it.
    patch, weight : int32 arrays (n_in,)
        First place that each sender sees, and the first of its weights, laid out.
    rows, length, step : int
        Rows of a patch, neighbours in a row, places from a row to the next.
    """

    size: int
    cell: NDArray[np.int32]
    patch: NDArray[np.int32]
    weight: NDArray[np.int32]
    rows: int
    length: int
    step: int


def patch_walk(fan: Fan, laid: NDArray[Any], walk: Walk) -> NDArray[Any]:
    """Return the errors of deliveries; ``laid`` are the weights as senders see them, flat."""
    errors = np.empty(len(walk.came.t), walk.weights.dtype)
    patch_errors(walk.came, walk.grown, laid, fan, walk.jumps, walk.growth, errors)
    return errors


def _scalar_product(_: Any, a: Any, b: Any, a_at: Any, b_at: Any, n: Any) -> Any:
    """Return the sum of a[a_at + i] * b[b_at + i] over i < n, in one fixed order."""
    lanes = LINE * 8 // a.dtype.bitwidth

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        i64, real = ir.IntType(64), context.get_value_type(a.dtype)
        vector, size = ir.VectorType(real, lanes), a.dtype.bitwidth // 8
        zeros = ir.Constant(vector, [0.0] * lanes)
        sums = [
            cgutils.alloca_once_value(builder, zeros)  # type: ignore[no-untyped-call]
            for _ in range(_SUMS)
        ]
        sides = [
            builder.gep(context.make_array(kind)(context, builder, array).data, [at])
            for kind, array, at in zip((a, b), args[:2], args[2:4], strict=True)
        ]

        def add(first: Any, k: int) -> None:
            at = builder.add(first, i64(k * lanes))
            x, y = (
                builder.load(
                    builder.bitcast(builder.gep(side, [at]), vector.as_pointer()), align=size
                )
                for side in sides
            )
            builder.store(builder.fadd(builder.load(sums[k]), builder.fmul(x, y)), sums[k])

        wide = builder.sub(args[4], builder.urem(args[4], i64(_SUMS * lanes)))
        full = builder.sub(args[4], builder.urem(args[4], i64(lanes)))
        with cgutils.for_range_slice(builder, i64(0), wide, i64(_SUMS * lanes)) as (i, _):
            for k in range(_SUMS):
                add(i, k)
        with cgutils.for_range_slice(builder, wide, full, i64(lanes)) as (i, _):
            add(i, 0)
        total = builder.load(sums[0])
        for each in sums[1:]:
            total = builder.fadd(total, builder.load(each))
        parts = [builder.extract_element(total, ir.IntType(32)(k)) for k in range(lanes)]
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [builder.fadd(parts[k], parts[k + half]) for k in range(half)]
        rest = cgutils.alloca_once_value(builder, parts[0])  # type: ignore[no-untyped-call]
        with cgutils.for_range_slice(builder, full, args[4], i64(1)) as (i, _):
            x, y = (builder.load(builder.gep(side, [i])) for side in sides)
            builder.store(builder.fadd(builder.load(rest), builder.fmul(x, y)), rest)
        return builder.load(rest)

    return a.dtype(a, b, a_at, b_at, n), codegen


scalar_product: Any = intrinsic(_scalar_product)


@allocating
def patch_errors(deliveries, grown, laid, fan, jumps, growth, out):  # type: ignore[no-untyped-def]
    """Write to ``out`` (n_deliveries,) each delivery's weights times lam.

    ``grown`` is ``walk_kernel.growth_of`` the deliveries, ``laid`` the weights as senders see them.
    """
    real = laid.dtype.type
    lam = np.zeros(fan.size, laid.dtype)
    back = real(growth.back)
    for r in range(len(deliveries.start) - 1):
        lam[:] = 0
        first, k = deliveries.start[r], jumps.start[r + 1] - 1
        segment = np.int64(0)
        if k >= jumps.start[r]:
            segment = jumps.t[k] // growth.length * growth.length
        for e in range(deliveries.start[r + 1] - 1, first - 1, -1):
            t = deliveries.t[e]
            while k >= jumps.start[r] and jumps.t[k] >= t:
                while jumps.t[k] < segment:
                    segment -= growth.length
                    lam *= back
                late = math.exp(-np.float64(jumps.t[k] - segment) / growth.tau_us)
                lam[fan.cell[jumps.unit[k]]] += real(jumps.size[k] * late)
                k -= 1
            while t < segment:
                segment -= growth.length
                lam *= back
            row, total = np.int64(deliveries.row[e]), real(0)
            here, there = np.int64(fan.patch[row]), np.int64(fan.weight[row])
            for _ in range(fan.rows):
                total += scalar_product(lam, laid, here, there, fan.length)
                here += fan.step
                there += fan.length
            out[e] = total * grown[e]
