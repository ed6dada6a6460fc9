"""From counts of each recording to means that people and scripts read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.events import EventBatch
from eventsnn.measure.anytime import Streamed
from eventsnn.measure.backward import Backward
from eventsnn.measure.clock import ClockCosts, ReluCosts
from eventsnn.measure.energy import EnergyModel, Work, estimate
from eventsnn.measure.estimated import mean_work
from eventsnn.measure.operations import Operations
from eventsnn.measure.policies import POLICIES, Point, Policy, at_end, choose, given, spent
from eventsnn.network import Network

LEVELS = 40
"""Points of an operating curve."""

Levels = Mapping[str, float | None] | None
"""Levels of policies by name, the one that is to be told first; None: to be chosen."""


def clock_json(
    network: Network, pieces: list[tuple[ClockCosts, int]], bin_us: int
) -> dict[str, Any]:
    """Return the means a recording of a clock-driven twin, and its accuracy."""
    names = ("steps", "dense", "accumulates", "multiply_accumulates", "neuron_updates", "spikes")
    out: dict[str, Any] = {"bin_us": bin_us}
    for name in names:
        out[name] = _mean(np.concatenate([getattr(costs, name) for costs, _ in pieces]))
    sizes = {p.name: p.size for p in network.populations if p.neuron is not None}
    models = [p.neuron for p in network.populations if p.neuron is not None]
    pairs = list(zip(models, sizes.values(), strict=True))
    out["multiplications"] = out["steps"] * sum(m.multiplications * n for m, n in pairs)
    out["threshold_tests"] = out["steps"] * sum(n for m, n in pairs if m.spiking)
    recordings = sum(len(costs.steps) for costs, _ in pieces)
    out["accuracy"] = sum(right for _, right in pieces) / recordings
    activity = sum(int(costs.spikes.sum()) for costs, _ in pieces)
    room = sum(int(costs.spiking_updates.sum()) for costs, _ in pieces)
    out["activation_sparsity"] = 1 - activity / room if room else None
    return out


def relu_json(pieces: list[ReluCosts]) -> dict[str, Any]:
    """Return the multiply-accumulates a recording of a ReLU network of equal size."""
    dense, effective = (
        _mean(np.concatenate([getattr(costs, name) for costs in pieces]))
        for name in ("dense", "effective")
    )
    return {
        "multiply_accumulates": dense,
        "effective_multiply_accumulates_at_most": effective,
        "accuracy": None,
        "note": "a cost, not a result: no such network was trained",
    }


def backward_json(
    network: Network, pieces: list[Backward], counted: Operations, batch: int, near: float
) -> dict[str, Any]:
    """Return what a pass of training over a recording costs, but for dropout."""
    names = [c.name for c in network.connections]
    close = np.concatenate([piece.near for piece in pieces])
    spiking = [(p, q) for p, q in enumerate(network.populations) if q.neuron and q.neuron.spiking]
    out: dict[str, Any] = {
        "near": near,
        "near_spikes": {population.name: _mean(close[:, p]) for p, population in spiking},
    }
    for key in ("jumps", "errors", "gradients", "traces", "decays"):
        rows = np.concatenate([getattr(piece, key) for piece in pieces])
        out[key] = {name: _mean(rows[:, c]) for c, name in enumerate(names)}
    weights = sum(int(np.prod(c.topology.weight_shape)) for c in network.connections)
    forward = _mean(counted.total)
    back = _mean(np.concatenate([piece.total for piece in pieces]))
    updates = weights / batch
    return out | {
        "forward_operations": forward,
        "backward_operations": back,
        "weight_updates": updates,
        "batch": batch,
        "operations_per_recording": forward + back + updates,
        "passes_of_inference": (forward + back + updates) / max(forward, 1.0),
    }


def neurobench_json(
    network: Network, weights: list[NDArray[Any]], counted: Operations, clock: dict[str, Any]
) -> dict[str, Any]:
    """Return NeuroBench's keys; ``docs/reference/measure.md`` says what stands for a time step."""
    total = sum(w.size for w in weights)
    zeros = sum(int((w == 0).sum()) for w in weights)
    return {
        "Footprint": sum(w.nbytes for w in weights),
        "ParameterCount": total,
        "ConnectionSparsity": zeros / max(total, 1),
        "ActivationSparsity": clock["activation_sparsity"],
        "MembraneUpdates": _mean(counted.neuron_updates.sum(axis=1)),
        "SynapticOperations": {
            "Effective_MACs": 0.0,
            "Effective_ACs": _mean(counted.effective.sum(axis=1)),
            "Dense": clock["dense"],
        },
        "clock_1ms": {
            "MembraneUpdates": clock["neuron_updates"],
            "SynapticOperations": {
                "Effective_MACs": clock["multiply_accumulates"],
                "Effective_ACs": clock["accumulates"],
                "Dense": clock["dense"],
            },
        },
    }


