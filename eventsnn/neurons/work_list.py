"""The work list of a population: which neurons may fire at this instant.

``work`` is int32: how many neurons are marked, updates counted, the marked neurons, and from
2 + n on a mark for each of the n neurons.
"""

from __future__ import annotations

from typing import Any

from eventsnn.kernels.compile import inlined

_FEW = 16
"""Marked neurons up to which they are sorted; more are found by reading all marks."""


@inlined
def mark(work: Any, n: int, j: int) -> None:
    """Put a neuron on the work list, once."""
    if work[2 + n + j] == 0:
        work[2 + n + j] = 1
        work[2 + work[0]] = j
        work[0] += 1


@inlined
def sort_marked(work: Any, marked: int, n: int) -> None:
    """Put the marked neurons in order of unit."""
    if marked > _FEW:
        found = 2
        for j in range(n):
            if work[2 + n + j] != 0:
                work[found] = j
                found += 1
        return
    for i in range(3, 2 + marked):
        unit, k = work[i], i
        while k > 2 and work[k - 1] > unit:
            work[k] = work[k - 1]
            k -= 1
        work[k] = unit
