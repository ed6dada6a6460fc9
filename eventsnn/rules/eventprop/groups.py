"""Recordings of a batch in groups, whose gradients are summed apart and then in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from eventsnn.engines.inputs import Inputs
from eventsnn.record import Record

_LEAST, _MOST = 4, 8


def groups_of(n: int) -> list[range]:
    """Cut n recordings into groups, whose gradients are summed apart: at most eight."""
    size = max(_LEAST, -(-n // _MOST))
    return [range(first, min(first + size, n)) for first in range(0, max(n, 1), size)]


def most_spikes(record: Record, recordings: Inputs, rows: range) -> int:
    """Return how many spikes and events the largest of some recordings has."""
    starts = [kept.start for kept in record.spikes.values()] + [recordings.start]
    return max((sum(int(start[i + 1] - start[i]) for start in starts) for i in rows), default=0)


def summed(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Add arrays to the first one, in order."""
    total, *others = parts
    for part in others:
        total += part
    return total