def energy_json(
    models: tuple[EnergyModel, ...],
    counted: Operations,
    events: EventBatch,
    clocks: dict[str, Any],
    relu: dict[str, Any],
) -> list[dict[str, Any]]:
    """Return each model's estimates: of the event-driven run, and of machines beside it."""
    work = mean_work(counted, float(events.duration.mean()))
    itemsize = int(counted.weight_bytes.sum()) / max(int(counted.total.sum()), 1)
    out = []
    for model in models:
        told = estimate(model, work)
        if not model.clock_us:
            others = {name: _clock_work(c, itemsize) for name, c in clocks.items()}
            macs = relu["multiply_accumulates"]
            others["relu"] = Work(0, macs, 0, 0, 0, 0, macs * itemsize, work.neurons, 0)
            told["references_nj"] = {
                name: estimate(model, other)["total_nj"] for name, other in others.items()
            }
        out.append(told)
    return out


def _clock_work(clock: dict[str, Any], itemsize: float) -> Work:
    """Return the effective work of a clock-driven twin."""
    synapses = clock["accumulates"] + clock["multiply_accumulates"]
    return Work(
        clock["accumulates"],
        clock["multiply_accumulates"],
        clock["multiplications"],
        clock["threshold_tests"],
        clock["neuron_updates"],
        clock["spikes"],
        synapses * itemsize,
        0.0,
        0.0,
    )


def anytime_json(
    checks: tuple[Streamed, Streamed],
    seen: NDArray[np.int64],
    check_us: float,
    tolerance: float,
    levels: Levels,
) -> dict[str, Any]:
    """Return accuracy against time, events and operations, and what early stops give.

    ``checks`` are those by time and those by events; ``levels`` were chosen elsewhere, or
    are None where they are to be chosen here.
    """
    streamed, by_events = checks
    end = at_end(streamed)
    curves: dict[str, Any] = {}
    stops = []
    # Levels that were given stand in the order in which they were given.
    for name in dict.fromkeys([*(levels or ()), *POLICIES]):
        policy = Policy(streamed, name)
        if name == "first_spike" and not streamed.spoke.any():
            curves[name] = {"does_not_apply": "the output is a readout: it never spikes"}
            continue
        curves[name] = _columns([policy.at(level) for level in policy.levels(LEVELS)])
        if levels is not None and name in levels:
            stops.append(given(streamed, name, levels[name]))
        elif levels is None and len(streamed) >= 2:
            stops.append(choose(streamed, name, tolerance))
    return {
        "check_us": check_us,
        "at_end": {
            "accuracy": end.accuracy,
            "operations": end.operations,
            "spikes": end.spikes,
        },
        "by_time": _by_check(streamed, None),
        "by_events": _by_check(by_events, seen),
        "policies": curves,
        "stops": stops,
        "best": _best(stops, tolerance),
    }


def _best(stops: list[dict[str, Any]], tolerance: float) -> dict[str, Any] | None:
    """Return the stop that saved most where it was chosen; given ones come best first."""
    fine = [stop for stop in stops if stop["level"] is not None]
    if fine and fine[0]["chosen"] is None:
        return fine[0]
    fine = [stop for stop in fine if stop["chosen"]["lost"] <= tolerance + 1e-9]
    return max(fine, key=lambda stop: float(stop["chosen"]["saved"])) if fine else None


def _by_check(streamed: Streamed, seen: NDArray[np.int64] | None) -> dict[str, Any]:
    n = streamed.t.shape[1]
    # Some 80 points draw any curve.
    chosen = np.unique(np.linspace(0, n - 1, min(n, 80)).round().astype(int))
    points = [spent(streamed, np.full(len(streamed), k), 0.0) for k in chosen]
    told: dict[str, Any] = _columns(points)
    del told["level"], told["checks"]
    if seen is not None:
        told["seen"] = [int(seen[k]) for k in chosen]
    return told


def _columns(points: list[Point]) -> dict[str, Any]:
    """Return a list a field; infinite levels, which JSON has not, become null."""
    return {
        name: [
            _short(getattr(point, name)) if np.isfinite(getattr(point, name)) else None
            for point in points
        ]
        for name in Point._fields
    }


def _short(value: float) -> float:
    """Return a value with 7 digits: curves are drawn, not calculated with."""
    return float(f"{value:.7g}")


def _mean(values: NDArray[np.int64]) -> float:
    return int(values.sum()) / max(len(values), 1)
