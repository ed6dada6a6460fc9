"""What a sweep has found: its trials, the best one, and those that nothing beats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import eventsnn
from eventsnn.measure.front import cost_of, front
from eventsnn.options import flat
from eventsnn.sweep.study import SweepStudy
from eventsnn.train.trainer import machine

Row = dict[str, Any]


def result_of(study: SweepStudy, rows: Sequence[Row], total: int) -> dict[str, Any]:
    """Return a sweep as plain JSON.

    Returns
    -------
    dict
        ``study`` (its options), ``train``, ``space``; ``trials``, a row each; ``asked``, ``left``:
        trials in all, and those that are not done; ``best``: number of the best trial, or null;
        ``front``: numbers of those that nothing beats in both accuracy and operations, cheapest
        first.
    """
    done = [row for row in rows if row["state"] == "done"]
    best = min(done, key=_worse, default=None)
    # Of equal ones the first stands for all.
    ordered = sorted(done, key=lambda row: row["trial"])
    ended = sum(row["state"] in ("done", "pruned", "failed") for row in rows)
    return {
        "study": flat(study.asked) | {"trials": total},
        "train": study.tables.get("train", {}),
        "space": study.tables.get("space", {}),
        "trials": list(rows),
        "asked": total,
        "left": max(total - ended, 0),
        "best": None if best is None else best["trial"],
        "front": [row["trial"] for row in front(ordered, cost_of("operations"))],
        "version": eventsnn.__version__,
        "machine": machine(),
    }


def chosen_of(result: dict[str, Any]) -> list[int]:
    """Return the trials that a sweep chooses: the best one, or those on the front."""
    if result["study"]["goal"] == "front":
        return list(result["front"])
    return [] if result["best"] is None else [result["best"]]


def _worse(row: Row) -> tuple[float, float, int]:
    """Return what is least for the best: accurate; of equal ones cheap; of equal ones the first."""
    return -row["accuracy"], row["operations"], row["trial"]
