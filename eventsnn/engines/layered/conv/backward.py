"""The adjoint of convolutions; for the errors of deliveries see ``patch.py``.

As ``lam`` does there, the trace of every sender lies on a grid on which each target sees a whole
patch, and is scaled instead of decaying.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.patch import Fan
from eventsnn.engines.layered.walk import GROUP, Walk, sums_of
from eventsnn.kernels.compile import allocating
from eventsnn.topology.conv2d import Conv2d


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
def fan_of(topology: Conv2d) -> Fan:
    """Return where the senders' patches lie."""
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


def laid_out(topology: Conv2d, weights: NDArray[Any]) -> NDArray[Any]:
    """Return the weights, flat, as senders see them: a patch a phase of the stride and channel."""
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


def conv_gradient(topology: Conv2d, walk: Walk) -> NDArray[Any]:
    """Return the gradients of a convolution's weights, a group of recordings each."""
    rows, columns, c_in, channels = topology.weight_shape
    found = sums_of(walk.came, (channels, rows, columns * c_in), walk.weights.dtype)
    args = walk.came, walk.grown, walk.reach, walk.jumps, walk.growth
    patch_gradient(*args, view_of(topology), found, GROUP)
    by_channel = found.reshape(-1, channels, rows, columns, c_in)
    return np.ascontiguousarray(by_channel.transpose(0, 2, 3, 4, 1))


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
