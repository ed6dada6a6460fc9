"""The page of a sweep: what nothing beats, every trial, how each option acts."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from eventsnn.report.gallery import Picture
from eventsnn.report.page_parts import document, figures, section, table, tiles, write_page
from eventsnn.report.plots_sweep import (
    judged,
    options_tried,
    plot_sweep_course,
    plot_sweep_front,
    plot_sweep_options,
)
from eventsnn.report.style import number, short
from eventsnn.text import marked, named

Result = dict[str, Any]


def save_sweep(path: Path, result: Result) -> None:
    """Write the page, whole or not at all."""
    write_page(path, sweep_page(result))


def sweep_page(result: Result) -> str:
    """Return the page as HTML."""
    by_number = {row["trial"]: row for row in result["trials"]}
    best = [by_number[k] for k in result["front"]]
    every = sorted(result["trials"], key=lambda row: (-(row["accuracy"] or -1.0), row["trial"]))
    return document(
        f"Sweep {result['study']['name']}",
        [
            _header(result),
            tiles(_tiles(result, by_number)),
            figures(_pictures(result)),
            section("Nothing beats these in accuracy and operations", _table(best)),
            section("What was chosen, on the test half", _tested(result)),
            section("Every trial, the most accurate first", _table(every)),
            section("How it was made", _made(result)),
        ],
    )


def _header(result: Result) -> str:
    study = result["study"]
    left = f", {result['left']} not done" if result["left"] else ""
    return (
        f"<header><h1>{marked(study['name'])}</h1><p>{len(result['trials'])} of "
        f"{result['asked']} trials{left}, sampler {marked(study['sampler'])}, pruner "
        f"{marked(study['pruner'])}; judged on training recordings that no trial learned, never "
        "on the test half</p></header>"
    )


def _tiles(result: Result, by_number: dict[int, Result]) -> list[tuple[str, str, str]]:
    found = []
    if result["best"] is not None:
        best = by_number[result["best"]]
        told = f"trial {best['trial']}, {short(best['operations'])} operations a recording, of "
        told += f"{best['held_out']:,} held out"
        found.append(("the best on what was held out", f"{best['accuracy']:.2%}", told))
    if result["front"]:
        least = by_number[result["front"][0]]
        told = f"operations a recording: trial {least['trial']}, {least['accuracy']:.2%}"
        found.append(("the cheapest", short(least["operations"]), told))
    for row in result.get("test", []):
        if row["trial"] == result["best"]:
            told = f"trial {row['trial']}, {row['recordings']:,} recordings that chose nothing"
            found.append(("on the test half", f"{row['accuracy']:.2%}", told))
    counts = [(state, _count(result, state)) for state in ("done", "pruned", "failed")]
    told = ", ".join(f"{n} {state}" for state, n in counts if n)
    return [*found, ("trials", str(len(result["trials"])), told)]


def _count(result: Result, state: str) -> int:
    return sum(row["state"] == state for row in result["trials"])


def _pictures(result: Result) -> list[Picture]:
    if not judged(result, "done"):
        return []
    pictures = [
        Picture(
            "front",
            "Accuracy against operations",
            "Further left costs less, further up is right more often. The line joins the trials "
            "that nothing beats, with their numbers.",
            partial(plot_sweep_front, result),
        ),
        Picture(
            "course",
            "How it was found",
            "Trials in their order; other workers may have ended them in another.",
            partial(plot_sweep_course, result),
        ),
    ]
    if options_tried(result):
        told = "Each panel has every trial that is done; the other options vary, too."
        drawing = partial(plot_sweep_options, result)
        pictures.append(Picture("options", "What each option does", told, drawing))
    return pictures


def _table(rows: list[Result]) -> str:
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row["values"]))
    cells = []
    for row in rows:
        accuracy = "" if row["accuracy"] is None else f"{row['accuracy']:.2%}"
        operations = "" if row["operations"] is None else number(row["operations"])
        state = f"failed: {row['why']}" if row["why"] else row["state"]
        values = [named(row["values"][n]) if n in row["values"] else "" for n in names]
        end = ["" if row["epochs"] is None else str(row["epochs"]), str(row["seed"]), state]
        cells.append([str(row["trial"]), accuracy, operations, *values, *end])
    return table(
        ["trial", "held out", "operations", *map(named, names), "epochs", "seed", "state"], cells
    )


def _tested(result: Result) -> str:
    """Return what trials do on recordings that chose nothing; "" where nobody asked."""
    rows = [
        [str(r["trial"]), f"{r['accuracy']:.2%}", number(r["operations"]), f"{r['recordings']:,}"]
        for r in result.get("test", [])
    ]
    return table(["trial", "accuracy", "operations", "recordings"], rows) if rows else ""


def _made(result: Result) -> str:
    kept = ("study", "train", "space", "version", "machine")
    lines = json.dumps({key: result[key] for key in kept}, indent=2).split("\n")
    return f"<pre>{chr(10).join(map(marked, lines))}</pre>"
