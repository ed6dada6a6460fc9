"""Which points of accuracy and cost nothing beats, and what an accuracy costs at least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Point = dict[str, Any]
"""A network in one mode of running: see ``measure/meter.py``."""

Cost = Callable[[Point], float | None]

LEVELS = (0.95, 0.97, 0.98, 0.985, 0.99, 0.992)
"""Accuracies at which the cheapest of both sides are compared."""


def cost_of(key: str) -> Cost:
    """Return what reads a cost: ``operations``, ``seconds``, or the name of an energy model."""

    def read(point: Point) -> float | None:
        found = point.get(key) if key in ("operations", "seconds") else point["energy_nj"].get(key)
        return None if found is None else float(found)

    return read


def front(points: Sequence[Point], cost: Cost) -> list[Point]:
    """Return the points that nothing beats, cheapest first.

    One point beats another if it is at least as accurate and costs at most as much, and is better
    in one of the two. Points without the cost stay out; of equal ones the first stands for all.
    """
    priced = [(found, -point["accuracy"], k) for k, point in enumerate(points)
              if (found := cost(point)) is not None]  # fmt: skip
    kept: list[Point] = []
    for _, _, k in sorted(priced):
        if not kept or points[k]["accuracy"] > kept[-1]["accuracy"]:
            kept.append(points[k])
    return kept


def cheapest(points: Sequence[Point], cost: Cost, accuracy: float) -> Point | None:
    """Return the cheapest point that reaches an accuracy; None where none does."""
    # Accuracies are rounded quotients: what lies nearer than a billionth is equal.
    fine = [p for p in front(points, cost) if p["accuracy"] >= accuracy - 1e-9]
    return fine[0] if fine else None


def beside(
    ours: Sequence[Point], theirs: Sequence[Point], key: str, levels: Sequence[float] = LEVELS
) -> list[dict[str, Any]]:
    """Return what each accuracy costs at least: networks of events, networks of frames.

    Returns
    -------
    list of dict
        ``accuracy``, ``cost``; ``events`` and ``frames``: ``name``, ``how``, ``accuracy`` and
        ``value``, or null where none is so accurate; ``ratio``: theirs over ours.
    """
    cost, rows = cost_of(key), []
    for level in levels:
        pair = [cheapest(side, cost, level) for side in (ours, theirs)]
        told = [p and {k: p[k] for k in ("name", "how", "accuracy")} | {"value": cost(p)}
                for p in pair]  # fmt: skip
        both = told[0] and told[1]
        ratio = told[1]["value"] / told[0]["value"] if both and told[0]["value"] else None  # type: ignore[index]
        rows.append(
            {"accuracy": level, "cost": key, "events": told[0], "frames": told[1], "ratio": ratio}
        )
    return rows
