"""What the same network would cost a machine with a clock, and a network of ReLUs its size.

A clock-driven network sweeps every neuron and synapse at each step; its *dense* cost is
steps times synapses. Its *effective* cost leaves out silent senders and weights of 0, as
NeuroBench counts it: an accumulate where all signals of the step are 0 or 1, else a
multiply-accumulate. A ReLU network of equal size reads the events of each pixel, counted
over the whole recording, and multiplies each weight once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.measure.fan_out import edges, fan_outs
from eventsnn.measure.operations import operations
from eventsnn.network import Weights
from eventsnn.record import Record


@dataclass(frozen=True, eq=False)
class ClockCosts:
    """Counts of a clock-driven run, int64 (n_recordings,) each.

    Attributes
    ----------
    steps : steps of the clock.
    dense : synapses swept: steps times all synapses.
    accumulates, multiply_accumulates : effective synaptic operations.
    neuron_updates : steps times neurons.
    spikes : spikes of all populations with a neuron model.
    spiking_updates : steps times the neurons that can spike.
    """

    steps: NDArray[np.int64]
    dense: NDArray[np.int64]
    accumulates: NDArray[np.int64]
    multiply_accumulates: NDArray[np.int64]
    neuron_updates: NDArray[np.int64]
    spikes: NDArray[np.int64]
    spiking_updates: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ReluCosts:
    """Multiply-accumulates of one pass, int64 (n_recordings,) each.

    ``dense`` is every synapse; ``effective`` leaves out pixels without events and weights
    of 0, but takes every hidden neuron for active: an upper bound.
    """

    dense: NDArray[np.int64]
    effective: NDArray[np.int64]


def binned(events: EventBatch, bin_us: int) -> EventBatch:
    """Move every event to the beginning of its bin: what a clock of ``bin_us`` sees."""
    if bin_us < 1:
        raise UserError(f"measure: bin_us is {bin_us}; give at least 1")
    return replace(events, t=events.t // bin_us * bin_us)


def clock_costs(record: Record, weights: Weights, events: EventBatch, bin_us: int) -> ClockCosts:
    """Count a clock-driven run.

    Parameters
    ----------
    record : Record
        Of the run over ``events``, with all spikes.
    weights : as they were given to the run
    events : EventBatch
        As ``binned`` returned them.
    bin_us : int
    """
    network = record.network
    steps = np.ceil(record.duration / bin_us).astype(np.int64)
    neurons = sum(p.size for p in network.populations if p.neuron is not None)
    spiking = sum(p.size for p in network.populations if p.neuron is not None and p.spiking)
    effective = operations(record, weights, events).effective
    single, multiple = np.zeros_like(steps), np.zeros_like(steps)
    flat = network.weights(weights)
    for c, source in enumerate(network.sources):
        if source == network.input:
            sizes = fan_outs(network.connections[c].topology, flat[c])
            one, more = _input_operations(events, sizes)
            single, multiple = single + one, multiple + more
        else:
            single = single + effective[:, c]
    own = [p for p in range(len(network.populations)) if p != network.input]
    return ClockCosts(
        steps,
        steps * int(edges(network).sum()),
        single,
        multiple,
        steps * neurons,
        record.counts.spikes[:, own].sum(axis=1),
        steps * spiking,
    )


def relu_costs(record: Record, weights: Weights, events: EventBatch) -> ReluCosts:
    """Count one pass of a ReLU network with the same synapses over each recording's counts."""
    network, n = record.network, len(events)
    flat = network.weights(weights)
    effective = np.zeros(n, np.int64)
    rows = np.repeat(np.arange(n), np.diff(events.start))
    active = np.unique(rows * events.n_units + events.unit)
    for c, source in enumerate(network.sources):
        sizes = fan_outs(network.connections[c].topology, flat[c])
        if source == network.input:
            effective += _by_row(active // events.n_units, sizes[active % events.n_units], n)
        else:
            effective += int(sizes.sum())
    return ReluCosts(np.full(n, int(edges(network).sum()), np.int64), effective)


def _input_operations(
    events: EventBatch, sizes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (accumulates, multiply-accumulates) of each recording's input."""
    n, units = len(events), events.n_units
    rows = np.repeat(np.arange(n), np.diff(events.start))
    span = int(events.t.max(initial=0)) + 1
    step = rows * span + events.t
    pixel, count = np.unique(step * units + events.unit, return_counts=True)
    steps, which = np.unique(pixel // units, return_inverse=True)
    graded = np.bincount(which, weights=count > 1, minlength=len(steps)) > 0
    work = _by_row(which, sizes[pixel % units], len(steps))
    single = _by_row(steps // span, work * ~graded, n)
    return single, _by_row(steps // span, work * graded, n)


def _by_row(rows: NDArray[Any], values: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Sum values by row; the sums stay below 2 ** 53, where float64 is exact."""
    return np.bincount(rows, weights=values, minlength=n).astype(np.int64)
