"""The decay of ``neuron.decay`` in kernels, to the same bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventsnn.kernels.compile import inlined, likely
from eventsnn.neurons.neuron import FINE, SHIFT

_LIMIT = np.uint64(FINE * FINE)


@inlined
def decay_at(table: Any, first: int, tau: int, dt: float) -> Any:
    """Return exp(-dt / tau) in float64.

    ``table[tau]`` is the time constant; its decay table stands from ``table[first]`` on.
    """
    # Unsigned, so that the two indexes need no test for a negative wrap. Cut to a whole
    # number, dt never grows.
    steps = np.uint64(int(dt))
    if likely(steps < _LIMIT and float(np.int64(steps)) >= dt):
        return float(
            table[np.uint64(first + FINE) + (steps >> np.uint64(SHIFT))]
            * table[np.uint64(first) + (steps & np.uint64(FINE - 1))]
        )
    return math.exp(-dt / table[tau])
