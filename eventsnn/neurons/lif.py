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
from numba import cfunc, float32, float64, int32, int64, njit, types, void
from numpy.typing import NDArray

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
    def kernels(cls, dtype: type[np.floating[Any]]) -> Kernels:
        """Return the compiled entry points."""
        return _kernels(dtype)


# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU, _THRESHOLD, _SUBTRACT, _REFRACTORY, _FINE = 2, 3, 4, 5, 6
_STEPS = base.FINE
_LIMIT = float(base.FINE * base.FINE)
_BLOCK = 64


@njit(cache=True, error_model="numpy")
def _decay(table: Any, dt: float) -> float:
    """The decay of ``neuron.decay``, bit for bit."""
    steps = int64(dt) if dt < _LIMIT else int64(-1)
    if steps == dt:
        # Unsigned, so that the two indexes need no test for a negative wrap.
        u = np.uint64(steps)
        fine = np.uint64(_FINE)
        return float(
            table[fine + np.uint64(_STEPS) + (u >> np.uint64(10))]
            * table[fine + (u & np.uint64(_STEPS - 1))]
        )
    return math.exp(-dt / table[_TAU])


@njit(cache=True, error_model="numpy")
def _mark(v: Any, first: int, stop: int, threshold: Any, work: Any, n: int, tally: Any) -> None:
    """Put neurons at or above threshold on the work list, each once."""
    for j in range(first, stop):
        if v[j] >= threshold and work[n + j] == 0:
            work[n + j] = 1
            work[tally[0]] = j
            tally[0] += 1


def _receive_run(
    table: Any,
    x: Any,
    times: Any,
    t: float,
    weights: Any,
    first: int,
    k0: int,
    length: int,
    work: Any,
    tally: Any,
) -> None:
    """Deliver to neighbours ``first`` to ``first + length - 1`` the weights from ``k0`` on."""
    n, size = int64(table[0]), int64(table[1])
    real = x.dtype.type
    threshold = real(table[_THRESHOLD])
    for clock in range(first // size, (first + length) // size):
        dt = t - times[clock]
        times[clock] = t
        tally[1] += size if dt != 0.0 else 0
        decay = real(_decay(table, dt))
        for start in range(clock * size, (clock + 1) * size, _BLOCK):
            stop = min(start + _BLOCK, (clock + 1) * size)
            shift = k0 - first
            flag = int32(0)
            if table[_REFRACTORY] == 0.0:
                for j in range(start, stop):
                    v = x[j] * decay + weights[j + shift]
                    x[j] = v
                    flag |= int32(v >= threshold)
            else:
                for j in range(start, stop):
                    awake = t >= times[n + j]
                    v = x[j] * decay
                    v = v + weights[j + shift] if awake else v
                    x[j] = v
                    flag |= int32(awake & (v >= threshold))
            if flag != 0:
                _mark(x, start, stop, threshold, work, n, tally)


def _receive_list(
    table: Any,
    x: Any,
    times: Any,
    t: float,
    weights: Any,
    targets: Any,
    k0: int,
    length: int,
    work: Any,
    tally: Any,
) -> None:
    """Deliver to ``targets[k]`` the weight k, for ``length`` synapses from ``k0`` on."""
    n = int64(table[0])
    real = x.dtype.type
    threshold = real(table[_THRESHOLD])
    updates = 0
    for k in range(k0, k0 + length):
        j = targets[k]
        dt = t - times[j]
        times[j] = t
        updates += int64(dt != 0.0)
        v = x[j] * real(_decay(table, dt))
        if table[_REFRACTORY] == 0.0 or t >= times[n + j]:
            v += weights[k]
            if v >= threshold and work[n + j] == 0:
                work[n + j] = 1
                work[tally[0]] = j
                tally[0] += 1
        x[j] = v
    tally[1] += updates


def _settle(
    table: Any, x: Any, times: Any, t: float, work: Any, tally: Any, fired: Any, values: Any
) -> int:
    """Test the marked neurons once, in order of unit; reset those that fire."""
    n, marked = int64(table[0]), tally[0]
    tally[0] = 0
    if marked > 1:
        work[:marked].sort()
    real = x.dtype.type
    threshold = real(table[_THRESHOLD])
    n_fired = 0
    for i in range(marked):
        j = work[i]
        work[n + j] = 0
        v = x[j]
        if v >= threshold:
            fired[n_fired] = j
            values[n_fired] = v
            n_fired += 1
            x[j] = v - threshold if table[_SUBTRACT] != 0.0 else real(0.0)
            times[n + j] = t + table[_REFRACTORY]
    return n_fired


@cache
def _kernels(dtype: type[np.floating[Any]]) -> Kernels:
    real = types.Array(float32 if dtype == np.float32 else float64, 1, "C")
    f8, i4, i8 = (types.Array(kind, 1, "C") for kind in (float64, int32, int64))
    run = void(f8, real, f8, float64, real, int64, int64, int64, i4, i8)
    listed = void(f8, real, f8, float64, real, i4, int64, int64, i4, i8)
    settle = int64(f8, real, f8, float64, i4, i8, i4, real)
    return Kernels(
        cfunc(run, cache=True, error_model="numpy")(_receive_run),
        cfunc(listed, cache=True, error_model="numpy")(_receive_list),
        cfunc(settle, cache=True, error_model="numpy")(_settle),
    )
