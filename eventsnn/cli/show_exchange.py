"""What people see of networks that come in and go out."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from eventsnn.commands.console import Console
from eventsnn.text import named


def exchanged(result: dict[str, Any], out: Console) -> None:
    """Print a network that was written, and what is to be known of it."""
    table = Table("population", "shape", "neurons", box=None)
    for row in result["populations"]:
        shape = " x ".join(map(str, row["shape"]))
        table.add_row(Text(named(row["name"])), shape, Text(named(row["neuron"], 100)))
    out.print(table)
    table = Table("connection", "form", "delay (us)", box=None)
    for row in result["connections"]:
        table.add_row(Text(named(row["name"])), row["topology"], str(row["delay_us"]))
    out.print(table)
    for note in result.get("notes", ()):
        out.print(Text(f"note: {note}"), soft_wrap=True)
    out.print(Text(f"written: {result['out']}"), soft_wrap=True)


def checked(result: dict[str, Any], out: Console) -> None:
    """Print where each way to run a graph parts from the one that it is compared with."""
    out.print(f"{result['events']:,} events, steps of {result['step_us']:g} us")
    table = Table("program", "neurons", "spikes", "beside", "same", "part first at", box=None)
    for row in result["ways"]:
        if row["failed"]:
            table.add_row(row["program"], "", "", "", "", Text(row["failed"]))
        for node, found in row["nodes"].items():
            first = found["first_apart"]
            where = "never" if first is None else f"{first['ms']:g} ms, neuron {first['unit']}"
            beside = f"{row['beside']} {found['spikes_beside']:,}" if row["beside"] else ""
            same = f"{found['same']:,}" if row["beside"] else ""
            where = where if row["beside"] else ""
            spikes = f"{found['spikes']:,}"
            table.add_row(row["program"], Text(named(node)), spikes, beside, same, where)
    out.print(table)
    for row in result["ways"]:
        out.print(Text(f"{row['program']}: {row['does']}"), soft_wrap=True)
    for note in result["notes"]:
        out.print(Text(f"why: {note}"), soft_wrap=True)
    if result["figure"]:
        out.print(Text(f"picture: {result['figure']}"), soft_wrap=True)
