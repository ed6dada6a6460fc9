"""Recordings of a batch in groups, whose gradients are summed apart and then in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.inputs import Inputs
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.ranks.sums import OwnColumns
from eventsnn.record import Record

_LEAST, _MOST = 4, 8


class Grouped(NamedTuple):
    """Groups of recordings; ``least_slope`` and ``threads`` are those of ``eventprop``."""

    groups: list[range]
    least_slope: float
    threads: int


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


def check_finite(network: Network, gradients: Sequence[NDArray[Any] | OwnColumns]) -> None:
    """Refuse gradients that are not finite."""
    for connection, gradient in zip(network.connections, gradients, strict=True):
        array = gradient.array if isinstance(gradient, OwnColumns) else gradient
        if not np.isfinite(array.sum(dtype=np.float64)):
            wrong = np.flatnonzero(~np.isfinite(array))
            if wrong.size:
                k = int(wrong[0])
                number = gradient.weight(k) if isinstance(gradient, OwnColumns) else k
                raise UserError(
                    f"eventprop: the gradient of weight {number} of {connection.name} is "
                    f"{array.reshape(-1)[k]}: a spike barely crossed the threshold; give "
                    "least_slope"
                )
