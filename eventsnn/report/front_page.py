"""The page of fronts: pictures, what nothing beats, and what each accuracy costs at least."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from eventsnn.measure.front import cost_of, front
from eventsnn.report.gallery import Picture
from eventsnn.report.page_parts import document, figures, section, table, tiles, write_page
from eventsnn.report.plots_front import SIDES, plot_energies, plot_front, points_of
from eventsnn.report.style import number, short
from eventsnn.text import marked

Result = dict[str, Any]


def save_front(path: Path, result: Result) -> None:
    """Write the page, whole or not at all."""
    write_page(path, front_page(result))


def front_page(result: Result) -> str:
    """Return the page as HTML."""
    pictures = [
        Picture("front", "Wrong answers against cost", _CAPTION, partial(plot_front, result))
    ]
    if len(result["energy_models"]) > 1:
        told = "Counts times published prices; machines with a clock run no network on frames."
        drawing = partial(plot_energies, result)
        pictures.append(Picture("energies", "Every model of energy", told, drawing))
    best = [section(title, _best(result, key)) for key, title in costs(result).items()]
    return document(
        f"Accuracy against cost on {result['data']}",
        [
            _header(result),
            tiles(_tiles(result)),
            figures(pictures),
            section("What an accuracy costs at least", _beside(result)),
            *best,
            section("Every network", _networks(result)),
            section("How it was made", _made(result)),
        ],
    )


_CAPTION = (
    "Both axes are logarithmic: further left costs less, further down is wrong less often. Small "
    "marks are networks in one mode of running, lines join those that nothing of their side beats."
)


def costs(result: Result) -> dict[str, str]:
    """Return every cost of a result by its key, and what the front of it is called."""
    energy = {name: f"Nothing beats these in energy: {name}" for name in result["energy_models"]}
    rest = "Nothing beats these in measured time"
    return {"operations": "Nothing beats these in operations"} | energy | {"seconds": rest}


def _header(result: Result) -> str:
    count = sum(len(model["points"]) for model in result["models"])
    return (
        f"<header><h1>Accuracy against cost</h1><p>{len(result['models'])} networks in {count} "
        f"modes of running, on {result['recordings']:,} recordings of "
        f"<code>{marked(result['data'])}</code>, half: {marked(result['split'])}; levels of early "
        "stops chosen on recordings held out of training</p></header>"
    )


def _tiles(result: Result) -> list[tuple[str, str, str]]:
    rows = [row for row in result["beside"] if row["ratio"] and row["cost"] == "operations"]
    return [
        (
            f"at {row['accuracy']:.1%}",
            f"{row['ratio']:.2g} times",
            f"the operations of {row['events']['name']} ({short(row['events']['value'])}) are "
            f"those of {row['frames']['name']} ({short(row['frames']['value'])})",
        )
        for row in rows
    ]


def _beside(result: Result) -> str:
    rows = []
    for row in result["beside"]:
        if not (row["events"] or row["frames"]):
            continue
        cells = [f"{row['accuracy']:.1%}", row["cost"]]
        for side in SIDES:
            found = row[side]
            cells += [number(found["value"]), f"{found['name']}, {found['how']}"] if found else [
                "none", ""
            ]  # fmt: skip
        rows.append([*cells, f"{row['ratio']:.2f}" if row["ratio"] else ""])
    head = ["accuracy", "cost", *(c for text in SIDES.values() for c in (text, "which"))]
    return table([*head, "frames / events"], rows)


def _best(result: Result, key: str) -> str:
    cost, rows = cost_of(key), []
    every = [p for side in SIDES for p in points_of(result, side)]
    for point in front(every, cost):
        seconds = point.get("seconds")
        rows.append(
            [
                f"{point['name']}, {point['how']}", f"{point['accuracy']:.2%}",
                number(cost(point) or 0.0), number(point["operations"]),
                "" if seconds is None else f"{1e3 * seconds:.3f}", f"{point['t_us'] / 1e3:.0f}",
            ]
        )  # fmt: skip
    return table(
        ["network", "accuracy", key, "operations", "ms a recording", "ms of it seen"], rows
    )


def _networks(result: Result) -> str:
    rows = []
    for model in result["models"]:
        learning, accuracy = model["learning"], model["points"][0]["accuracy"]
        rows.append(
            [
                model["name"], model["rule"], model["layers"], f"{accuracy:.2%}",
                str(model["epochs"]), f"{model['learned']:,}", f"{model['held_out']:,}",
                f"{1e3 * learning['seconds']:.2f}",
            ]
        )  # fmt: skip
    head = ["network", "rule", "layers", "accuracy", "epochs", "recordings learned", "held out"]
    return table([*head, "ms a recording learned"], rows)


def _made(result: Result) -> str:
    kept = ("data", "split", "recordings", "energy_models", "lose", "version", "machine")
    lines = json.dumps({key: result[key] for key in kept}, indent=2).split("\n")
    return f"<pre>{chr(10).join(map(marked, lines))}</pre>"
