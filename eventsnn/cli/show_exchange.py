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
