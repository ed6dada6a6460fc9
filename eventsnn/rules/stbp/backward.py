"""The way back: errors of a layer below, the sweep over steps, rows of gradients at spikes only.

What stands between two records (pairs inside the surrogate's window, and spikes) is a product of
decays, so that a sweep and a walk over records give the same bits.
"""

from __future__ import annotations

import numpy as np

from eventsnn.kernels.compile import inlined, threaded
from eventsnn.rules.grid.rows import TOGETHER, add_product, add_products, add_row, sum_rows

FULL, PRINTED, SPATIAL = 0, 1, 2
"""What is carried to the step before: everything, what the paper prints, nothing."""


@threaded
def turn_back(u, h, e, later, lif):  # type: ignore[no-untyped-def]
    """Turn errors by spikes, in ``e``, into errors by potentials; all are (n_samples, steps, n).

    ``lif`` is (decay, residue, threshold, slope at silence, slope at a spike, what is carried);
    ``later`` is room (n,). With ``PRINTED`` what is sent down is written, see ``print_leak``.
    """
    decay, residue, threshold, silent, spike, mode = lif
    n, zero = u.shape[2], threshold - threshold
    after = decay * residue
    for b in range(u.shape[0]):
        for k in range(n):
            later[k] = zero
        for t in range(u.shape[1] - 1, -1, -1):
            row, slopes, errors = u[b, t], h[b, t], e[b, t]
            if mode == SPATIAL:
                for k in range(n):
                    errors[k] *= slopes[k]
            elif mode == PRINTED:
                for k in range(n):
                    v = row[k]
                    by = spike if v >= threshold else silent
                    errors[k] = (errors[k] + later[k] * (v * by)) * slopes[k]
                    later[k] = errors[k]
            else:
                for k in range(n):
                    v = row[k]
                    by = spike if v >= threshold else silent
                    f = after if v >= threshold else decay
                    now = (errors[k] + later[k] * (v * by)) * slopes[k] + later[k] * f
                    errors[k] = now
                    later[k] = now


@threaded
def print_leak(u, e, lif):  # type: ignore[no-untyped-def]
    """Add the leak of one step, as (20) is printed, when what is sent down has been read."""
    decay, residue, threshold = lif
    after = decay * residue
    for b in range(u.shape[0]):
        for t in range(u.shape[1] - 1):
            row, errors, later = u[b, t], e[b, t], e[b, t + 1]
            for k in range(u.shape[2]):
                errors[k] += later[k] * (after if row[k] >= threshold else decay)


@threaded
def send_down(runs, bundles, turned, e, h, out, room):  # type: ignore[no-untyped-def]
    """Write the errors of senders to ``out`` (n_samples, steps, n_in); return multiply-adds.

    ``turned`` are the weights (``fan.turned``), ``e`` errors of targets, ``h`` slopes of senders:
    where all of a bundle are 0 at some steps, its errors are not asked for. ``room`` holds those of
    a bundle, ``TOGETHER`` steps of them.
    """
    n, length, adds = np.int64(runs.sizes[1]), np.int64(runs.sizes[2]), np.int64(0)
    for b in range(out.shape[0]):
        errors = e[b].reshape(e.shape[1] * n)
        for t in range(0, out.shape[1], TOGETHER):
            steps = np.int64(min(TOGETHER, out.shape[1] - t))
            for s in range(steps):
                out[b, t + s][:] = room.dtype.type(0)
            for bundle in range(len(bundles.sender)):
                first, last = bundles.start[bundle], bundles.start[bundle + 1]
                members = bundles.member[bundles.group[first] : bundles.group[last]]
                if not _asked(h[b], members, t, steps):
                    continue
                size, head = np.int64(last - first), bundles.sender[bundle]
                for k in range(steps * size):
                    room[k] = room.dtype.type(0)
                for r in range(runs.start[head], runs.start[head + 1]):
                    place = t * n + runs.target[r], np.int64(runs.weight[r])
                    _multiply(room, errors, turned, place, (n, length, size, steps))
                    adds += length * size * steps
                for g in range(first, last):
                    for m in range(bundles.group[g], bundles.group[g + 1]):
                        for s in range(steps):
                            out[b, t + s, bundles.member[m]] = room[s * size + g - first]
    return adds


