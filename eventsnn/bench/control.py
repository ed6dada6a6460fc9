"""The control: what this machine does at best with the bare loop ``v += W[row]``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.lanes import aligned
from eventsnn.events import EventBatch
from eventsnn.kernels.compile import threaded

HIDDEN = 800
"""Neurons of the control, and of the network it is compared with."""


class Control(NamedTuple):
    """The bare loop over some events: weights (n_units, HIDDEN) and potentials (HIDDEN,)."""

    unit: NDArray[np.int32]
    weights: NDArray[np.float32]
    v: NDArray[np.float32]

    @classmethod
    def over(cls, events: EventBatch) -> Control:
        """Prepare the loop; the arrays begin at cache lines, so that no luck is in it."""
        weights = aligned(events.n_units * HIDDEN, np.float32).reshape(-1, HIDDEN)
        weights[:] = np.random.default_rng(0).normal(0, 0.01, weights.shape)
        return cls(events.unit.astype(np.int32), weights, aligned(HIDDEN, np.float32))

    def run(self) -> None:
        """Add one row an event."""
        self.v[:] = 0
        _add_rows(self.unit, self.weights, self.v)


def at_once(events: EventBatch, threads: int) -> Callable[[], None]:
    """Return a call that runs as many controls at once, each on arrays of its own."""
    controls = [Control.over(events) for _ in range(threads)]

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(Control.run, controls))

    return run


class Case(NamedTuple):
    """Something to measure.

    Attributes
    ----------
    name : str
    run : callable
        Does the work once.
    units : float
        What one run is divided by: events, synaptic adds, updates or operations.
    against : callable
        What it is compared with, of as many units, run a moment before; None for the control.
    """

    name: str
    run: Callable[[], Any]
    units: float
    against: Callable[[], Any] | None = None


def seconds(run: Callable[[], Any]) -> float:
    """Return the seconds that one call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def measure(
    cases: list[Case], events: int, control: Control, rounds: int
) -> tuple[float, dict[str, float], dict[str, float]]:
    """Run the control and every case in turn, round after round.

    The first round compiles and is not counted. A machine's speed drifts; within a
    round it drifts least, so that each ratio is taken within its round. Both of a ratio run once
    more before they are timed: others that ran in between leave their memory to the system, and a
    virtual machine may take some ten microseconds to give a page of it back.

    Returns
    -------
    control_ns : float
        Median nanoseconds an event of the control.
    case_ns, case_controls : dict from case name to float
        Median nanoseconds a unit, and median multiple of those of the control, or of what
        the case is ``against``.
    """
    control_ns: list[float] = []
    case_ns: dict[str, list[float]] = {case.name: [] for case in cases}
    ratios: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(rounds + 1):
        for case in cases:
            for warm in (case.run, case.against or control.run) if number else ():
                warm()
            if case.against is None:
                one = seconds(control.run) / events * 1e9
            else:
                one = seconds(case.against) / case.units * 1e9
            ns = seconds(case.run) / case.units * 1e9
            if number > 0:
                if case.against is None:
                    control_ns.append(one)
                case_ns[case.name].append(ns)
                ratios[case.name].append(ns / one)
    return median(control_ns), _medians(case_ns), _medians(ratios)


def _medians(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: median(some) for name, some in values.items()}


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    import numba
    from llvmlite import binding  # type: ignore[import-untyped]

    return {
        "processor": binding.get_host_cpu_name(),
        "cores": os.cpu_count(),
        "numba": numba.__version__,
        "numpy": np.__version__,
    }


@threaded
def _add_rows(unit, weights, v):  # type: ignore[no-untyped-def]
    for e in range(len(unit)):
        row = weights[np.uint64(unit[e])]
        for k in range(len(v)):
            v[k] += row[k]
