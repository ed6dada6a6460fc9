"""A ReLU network forward and backward, one recording after the other; what is 0 is passed over.

Sums are made in the order of the senders, so that no library chooses it by the processor. The
product of a row and a signal that is not 0 is all that is computed.
"""

from __future__ import annotations

import numpy as np

from eventsnn.kernels.compile import inlined, threaded


@inlined
def _add_row(out, row, by):  # type: ignore[no-untyped-def]
    for c in range(out.size):
        out[c] += by * row[c]


@inlined
def _begin(out, bias):  # type: ignore[no-untyped-def]
    for c in range(out.size):
        out[c] = bias[c]


@inlined
def _product(a, b):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for c in range(a.size):
        total += a[c] * b[c]
    return total


@threaded
def first_layer(frames, gain, weight, bias, rows, out):  # type: ignore[no-untyped-def]
    """Write the sums of the first layer for the recordings ``rows`` = (from, to)."""
    for k in range(rows[0], rows[1]):
        _begin(out[k], bias)
        for e in range(frames.start[k], frames.start[k + 1]):
            _add_row(out[k], weight[frames.pixel[e]], frames.value[e] * gain)


@threaded
def upper_layer(below, weight, bias, rows, out):  # type: ignore[no-untyped-def]
    """Write the sums of a layer above, from what the layer below sends."""
    for k in range(rows[0], rows[1]):
        _begin(out[k], bias)
        for j in range(below.shape[1]):
            if below[k, j] > 0:
                _add_row(out[k], weight[j], below[k, j])


@threaded
def rectify(sums, kept, rows):  # type: ignore[no-untyped-def]
    """Replace what is below 0 by 0; ``kept`` is what a neuron's signal is multiplied by."""
    zero = np.float32(0.0)
    for k in range(rows[0], rows[1]):
        for j in range(sums.shape[1]):
            sums[k, j] = max(sums[k, j], zero) * kept[k, j]


@threaded
def errors_below(below, weight, error, kept, rows, down):  # type: ignore[no-untyped-def]
    """Write the errors of the layer below for the recordings ``rows`` = (from, to)."""
    for k in range(rows[0], rows[1]):
        for j in range(below.shape[1]):
            down[k, j] = 0
            if below[k, j] > 0:
                down[k, j] = _product(weight[j], error[k]) * kept[k, j]


@inlined
def _add_bias(out, row):  # type: ignore[no-untyped-def]
    for c in range(out.size):
        out[c] += row[c]


@threaded
def upper_gradient(below, error, span, into):  # type: ignore[no-untyped-def]
    """Add the gradients of a layer, of the neurons ``span`` = (from, to) alone."""
    gradient, by_bias = into
    first, last = span
    for k in range(error.shape[0]):
        own = error[k][first:last]
        _add_bias(by_bias[first:last], own)
        for j in range(below.shape[1]):
            if below[k, j] > 0:
                _add_row(gradient[j][first:last], own, below[k, j])


@threaded
def first_gradient(frames, gain, error, span, into):  # type: ignore[no-untyped-def]
    """Add the gradients of the first layer, of the neurons ``span`` = (from, to) alone."""
    gradient, by_bias = into
    first, last = span
    for k in range(error.shape[0]):
        own = error[k][first:last]
        _add_bias(by_bias[first:last], own)
        for e in range(frames.start[k], frames.start[k + 1]):
            _add_row(gradient[frames.pixel[e]][first:last], own, frames.value[e] * gain)
