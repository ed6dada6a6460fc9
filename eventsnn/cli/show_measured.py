"""Printing what was measured of trained networks."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table
from rich.text import Text

from eventsnn.cli.show import no_answer, number
from eventsnn.commands.console import Console
from eventsnn.text import level_of


def measurement(result: dict[str, Any], out: Console) -> None:
    """Print what a measurement found."""
    operations, training = result["operations"], result["training"]
    note = f" ({result['note']})" if result["note"] else ""
    out.print(
        f"{result['model']} on {result['recordings']:,} recordings of {result['data']}{note}",
    )
    out.print(Text("accuracy ").append(f"{result['accuracy']:.2%}", "bold"))
    no_answer(result["no_answer"], result["recordings"], out)
    if "view" in result:
        out.print(_seen(result["view"]))
    if "shuffled_times" in result:
        out.print(f"with the times of events shuffled: {result['shuffled_times']['accuracy']:.2%}")
    table = Table("synaptic operations", "", box=None)
    for key, text in (
        ("operations_per_spike", "a spike or event"),
        ("operations_per_recording", "a recording"),
        ("operations_per_right_answer", "a right answer"),
    ):
        found = operations[key]
        table.add_row(text, "- (none was right)" if found is None else f"{found:,.0f}")
    if "not_counted" in training:
        table.add_row("learning a recording", f"not counted: {training['not_counted']}")
    else:
        table.add_row(
            "learning a recording",
            f"{training['operations_per_recording']:,.0f} "
            f"({training['passes_of_inference']:.2f} times its forward pass)",
        )
    out.print(table)
    _early(result["anytime"], out)
    _energy(result["energy"], out)
    for key in ("html", "figures"):
        if result[key]:
            out.print(f"{key}: {result[key]}")


def _energy(models: list[dict[str, Any]], out: Console) -> None:
    table = Table("energy model", "estimate a recording", "decays", "tests", box=None)
    for model in models:
        parts = (model[key] for key in ("total_nj", "decays_nj", "tests_nj"))
        cells = ("-" if nj is None else f"{number(nj / 1e3)} µJ" for nj in parts)
        table.add_row(model["model"], *cells)
    out.print(table)
    for note in dict.fromkeys(model["note"] for model in models if "note" in model):
        out.print(f"energy: {note}")


def _seen(view: dict[str, Any]) -> str:
    return (
        f"of {view['events_before']:,} events in {view['recordings_before']:,} recordings it saw "
        f"{view['events']:,} in {view['recordings']:,}"
    )


def _early(anytime: dict[str, Any], out: Console) -> None:
    if "not_measured" in anytime:
        out.print(f"stopping early: not measured, {anytime['not_measured']}")
        return
    table = Table("stopping early by", "level", "saves", "points lost", "spikes", "ms", box=None)
    for stop in anytime["stops"]:
        told = stop["reported"]
        level = "never" if stop["level"] is None else level_of(stop["policy"], stop["level"])
        table.add_row(
            stop["policy"].replace("_", " "),
            level,
            f"{told['saved']:.1%}",
            f"{100 * told['lost']:.2f}",
            f"{told['spikes']:,.1f}",
            f"{told['t_us'] / 1e3:,.0f}",
        )
    out.print(table)


def _recordings_of(rows: list[dict[str, Any]], out: Console) -> None:
    """Say what was measured on; of each where that differs, since numbers then do not compare."""
    on = [
        f"{row['recordings']:,} recordings of {row['data']}, half: {row['split']}" for row in rows
    ]
    if len(set(on)) == 1:
        out.print(f"on {on[0]}")
        return
    out.print("not on the same recordings (--data DATA measures all on the same):")
    for row, where in zip(rows, on, strict=True):
        out.print(f"  {row['model']}: {where}")


def comparison(result: dict[str, Any], out: Console) -> None:
    """Print several measurements, a row each."""
    table = Table(
        Column("model", overflow="fold"), "accuracy", "operations", "saved early", "lost",
        "spikes", "learning", "energy", box=None,
    )  # fmt: skip
    for row in result["models"]:
        best = row["anytime"].get("best")
        passes = row["training"].get("passes_of_inference")
        table.add_row(
            row["model"],
            f"{row['accuracy']:.2%}",
            f"{row['operations']['operations_per_recording']:,.0f}",
            f"{best['reported']['saved']:.1%}" if best else "-",
            f"{100 * best['reported']['lost']:.2f}" if best else "-",
            f"{sum(list(row['operations']['spikes'].values())[1:]):,.1f}",
            f"{passes:.2f}x" if passes else "-",
            f"{number(row['energy'][0]['total_nj'] / 1e3)} µJ",
        )
    out.print(table)
    _recordings_of(result["models"], out)
    out.print(
        "a recording: synaptic operations; their share that an early stop saves, and the points it "
        "loses; spikes; learning in forward passes; estimate by cmos45-float32"
    )
    if result["figure"]:
        out.print(f"picture: {result['figure']}")
