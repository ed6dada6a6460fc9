"""Dense layers of the fast path: neurons of a block that are taken one by one."""

from __future__ import annotations

import numpy as np

from eventsnn.kernels.compile import inlined
from eventsnn.kernels.vector import first_bit


@inlined
def note(near, event, unit, x):  # type: ignore[no-untyped-def]
    """Write down that a neuron came near its threshold."""
    m = np.uint64(near.noted[0])
    near.spikes.event[m], near.spikes.unit[m], near.spikes.value[m] = event, unit, x
    near.noted[0] += 1


@inlined
def step_lanes(events, w, firing, block, near, old, i, word, e, count, spikes, n):  # type: ignore[no-untyped-def]
    """Take the neurons in ``word`` through events one by one, from half ``old`` of ``v``.

    Free of branches but for the loops: whether a neuron fires cannot be predicted. All
    numbers are unsigned, so that no index is tested for a negative wrap.
    """
    one, width = np.uint64(1), np.uint64(len(block.ready))
    stride, offset, counts = np.uint64(w.stride), np.uint64(w.offset), len(events.multiple) > 0
    block.held[i] = np.uint64(0)
    while word:
        bit = word & (~word + one)
        word ^= bit
        k = i * np.uint64(64) + first_bit(bit)
        x, ready = block.v[old * width + k], block.ready[k]
        for j in range(e, e + count):
            awake = events.t[j] >= ready
            x = x * events.decay[j]
            weight = w.flat[offset + np.uint64(events.row[j]) * stride + k]
            y = x + (weight * events.multiple[j] if counts else weight)
            x = y if awake else x
            if near is not None and awake & events.last[j] & (x >= near.limit[k]):
                if near.limit[k] < firing.threshold:
                    note(near, j, block.first + k, x)
                near.limit[k] = firing.threshold
            fires = awake & events.last[j] & (x >= firing.threshold)
            spikes.event[n], spikes.unit[n], spikes.value[n] = j, block.first + k, x
            n += np.uint64(fires)
            y = x - firing.threshold if firing.subtract else x - x
            x = y if fires else x
            ready = events.t[j] + firing.refractory if fires else ready
        block.v[(one - old) * width + k], block.ready[k] = x, ready
        if ready > events.t[e + count - one]:
            block.held[i] |= bit
    return n
