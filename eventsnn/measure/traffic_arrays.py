"""Arrays of spike traffic: bins of time, and sums from population to population."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.record import Record

_MOST_BINS = 100_000


def bin_width(bin_us: float | None, end: float) -> float:
    """Return the width of the bins, microseconds."""
    if bin_us is None:
        bin_us = 1000.0
        while end / bin_us > _MOST_BINS:
            bin_us *= 10
    if not 0 < bin_us <= 1e15 or end / bin_us > _MOST_BINS:
        raise UserError(
            f"traffic: bin_us is {bin_us}; give microseconds from {end / _MOST_BINS:g} to 1e15"
        )
    return bin_us


def matrix_of(record: Record, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return values of connections as sums from population (row) to population (column)."""
    n = len(record.network.populations)
    matrix = np.zeros((n, n), np.int64)
    np.add.at(matrix, (list(record.network.sources), list(record.network.targets)), values)
    return matrix


def linked(network: Network) -> NDArray[np.bool_]:
    """Return whether a connection leads from population (row) to population (column)."""
    found = np.zeros(2 * (len(network.populations),), np.bool_)
    found[list(network.sources), list(network.targets)] = True
    return found
