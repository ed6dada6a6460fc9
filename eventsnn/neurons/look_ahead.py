"""Groups of synapses that wait together are fetched from memory before they are delivered."""

from __future__ import annotations

from typing import Any

from numba import int64

from eventsnn.kernels.compile import fetch, inlined

AHEAD = 6
"""Groups by which synapses are fetched in advance."""

_LINE = 8
"""Synapses of float32 of a cache line."""


@inlined
def look_ahead(grouped: Any, targets: Any, weights: Any, k: Any) -> None:
    """Fetch the synapses of group k; of a long one the beginning, in the wake of which the rest."""
    first, last = int64(~targets[k]), int64(~targets[k]) + int64(weights[k]) - 1
    fetch(grouped, first)
    fetch(grouped, min(first + _LINE, last))
    fetch(grouped, last)
