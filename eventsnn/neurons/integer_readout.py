"""Readout in whole numbers that never fires: a delivery adds its weight, shifted by ``fraction``.

It keeps what an answer may be read from: the potential, its maximum over the instants just after
deliveries (and the 0 it starts from), and an integral. With a leak that is all that has leaked:
the integral of a leaky potential, in units of its time constant, without a multiplication. Without
a leak it is the integral over time, in microseconds.
``docs/explanation/integers.md`` defines it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
from numba import int32, int64
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.kernels.compile import inlined
from eventsnn.neurons import neuron as base
from eventsnn.neurons.integer_checked import check_clock
from eventsnn.neurons.integer_decay import (
    DecayRows,
    decay_all,
    decay_rows,
    decayed,
    decayed_each,
    factor,
    factor_at,
    flat,
)
from eventsnn.neurons.integer_lif import shifted
from eventsnn.neurons.neuron import Cell, Kernels, Neuron

EXACT = 1 << 53
"""Integrals below it are exact where potentials are kept in float64."""


@dataclass(frozen=True)
class IntegerReadout(Neuron):
    """Non-spiking integrator in whole numbers, leaky or not.

    Attributes
    ----------
    tau_us : float
        Time constant in microseconds, > 0; infinity for a plain sum.
    fraction : int
        Bits behind the point: a delivery adds its weight times 2**fraction.
    tick_us : int
        Microseconds of a tick, in which elapsed time is counted; a power of two.

    Examples
    --------
    >>> from eventsnn.neurons import IntegerReadout
    >>> IntegerReadout(tau_us=30_000, fraction=4)
    IntegerReadout(tau_us=30000.0, fraction=4, tick_us=1)
    """

    kind: ClassVar[str] = "integer_readout"
    spiking: ClassVar[bool] = False
    one_clock: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    variables: ClassVar[tuple[str, ...]] = ("v", "maximum", "integral")
    times: ClassVar[tuple[str, ...]] = ("clock", "maximum_t")
    tau_us: float = math.inf
    fraction: int = 8
    tick_us: int = 1

    def __post_init__(self) -> None:
        """Check the parameters."""
        check_clock(self)

    @property
    def multiplications(self) -> int:  # type: ignore[override]
        """Multiplications of an update: the decay, or the area without one."""
        return 1

    @cached_property
    def decays(self) -> DecayRows:
        """The decay table."""
        return decay_rows(self.tau_us, self.tick_us)

    @property
    def leaks(self) -> bool:
        """True if the potential decays."""
        return math.isfinite(self.tau_us)

    def _brought(self, cell: Cell, t: float) -> tuple[int, int]:
        """Return (v, integral) at ``t``."""
        v, _, integral = map(int, cell.x)
        ticks = int(t) // self.tick_us - int(cell.times[0]) // self.tick_us
        now = decayed(v, factor(ticks, self.decays))
        return now, integral + (v - now if self.leaks else v * (int(t) - int(cell.times[0])))

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay and add; see the head of this file."""
        v, maximum = cell.x[0], cell.x[1]
        if v > maximum:  # as the kernels leave a cell: their maximum lags by one instant
            maximum, cell.times[1] = v, cell.times[0]
        now, integral = self._brought(cell, t)
        now += sum(shifted(weight, self.fraction) for weight in weights)
        cell.times[0] = t
        if now > maximum:
            maximum, cell.times[1] = float(now), t
        cell.x[:] = float(now), maximum, float(integral)
        return None

    def readout(self, cell: Cell, t: float) -> tuple[float, float, float, float]:
        """Return (final, maximum, maximum_t, integral) at ``t``."""
        v, integral = self._brought(cell, t)
        return float(v), cell.x[1], cell.times[1], float(integral)

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return (v, maximum, integral) at ``t``."""
        v, maximum, _, integral = self.readout(cell, t)
        return [v, max(maximum, cell.x[0]), integral]

    def readouts(
        self, x: NDArray[Any], clocks: NDArray[Any], maximum_t: NDArray[Any], t: Any
    ) -> tuple[NDArray[Any], ...]:
        """Return the four of ``readout``; the kernels' maximum lags by one instant.

        Also of many recordings at once: rows (3, n_recordings, n), clocks and times ``t`` of
        (n_recordings, 1).
        """
        v, maximum, sums = x
        higher, ends = v > maximum, np.floor(t).astype(np.int64)
        gaps = ends // self.tick_us - clocks.astype(np.int64) // self.tick_us
        known, which = np.unique(gaps, return_inverse=True)
        factors = np.array([factor(gap, self.decays) for gap in known.tolist()], np.int64)
        final = decayed_each(v, factors[which.reshape(gaps.shape)])
        integral = sums + (v - final if self.leaks else v * (ends - clocks))
        large = np.abs(integral) >= EXACT
        if large.any():
            after = np.broadcast_to(t, large.shape)[large].min()
            raise DataError(
                f"neuron {self.kind}: an integral has grown to 2**53 after {after:.0f} us, where "
                "it is exact no more; give shorter recordings"
            )
        times = np.where(higher, clocks, maximum_t)
        return final, np.where(higher, v, maximum), times, integral

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read."""
        head = [1 << self.fraction, self.tick_us.bit_length() - 1]
        return np.array([*head, *flat(self.decays)], np.float64)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return _kernels(dtype)


