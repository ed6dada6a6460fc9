"""What predictions and training samples cost, counted by the kernels, beside the ReLU network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.samples import images_of
from eventsnn.rules.deep_spiking import state
from eventsnn.rules.deep_spiking.network import HerdingMLP


def operations(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Count additions of the trained standard network against the ReLU network's multiply-adds.

    ``by_steps``: means over all test images for every T, and over the first training images
    while they are learned (additions forward and backward, and weights moved). ``by_ink``:
    predictions at the recipe's T, test images sorted by their pixels above zero and cut into
    equal parts. ``relu``: multiply-adds, ``dense`` as they stand and ``sparse`` with those left
    out whose input pixel or hidden activation is zero.
    """
    weights = context.weights("standard")
    test, learned = context.data.test, np.arange(min(options["learned"], len(context.data.train)))
    by_steps = []
    for done, steps in enumerate(options["steps"]):
        context.report(done, len(options["steps"]), f"T = {steps}")
        fields = {"eta": options["eta"], "dtype": options["dtype"]}
        network = HerdingMLP(weights, n_steps=steps, **fields)
        _, counts = network.outputs(test, np.arange(len(test)))
        network.train(context.data.train, learned)
        by_steps.append(
            {
                "n_steps": steps,
                "prediction": int(counts[state.ADDS].sum()) / len(test),
                "input_spikes": int(counts[state.IN_SPIKES, 0]) / len(test),
                "training": _learning(network.counts) / len(learned),
            }
        )
    sizes = network.sizes
    return {
        "by_steps": by_steps,
        "by_ink": _by_ink(context, options, weights),
        "relu": {"prediction": _dense(sizes), "training": _dense_learning(sizes)},
        "predicted": len(test),
        "learned": len(learned),
    }


def _learning(counts: NDArray[np.int64]) -> int:
    return int(counts[[state.ADDS, state.BACK_ADDS, state.UPDATES]].sum())


def _dense(sizes: tuple[int, ...]) -> int:
    """Return the multiply-adds of one prediction."""
    return sum(n_in * n_out for n_in, n_out in pairwise(sizes))


def _dense_learning(sizes: tuple[int, ...]) -> int:
    """Return those of one training sample: forward, errors back but into the input, updates."""
    return 3 * _dense(sizes) - sizes[0] * sizes[1]


def _by_ink(context: RowContext, options: Mapping[str, Any], weights: list[Any]) -> list[Result]:
    """Return means over parts of the test images, from little ink to much."""
    images = images_of(context.data.test)
    ink = (images.images > 0).reshape(len(images), -1).sum(1)
    network = HerdingMLP(weights, n_steps=options["n_steps"], dtype=options["dtype"])
    rows = []
    for part in np.array_split(np.argsort(ink, kind="stable"), options["parts"]):
        _, counts = network.outputs(images, part)
        rows.append(
            {
                "pixels": float(ink[part].mean()),
                "prediction": int(counts[state.ADDS].sum()) / len(part),
                "relu_first_layer_sparse": float(ink[part].mean()) * network.sizes[1],
            }
        )
    return rows
