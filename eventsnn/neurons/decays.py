"""Decays over an interval, to the same bits in every engine: products of two table entries."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.decay import FINE


def decay_table(tau_us: float) -> NDArray[np.float64]:
    """Return exp(-i / tau) for i < FINE, then exp(-i * FINE / tau), float64 (2 * FINE,)."""
    i = range(FINE)
    fine = [math.exp(-k / tau_us) for k in i]
    return np.array(fine + [math.exp(-k * FINE / tau_us) for k in i], np.float64)


@lru_cache(maxsize=64)
def table_of(tau_us: float) -> NDArray[np.float64]:
    """Return ``decay_table``; those used last are kept."""
    return decay_table(tau_us)


def decay(dt: float, tau_us: float, table: NDArray[np.float64]) -> float:
    """Return exp(-dt / tau), by definition a product of two table entries where it can be.

    Whole microseconds below FINE**2 are looked up, so that all engines multiply by
    the same bits at the cost of two loads; any other interval takes ``math.exp``.
    """
    steps = int(dt) if dt < FINE * FINE else -1
    if steps == dt:
        return float(table[FINE + steps // FINE] * table[steps % FINE])
    return math.exp(-float(dt) / tau_us)


def decays(
    dt: NDArray[np.float64], tau_us: float, table: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``decay`` over each interval, float64 (n,)."""
    whole = (dt < FINE * FINE) & (dt == np.floor(dt))
    steps = np.where(whole, dt, 0).astype(np.int64)
    out = table[FINE + steps // FINE] * table[steps % FINE]
    for i in np.flatnonzero(~whole):
        out[i] = math.exp(-float(dt[i]) / tau_us)
    return out
