"""Current-based LIF between events: the closed form, the search for a crossing, and its bound."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from eventsnn.kernels.compile import inlined, kernel, likely, threaded
from eventsnn.kernels.exponential import decayed

# The closed form, for all engines: one function each, so that spike times agree bit for bit.


class Taus(NamedTuple):
    """Time constants, their rates, the difference d of these, and tau_mem d."""

    mem: float
    syn: float
    rate_mem: float
    rate_syn: float
    d: float
    gain: float


@inlined
def taus_of(tau_mem: float, tau_syn: float) -> Any:
    """Return ``Taus``, found once for many intervals."""
    rate_mem, rate_syn = 1.0 / tau_mem, 1.0 / tau_syn
    d = rate_mem - rate_syn
    return Taus(tau_mem, tau_syn, rate_mem, rate_syn, d, tau_mem * d)


NEARLY_EQUAL = 0.25
"""``Taus.gain`` up to which the response would lose bits as a difference of two decays."""


@inlined
def factors(dt: float, taus: Taus) -> tuple[float, float, float]:
    """Return what v keeps, what i keeps, and the response of v to i, over ``dt`` microseconds.

    With d = 1/tau_mem - 1/tau_syn the response is (b - a) / (d tau_mem): two exponentials in all.
    An error of 2**-53 in a or b is at most four times as much in the response. For time constants
    that nearly agree it is a expm1(d dt) / (d tau_mem), written with the slower exponential in
    front so that it neither overflows nor cancels.
    """
    a, b = decayed(-dt * taus.rate_mem), decayed(-dt * taus.rate_syn)
    if abs(taus.gain) >= NEARLY_EQUAL:
        response = (b - a) * (1.0 / taus.gain)
    elif taus.d > 0.0:
        response = -b * math.expm1(-dt * taus.d) / taus.gain
    elif taus.d < 0.0:
        response = a * math.expm1(dt * taus.d) / taus.gain
    else:
        response = a * dt / taus.mem
    return a, b, response


@threaded
def flow(
    v: float, current: float, dt: float, constants: tuple[float, float, float]
) -> tuple[float, float]:
    """Return (v, i) after ``dt`` microseconds without events, from the closed form."""
    tau_mem, tau_syn, bias = constants
    return _flowed(v, current, dt, taus_of(tau_mem, tau_syn), bias)  # type: ignore[no-any-return]


@inlined
def _flowed(v: float, current: float, dt: float, taus: Taus, bias: float) -> Any:
    """Do so with time constants that were taken apart once for many intervals."""
    a, b, response = factors(dt, taus)
    return bias + (v - bias) * a + current * response, current * b


@inlined
def advanced(
    state: tuple[float, float], times: tuple[float, float, float], taus: Taus, bias: float
) -> tuple[float, float]:
    """Return (v, i) at ``t``, as ``CubaLIF._advanced``; ``times`` are its clock, ready, and t."""
    v, current = state
    clock, ready, t = times
    if not likely(clock >= ready):
        pause = min(t, ready) - clock
        current *= math.exp(-pause / taus.syn)
        clock += pause
    if t > clock:
        a, b, response = factors(t - clock, taus)
        v = bias + (v - bias) * a + current * response
        current *= b
    return v, current


MARGIN = 1e-12
"""Of what a bound adds up: more than the rounding of the closed form, a few dozen 2**-53."""


def largest_response(tau_mem: float, tau_syn: float) -> float:
    """Return the most that v ever gets of a current of 1: r^(-r/(r - 1)), r = tau_mem / tau_syn."""
    ratio = tau_mem / tau_syn
    if not 1e-9 < ratio < 1e9:
        return 1.0  # the most of all
    slope = math.log1p(ratio - 1.0) / (ratio - 1.0) if ratio != 1.0 else 1.0
    return math.exp(-ratio * slope)


@inlined
def stays_below(v: float, current: float, threshold: float, target: float, most: float) -> bool:
    """Return whether v surely stays below the threshold without events: ``crossing`` is inf.

    Between events v is target + u a + i r with u = v - target, 0 <= a <= 1 and 0 <= r <= most.
    If u is below 0, it takes away: v is at most target + i r. If u is i or more, v falls. Between,
    the most of u a + i r over time is convex in u, as of all that is linear in it; it is i most at
    u = 0, and i at u = i, where v begins to fall; so it is at most u + (i - u) most. While a
    refractory time holds v, the current only comes nearer to 0. The exponentials of ``flow`` are
    off by an ulp, and by that of their argument; where i is below 0 its term is rounded to 0 or
    below. So what ``flow`` returns is above the bound by less than the margin, and ``crossing``
    finds no time at which it is at the threshold. NaN and infinity are left to ``crossing``.
    """
    top = max(v, target)
    lift = max(current - (top - target), 0.0) * most
    return top + lift + MARGIN * (abs(v) + abs(target) + lift) < threshold


@inlined
def longest_rise(v: float, current: float, target: float, rate: float) -> float:
    """Return what v gains a microsecond, at most, until the next event: 0 if it only falls.

    ``rate`` is 1 / tau_mem.
    tau_mem dv/dt = target - v + i is at most its value now, with i = 0 where i is below: for
    i >= 0 its product with exp(t / tau_mem) falls, and without i so it does. While a refractory
    time holds v, i only comes nearer to 0, and v begins to rise later.
    """
    return max(max(current, 0.0) + target - v, 0.0) * rate


@inlined
def below_until(v: float, rise: float, dt: float, threshold: float, target: float) -> bool:
    """Return whether v surely is below its threshold for ``dt`` microseconds without events.

    ``rise`` is its ``longest_rise``. False for an infinite time, and for NaN. The margin is that
    of ``stays_below``; beyond tau_mem, where rounding of the rise counts more often, v gets no
    more than the rise of one tau_mem.
    """
    lift = rise * dt
    return v + lift + MARGIN * (abs(v) + abs(target) + lift) < threshold


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


@threaded
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
    taus: Any = taus_of(tau_mem, tau_syn)
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
        while _flowed(v, current, high, taus, bias)[0] < threshold:
            low, high = high, high + 2.0 * (high - low)
    elif _flowed(v, current, high, taus, bias)[0] < threshold:
        return math.inf
    s = low
    for _ in range(200):
        at, i = _flowed(v, current, s, taus, bias)
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


@kernel
def predicted(
    state: tuple[float, float], times: tuple[float, float, float], firing: tuple[float, Taus, float]
) -> float:
    """Return when a neuron fires if nothing arrives after its clock, as ``CubaLIF._predicted``.

    ``times`` are its clock, when it is ready, and when it would be after a spike now; ``firing``
    is (threshold, time constants, bias).
    """
    (v, current), (clock, ready, pause_ends), (threshold, taus, bias) = state, times, firing
    begin = max(clock, ready)
    if begin > clock:
        current *= math.exp(-(begin - clock) / taus.syn)
    when = begin + crossing(v, current, threshold, (taus.mem, taus.syn, bias))
    if when <= clock and ready == pause_ends:
        return float(np.nextafter(clock, math.inf))  # it fired just then: once at an instant
    return float(when)
