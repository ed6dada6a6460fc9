"""Predictions of a network of neurons, made with the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.engines.layered.passed import recorded_outputs
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers, unanswered
from eventsnn.losses.loss import Loss
from eventsnn.network import Network
from eventsnn.record import Keep, Record
from eventsnn.rules.eventprop.gradients import errors_of

TOGETHER = 250
"""Recordings that are run in one go."""


def evaluate_network(
    network: Network,
    weights: list[NDArray[Any]],
    loss: Loss,
    events: EventBatch,
    threads: int = 1,
) -> dict[str, Any]:
    """Predict every recording; the last population is the output.

    Returns
    -------
    dict
        ``accuracy``, ``recordings``, ``no_answer`` (recordings at which the output was silent,
        which count as wrong), ``predictions`` (list of int), ``spikes_per_recording`` (a
        population) and ``operations_per_recording`` (synaptic additions, a connection).
    """
    output = len(network.populations) - 1
    predictions = np.zeros(len(events), np.int64)
    timed = loss.reads == "first_spike"
    keep: Keep = [network.populations[output].name] if timed else "counts"
    spikes = np.zeros(len(network.populations), np.int64)
    adds = np.zeros(len(network.connections), np.int64)
    for first in range(0, len(events), TOGETHER):
        batch = events.part(first, min(first + TOGETHER, len(events)))
        record = simulate(network, weights, batch, record=keep, threads=threads)
        predictions[first : first + TOGETHER] = answers(scores_of(record, output, loss, batch))
        spikes += record.counts.spikes.sum(0)
        adds += record.counts.synaptic_adds.sum(0)
    n = max(len(events), 1)
    return {
        "accuracy": int((predictions == events.label).sum()) / n,
        "recordings": len(events),
        "no_answer": unanswered(predictions),
        "predictions": predictions.tolist(),
        "spikes_per_recording": [float(s) / n for s in spikes],
        "operations_per_recording": [float(a) / n for a in adds],
    }


def scores_of(record: Record, output: int, loss: Loss, batch: EventBatch) -> NDArray[np.float64]:
    """Return the score of each class, float64 (n_recordings, classes)."""
    if loss.reads == "first_spike":
        name = record.network.populations[output].name
        return errors_of(loss, record, name, batch.label).scores
    return recorded_outputs(record, output, loss.reads)
