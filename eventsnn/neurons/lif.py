"""Leaky integrate-and-fire with delta synapses: tau dv/dt = -v, and a delivery adds its weight.

At an instant with deliveries the neuron decays once by exp(-dt / tau), adds them in
their order, and fires if v >= threshold: v loses ``threshold`` ("subtract") or becomes
0 ("zero"). During the refractory time v only decays: deliveries are lost and nothing
is tested. What a subtractive reset leaves above the threshold fires at the next
delivery. The value recorded with a spike is v just before the reset.
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

from eventsnn.kernel import inlined
from eventsnn.neurons import neuron as base
from eventsnn.neurons.neuron import Cell, Kernels, Neuron, Reset


@dataclass(frozen=True)
class LIF(Neuron):
    """Leaky integrate-and-fire, delta synapses.

    Attributes
    ----------
    tau_us : float
        Time constant in microseconds, > 0.
    threshold : float
        > 0, in the units of the weights.
    reset : "subtract" or "zero"
        What a spike does to the potential.
    refractory_us : float
        Absolute refractory time, whole microseconds.
    """

    kind: ClassVar[str] = "lif"
    tau_us: float
    threshold: float = 1.0
    reset: Reset = "subtract"
    refractory_us: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "tau_us", "threshold")
        base.check_reset(self.reset, self.kind)
        base.check_refractory(self.refractory_us, self.kind)

    @cached_property
    def decays(self) -> NDArray[np.float64]:
        """The decay table of ``tau_us``."""
        return base.decay_table(self.tau_us)

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay, add, test; see the head of this file."""
        clock, ready = cell.times
        v = cell.x[0] * base.decay(t - clock, self.tau_us, self.decays)
        for weight in weights if t >= ready else ():
            v += weight
        cell.x[0], cell.times[0] = v, t
        if t < ready or v < self.threshold:
            return None
        cell.x[0] = v - self.threshold if self.reset == "subtract" else 0.0
        cell.times[1] = t + self.refractory_us
        return v

    def table(self) -> NDArray[np.float64]:
        """[tau, threshold, subtract?, refractory, decay table]."""
        head = [self.tau_us, self.threshold, self.reset == "subtract", self.refractory_us]
        return np.concatenate([np.array(head, np.float64), self.decays])

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return _kernels(dtype)


# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU, _THRESHOLD, _SUBTRACT, _REFRACTORY, _FINE = 2, 3, 4, 5, 6
_STEPS = base.FINE
_LIMIT = float(base.FINE * base.FINE)
_BLOCK = 256


@inlined
def _decay(table: Any, dt: float) -> Any:
    """The decay of ``neuron.decay``, bit for bit."""
    steps = int(dt) if dt < _LIMIT else -1
    if steps == dt:
        # Unsigned, so that the two indexes need no test for a negative wrap.
        u = np.uint64(steps)
        return float(
            table[np.uint64(_FINE + _STEPS) + (u >> np.uint64(10))]
            * table[np.uint64(_FINE) + (u & np.uint64(_STEPS - 1))]
        )
    return math.exp(-dt / table[_TAU])


@inlined
def _mark(work: Any, n: int, j: int) -> None:
    """Put a neuron on the work list, once."""
    if work[2 + n + j] == 0:
        work[2 + n + j] = 1
        work[2 + work[0]] = j
        work[0] += 1


@inlined
def _block(
    cells: Any, t: float, decay: Any, weights: Any, work: Any, at: tuple[int, int, int]
) -> None:
    """Decay, add and flag the neighbours at[0] to at[1] - 1, whose weights start at[2] earlier."""
    _, x, times, n, threshold, refractory = cells
    start, stop = at[0], at[1]
    flag = int32(0)
    # Unsigned indexes need no test for a negative wrap, which would keep the loops from
    # being vectorized.
    shift = np.uint64(at[2])
    if not refractory:
        for i in range(np.uint64(start), np.uint64(stop)):
            v = x[i] * decay + weights[i + shift]
            x[i] = v
            flag |= int32(v >= threshold)
    else:
        for i in range(np.uint64(start), np.uint64(stop)):
            awake = t >= times[i + n]
            v = x[i] * decay
            v = v + weights[i + shift] if awake else v
            x[i] = v
            flag |= int32(awake & (v >= threshold))
    if flag != 0:
        for i in range(np.uint64(start), np.uint64(stop)):
            if x[i] >= threshold and t >= times[i + n]:
                _mark(work, int(n), int(i))


@inlined
def _cells(table: Any, x: Any, times: Any) -> Any:
    """What stays the same from synapse to synapse. Unsigned indexes need no wrap test."""
    threshold = x.dtype.type(table[_THRESHOLD])
    return table, x, times, np.uint64(table[0]), threshold, table[_REFRACTORY] != 0.0


@inlined
def _one(cells: Any, t: float, j: Any, weight: Any, work: Any) -> Any:
    """Decay, add to and mark one neuron that has a clock of its own; say if it was untouched."""
    table, x, times, n, threshold, refractory = cells
    dt = t - times[j]
    untouched = int32(dt != 0.0)
    times[j] = t
    v = x[j] * x.dtype.type(_decay(table, dt))
    if not refractory or t >= times[n + j]:
        v += weight
        if v >= threshold:
            _mark(work, int(n), int(j))
    x[j] = v
    return untouched


def _receive(
    table: Any, x: Any, times: Any, t: float, weights: Any, targets: Any, runs: Any, work: Any
) -> None:
    size = int64(table[1])
    cells = _cells(table, x, times)
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        if first < 0:
            updates = int32(0)
            for k in range(np.uint64(k0), np.uint64(k0 + length)):
                updates += _one(cells, t, np.uint64(targets[k]), weights[k], work)
            work[1] += updates
        elif size == 1:
            for k in range(length):
                work[1] += _one(cells, t, np.uint64(first + k), weights[k0 + k], work)
        else:
            for clock in range(first // size, (first + length) // size):
                end = (clock + 1) * size
                decay = x.dtype.type(_decay(table, t - times[clock]))
                for start in range(clock * size, end, _BLOCK):
                    at = (start, min(start + _BLOCK, end), k0 - first)
                    _block(cells, t, decay, weights, work, at)
                work[1] += size if t != times[clock] else 0
                times[clock] = t


def _train(
    table: Any,
    x: Any,
    times: Any,
    at: Any,
    targets: Any,
    weights: Any,
    span: Any,
    limit: float,
    work: Any,
) -> Any:
    cells = _cells(table, x, times)
    now, updates = at[span[0]], int32(0)
    k, tail = np.uint64(span[0]), np.uint64(span[1])
    while k < tail:
        t = at[k]
        if t != now:
            if t >= limit or work[0] > 0:
                break
            now = t
        updates += _one(cells, t, np.uint64(targets[k]), weights[k], work)
        k += np.uint64(1)
    work[1] += updates
    return int64(k)


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    n, marked = int64(table[0]), work[0]
    work[0] = 0
    real = x.dtype.type
    threshold = real(table[_THRESHOLD])
    n_fired = 0
    for i in range(2, 2 + marked):
        j = work[i]
        work[2 + n + j] = 0
        v = x[j]
        if v >= threshold:
            fired[n_fired] = j
            values[n_fired] = v
            n_fired += 1
            x[j] = v - threshold if table[_SUBTRACT] != 0.0 else real(0.0)
            times[n + j] = t + table[_REFRACTORY]
    return n_fired


@cache
def _kernels(dtype: Any) -> Kernels:
    return base.entry_points(_receive, _train, _settle, dtype)
