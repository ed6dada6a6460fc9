"""The decay of ``neuron.decay`` in kernels, to the same bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventsnn.kernels.compile import inlined, likely
from eventsnn.kernels.decay import FINE, looked_up

_LIMIT = np.uint64(FINE * FINE)


@inlined
def decay_at(table: Any, first: int, tau: int, dt: float) -> Any:
    """Return exp(-dt / tau) in float64.

    ``table[tau]`` is the time constant; its decay table stands from ``table[first]`` on.
    """
    # Cut to a whole number, dt never grows.
    steps = np.uint64(int(dt))
    if likely(steps < _LIMIT and float(np.int64(steps)) >= dt):
        return float(looked_up(table, first, steps))
    return math.exp(-dt / table[tau])