# Kernel tables start with the population's size and its clock size: parameters follow.
_SCALE, _SHIFT, _DECAY = 2, 3, 4


@inlined
def take_block(
    table: Any, x: Any, times: Any, t: Any, clock: int, at: tuple[int, int, int], weights: Any
) -> None:
    """Decay and add to the neighbours at[0] to at[1] - 1, whose weights start at[2]."""
    n, last, tick, scale = int64(table[0]), times[clock], int64(table[_SHIFT]), table[_SCALE]
    start, stop, first = at
    # Views, whose plain indices let the loops vectorize.
    v, maximum, integral = x[start:stop], x[n + start : n + stop], x[2 * n + start : 2 * n + stop]
    w, maximum_t = weights[first : first + stop - start], times[n + start : n + stop]
    if t > last:
        # The last instant's sum is complete only now: the maximum lags by one instant.
        for k in range(len(v)):
            higher = v[k] > maximum[k]
            maximum[k] = v[k] if higher else maximum[k]
            maximum_t[k] = last if higher else maximum_t[k]
    leaks = table[_DECAY] > 0.0
    for k in range(len(v)):
        integral[k] += v[k] if leaks else v[k] * (t - last)
    if leaks:
        decay_all(v, factor_at(table, _DECAY, (int64(t) >> tick) - (int64(last) >> tick)))
        for k in range(len(v)):
            integral[k] -= v[k]
    for k in range(len(v)):
        v[k] += np.floor(w[k] * scale + 0.5)


@inlined
def _receive(cells: Any, t: float, synapses: Any, runs: Any, work: Any) -> None:
    table, x, times = cells
    weights, targets = synapses
    size = int64(table[1])
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        for k in range(0, length, size):
            start = first + k if first >= 0 else int64(targets[k0 + k])
            clock = start // size
            take_block(table, x, times, t, clock, (start, start + size, k0 + k), weights)
            work[1] += int32(size if t != times[clock] else 0)
            times[clock] = t


@inlined
def _single(table: Any, x: Any, times: Any, t: float, target: int, weight: Any, work: Any) -> None:
    """Take one neuron, with a clock of its own, through a delivery; ``weight`` is an array."""
    j = int64(target)
    take_block(table, x, times, t, j, (j, j + 1, 0), weight)
    work[1] += int32(t != times[j])
    times[j] = t


@inlined
def _train(cells: Any, at: Any, synapses: Any, span: Any, limit: float, work: Any) -> Any:
    table, x, times = cells
    weights, targets, grouped = synapses
    k, tail = span[0], span[1]
    while k < tail and at[k] < limit:
        if targets[k] >= 0:
            _single(table, x, times, at[k], targets[k], weights[k : k + 1], work)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                weight = grouped["weight"][s : s + 1]
                _single(table, x, times, at[k], grouped[s].target, weight, work)
            span[2] += n
        k += 1
    return int64(k)


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    return 0


@cache
def _kernels(dtype: Any) -> Kernels:
    # Engines hand over single arrays (``signatures``); the kernels take them in groups.
    return base.entry_points(
        lambda table, x, times, t, weights, targets, runs, work: _receive(
            (table, x, times), t, (weights, targets), runs, work
        ),
        lambda table, x, times, at, targets, weights, grouped, span, limit, work: _train(
            (table, x, times), at, (weights, targets, grouped), span, limit, work
        ),
        _settle,
        dtype,
    )
