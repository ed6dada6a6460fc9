"""Current-based LIF: a delivery adds its weight to a synaptic current that decays.

tau_mem dv/dt = -v + i + bias,    tau_syn di/dt = -i,    i += weight at a delivery.

The potential is continuous, so a neuron fires *between* events: the crossing of the
threshold is found from the closed form when the neuron is touched, and cancelled by
the next touch before it. A spike sets v to 0 and holds it there for the refractory
time, while the current goes on. A predicted spike that falls on the instant of a
delivery fires at that instant (v is continuous). The value recorded with a spike is
dv/dt just before it, per microsecond, which EventProp needs (Wunderlich & Pehle 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.kernel import inlined, kernel
from eventsnn.neurons import neuron as base
from eventsnn.neurons.neuron import Cell, Kernels, Neuron


@dataclass(frozen=True)
class CubaLIF(Neuron):
    """Current-based leaky integrate-and-fire, exponential current.

    Attributes
    ----------
    tau_mem_us, tau_syn_us : float
        Time constants in microseconds, > 0, equal or not.
    threshold : float
        > 0.
    refractory_us : float
        Absolute refractory time, whole microseconds.
    bias : float
        Constant current; one above the threshold makes the neuron fire by itself.
    """

    kind: ClassVar[str] = "cuba_lif"
    predicts: ClassVar[bool] = True
    multiplications: ClassVar[int] = 3
    variables: ClassVar[tuple[str, ...]] = ("v", "current", "slope")
    times: ClassVar[tuple[str, ...]] = ("clock", "ready", "next")
    tau_mem_us: float
    tau_syn_us: float
    threshold: float = 1.0
    refractory_us: float = 0.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "tau_mem_us", "tau_syn_us", "threshold")
        base.check_refractory(self.refractory_us, self.kind)
        if not math.isfinite(self.bias):
            raise UserError(f"neuron cuba_lif: bias is {self.bias}; give a finite number")

    def start(self) -> Cell:
        """Return a neuron at v = 0, i = 0 at time 0; a bias may already lead it to a spike."""
        cell = Cell([0.0, 0.0, 0.0], [0.0, -math.inf, math.inf])
        cell.times[2] = self._predicted(cell, 0.0, -math.inf)
        return cell

    def next_spike(self, cell: Cell) -> float:
        """Return the predicted crossing."""
        return cell.times[2]

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Bring v and i up to t, add to i, fire if due or at threshold, predict again."""
        v, current = self._advanced(cell, t)
        slope = (current + self.bias - v) / self.tau_mem_us
        for weight in weights:
            current += weight
        fires = due or (t >= cell.times[1] and v >= self.threshold)
        if fires:
            v = 0.0
            cell.times[1] = t + self.refractory_us
        cell.x[:] = v, current, slope
        cell.times[0] = t
        cell.times[2] = self._predicted(cell, t, t if fires else -math.inf)
        return slope if fires else None

    def _advanced(self, cell: Cell, t: float) -> tuple[float, float]:
        """Return (v, i) at ``t``: v is held at 0 until the neuron is ready."""
        v, current, _ = cell.x
        clock, ready, _ = cell.times
        if clock < ready:
            pause = min(t, ready) - clock
            current *= math.exp(-pause / self.tau_syn_us)
            clock += pause
        if t > clock:
            constants = (self.tau_mem_us, self.tau_syn_us, self.bias)
            v, current = flow(v, current, t - clock, constants)
        return v, current

    def _predicted(self, cell: Cell, t: float, fired: float) -> float:
        """Return when the neuron fires if nothing arrives; after a spike at ``fired``."""
        v, current, _ = cell.x
        begin = max(t, cell.times[1])
        if begin > t:
            current *= math.exp(-(begin - t) / self.tau_syn_us)
        constants = (self.tau_mem_us, self.tau_syn_us, self.bias)
        when = begin + crossing(v, current, self.threshold, constants)
        return float(np.nextafter(fired, math.inf)) if when <= fired else when

    def table(self) -> NDArray[np.float64]:
        """[tau_mem, tau_syn, bias, threshold, refractory]."""
        values = [self.tau_mem_us, self.tau_syn_us, self.bias, self.threshold, self.refractory_us]
        return np.array(values, np.float64)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return _kernels(dtype)


# The closed form, for all engines: one function each, so that spike times agree bit for bit.


@kernel
def flow(
    v: float, current: float, dt: float, constants: tuple[float, float, float]
) -> tuple[float, float]:
    """Return (v, i) after ``dt`` microseconds without events, from the closed form.

    With d = 1/tau_mem - 1/tau_syn the response to the current is
    exp(-dt/tau_mem) * expm1(d dt) / (d tau_mem); written with the slower exponential in
    front it neither overflows nor cancels, also for time constants that nearly agree.
    """
    tau_mem, tau_syn, bias = constants
    a, b = math.exp(-dt / tau_mem), math.exp(-dt / tau_syn)
    d = 1.0 / tau_mem - 1.0 / tau_syn
    if d > 0.0:
        response = -b * math.expm1(-dt * d) / (tau_mem * d)
    elif d < 0.0:
        response = a * math.expm1(dt * d) / (tau_mem * d)
    else:
        response = a * dt / tau_mem
    return bias + (v - bias) * a + current * response, current * b


