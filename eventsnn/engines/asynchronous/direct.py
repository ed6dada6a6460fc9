"""The synapses of a fan-out that have no delay, of a connection with delays a synapse."""

from __future__ import annotations

from typing import Any

from numba import int64

from eventsnn.kernels.compile import inlined
from eventsnn.kernels.pointers import picked


@inlined
def without_delay(m: Any, targets: Any, c: int) -> int:
    """List the synapses of a fan-out that have no delay in the scratch arrays."""
    graph, through, out = m.graph, picked(m.weights, c), m.out
    n = 0
    for r in range(1, 1 + 3 * out.runs[0], 3):
        first, k0 = out.runs[r], out.runs[r + 1]
        for k in range(k0, k0 + out.runs[r + 2]):
            if graph.delays[graph.delays_at[c] + k] == 0:
                out.targets[n] = int64(targets[k]) if first < 0 else first + k - k0
                out.weights[n] = through[k]
                n += 1
    out.runs[0], out.runs[1], out.runs[2], out.runs[3] = 1, -1, 0, n
    return n