@inlined
def _asked(slopes, members, t, steps):  # type: ignore[no-untyped-def]
    """Return whether a slope of some senders is not 0 at one of some steps."""
    for s in range(steps):
        row = slopes[t + s]
        for m in range(len(members)):
            if row[members[m]] != 0:
                return True
    return False


@inlined
def _multiply(room, errors, turned, place, sizes):  # type: ignore[no-untyped-def]
    """Add products of errors from ``place`` on with a matrix of weights, some steps of them."""
    at, weight = place
    n, length, size, steps = sizes
    if steps == TOGETHER:
        add_products(room, errors, turned, (np.int64(0), at, n, weight, length, size))
    else:
        for s in range(steps):
            shape = s * size, at + s * n, n, weight, length, size
            add_product(room, errors, turned, shape)


@threaded
def send_down_records(runs, bundles, weights, e, h, out):  # type: ignore[no-untyped-def]
    """Do what ``send_down`` does, at the records of senders alone, one by one: the same bits."""
    length, zero, adds = np.int64(runs.sizes[2]), weights.dtype.type(0), np.int64(0)
    for b in range(out.shape[0]):
        for t in range(out.shape[1]):
            errors, slopes, sent = e[b, t], h[b, t], out[b, t]
            sent[:] = zero
            for g in range(len(bundles.group) - 1):
                m, end = bundles.group[g], bundles.group[g + 1]
                head = bundles.member[m]
                while m < end and slopes[bundles.member[m]] == zero:
                    m += 1
                if m == end:
                    continue
                total = zero
                for r in range(runs.start[head], runs.start[head + 1]):
                    here, to = np.int64(runs.weight[r]), np.int64(runs.target[r])
                    for c in range(length):
                        total += errors[np.uint64(to + c)] * weights[np.uint64(here + c)]
                    adds += length
                for m in range(bundles.group[g], end):
                    sent[bundles.member[m]] = total
    return adds


@threaded
def add_rows(runs, units, e, span, gradient):  # type: ignore[no-untyped-def]
    """Add errors at the steps of spikes to the rows of their senders.

    ``runs`` are joined, ``units`` the spikes unit by unit, ``gradient`` is flat, in the order of
    the runs; ``span`` are the columns of a position that are taken, no sum depends on it.
    """
    n, length = np.int64(runs.sizes[1]), np.int64(runs.sizes[2])
    first, size = np.int64(span[0]), np.int64(span[1] - span[0])
    for b in range(e.shape[0]):
        errors, start, step = e[b].reshape(e.shape[1] * n), units.start[b], units.step[b]
        for j in range(len(start) - 1):
            ends = np.int64(start[j]), np.int64(start[j + 1])
            if ends[0] == ends[1]:
                continue
            for r in range(runs.start[j], runs.start[j + 1]):
                whole, here = np.int64(runs.length[r]), np.int64(runs.weight[r]) + first
                jump, wide = (whole, whole) if size == length else (length, size)
                for k in range(0, whole, jump):
                    place = here + k, np.int64(runs.target[r]) + first + k, n, wide
                    sum_rows(gradient, errors, step, ends, place)


@threaded
def add_biases(e, gradient):  # type: ignore[no-untyped-def]
    """Add errors of all steps to the biases, which positions share: (n / positions,)."""
    length = np.int64(len(gradient))
    for b in range(e.shape[0]):
        for t in range(e.shape[1]):
            for first in range(0, e.shape[2], length):
                add_row(gradient, e[b, t], (np.int64(0), np.int64(first), length))
