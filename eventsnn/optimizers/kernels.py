"""The loops of the optimizers, each over numbers in a line and over a block of a gradient.

They work in place: a loop that is given one array under two names is not vectorized. Each number
is computed from its own gradient alone.
"""

import numpy as np

from eventsnn.engines.layered.lanes import TILE
from eventsnn.kernels.compile import inlined, pasted, threaded


@inlined
def _adam_row(g, w, m, v, settings):  # type: ignore[no-untyped-def]
    rate, b1, b2, correct1, correct2, epsilon, decay = settings
    one = w.dtype.type(1)
    for i in range(len(g)):
        mean = b1 * m[i] + (one - b1) * g[i]
        square = b2 * v[i] + (one - b2) * g[i] * g[i]
        move = mean * correct1 / (np.sqrt(square * correct2) + epsilon)
        w[i] -= rate * (move + decay * w[i])
        m[i], v[i] = mean, square


@inlined
def _sgd_row(g, w, m, settings):  # type: ignore[no-untyped-def]
    rate, momentum, decay = settings
    for i in range(len(g)):
        mean = momentum * m[i] + g[i]
        w[i] -= rate * (mean + decay * w[i])
        m[i] = mean


@pasted
def _turn(block, first, tile):  # type: ignore[no-untyped-def]
    """Write ``TILE`` columns of ``block`` from ``first`` on to the rows of ``tile``."""
    for i in range(len(block)):
        line = block[i, first : first + TILE]
        for k in range(TILE):
            tile[k, i] = line[k]


@threaded
def adam(g, w, m, v, settings):  # type: ignore[no-untyped-def]
    """Update numbers in a line."""
    _adam_row(g, w, m, v, settings)


@threaded
def adam_block(block, first, tile, w, m, v, settings):  # type: ignore[no-untyped-def]
    """Update the columns first, first + 1, ... by the rows of ``block``, whole tiles long."""
    last = first + len(block)
    for row in range(0, len(w), TILE):
        _turn(block, row, tile)
        for k in range(min(TILE, len(w) - row)):
            j = row + k
            _adam_row(tile[k], w[j, first:last], m[j, first:last], v[j, first:last], settings)


@threaded
def sgd(g, w, m, settings):  # type: ignore[no-untyped-def]
    """Update numbers in a line."""
    _sgd_row(g, w, m, settings)


@threaded
def sgd_block(block, first, tile, w, m, settings):  # type: ignore[no-untyped-def]
    """Update the columns first, first + 1, ... by the rows of ``block``, whole tiles long."""
    last = first + len(block)
    for row in range(0, len(w), TILE):
        _turn(block, row, tile)
        for k in range(min(TILE, len(w) - row)):
            _sgd_row(tile[k], w[row + k, first:last], m[row + k, first:last], settings)


@threaded
def follow(mean, now, settings):  # type: ignore[no-untyped-def]
    """Move each number of ``mean`` a share of the way to that of ``now``."""
    (share,) = settings
    for i in range(len(mean)):
        mean[i] += share * (now[i] - mean[i])


@threaded
def squares(g):  # type: ignore[no-untyped-def]
    """Sum of squares in float64, in one order."""
    total = 0.0
    for i in range(len(g)):
        total += np.float64(g[i]) * np.float64(g[i])
    return total
