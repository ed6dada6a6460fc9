"""Leaky readout that never fires: tau dv/dt = -v, a delivery adds its weight.

It keeps what a loss may ask for: the potential, its maximum over the instants just
after deliveries (and the 0 it starts from), when that was, and the integral of v over
time, exact between deliveries.
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

from eventsnn.kernels.compile import inlined
from eventsnn.neurons import neuron as base
from eventsnn.neurons.decay_kernel import decay_at
from eventsnn.neurons.integer_readout import IntegerReadout
from eventsnn.neurons.neuron import Cell, Kernels, Membrane, Neuron


@dataclass(frozen=True)
class Readout(Neuron):
    """Non-spiking leaky integrator.

    Attributes
    ----------
    tau_us : float
        Time constant in microseconds, > 0; infinity for a plain sum.

    Examples
    --------
    >>> from eventsnn import Readout
    >>> Readout(tau_us=30_000)
    Readout(tau_us=30000.0)
    """

    kind: ClassVar[str] = "readout"
    spiking: ClassVar[bool] = False
    one_clock: ClassVar[bool] = True
    multiplications: ClassVar[int] = 2
    variables: ClassVar[tuple[str, ...]] = ("v", "maximum", "integral")
    times: ClassVar[tuple[str, ...]] = ("clock", "maximum_t")
    tau_us: float = math.inf

    def __post_init__(self) -> None:
        """Check the parameter."""
        base.check_positive(self, "tau_us", infinite=True)

    @cached_property
    def decays(self) -> NDArray[np.float64]:
        """The decay table of ``tau_us``."""
        return base.decay_table(self.tau_us)

    def area(self, dt: float, decay: float) -> float:
        """Return the integral of exp(-s / tau) over s from 0 to dt, in microseconds."""
        return dt if math.isinf(self.tau_us) else self.tau_us * (1.0 - decay)

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay and add; see the head of this file."""
        v, maximum, integral = cell.x
        dt = t - cell.times[0]
        if v > maximum:  # as the kernels leave a cell: their maximum lags by one instant
            maximum, cell.times[1] = v, cell.times[0]
        decay = base.decay(dt, self.tau_us, self.decays)
        integral += v * self.area(dt, decay)
        v *= decay
        for weight in weights:
            v += weight
        cell.times[0] = t
        if v > maximum:
            maximum, cell.times[1] = v, t
        cell.x[:] = v, maximum, integral
        return None

    def readout(self, cell: Cell, t: float) -> tuple[float, float, float, float]:
        """Return (final, maximum, maximum_t, integral) at ``t``."""
        v, maximum, integral = cell.x
        dt = t - cell.times[0]
        decay = base.decay(dt, self.tau_us, self.decays)
        return v * decay, maximum, cell.times[1], integral + v * self.area(dt, decay)

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return (v, maximum, integral) at ``t``."""
        v, maximum, _, integral = self.readout(cell, t)
        return [v, max(maximum, cell.x[0]), integral]

    def readouts(
        self, x: NDArray[Any], clocks: NDArray[Any], maximum_t: NDArray[Any], t: float
    ) -> tuple[NDArray[Any], ...]:
        """Return the four of ``readout``; the kernels' maximum lags by one instant."""
        v, maximum, integral = x
        higher = v > maximum
        gaps = t - clocks
        each = gaps[:1] if (gaps == gaps[0]).all() else gaps  # most have one clock
        decays = np.array([base.decay(gap, self.tau_us, self.decays) for gap in each])
        areas = np.array([self.area(*pair) for pair in zip(each, decays, strict=True)])
        # Rounded to the dtype of the state before they are multiplied, as the fast path does.
        decay, area = decays.astype(v.dtype), areas.astype(v.dtype)
        return (
            v * decay,
            np.where(higher, v, maximum),
            np.where(higher, clocks, maximum_t),
            integral + v * area,
        )

    @cached_property
    def membrane(self) -> Membrane:
        """Return the closed form of the potential, which never fires."""
        return Membrane(self.tau_us)

    def in_whole_numbers(self, threshold: Any, fraction: int, tick_us: int) -> IntegerReadout:
        """Return the model in whole numbers."""
        return IntegerReadout(self.tau_us, fraction, tick_us)

    def table(self) -> NDArray[np.float64]:
        """[tau, decay table]."""
        return np.concatenate([np.array([self.tau_us]), self.decays])

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return _kernels(dtype)


# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU, _FINE = 2, 3


@inlined
def _block(
    table: Any, x: Any, times: Any, t: float, clock: int, at: tuple[int, int, int], weights: Any
) -> None:
    """Decay and add to the neighbours at[0] to at[1] - 1, whose weights start at[2] earlier."""
    n = int64(table[0])
    start, stop, shift = at
    real = x.dtype.type
    dt = t - times[clock]
    exact = decay_at(table, _FINE, _TAU, dt)
    decay = real(exact)
    area = real(dt if math.isinf(table[_TAU]) else table[_TAU] * (1.0 - exact))
    last = times[clock]
    for j in range(start, stop):
        v = x[j]
        # The last instant's sum is complete only now: the maximum lags by one instant.
        higher = (dt > 0.0) & (v > x[n + j])
        x[n + j] = v if higher else x[n + j]
        times[n + j] = last if higher else times[n + j]
        x[2 * n + j] += v * area
        x[j] = v * decay + weights[j + shift]


def _receive(
    table: Any, x: Any, times: Any, t: float, weights: Any, targets: Any, runs: Any, work: Any
) -> None:
    size = int64(table[1])
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        for k in range(0, length, size):
            start = first + k if first >= 0 else int64(targets[k0 + k])
            clock = start // size
            _block(table, x, times, t, clock, (start, start + size, k0 + k - start), weights)
            work[1] += int32(size if t != times[clock] else 0)
            times[clock] = t


@inlined
def _single(table: Any, x: Any, times: Any, t: float, target: int, weight: Any, work: Any) -> None:
    """Take one neuron, with a clock of its own, through a delivery; ``weight`` is an array."""
    j = int64(target)
    _block(table, x, times, t, j, (j, j + 1, -j), weight)
    work[1] += int32(t != times[j])
    times[j] = t


def _train(
    table: Any,
    x: Any,
    times: Any,
    at: Any,
    targets: Any,
    weights: Any,
    grouped: Any,
    span: Any,
    limit: float,
    work: Any,
) -> Any:
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
    return base.entry_points(_receive, _train, _settle, dtype)
