"""What a sample costs that ``lee2016`` learns: 50 ms of an image, and a whole recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsnn.bench.control import HIDDEN, Case
from eventsnn.data.dataset import Data, inputs_of, labels_of
from eventsnn.data.images import Images
from eventsnn.events import EventBatch
from eventsnn.rules.learned import Batch
from eventsnn.rules.lee2016.options import Lee2016Options
from eventsnn.rules.lee2016.rule import Lee2016

_BATCH = 64
_STILL: dict[str, Any] = {"rate": 1e-12, "threshold_cost": 0.0, "weight_cost": 0.002, "crop": 0}
"""The rate is so low that the weights, and with them the activity, stay what they were."""


def lee2016_cases(events: EventBatch, result: dict[str, Any]) -> list[Case]:
    """Return 784-800-10 on images, 5,000 events a second, and sensor-800-10 on recordings.

    Forward and update on one thread. ``result`` is told events and hidden spikes a sample.
    """
    streams = events.part(0, min(len(events), _BATCH))
    images, long = Lee2016Options(**_STILL), Lee2016Options(**_STILL, tau_us=200_000.0)
    return [
        _case("presentation", images, _blobs(_BATCH), result),
        _case("stream", long, streams, result),
    ]


def _blobs(n: int) -> Images:
    """Return images as bright as digits: about 150 pixels that are not black."""
    y, x = np.indices((28, 28)) - 13.5
    grey = 255 * np.clip(1.6 - np.hypot(y, x) / 6, 0, 1)
    return Images(np.tile(grey.astype(np.uint8), (n, 1, 1)), np.arange(n) % 10, "blobs")


def _case(name: str, options: Lee2016Options, data: Data, result: dict[str, Any]) -> Case:
    rule, rng = Lee2016(options), np.random.default_rng(0)
    network = rule.network((inputs_of(data), HIDDEN, 1 + int(labels_of(data).max())))
    state, _ = rule.start(network, data, rng)
    whole = Batch(data, np.arange(len(data)), whole=True)
    state, _ = rule.learn(state, whole, rng)
    told = rule.costs(state)["spikes_per_recording"]
    result[f"lee2016_{name}_events"], result[f"lee2016_{name}_hidden_spikes"] = told[:2]

    def step() -> None:
        rule.learn(state, whole, np.random.default_rng(0))

    run: Callable[[], None] = step
    return Case(f"lee2016_{name}", run, told[0] * len(data))
