"""The authors' trained convolution network (32C3-AP2-32C3-AP2-128-10), read and run as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.files.arrays import Arrays
from eventsnn.losses.answers import answers
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.released import Released
from eventsnn.reproduce.samples import images_of, percent
from eventsnn.rules.stbp import STBP
from eventsnn.rules.stbp.options import STBPOptions

LAYERS = ("28x28x1", "32c3p1", "2avg", "32c3p1", "2avg", 128, 10)

RELEASED = Released(
    "checkpoint",
    {
        "conv1_weight": (32, 1, 3, 3),
        "conv1_bias": (32,),
        "conv2_weight": (32, 32, 3, 3),
        "conv2_bias": (32,),
        "fc1_weight": (128, 1568),
        "fc1_bias": (128,),
        "fc2_weight": (10, 128),
        "fc2_bias": (10,),
    },
)
"""Of ``yjwu17/STBP-for-training-SpikingNN``, branch master, as an .npz; no licence is stated."""

_TOGETHER = 250


def parameters(arrays: Arrays) -> list[NDArray[Any]]:
    """Return weights, then biases, as the rule has them.

    Theirs are (outputs, inputs, rows, columns), and a dense layer reads channel by channel.
    """
    convs = [np.transpose(arrays[f"conv{k}_weight"], (2, 3, 1, 0)) for k in (1, 2)]
    first = arrays["fc1_weight"].reshape(128, 32, 7, 7).transpose(2, 3, 1, 0)
    weights = [*convs, first, arrays["fc2_weight"].T]
    return weights + [arrays[f"{name}_bias"] for name in ("conv1", "conv2", "fc1", "fc2")]


def released_network(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Classify the test images; spikes a neuron and step of each population stand beside."""
    images = images_of(context.data.test)
    steps = int(options["n_steps"])
    rule = STBP(STBPOptions(n_steps=steps, decay=options["decay"], threshold=options["threshold"]))
    state = rule.begin(rule.network(LAYERS), parameters(context.released))
    right, spikes = 0, np.zeros(len(LAYERS) - 2, np.int64)
    for first in range(0, len(images), _TOGETHER):
        context.report(first, len(images), "")
        order = np.arange(first, min(first + _TOGETHER, len(images)))
        counts, rates = rule.rates(state, images, order)
        right += int((answers(rates) == images.labels[order]).sum())
        spikes = spikes + counts.spikes
    sizes = [p.size for p in state.network.populations]
    return {
        "accuracy": round(100 - percent(right / len(images)), 4),
        "images": len(images),
        "events_an_image": float(spikes[0] / len(images)),
        "rates": [
            float(n / (len(images) * steps * size)) for n, size in zip(spikes, sizes, strict=True)
        ],
    }
