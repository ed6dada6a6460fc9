"""Forward: rows of weights at spikes only; potentials are swept, step by step.

Inputs of a step are summed first, bias, then spikes in order of unit, and then added to what is
left of the potential, as ``neurons/grid_lif.py`` has it: both give the same bits.
"""

from __future__ import annotations

import numpy as np

from eventsnn.kernels.compile import threaded
from eventsnn.kernels.vector import first_bit
from eventsnn.rules.grid.rows import sum_rows


@threaded
def drive(runs, sent, weights, bias, x):  # type: ignore[no-untyped-def]
    """Write inputs of each step to ``x`` (n_samples, steps, n): biases (n,) and spikes' rows.

    ``runs`` are joined, ``weights`` in their order.
    """
    n, stride = np.int64(runs.sizes[1]), np.int64(runs.sizes[3])
    for b in range(x.shape[0]):
        at, unit = sent.at[b], sent.unit[b]
        for t in range(x.shape[1]):
            row, last, end = x[b, t], np.int64(at[t]), np.int64(at[t + 1])
            for k in range(n):
                row[k] = bias[k]
            while last < end:
                first, head = last, np.int64(runs.head[unit[last]])
                while last < end and runs.head[unit[last]] == head:
                    last += 1
                for r in range(runs.start[head], runs.start[head + 1]):
                    begin = np.int64(runs.weight[r]) - head * stride
                    place = np.int64(runs.target[r]), begin, stride, np.int64(runs.length[r])
                    sum_rows(row, weights, unit, (first, last), place)


@threaded
def sweep(u, lif, room, sent):  # type: ignore[no-untyped-def]
    """Turn inputs of each step, in ``u`` (n_samples, steps, n), into potentials before the reset.

    Who fires is written to ``sent``. ``lif`` is (decay, residue, threshold); ``room`` is (what is
    left of potentials (n,), uint64 words, the same memory as bytes, n or some more of them).
    """
    decay, residue, threshold = lif
    left, words, fired = room
    n, zero = u.shape[2], threshold - threshold
    fired[:] = 0
    for b in range(u.shape[0]):
        for k in range(n):
            left[k] = zero
        count, unit = 0, sent.unit[b]
        for t in range(u.shape[1]):
            row = u[b, t]
            sent.at[b, t] = count
            for k in range(n):
                v = left[k] * decay + row[k]
                row[k] = v
                reached = v >= threshold
                left[k] = v * residue if reached else v
                fired[k] = np.uint8(reached)
            for w in range(len(words)):
                word = words[w]
                while word != np.uint64(0):
                    unit[count] = np.int64(w) * 8 + np.int64(first_bit(word) >> np.uint64(3))
                    count += 1
                    word &= word - np.uint64(1)
        sent.at[b, u.shape[1]] = count
