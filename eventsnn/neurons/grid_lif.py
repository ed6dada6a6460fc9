"""Leaky integrate-and-fire on a grid of steps: u <- decay * u + x, once a step.

All that is delivered within an instant is summed first: x. Where steps have begun since, what the
potential was at the instant before is multiplied by ``decay``, once a step and not by a power, so
that a sweep over the steps gives the same bits; then x is added. The neuron fires if
u >= threshold, and keeps ``residue`` of u less ``taken``: 0 and 0 are a hard reset, 1 and
threshold / decay a soft one, after which decay * u - threshold is left at the next step. This is
the iterative LIF of Wu et al. (2018), equations (3)-(8): residue exp(-1 / decay), or 0 as in their
programs.

A neuron that keeps the threshold or more fires at its next delivery, and not before.
Deliveries are meant to fall on the grid, one instant a step. Several instants within a step add up
without a leak, and each is tested. The value recorded with a spike is u just before the reset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.kernels.compile import inlined
from eventsnn.neurons import neuron as base
from eventsnn.neurons.neuron import Cell, Kernels, Membrane, Neuron
from eventsnn.neurons.work_list import mark


@dataclass(frozen=True)
class GridLIF(Neuron):
    """Leaky integrate-and-fire on a grid of steps.

    Attributes
    ----------
    step_us : float
        Whole microseconds of a step, at least 1.
    decay : float
        What is left of the potential after a step, above 0, at most 1.
    threshold : float
        > 0, in the units of the weights.
    residue : float
        What a spike leaves of the potential, from 0 to below 1; to 1 where it takes something.
    taken : float
        What it takes away behind that, 0 or more.
    """

    kind: ClassVar[str] = "grid_lif"
    in_state: ClassVar[tuple[str, ...]] = ("threshold",)
    multiplications: ClassVar[int] = 1
    variables: ClassVar[tuple[str, ...]] = ("u", "x")
    times: ClassVar[tuple[str, ...]] = ("clock",)
    step_us: float
    decay: float = 0.2
    threshold: float = 0.5
    residue: float = 0.0
    taken: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "step_us", "decay", "threshold")
        residue, taken = (base.real_number(self, name) for name in ("residue", "taken"))
        wrong = {
            "step_us": (not self.step_us.is_integer(), "whole microseconds"),
            "decay": (self.decay > 1, "at most 1"),
            "residue": (not 0 <= residue < 1 and (residue != 1 or not taken), "0 or more, below 1"),
            "taken": (not 0 <= taken < math.inf, "0 or more, finite"),
        }
        for name, (bad, remedy) in wrong.items():
            if bad:
                value = getattr(self, name)
                raise UserError(f"neuron {self.kind}: {name} is {value}; give {remedy}")

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay, add, test; see the head of this file."""
        if t > cell.times[0]:
            cell.x[:], cell.times[0] = self.now(cell, t), t
        for weight in weights:
            cell.x[1] += weight
        u = cell.x[0] + cell.x[1]
        if u < self.threshold:
            return None
        cell.x[:] = u * self.residue - self.taken, 0.0
        return u

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return (u, x) at ``t``, x added to u."""
        u, steps = sum(cell.x), t // self.step_us - cell.times[0] // self.step_us
        while steps > 0 and u * self.decay != u:  # then no further step changes it
            u *= self.decay
            steps -= 1
        return [u, 0.0]

    @cached_property
    def membrane(self) -> Membrane:
        """Return the closed form between deliveries that lie on the grid."""
        tau = -self.step_us / math.log(self.decay) if self.decay < 1 else math.inf
        return Membrane(tau, self.threshold, "zero")

    def lowered(self, share: float) -> GridLIF:
        """Return the model with that share of its threshold."""
        return replace(self, threshold=share * self.threshold)

    def table(self) -> NDArray[np.float64]:
        """[step, decay, threshold, residue, taken]."""
        values = self.step_us, self.decay, self.threshold, self.residue, self.taken
        return np.array(values, np.float64)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return _kernels(dtype)


# Kernel tables start with the population's size and its clock size: parameters follow.
_STEP, _DECAY, _THRESHOLD, _RESIDUE, _TAKEN = 2, 3, 4, 5, 6


@inlined
def _one(table: Any, x: Any, times: Any, t: float, j: int, weight: Any, work: Any) -> None:
    """Bring neuron j up to now, add a weight, and mark it: a later one may take away again."""
    n, real = int64(table[0]), x.dtype.type
    clock = times[j]
    if t > clock:
        u, decay = x[j] + x[n + j], real(table[_DECAY])
        steps = math.floor(t / table[_STEP]) - math.floor(clock / table[_STEP])
        while steps > 0 and u * decay != u:
            u *= decay
            steps -= 1
        x[j], x[n + j] = u, real(0)
        times[j] = t
        work[1] += 1
    x[n + j] += weight
    mark(work, n, int64(j))


@inlined
def _receive(cells: Any, t: float, synapses: Any, runs: Any, work: Any) -> None:
    table, x, times = cells
    weights, targets = synapses
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0 = runs[r], runs[r + 1]
        for k in range(runs[r + 2]):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            _one(table, x, times, t, j, weights[k0 + k], work)


@inlined
def _train(cells: Any, at: Any, synapses: Any, grouped: Any, span: Any, work: Any) -> Any:
    table, x, times = cells
    weights, targets = synapses
    k, now = span[0], at[span[0]]
    while k < span[1] and at[k] == now:
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


def _settle(table: Any, x: Any, times: Any, t: float, work: Any, fired: Any, values: Any) -> Any:
    n, marked, n_fired, real = int64(table[0]), work[0], 0, x.dtype.type
    threshold, residue = real(table[_THRESHOLD]), real(table[_RESIDUE])
    taken = real(table[_TAKEN])
    work[0] = 0
    for i in range(2, 2 + marked):
        j = work[i]
        work[2 + n + j] = 0
        u = x[j] + x[n + j]
        if u >= threshold:
            fired[n_fired], values[n_fired] = j, u
            x[j], x[n + j] = u * residue - taken, real(0)
            n_fired += 1
    return n_fired


@cache
def _kernels(dtype: Any) -> Kernels:
    # Engines hand over single arrays (``signatures``); the kernels take them in groups.
    return base.entry_points(
        lambda table, x, times, t, weights, targets, runs, work: _receive(
            (table, x, times), t, (weights, targets), runs, work
        ),
        lambda table, x, times, at, targets, weights, grouped, span, limit, work: _train(
            (table, x, times), at, (weights, targets), grouped, span, work
        ),
        _settle,
        dtype,
    )
