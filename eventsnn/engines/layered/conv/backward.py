"""The adjoint of connections whose fan-out is a patch: convolutions, and dense ones.

The adjoint ``lam`` of every target lies on a grid with a margin, so that each sender sees
a whole patch of it: a few rows of neighbours. A dense connection is one row. Likewise the
trace of every sender lies on a grid on which each target sees a whole patch.

Neither is ever decayed event by event. Within a segment (see ``walk_kernel.Growth``)
what is added is scaled by exp(-+ u / tau) of its own time u, and what is read is scaled
back by the time of reading.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from eventsnn.kernels.compile import allocating
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense

LANES_BYTES = 64
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
        First place that each sender sees, and the first of its weights in ``Fan.laid``.
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


class View(NamedTuple):
    """What the targets of a convolution see of the senders' traces; fields as in ``Fan``.

    ``cell`` (n_in,) is the place of each sender, ``patch`` (n_out,) the first place that a
    target sees, ``channels`` how many targets stand at a position.
    """

    size: int
    cell: NDArray[np.int32]
    patch: NDArray[np.int32]
    rows: int
    length: int
    step: int
    channels: int


@lru_cache(maxsize=32)
def fan_of(topology: Conv2d | Dense) -> Fan:
    """Return where the senders' patches lie."""
    if isinstance(topology, Dense):
        n_in, n_out = topology.n_in, topology.n_out
        weight = np.arange(n_in, dtype=np.int32) * n_out
        return Fan(n_out, _count(n_out), np.zeros(n_in, np.int32), weight, 1, n_out, 0)
    y, x, c = _senders(topology)
    rows, columns, channels = topology.out_shape
    most, begin, phase = [], [], []
    for i, at in enumerate((y, x)):
        kernel, stride = topology.kernel_size[i], topology.stride[i]
        place = at + topology.padding[i]
        most.append(-(-kernel // stride))
        begin.append(place // stride - most[i] + 1)
        phase.append(place % stride)
    margin = [max(0, -int(b.min())) for b in begin]
    height, width = (
        max(int(b.max()) + m, n) + edge
        for b, m, n, edge in zip(begin, most, (rows, columns), margin, strict=True)
    )
    oy, ox, k = np.indices((rows, columns, channels)).reshape(3, -1)
    cell = ((oy + margin[0]) * width + ox + margin[1]) * channels + k
    patch = ((begin[0] + margin[0]) * width + begin[1] + margin[1]) * channels
    of_kernel = (phase[0] * topology.stride[1] + phase[1]) * topology.in_size[2] + c
    weight = of_kernel * most[0] * most[1] * channels
    cell, patch, weight = (a.astype(np.int32) for a in (cell, patch, weight))
    length, step = most[1] * channels, width * channels
    return Fan(height * width * channels, cell, patch, weight, most[0], length, step)


@lru_cache(maxsize=32)
def view_of(topology: Conv2d) -> View:
    """Return where the targets' patches lie."""
    y, x, c = _senders(topology)
    height, width, c_in = topology.in_size
    rows, columns, channels = topology.out_shape
    (down, right), (above, left) = topology.stride, topology.padding
    wide = max(width + 2 * left, (columns - 1) * right + topology.kernel_size[1])
    tall = max(height + 2 * above, (rows - 1) * down + topology.kernel_size[0])
    cell = ((y + above) * wide + x + left) * c_in + c
    oy, ox, _ = np.indices((rows, columns, channels)).reshape(3, -1)
    patch = (oy * down * wide + ox * right) * c_in
    cell, patch = cell.astype(np.int32), patch.astype(np.int32)
    kernel_rows, kernel_columns = topology.kernel_size
    length, step = kernel_columns * c_in, wide * c_in
    return View(tall * wide * c_in, cell, patch, kernel_rows, length, step, channels)


def laid_out(topology: Conv2d | Dense, weights: NDArray[Any]) -> NDArray[Any]:
    """Return the weights, flat, as senders see them: a patch a phase of the stride and channel."""
    if isinstance(topology, Dense):
        return np.ascontiguousarray(weights).reshape(-1)
    down, right = topology.stride
    kernel_rows, kernel_columns, c_in, channels = weights.shape
    rows, columns = -(-kernel_rows // down), -(-kernel_columns // right)
    out = np.zeros((down, right, c_in, rows, columns, channels), weights.dtype)
    for y, x in np.ndindex(down, right):
        # The first position of a patch sees the kernel's last rows and columns.
        seen = weights[y::down, x::right][::-1, ::-1].transpose(2, 0, 1, 3)
        out[y, x, :, rows - seen.shape[1] :, columns - seen.shape[2] :] = seen
    return out.reshape(-1)


def _senders(topology: Conv2d) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return row, column and channel of each sender."""
    height, width, c_in = topology.in_size
    if topology.planar:
        c, y, x = np.indices((c_in, height, width)).reshape(3, -1)
    else:
        y, x, c = np.indices(topology.in_size).reshape(3, -1)
    return y, x, c


def _count(n: int) -> NDArray[np.int32]:
    return np.arange(n, dtype=np.int32)


def _scalar_product(_: Any, a: Any, b: Any, a_at: Any, b_at: Any, n: Any) -> Any:
    """Return the sum of a[a_at + i] * b[b_at + i] over i < n, in one fixed order."""
    lanes = LANES_BYTES * 8 // a.dtype.bitwidth

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

    ``grown`` is ``walk_kernel.growth_of`` the deliveries, ``laid`` ``laid_out`` weights.
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


@allocating
def patch_gradient(deliveries, grown, reach, jumps, growth, view, sums, group):  # type: ignore[no-untyped-def]
    """Add the gradients of the weights to ``sums``, a row a *target*.

    ``sums`` (n_groups, channels, rows, length) are of ``group`` recordings each, ``grown``
    and ``reach`` those of ``walk_kernel``.
    """
    real = sums.dtype.type
    trace = np.zeros(view.size, sums.dtype)
    back = real(growth.back)
    for r in range(len(jumps.start) - 1):
        trace[:] = 0
        e, segment, out = deliveries.start[r], np.int64(0), sums[r // group]
        for k in range(jumps.start[r], jumps.start[r + 1]):
            t, stop = jumps.t[k], reach[k]
            while t - segment >= growth.length:
                while e < stop and deliveries.t[e] - segment < growth.length:
                    trace[view.cell[np.int64(deliveries.row[e])]] += grown[e]
                    e += 1
                trace *= back
                segment += growth.length
            while e < stop:
                trace[view.cell[np.int64(deliveries.row[e])]] += grown[e]
                e += 1
            size = real(jumps.size[k] * math.exp(-np.float64(t - segment) / growth.tau_us))
            unit = np.int64(jumps.unit[k])
            here, channel = np.uint64(view.patch[unit]), np.uint64(unit % view.channels)
            for y in range(view.rows):
                for j in range(view.length):
                    out[channel, y, j] += size * trace[here + np.uint64(j)]
                here += np.uint64(view.step)
