"""Rows that learn, and rows that compare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from eventsnn.data.dataset import labels_of
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.training import trained, trainer_of
from eventsnn.train.learning import Learner
from eventsnn.train.model import open_model

_LAST = 10
"""Epochs whose mean is compared: the paper tells that of epochs 201 to 210."""


def train(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train a network; ``seed`` of the options is added to the run's.

    Returns
    -------
    dict
        What ``trained`` tells, and in percent the accuracy on the test half after each epoch, after
        the first three and the twentieth (null where there are fewer), after the last, the best,
        and mean, lowest and highest of the last ten.
    """
    given = {name: value for name, value in options.items() if name != "seed"}
    given["layers"] = tuple(given["layers"])
    own = replace(context, seed=context.seed + int(options.get("seed", 0)))
    found = trained(trainer_of(own, given, False), own)
    curve = [round(100 - row["test_error"], 4) for row in found["history"]]
    last = curve[-_LAST:]
    return found | {
        "curve": curve,
        "accuracy": curve[-1],
        "best": max(curve),
        "last_ten": float(np.mean(last)),
        "lowest": min(last),
        "highest": max(last),
        "at_20": curve[19] if len(curve) > 19 else None,
        **{f"epoch_{k}": curve[k - 1] if len(curve) >= k else None for k in (1, 2, 3)},
    }


def temporal_path(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Compare networks that learned with the temporal path and without, seed by seed."""
    context.report(0, 1, "")
    pairs = [
        (context.found[with_it]["last_ten"], context.found[without]["last_ten"])
        for with_it, without in options["pairs"]
    ]
    gains = [a - b for a, b in pairs]
    return {
        "ahead": sum(gain > 0 for gain in gains),
        "gain": float(np.mean(gains)),
        "gains": gains,
        "with": [a for a, _ in pairs],
        "without": [b for _, b in pairs],
    }


def order_of_widths(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Count neighbours of the published order that stand in it, after the last common epoch."""
    context.report(0, 1, "")
    curves = {name: context.found[name]["curve"] for name in options["rows"]}
    epoch = min(20, *(len(curve) for curve in curves.values()))
    ours = [curves[name][epoch - 1] for name in options["rows"]]
    return {
        "epoch": epoch,
        "in_order": sum(a > b for a, b in pairwise(ours)),
        "found": dict(zip(options["rows"], ours, strict=True)),
    }


def on_real(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Evaluate a network that learned from films on the real recordings, both halves of them."""
    learner, _ = open_model(context.folders[options["trained"]])
    right = total = 0
    for k, half in enumerate((context.data.train, context.data.test)):
        context.report(k, 2, "")
        right += round(_accuracy(learner, half) * len(half))
        total += len(labels_of(half))
    return {"accuracy": round(100 * right / total, 4), "recordings": total}


def _accuracy(learner: Learner, half: Any) -> float:
    return float(learner.evaluate(half, 1)["accuracy"])
