"""What a training step of a residual network with normalised currents costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsnn.bench.control import Case
from eventsnn.data.images import Images
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.learned import Batch
from eventsnn.rules.ledinauskas2020 import Ledinauskas2020
from eventsnn.rules.ledinauskas2020.options import NormedOptions

_BATCH = 64
_LAYERS = "784-200-[200-200]-[200-200]-10"
_LIT = 0.19
"""Share of the pixels of a digit that are not 0."""


def ledinauskas_cases(result: dict[str, Any]) -> list[Case]:
    """Return a minibatch of a residual network of six layers, 10 steps, on one thread.

    The rate is so low that the weights stay what they were. ``result`` is told pixels, spikes and
    additions a sample, and how many times more a dense sweep has.
    """
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 256, (_BATCH, 28, 28)) * (rng.random((_BATCH, 28, 28)) < _LIT)
    images = Images(pixels.astype(np.uint8), np.arange(_BATCH) % 10, "noise")
    rule = Ledinauskas2020(NormedOptions(rate=1e-12, weight_decay=0.0, batch=_BATCH))
    network, whole = rule.network(parse_layers(_LAYERS)), Batch(images, np.arange(_BATCH))
    state, _ = rule.start(network, images, rng)
    told = rule.costs(rule.learn(state, whole, rng)[0])
    adds = sum(told["operations_per_recording"]) + sum(told["backward_operations_per_recording"])
    result["ledinauskas2020_events"] = told["spikes_per_recording"][0]
    result["ledinauskas2020_hidden_spikes"] = sum(told["spikes_per_recording"][1:])
    result["ledinauskas2020_additions"] = adds
    result["ledinauskas2020_dense_sweeps"] = sum(told["dense_sweep_per_recording"].values()) / adds

    def step() -> None:
        nonlocal state
        state, _ = rule.learn(state, whole, rng)

    state, _ = rule.start(network, images, rng)
    return [Case("ledinauskas2020_training_step", step, int((pixels > 0).sum()))]