@kernel
def turning(v: float, current: float, constants: tuple[float, float, float]) -> float:
    """Return when dv/dt changes sign (it does so at most once), inf if never, in microseconds.

    tau_mem dv/dt = bias - v + i. Divided by its own decay it is a straight line in
    s = expm1(d t) / d (in t itself for equal time constants), which gives the root.
    """
    tau_mem, tau_syn, bias = constants
    d = 1.0 / tau_mem - 1.0 / tau_syn
    rise = current + bias - v
    # The line: rise - (current / tau_syn) * s; s grows from 0.
    if current == 0.0 or rise / current <= 0.0:
        return math.inf
    s = rise * tau_syn / current
    if d == 0.0:
        return s
    return math.log1p(d * s) / d if d * s > -1.0 else math.inf


@kernel
def crossing(
    v: float, current: float, threshold: float, constants: tuple[float, float, float]
) -> float:
    """Return the microseconds until v first reaches the threshold; 0 if it has, inf if never.

    Between events v turns at most once, so there is one stretch on which it rises: that
    brackets the crossing, and Newton steps that leave the bracket become bisections.
    """
    if v >= threshold:
        return 0.0
    tau_mem, tau_syn, bias = constants
    turn = turning(v, current, constants)
    rising = current + bias - v > 0.0 or (current + bias == v and current < 0.0)
    low, high = 0.0, turn
    if not rising:
        low, high = turn, math.inf
    if low == math.inf:
        return math.inf
    if high == math.inf:
        if bias <= threshold:
            return math.inf
        high = low + tau_mem + tau_syn
        while flow(v, current, high, constants)[0] < threshold:
            low, high = high, high + 2.0 * (high - low)
    elif flow(v, current, high, constants)[0] < threshold:
        return math.inf
    s = low
    for _ in range(200):
        at, i = flow(v, current, s, constants)
        if at < threshold:
            low = s
        else:
            high = s
        slope = (bias - at + i) / tau_mem
        step = (threshold - at) / slope if slope != 0.0 else math.inf
        new = s + step
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - s) <= 1e-15 * new or not low < new < high:
            break
        s = new
    return s


# Kernel tables start with the population's size and its clock size: parameters follow.
_TAU_MEM, _TAU_SYN, _BIAS, _THRESHOLD, _REFRACTORY = 2, 3, 4, 5, 6
_TOUCHED, _DUE = 1, 2


@inlined
def _constants(table: Any) -> tuple[float, float, float]:
    return table[_TAU_MEM], table[_TAU_SYN], table[_BIAS]


@inlined
def _advance(table: Any, x: Any, times: Any, t: float, j: int) -> None:
    """Bring neuron j up to t and note its slope, as ``CubaLIF._advanced``."""
    n = int64(table[0])
    v, current = float(x[j]), float(x[n + j])
    clock, ready = times[j], times[n + j]
    if clock < ready:
        pause = min(t, ready) - clock
        current *= math.exp(-pause / table[_TAU_SYN])
        clock += pause
    if t > clock:
        v, current = flow(v, current, t - clock, _constants(table))
    x[j], x[n + j] = v, current
    x[2 * n + j] = (current + table[_BIAS] - v) / table[_TAU_MEM]
    times[j] = t


@inlined
def _one(table: Any, x: Any, times: Any, t: float, j: int, weight: Any, work: Any) -> None:
    """Add to the current of one neuron, which the first delivery of an instant brings to now."""
    n = int64(table[0])
    mark = work[2 + n + j]
    if mark != _TOUCHED:
        _advance(table, x, times, t, j)
        work[1] += 1
        if mark == 0:
            work[2 + work[0]] = j
            work[0] += 1
        work[2 + n + j] = _TOUCHED
    x[n + j] += weight


def _receive(
    table: Any, x: Any, times: Any, t: float, weights: Any, targets: Any, runs: Any, work: Any
) -> None:
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0, length = runs[r], runs[r + 1], runs[r + 2]
        for k in range(length):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            _one(table, x, times, t, j, weights[k0 + k], work)


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
    now = at[k]
    while k < tail and at[k] == now:
        if targets[k] >= 0:
            _one(table, x, times, now, targets[k], weights[k], work)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                _one(table, x, times, now, grouped[s].target, grouped[s].weight, work)
            span[2] += n
        k += 1
    return int64(k)


@inlined
def _predict(table: Any, x: Any, times: Any, t: float, j: int, fired: float) -> None:
    """Predict the next spike of neuron j, as ``CubaLIF._predicted``."""
    n = int64(table[0])
    v, current = float(x[j]), float(x[n + j])
    begin = max(t, times[n + j])
    if begin > t:
        current *= math.exp(-(begin - t) / table[_TAU_SYN])
    when = begin + crossing(v, current, table[_THRESHOLD], _constants(table))
    times[2 * n + j] = np.nextafter(fired, math.inf) if when <= fired else when


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    n, marked = int64(table[0]), work[0]
    work[0] = 0
    n_fired = 0
    for i in range(2, 2 + marked):
        j = work[i]
        if work[2 + n + j] == _DUE:
            _advance(table, x, times, t, j)
            work[1] += 1
        work[2 + n + j] = 0
        last = -math.inf
        if times[2 * n + j] == t or (t >= times[n + j] and float(x[j]) >= table[_THRESHOLD]):
            last = t
            fired[n_fired] = j
            values[n_fired] = x[2 * n + j]
            n_fired += 1
            x[j] = 0.0
            times[n + j] = t + table[_REFRACTORY]
        _predict(table, x, times, t, j, last)
    return n_fired


@cache
def _kernels(dtype: Any) -> Kernels:
    return base.entry_points(_receive, _train, _settle, dtype)
