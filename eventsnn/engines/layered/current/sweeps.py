"""Loops over all neurons of a population, which share a clock; the compiler makes vectors of them.

What they compute is what ``neurons/cuba_lif_kernels.py`` does neuron by neuron, in the same order:
the same bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from eventsnn.kernels.compile import inlined, kernel
from eventsnn.neurons.cuba_lif_flow import MARGIN, Taus, taus_of

_BLOCK = 64
"""Neurons that are looked at one by one where one of them may fire."""


class Fixed(NamedTuple):
    """What stays the same: the parameters of the neurons, and the most v gets of a current of 1."""

    taus: Taus
    bias: float
    threshold: float
    refractory: float
    most: float


@inlined
def fixed_of(table: Any) -> Any:
    """Return ``Fixed`` of ``CubaLIF.table``."""
    return Fixed(taus_of(table[0], table[1]), table[2], table[3], table[4], table[5])


@kernel
def advance_all(old: Any, new: Any, given: Any, moved: Any, bias: float) -> None:
    """Bring all neurons from their common clock up to a delivery, and add its weights.

    ``old`` and ``new`` are (v, i) before and after, ``given`` its weights and for how many it
    stands, ``moved`` the factors of ``flow``.
    """
    (v, current), (new_v, new_current), (a, b, response) = old, new, moved
    (weights, count), real = given, v.dtype.type
    for k in range(len(v)):
        i = float(current[k])
        new_v[k] = real(bias + (float(v[k]) - bias) * a + i * response)
        new_current[k] = real(i * b) + weights[k] * count


@kernel
def add_all(current: Any, weights: Any, count: Any) -> None:
    """Add the weights of one more delivery of an instant, which stands for ``count``."""
    for k in range(len(current)):
        current[k] += weights[k] * count


@inlined
def copy(source: Any, to: Any) -> None:
    """Copy an array onto another."""
    for k in range(len(to)):
        to[k] = source[k]


class Bound(NamedTuple):
    """What v is compared by, in the type of the state; see ``bound_of``."""

    share: Any
    bias: Any
    below: Any
    least: Any
    zero: Any


@inlined
def bound_of(v: Any, dt: float, fixed: Any) -> Any:
    """Return what tells who surely stays below the threshold for ``dt`` without deliveries.

    Between deliveries tau_mem dv/dt = bias - v + i. Where that is above 0 it falls at least as
    exp(-t / tau_mem) (``longest_rise``), so that v gets no more of it than 1 - exp(-dt / tau_mem),
    at most the share min(dt / tau_mem, 1). With i below 0 v stays below v or the bias.
    A higher v comes to the threshold no later: one far below 0 is taken for ``least``.

    The sum is of the state's own type, of numbers of which each is at most |least|, |bias| or the
    sum itself. A margin of 16 last bits of these is more than its roundings; it is no less than
    that of ``stays_below``, which is for those of ``flow``. With a bias so near to the threshold
    nobody is sure.
    """
    real = v.dtype.type
    share = real(min(max(dt * fixed.taus.rate_mem, 0.0), 1.0))
    margin = max(MARGIN, 16.0 * np.finfo(v.dtype).eps)
    least = 8.0 * (fixed.threshold + abs(fixed.bias))
    below = (fixed.threshold - 2.0 * margin * least) / (1.0 + margin)
    below = below if fixed.bias < below else -math.inf
    return Bound(share, real(fixed.bias), real(below), real(-least), real(0))


@inlined
def rests(v: Any, current: Any, bound: Any) -> Any:
    """Return whether a neuron surely stays below the threshold; without a branch."""
    v = above(v, bound.least)
    rise = above(current + bound.bias - v, bound.zero)
    return v + rise * bound.share < bound.below


@inlined
def above(one: Any, other: Any) -> Any:
    """Return the greater of two."""
    return one if one > other else other


@kernel
def may_fire(v: Any, current: Any, bound: Any, near: Any) -> int:
    """List in ``near`` who does not surely rest; return how many these are."""
    n = 0
    for first in range(0, len(v), _BLOCK):
        last = min(first + _BLOCK, len(v))
        if _all_rest(v[first:last], current[first:last], bound):
            continue
        for j in range(first, last):
            if not rests(v[j], current[j], bound):
                near[n] = j
                n += 1
    return n


@inlined
def _all_rest(v: Any, current: Any, bound: Any) -> Any:
    some = np.int32(0)
    for k in range(len(v)):
        some |= np.int32(not rests(v[k], current[k], bound))
    return some == 0
