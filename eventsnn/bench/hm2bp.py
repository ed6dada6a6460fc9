"""What a training sample of HM2-BP costs: 784-800-10, 400 steps, learned one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eventsnn.bench.control import HIDDEN, Case
from eventsnn.data.images import Images
from eventsnn.rules.hm2bp import HM2BP
from eventsnn.rules.hm2bp.options import HM2BPOptions
from eventsnn.rules.learned import Batch, Epoch

_SAMPLES = 40
_PIXELS = 150
"""Pixels of an image that are not black, as many as a digit of MNIST has; about 7,300 events."""


def drawn_images(samples: int = _SAMPLES) -> Images:
    """Return synthetic images of 28 x 28."""
    rng = np.random.default_rng(5)
    pixels = np.zeros((samples, 784), np.uint8)
    for image in pixels:
        image[rng.choice(784, _PIXELS, replace=False)] = rng.integers(90, 256, _PIXELS)
    return Images(pixels.reshape(-1, 28, 28), np.arange(samples) % 10, "synthetic images")


def hm2bp_cases(threads: int, result: dict[str, Any]) -> list[Case]:
    """Return learning on one thread and on ``threads``.

    The rate is so low that the weights, and with them the activity, stay what they were.
    """
    data = drawn_images()
    alone, many = _learning(data, 1, result), _learning(data, threads, {})
    events = result["hm2bp_events"] * len(data)
    return [
        Case("hm2bp_training_step", alone, events),
        Case("hm2bp_training_threads", many, events, alone),
    ]


def _learning(data: Images, threads: int, result: dict[str, Any]) -> Callable[[], None]:
    rule = HM2BP(HM2BPOptions(rate=1e-12), threads)
    network = rule.network((784, HIDDEN, 10))
    state, _ = rule.start(network, data, np.random.default_rng(0))
    state = rule.begin_epoch(state, Epoch(0))
    batch, rng = Batch(data, np.arange(len(data))), np.random.default_rng(0)

    def run() -> None:
        rule.learn(state, batch, rng)

    run()
    costs = rule.costs(state)
    result["hm2bp_events"] = costs["spikes_per_recording"][0]
    result["hm2bp_hidden_spikes"] = costs["spikes_per_recording"][1]
    adds = costs["operations_per_recording"], costs["s_psp_additions_per_recording"]
    result["hm2bp_adds"] = sum(map(sum, adds))
    result["hm2bp_dense_sweep_adds"] = sum(costs["dense_sweep_per_recording"].values())
    return run
