"""Predictions of a network of neurons, made with the simulator."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.engines.options import EVENT_BUDGET
from eventsnn.engines.outputs import recorded_outputs
from eventsnn.engines.running import How, run
from eventsnn.engines.stop import Scoring, Stop
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.losses.loss import Loss
from eventsnn.network import Network
from eventsnn.record import Keep, Record
from eventsnn.rules.learned import Predicted, PredictedEarly, Reading

TOGETHER = 250
"""Recordings that are run in one go."""

IN_TURNS = 2_000
"""The same of those that stop when they are clear: more share what each check costs."""

MOST_EVENTS = 1 << 23
"""Events of those, unless one recording has more: memory goes by events."""

SPIKES, EVERY_US = 1000, 300
"""Spikes that neurons may fire in a recording on average, or one in so many microseconds."""


def spikes_allowed(network: Network, events: EventBatch) -> int:
    """Return how many spikes a recording may fire before learning has run away.

    Neurons that fire by themselves may do so without end once their weights explode; those
    that fire only when an event comes cannot.
    """
    neurons = [p for p in network.populations if p.neuron is not None]
    if not any(p.predicts for p in neurons):
        return EVENT_BUDGET
    longest = int(events.duration.max()) if len(events) else 0
    return min(EVENT_BUDGET, sum(p.size for p in neurons) * max(SPIKES, longest // EVERY_US))


def answer_by(loss: Loss) -> Scoring:
    """Return what is read of an output before its end, and the scores that it gives."""
    return Scoring(loss.reads, lambda outputs: loss(outputs, np.zeros(len(outputs), int)).scores)


def predict_until_clear(
    reading: Reading, events: EventBatch, stop: Stop, threads: int = 1
) -> PredictedEarly:
    """Predict every recording, and look at each until its answer is clear."""
    network, weights, loss = reading
    answer = answer_by(loss)
    p = len(network.populations)
    kinds = ((0,), int), ((0, p), int), ((0, p - 1), int), ((0,), bool), ((0,), float)
    found: list[tuple[NDArray[Any], ...]] = [tuple(np.zeros(*kind) for kind in kinds)]
    for batch in events.pieces(IN_TURNS, MOST_EVENTS):
        most = spikes_allowed(network, batch)
        how = How(record="counts", threads=threads, event_budget=most, stop=stop, answer=answer)
        record = run(network, weights, batch, None, how)
        assert record.stopped is not None
        counts = record.counts
        adds = np.zeros((len(batch), p), np.int64)
        np.add.at(adds.T, list(network.targets), counts.synaptic_adds.T)
        early = record.stopped.early, record.duration
        classes = answers(record.stopped.scores)
        found.append((classes, counts.spikes, np.delete(adds, network.input, 1), *early))
    return PredictedEarly(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def predict(
    network: Network,
    weights: list[NDArray[Any]],
    loss: Loss,
    events: EventBatch,
    threads: int = 1,
) -> Predicted:
    """Predict every recording; the last population is the output.

    Recordings at which the output was silent get no answer.
    """
    output = len(network.populations) - 1
    classes = np.zeros(len(events), np.int64)
    timed = loss.reads == "first_spike"
    keep: Keep = [network.populations[output].name] if timed else "counts"
    spikes = np.zeros(len(network.populations), np.int64)
    adds = np.zeros(len(network.populations), np.int64)
    done = 0
    for batch in events.pieces(TOGETHER, MOST_EVENTS):
        most = spikes_allowed(network, batch)
        record = simulate(network, weights, batch, record=keep, threads=threads, event_budget=most)
        classes[done : done + len(batch)] = answers(scores_of(record, output, loss, batch))
        done += len(batch)
        spikes += record.counts.spikes.sum(0)
        np.add.at(adds, list(network.targets), record.counts.synaptic_adds.sum(0))
    return Predicted(classes, spikes, np.delete(adds, network.input))


def outputs_of(
    network: Network,
    weights: list[NDArray[Any]],
    loss: Loss,
    events: EventBatch,
    threads: int = 1,
) -> NDArray[np.float64]:
    """Return what the loss reads of the last population, float64 (n_recordings, classes)."""
    output = len(network.populations) - 1
    found = [np.zeros((0, network.populations[output].size))]
    for batch in events.pieces(TOGETHER, MOST_EVENTS):
        most = spikes_allowed(network, batch)
        args = {"record": "counts", "threads": threads, "event_budget": most}
        record = simulate(network, weights, batch, **args)  # type: ignore[arg-type]
        found.append(recorded_outputs(record, output, loss.reads))
    return np.concatenate(found)


class FirstSpikes(NamedTuple):
    """When each unit of a population fired first.

    Attributes
    ----------
    t : float64 array (n_recordings, n_units)
        Microseconds; infinity of a unit that stayed silent.
    spike : int64 array (n,)
        Which spikes of the record these are.
    unit : int64 array (n,)
        The place of each in ``t``, recordings end to end.
    """

    t: NDArray[np.float64]
    spike: NDArray[np.int64]
    unit: NDArray[np.int64]


def first_spikes(record: Record, population: str) -> FirstSpikes:
    """Return the first spike of every unit, from a record that holds those of the population."""
    spikes, size = record.spikes[population], record.network[population].size
    row = np.repeat(np.arange(len(record)), np.diff(spikes.start))
    # Spikes are sorted by time in a recording, so the first of each key is the earliest.
    keys, first = np.unique(row * size + spikes.unit, return_index=True)
    times = np.full(len(record) * size, np.inf)
    times[keys] = spikes.t[first]
    return FirstSpikes(times.reshape(len(record), size), first, keys)


def scores_of(record: Record, output: int, loss: Loss, batch: EventBatch) -> NDArray[np.float64]:
    """Return the score of each class, float64 (n_recordings, classes)."""
    if loss.reads == "first_spike":
        times = first_spikes(record, record.network.populations[output].name).t
        return loss(times, np.asarray(batch.label, np.int64)).scores
    return recorded_outputs(record, output, loss.reads)
