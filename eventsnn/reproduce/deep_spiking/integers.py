"""Integer mode: the same network without a single multiplication, spike for spike."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.samples import images_of
from eventsnn.rules.deep_spiking.network import HerdingMLP


def integer_on_a_grid(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train in integers and in floating point where both hold every number exactly.

    With ``T^2 / eta = 2^k``, and with pixels and initial weights rounded to multiples of
    ``2^-k``, every state of the network is such a multiple, and double precision rounds
    nothing. The row counts samples after which spike counts, and weights, differ at all.
    """
    one = 1 << options["bits"]
    eta, images = options["n_steps"] ** 2 / one, images_of(context.data.train)
    rng = np.random.default_rng([context.seed, 0])
    shapes = pairwise(options["layers"])
    drawn = [options["init_scale"] * rng.standard_normal(shape) for shape in shapes]
    weights = [np.rint(weight * one) / one for weight in drawn]
    whole, real = (
        HerdingMLP(weights, n_steps=options["n_steps"], eta=eta, dtype=dtype, ties="heap")
        for dtype in ("integer", "float64")
    )
    samples = min(options["samples"], len(images))
    spikes = outputs = 0
    for k in range(samples):
        context.report(k, samples, "")
        x = np.rint(images.images[k].ravel() / 255 * one) / one
        label = int(images.labels[k])
        outputs += bool((whole.train_one(x, label) != real.train_one(x, label)).any())
        spikes += bool((whole.cumulative_spikes != real.cumulative_spikes).any())
    same = all(np.array_equal(a, b) for a, b in zip(whole.weights, real.weights, strict=True))
    moved = sum(int((a != b).sum()) for a, b in zip(real.weights, weights, strict=True))
    return {
        "samples": samples,
        "samples_with_other_spikes": spikes,
        "samples_with_other_outputs": outputs,
        "weights_equal": same,
        "weights_changed_by_learning": moved,
        "one": one,
    }
