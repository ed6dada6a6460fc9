"""The paper's network on event streams: what it says after the first events, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsnn.data.dataset import Data, labels_of
from eventsnn.events import EventBatch
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.samples import percent, recordings_of
from eventsnn.rules.deep_spiking import state
from eventsnn.rules.deep_spiking.costs import costs
from eventsnn.rules.deep_spiking.network import HerdingMLP


def first_events(batch: EventBatch, n: int) -> EventBatch:
    """Return every recording's first ``n`` events; durations stay."""
    length = np.minimum(np.diff(batch.start), n)
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(length)])
    kept = np.arange(start[-1]) + np.repeat(batch.start[:-1] - start[:-1], length)
    return batch.with_events(batch.t[kept], batch.unit[kept], start)


def early_guesses(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Predict recordings from their first events only, with the weights of a trained row.

    ``halves`` says which recordings: the test half, or all where none was learned. The
    output is the drive summed so far, so a guess after n events costs nothing that the full
    prediction does not spend anyway.
    """
    network = HerdingMLP(context.weights(options["trained"]), n_steps=10, dtype=options["dtype"])
    batches = [recordings_of(half) for half in _halves(context, options["halves"])]
    longest = max(int(np.diff(batch.start).max()) for batch in batches)
    guesses, n = [], sum(len(batch) for batch in batches)
    limits = [limit for limit in options["events"] if limit < longest] + [longest]
    for done, limit in enumerate(limits):
        context.report(done, len(limits), f"{limit} events")
        parts = [_predict(network, first_events(batch, limit)) for batch in batches]
        counts = sum(counts for _, counts in parts)
        guesses.append(
            {
                "events": limit,
                "error": percent(sum(right for right, _ in parts) / n),
                "additions": int(counts[state.ADDS].sum()) / n,
            }
        )
    return {
        "error": guesses[-1]["error"],
        "recordings": n,
        "guesses": guesses,
        **costs(counts, n),
    }


def _predict(network: HerdingMLP, batch: EventBatch) -> tuple[int, Any]:
    outputs, counts = network.outputs(batch, np.arange(len(batch)))
    return int((outputs.argmax(1) == labels_of(batch)).sum()), counts


def _halves(context: RowContext, halves: str) -> list[Data]:
    return [context.data.test] if halves == "test" else [context.data.train, context.data.test]
