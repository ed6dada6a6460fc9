"""Rows that learn, through the trainer: what the logs have, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventsnn.reproduce.hm2bp.published import EPOCHS
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.training import trained, trainer_of


def train_row(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train a network; return the test accuracy after each epoch, and of the best one."""
    given = {**options, "layers": tuple(options["layers"]), "rule": "hm2bp"}
    if context.data.spec.startswith(("film:mnist", "mnist")):
        given["skip"] = options.get("skip", 0)
    result = trained(trainer_of(context, given, False), context)
    right = [round(100 - row["test_error"], 4) for row in result["history"]]
    best = max(range(len(right)), key=right.__getitem__)
    reached = {f"epoch_{e}": right[e] if e < len(right) else None for e in EPOCHS}
    found = {"best": right[best], "best_of_all": right[best], "best_epoch": best}
    return {"accuracy": right[-1], **reached, **found, "accuracies": right, **result}
