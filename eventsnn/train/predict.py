"""Predictions that ranks share out: each makes those of some samples, in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.ranks.ranks import Ranks
from eventsnn.rules.learned import NeuronWork, Predicted, PredictedEarly
from eventsnn.rules.rule import Rule


def predicted(
    ranks: Ranks,
    rule: Rule[Any, Any],
    state: Any,
    data: Data,
    threads: int,
    order: NDArray[np.int64] | None = None,
) -> Predicted:
    """Predict samples in order, by default all; sums of counts, whole numbers, have none."""
    order = np.arange(len(data)) if order is None else order
    if ranks.size == 1 or not len(order):
        return rule.predict(state, data, order, threads)
    own = order[ranks.part(len(order))]
    message: list[NDArray[Any]] = []
    if len(own):
        found = rule.predict(state, data, own, threads)
        counted = [] if found.neurons is None else [np.array(found.neurons, np.int64)]
        message = [np.asarray(found.classes, np.int64), found.spikes, found.adds, *counted]
    every = [part for part in ranks.gathered(message) if part]
    classes, spikes, adds, *neurons = zip(*every, strict=True)
    work = [NeuronWork(*np.sum(each, 0).tolist()) for each in neurons]
    spoke, added = (np.asarray(np.sum(each, 0), np.int64) for each in (spikes, adds))
    return Predicted(np.concatenate(classes), spoke, added, *work)


def together(ranks: Ranks, own: PredictedEarly) -> PredictedEarly:
    """Return what all ranks predicted, each some samples, in order."""
    if ranks.size == 1:
        return own
    found = ranks.gathered([np.ascontiguousarray(array).reshape(-1) for array in own])
    widths = [array.shape[1:] for array in own]
    return PredictedEarly(
        *(
            np.concatenate([one[k] for one in found]).reshape(-1, *width)
            for k, width in enumerate(widths)
        )
    )
