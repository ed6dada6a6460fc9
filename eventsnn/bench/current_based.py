"""Networks of current-based neurons, and what stands beside them: recurrent, and by EventProp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from eventsnn.bench import networks
from eventsnn.bench.control import Case
from eventsnn.engines import simulate
from eventsnn.events import EventBatch
from eventsnn.losses.cross_entropy import CrossEntropy
from eventsnn.network import Network
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.rules.eventprop.gradients import Gradients, errors_of, eventprop

RECORDINGS, SECONDS = 8, 0.2
LOUDER = 8.0
"""By what current-based neurons need stronger weights than those that jump to fire as much."""
BINS = (10, 30)
"""Steps of a recording to which times are rounded down."""

CELLS: dict[str, tuple[Neuron, float]] = {
    "cuba_lif": (CubaLIF(20_000.0, 5_000.0, refractory_us=2_000), 1.15),
    "lif": (LIF(20_000.0, refractory_us=2_000), 0.25),
}
"""Neurons of the balanced network, and what an event of its inputs weighs."""


def current_based_cases(threads: int, result: dict[str, Any]) -> list[Case]:
    """Return learning by EventProp, on one thread and on ``threads``, and recurrent networks."""
    network, weights, events = networks.spoken(RECORDINGS)
    record = simulate(network, weights, events, record="nothing")
    result["eventprop_hidden_spikes"] = float(record.counts.spikes[:, 1].mean())
    result["eventprop_events"] = len(events.t) / len(events)
    one, many = (gradient_step(network, weights, events, n) for n in (1, threads))
    alone = Case("eventprop_step", one, len(events.t))
    cases = [alone, Case("eventprop_threads", many, len(events.t), alone.run)]
    return cases + [_balanced_case(name, result) for name in CELLS]


def gradient_step(
    network: Network, weights: networks.Weights, events: EventBatch, threads: int = 1
) -> Callable[[], Gradients]:
    """Return a call that runs recordings and finds the gradients of their cross-entropy."""
    loss, output = CrossEntropy("maximum"), network.populations[-1].name

    def run() -> Gradients:
        record = simulate(network, weights, events, threads=threads)
        errors = errors_of(loss, record, output, events.label).errors
        return eventprop(network, weights, events, record, errors, threads=threads)

    return run


def _balanced_case(name: str, result: dict[str, Any]) -> Case:
    neuron, drive = CELLS[name]
    network, weights = networks.balanced(neuron, drive)
    events = networks.drive(20.0, int(SECONDS * 1e6))
    counts = simulate(network, weights, events, record="nothing").counts
    rate = float(counts.spikes[0, 1]) / network.populations[1].size / SECONDS
    result[f"balanced_{name}_rate_hz"] = rate

    def run() -> None:
        simulate(network, weights, events, record="counts")

    return Case(f"balanced_{name}", run, float(counts.synaptic_adds.sum()))


def layered_case(events: EventBatch, result: dict[str, Any]) -> Case:
    """Return sensor-800 of current-based neurons, whose layer waits for their spikes."""
    source, hidden = networks.dense(events).populations
    hidden = replace(hidden, neuron=CubaLIF(networks.TAU_US, 5_000.0))
    network = Network((source, hidden), networks.dense(events).connections)
    weights = [w * np.float32(LOUDER) for w in networks.dense_weights(events, 1000)]
    counts = simulate(network, weights, events, record="nothing").counts
    result["feedforward_cuba_lif_spikes"] = float(counts.spikes[:, 1].mean())

    def run() -> None:
        simulate(network, weights, events, engine="feedforward", record="counts")

    return Case("feedforward_cuba_lif", run, len(events.t))


def step_us(events: EventBatch, bins: int) -> int:
    """Return the length of so many steps of the longest recording."""
    return -(-int(events.duration.max()) // bins)


def binned_cases(events: EventBatch) -> list[Case]:
    """Return sensor-800, LIF, over events on a coarse grid."""
    network, weights = networks.dense(events), networks.dense_weights(events, 1000)

    def case(bins: int) -> Case:
        given = events.on_grid(step_us(events, bins))

        def run() -> None:
            simulate(network, weights, given, engine="feedforward", record="counts")

        return Case(f"feedforward_{bins}_bins", run, len(events.t))

    return [case(bins) for bins in BINS]
