"""The general LIF between events, in closed form: one function each, for all engines alike.

Without synaptic currents v relaxes to its target with the decay of ``neuron.decay``. With one
current all is that of ``cuba_lif_flow``. A second current adds its own response: the equation
is linear.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from eventsnn.kernels.compile import inlined, kernel, threaded
from eventsnn.kernels.decay import FINE
from eventsnn.neurons.cuba_lif_flow import crossing, flow

Currents = tuple[float, float, float]
"""(v, i, k): the potential, the first and the second synaptic current."""


class LIFConstants(NamedTuple):
    """What one neuron moves by.

    Attributes
    ----------
    tau_mem, tau_syn, tau_inhibitory : float
        Microseconds; those of currents that there are not are 1.
    target : float
        Where the potential goes if nothing arrives: rest + bias.
    threshold : float
    synapses : int
        Synaptic currents: 0, 1 or 2.
    holds_v, holds_current : bool
        What stands still in the refractory time.
    """

    tau_mem: float
    tau_syn: float
    tau_inhibitory: float
    target: float
    threshold: float
    synapses: int
    holds_v: bool
    holds_current: bool


@inlined
def relaxed(v, target, decay):  # type: ignore[no-untyped-def]
    """Return v on its way to the target, in the precision of v; the same bits if nothing decays."""
    return v if decay == 1.0 else target + (v - target) * decay


@threaded
def decay_of(dt: float, tau: float) -> float:
    """Return the decay of ``neuron.decay`` to the same bits, without its table."""
    if dt < FINE * FINE:
        steps = int(dt)
        if steps == dt:
            coarse = math.exp(-float(steps // FINE * FINE) / tau)
            return coarse * math.exp(-float(steps % FINE) / tau)
    return math.exp(-dt / tau)


@threaded
def moved(state: Currents, dt: float, c: LIFConstants) -> Currents:
    """Return (v, i, k) after ``dt`` microseconds without events, with currents."""
    v, i, k = state
    v, i = flow(v, i, dt, (c.tau_mem, c.tau_syn, c.target))
    if c.synapses == 2:
        more, k = flow(0.0, k, dt, (c.tau_mem, c.tau_inhibitory, 0.0))
        v += more
    return v, i, k


@threaded
def paused(state: Currents, dt: float, c: LIFConstants) -> Currents:
    """Return (v, i, k) after ``dt`` microseconds of the refractory time, with currents."""
    v, i, k = state
    if not (c.holds_v or c.holds_current):
        v, i, k = moved(state, dt, c)
        return v, i, k
    if not c.holds_v:
        v = relaxed(v, c.target + i + k, math.exp(-dt / c.tau_mem))
    if not c.holds_current:
        i *= math.exp(-dt / c.tau_syn)
        if c.synapses == 2:
            k *= math.exp(-dt / c.tau_inhibitory)
    return v, i, k


@threaded
def brought(state: Currents, times: tuple[float, float, float], c: LIFConstants) -> Currents:
    """Return (v, i, k) at t, with currents; ``times`` are (clock, ready, t)."""
    clock, ready, t = times
    if clock < ready and (c.holds_v or c.holds_current):
        pause = min(t, ready) - clock
        state = paused(state, pause, c)
        clock += pause
    return moved(state, t - clock, c) if t > clock else state


@threaded
def predicted(state: Currents, t: float, ready: float, fired: float, c: LIFConstants) -> float:
    """Return when the neuron fires if nothing arrives after t; inf: never.

    ``fired`` is t if it has just fired, else -inf: it fires once at an instant.
    """
    begin = max(t, ready)
    if begin > t and c.synapses > 0:
        state = paused(state, begin - t, c)
    elif begin > t and not c.holds_v:
        v, i, k = state
        state = relaxed(v, c.target, decay_of(begin - t, c.tau_mem)), i, k
    when = begin + rising(state, c)
    return math.nextafter(fired, math.inf) if when <= fired else when


@kernel
def rising(state: Currents, c: LIFConstants) -> Any:
    """Return the microseconds until v reaches the threshold; 0 if it has, inf if never."""
    v, i, k = state
    if c.synapses == 0:
        # What does not come to the threshold by itself waits for a delivery, above it, too.
        if not c.target > c.threshold:
            return math.inf
        gap = (c.threshold - v) / (c.target - c.threshold)
        return c.tau_mem * math.log1p(gap) if gap > 0.0 else 0.0
    if k == 0.0:
        return crossing(v, i, c.threshold, (c.tau_mem, c.tau_syn, c.target))
    if i == 0.0:
        return crossing(v, k, c.threshold, (c.tau_mem, c.tau_inhibitory, c.target))
    return crossing_of_two(state, c)


# Two currents. With r = tau_mem dv/dt = target - v + i + k, the product r exp(t/tau_mem) has the
# derivative -exp(t/tau_mem) (i/tau_syn + k/tau_inhibitory). That changes sign once at most, where
# the two terms cancel: at the bend. On either side of it r has one root at most, so v turns once.


@inlined
def _rise(state: Currents, c: LIFConstants) -> float:
    """Return tau_mem dv/dt."""
    v, i, k = state
    return c.target - v + i + k


@kernel
def crossing_of_two(state: Currents, c: LIFConstants) -> Any:
    """Return ``rising`` where two currents flow."""
    v, i, k = state
    if v >= c.threshold:
        return 0.0
    at, ratio = 0.0, -(k * c.tau_syn) / (i * c.tau_inhibitory)
    d = 1.0 / c.tau_inhibitory - 1.0 / c.tau_syn
    bend = math.log(ratio) / d if ratio > 0.0 and d != 0.0 else 0.0
    if 0.0 < bend < math.inf:
        there = moved(state, bend, c)
        if there[0] >= c.threshold:
            return _reached(state, 0.0, bend, c)
        # At the end of all exponentials it rises by exactly 0.
        if _rise(state, c) > 0.0 and not _rise(there, c) > 0.0:
            found = _below_top(state, bend, c)
            if found < math.inf:
                return found
        state, at = there, bend
    return at + _after_bend(state, c)


@kernel
def _after_bend(state: Currents, c: LIFConstants) -> Any:
    """Return when v, below the threshold, reaches it on the open stretch from here on."""
    low, high = 0.0, c.tau_mem + c.tau_syn + c.tau_inhibitory
    if c.target > c.threshold:
        while moved(state, high, c)[0] < c.threshold:
            low, high = high, 2.0 * high
        return _reached(state, low, high, c)
    if not _rise(state, c) > 0.0:
        return math.inf
    # The end is reached: once all exponentials are 0, v is the target and rises no more.
    while _rise(moved(state, high, c), c) > 0.0:
        high *= 2.0
    return _below_top(state, high, c)


@kernel
def _below_top(state: Currents, high: float, c: LIFConstants) -> Any:
    """Return when v reaches the threshold on its way to its top, which is before ``high``."""
    low, end, s = 0.0, high, 0.0
    for _ in range(200):
        v, i, k = moved(state, s, c)
        r = c.target - v + i + k
        if r > 0.0:
            low = s
        else:
            end = s
        fall = r / c.tau_mem + i / c.tau_syn + k / c.tau_inhibitory
        new = s + r / fall if fall > 0.0 else math.inf
        if not low < new < end:
            new = 0.5 * (low + end)
        done = abs(new - s) <= 1e-12 * new
        s = new
        if done:
            break
    return _reached(state, 0.0, s, c) if moved(state, s, c)[0] >= c.threshold else math.inf


@kernel
def _reached(state: Currents, low: float, high: float, c: LIFConstants) -> float:
    """Return when v reaches the threshold: below it at ``low``, not at ``high``, once between."""
    s = low
    for _ in range(200):
        v, i, k = moved(state, s, c)
        if v < c.threshold:
            low = s
        else:
            high = s
        slope = (c.target - v + i + k) / c.tau_mem
        new = s + (c.threshold - v) / slope if slope != 0.0 else math.inf
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - s) <= 1e-15 * new or not low < new < high:
            break
        s = new
    return s
