"""A heap of what is to come, ordered by (time, unit); four branches a place."""

from __future__ import annotations

from typing import Any

from eventsnn.kernels.compile import inlined


@inlined
def push(times: Any, units: Any, n: int, t: float, unit: int) -> int:
    """Put one more among the first ``n`` of a heap; return how many there are."""
    k = n
    while k > 0:
        parent = (k - 1) >> 2
        if times[parent] < t or (times[parent] == t and units[parent] <= unit):
            break
        times[k], units[k] = times[parent], units[parent]
        k = parent
    times[k], units[k] = t, unit
    return n + 1


@inlined
def pop(times: Any, units: Any, n: int) -> int:
    """Remove the earliest, which stands at place 0; return how many are left."""
    n -= 1
    t, unit, k = times[n], units[n], 0
    while 4 * k + 1 < n:
        best = 4 * k + 1
        for child in range(best + 1, min(best + 4, n)):
            if times[child] < times[best] or (
                times[child] == times[best] and units[child] < units[best]
            ):
                best = child
        if t < times[best] or (t == times[best] and unit <= units[best]):
            break
        times[k], units[k] = times[best], units[best]
        k = best
    times[k], units[k] = t, unit
    return n
