"""Rows of weights at events, sums of channels, sweeps of neurons: loops over (samples, steps, ...).

Rows are added only where a signal is not 0: forward, and in the gradient. Errors that go down are
dense (equation 9 leaves none at 0), and are products of matrices (``walk.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsnn.kernels.compile import inlined, threaded
from eventsnn.rules.grid.rows import add_row, sum_rows


@inlined
def _listed(signal: Any, listed: Any) -> Any:
    """List units by what they send: a unit that sends 2 stands twice."""
    n = np.int64(0)
    for j in range(len(signal)):
        for _ in range(signal[j]):
            listed[n] = j
            n += 1
    return n


@threaded
def add_signals(runs, sent, weights, out, room):  # type: ignore[no-untyped-def]
    """Add rows of what is sent, uint8 (samples, steps, n_in), to ``out``; return additions.

    Rows that reach one place are listed first, and summed in registers. ``room`` is (units,), the
    rows of each place (places, most) and how many they are (places,).
    """
    listed, rows, many = room
    n, length, zero, adds = (
        np.int64(runs.sizes[1]),
        np.int64(runs.sizes[2]),
        np.int64(0),
        np.int64(0),
    )
    for b in range(sent.shape[0]):
        for t in range(sent.shape[1]):
            count, row = _listed(sent[b, t], listed), out[b, t]
            if runs.sizes[4] == 1:
                sum_rows(row, weights, listed, (zero, count), (zero, zero, n, n))
                adds += count * n
                continue
            for k in range(count):
                j = listed[k]
                for r in range(runs.start[j], runs.start[j + 1]):
                    place = runs.target[r] // length
                    rows[place, many[place]] = runs.weight[r] // length
                    many[place] += 1
            for place in range(len(many)):
                here = np.int64(many[place])
                if here:
                    shape = np.int64(place) * length, zero, length, length
                    sum_rows(row, weights, rows[place], (zero, here), shape)
                    adds += here * length
                    many[place] = 0
    return adds


@threaded
def signals_into_weights(runs, sent, errors, out, listed):  # type: ignore[no-untyped-def]
    """Add rows of errors (samples, steps, n_out) at events to the flat gradient ``out``."""
    length, adds = np.int64(runs.sizes[2]), np.int64(0)
    for b in range(sent.shape[0]):
        for t in range(sent.shape[1]):
            count, row = _listed(sent[b, t], listed), errors[b, t]
            for k in range(count):
                j = listed[k]
                for r in range(runs.start[j], runs.start[j + 1]):
                    where = np.int64(runs.weight[r]), np.int64(runs.target[r]), length
                    add_row(out, row, where)
                adds += (runs.start[j + 1] - runs.start[j]) * length
    return adds


@threaded
def add_reals(runs, x, weights, out):  # type: ignore[no-untyped-def]
    """Add rows times numbers (samples, n_in) to ``out`` (samples, n_out); return multiply-adds."""
    length, zero, adds = runs.sizes[2], x.dtype.type(0), np.int64(0)
    for b in range(x.shape[0]):
        row = out[b]
        for j in range(x.shape[1]):
            value = x[b, j]
            if value == zero:
                continue
            for r in range(runs.start[j], runs.start[j + 1]):
                target, weight = runs.target[r], runs.weight[r]
                for k in range(length):
                    row[target + k] += value * weights[weight + k]
            adds += (runs.start[j + 1] - runs.start[j]) * length
    return adds


@threaded
def reals_into_weights(runs, x, errors, out):  # type: ignore[no-untyped-def]
    """Add rows of errors (samples, n_out) times numbers to the flat gradient ``out``."""
    length, zero, adds = runs.sizes[2], x.dtype.type(0), np.int64(0)
    for b in range(x.shape[0]):
        row = errors[b]
        for j in range(x.shape[1]):
            value = x[b, j]
            if value == zero:
                continue
            for r in range(runs.start[j], runs.start[j + 1]):
                target, weight = runs.target[r], runs.weight[r]
                for k in range(length):
                    out[weight + k] += value * row[target + k]
            adds += (runs.start[j + 1] - runs.start[j]) * length
    return adds


@threaded
def from_places(runs, group, product, out):  # type: ignore[no-untyped-def]
    """Add to the errors of senders ``out`` (steps, n_in) those of each place and row of weights.

    ``product`` is (steps, places, rows): errors of a place times the weights, turned over. Senders
    group[g] to group[g + 1] reach the same places through rows that follow each other.
    """
    length = runs.sizes[2]
    for t in range(out.shape[0]):
        places, errors = product[t], out[t]
        for g in range(len(group) - 1):
            first, many = group[g], group[g + 1] - group[g]
            for r in range(runs.start[first], runs.start[first + 1]):
                place, row = places[runs.target[r] // length], runs.weight[r] // length
                for k in range(many):
                    errors[first + k] += place[row + k]


@threaded
def channel_sums(values, less, out):  # type: ignore[no-untyped-def]
    """Add up sums and squares of ``values`` (samples, steps, places, channels) less ``less``.

    ``less`` is float64 (groups, channels); ``out`` float64 (2, groups, channels). One group, or
    one a step.
    """
    many = less.shape[0] > 1
    for b in range(values.shape[0]):
        for t in range(values.shape[1]):
            g = t if many else 0
            mean, first, second = less[g], out[0, g], out[1, g]
            for p in range(values.shape[2]):
                row = values[b, t, p]
                for c in range(len(row)):
                    d = np.float64(row[c]) - mean[c]
                    first[c] += d
                    second[c] += d * d


@threaded
def add_normed(values, scale, shift, out):  # type: ignore[no-untyped-def]
    """Add scale * values + shift to ``out``; both are of a channel (groups, channels)."""
    many = scale.shape[0] > 1
    for b in range(values.shape[0]):
        for t in range(values.shape[1]):
            g = t if many else 0
            by, plus = scale[g], shift[g]
            for p in range(values.shape[2]):
                row, to = values[b, t, p], out[b, t, p]
                for c in range(len(row)):
                    to[c] += by[c] * row[c] + plus[c]


@threaded
def error_sums(values, errors, stats, out):  # type: ignore[no-untyped-def]
    """Add up errors, and errors times x: float64 (2, groups, channels).

    ``stats`` is (mean, root), float64 (groups, channels): x = (values - mean) * root.
    """
    means, roots = stats
    many = means.shape[0] > 1
    for b in range(values.shape[0]):
        for t in range(values.shape[1]):
            g = t if many else 0
            mean, root, first, second = means[g], roots[g], out[0, g], out[1, g]
            for p in range(values.shape[2]):
                row, error = values[b, t, p], errors[b, t, p]
                for c in range(len(row)):
                    e = np.float64(error[c])
                    first[c] += e
                    second[c] += e * ((np.float64(row[c]) - mean[c]) * root[c])


@threaded
def norm_back(values, errors, stats, means):  # type: ignore[no-untyped-def]
    """Turn ``values`` into errors of currents, equation (9).

    ``stats`` is (mean, root, gamma * root), ``means`` those of errors and of errors times x, all
    (groups, channels) of the values' dtype.
    """
    middle, roots, factors = stats
    flat, along = means
    many = middle.shape[0] > 1
    for b in range(values.shape[0]):
        for t in range(values.shape[1]):
            g = t if many else 0
            mean, root, by, first, second = middle[g], roots[g], factors[g], flat[g], along[g]
            for p in range(values.shape[2]):
                row, error = values[b, t, p], errors[b, t, p]
                for c in range(len(row)):
                    x = (row[c] - mean[c]) * root[c]
                    row[c] = by[c] * (error[c] - first[c] - x * second[c])


@threaded
def fire(u, lif, sent, room):  # type: ignore[no-untyped-def]
    """Turn currents, in ``u`` (samples, steps, n), into potentials before the reset; write spikes.

    ``lif`` is (decay, threshold, what a spike leaves of u, what it takes away); ``room`` is (n,).
    """
    decay, threshold, residue, taken = lif
    n, zero = u.shape[2], threshold - threshold
    for b in range(u.shape[0]):
        for k in range(n):
            room[k] = zero
        for t in range(u.shape[1]):
            row, spikes = u[b, t], sent[b, t]
            for k in range(n):
                v = room[k] * decay + row[k]
                row[k] = v
                reached = v >= threshold
                room[k] = v * residue - taken if reached else v
                spikes[k] = np.uint8(reached)


@threaded
def turn_errors(u, h, d, lif, room):  # type: ignore[no-untyped-def]
    """Turn errors by spikes, in ``d``, into errors by potentials; equations (6) and (7).

    ``lif`` is (decay, threshold, what a silent neuron keeps, what one that fired keeps, what a
    reset takes of the potential, and of the threshold: 0 where it is detached).
    """
    _, threshold, silent, fired, by_u, by_threshold = lif
    n, zero = u.shape[2], threshold - threshold
    for b in range(u.shape[0]):
        for k in range(n):
            room[k] = zero
        for t in range(u.shape[1] - 1, -1, -1):
            row, slope, error = u[b, t], h[b, t], d[b, t]
            for k in range(n):
                v, later = row[k], room[k]
                whole = error[k] - (by_u * v + by_threshold) * later
                kept = fired if v >= threshold else silent
                now = whole * slope[k] + kept * later
                error[k] = now
                room[k] = now
