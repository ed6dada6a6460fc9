"""Printing fronts: what nothing beats, what an accuracy costs, what learning cost."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table

from eventsnn.cli.show import number
from eventsnn.commands.console import Console
from eventsnn.report.plots_front import SIDES


def front(result: dict[str, Any], out: Console) -> None:
    """Print every point, the cheapest first, and the comparison of both sides."""
    energy = result["energy_models"][0]
    best = {text for texts in result["front"].values() for text in texts}
    points = [point for model in result["models"] for point in model["points"]]
    table = Table(
        Column("network (* nothing beats it in something)", overflow="fold"), "accuracy",
        "operations", f"nJ, {energy}", "without decays", "ms", box=None,
    )  # fmt: skip
    for point in sorted(points, key=lambda p: p["operations"]):
        text = f"{point['name']}, {point['how']}"
        seconds = point["seconds"]
        table.add_row(
            f"{text} *" if text in best else text,
            f"{point['accuracy']:.2%}",
            f"{point['operations']:,.0f}",
            *(number(point[key][energy]) for key in ("energy_nj", "without_decays_nj")),
            "" if seconds is None else f"{1e3 * seconds:.3f}",
        )
    out.print(table)
    _learning(result, out)
    _beside(result, energy, out)
    for key in ("html", "figure"):
        if result[key]:
            out.print(f"{key}: {result[key]}")


def _learning(result: dict[str, Any], out: Console) -> None:
    names = ("forward", "backward", "updates of weights")
    table = Table(Column("learning a recording", overflow="fold"), *names, "ms", "MB", box=None)
    for model in result["models"]:
        cost = model["learning"]
        counted = (cost[key] for key in ("forward", "backward", "updates"))
        cells = ["-" if value is None else f"{value:,.0f}" for value in counted]
        memory = f"{cost['bytes'] / 1e6:.1f}"
        table.add_row(model["name"], *cells, f"{1e3 * cost['seconds']:.2f}", memory)
    out.print(table)


def _beside(result: dict[str, Any], energy: str, out: Console) -> None:
    if not all(any(m["spiking"] == side for m in result["models"]) for side in (True, False)):
        return
    table = Table("at least", "cost", *SIDES.values(), "frames / events", box=None)
    for row in result["beside"]:
        if row["cost"] not in ("operations", energy, "seconds"):
            continue
        cells = [number(row[side]["value"]) if row[side] else "none" for side in SIDES]
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        table.add_row(f"{row['accuracy']:.1%}", row["cost"], *cells, ratio)
    out.print(table)
