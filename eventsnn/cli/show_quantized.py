"""What people see of a network that was written in whole numbers."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from eventsnn.commands.console import Console
from eventsnn.text import named


def quantized(result: dict[str, Any], out: Console) -> None:
    """Print what became of each population, its memory, and the accuracy where it is known."""
    columns = "population", "weights", "scales", "error", "clipped", "fraction", "largest potential"
    table = Table(*columns, box=None)
    for row in result["layers"]:
        cells = [f"{row['weights']:,}", f"{row['scales']:,}", f"{row['error']:.2%}"]
        cells += f"{row['clipped']:,}", f"{row['fraction']} bits", f"{row['bound']:,}"
        table.add_row(Text(named(row["population"])), *cells)
    out.print(table)
    for row in result["layers"]:
        if row["dropped_tau_us"]:
            dropped = f"its time constant of {row['dropped_tau_us']:g} us is taken for none"
            out.print(Text(f"{named(row['population'])}: {dropped}"))
    memory = ", ".join(f"{n:,} of {name.replace('_', ' ')}" for name, n in result["bytes"].items())
    out.print(f"bytes: {memory}")
    out.print(f"takes recordings of at most {result['most_events']:,} events")
    if "before" in result:
        before, after = result["before"], result["after"]
        n = after["recordings"]
        out.print(
            f"accuracy {before['accuracy']:.2%} before, {after['accuracy']:.2%} after, on {n:,} "
            f"recordings; {result['changed']:,} answers changed"
        )
    out.print(Text(f"written: {result['out']}"), soft_wrap=True)
