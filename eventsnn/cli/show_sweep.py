"""Printing sweeps: every trial, the best one, how to go on with it."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table

from eventsnn.commands.console import Console
from eventsnn.text import named, quoted

_SHOWN = 40
"""Trials in the table; the page has all."""


def sweep(result: dict[str, Any], out: Console) -> None:
    """Print the trials, the most accurate first, and what is best."""
    rows = sorted(result["trials"], key=lambda row: (-(row["accuracy"] or -1.0), row["trial"]))
    names = list(dict.fromkeys(name for row in rows for name in row["values"]))
    table = Table(
        "trial (* nothing beats it)", "held out", "operations", "epochs", "s",
        *(Column(name, overflow="fold") for name in names), Column("state", overflow="fold"),
        box=None,
    )  # fmt: skip
    for row in rows[:_SHOWN]:
        star = " *" if row["trial"] in result["front"] else ""
        table.add_row(
            f"{row['trial']}{star}",
            *(
                "" if row[key] is None else f"{row[key]:{form}}"
                for key, form in (
                    ("accuracy", ".2%"), ("operations", ",.0f"), ("epochs", "d"),
                    ("seconds", ".1f"),
                )
            ),
            *(named(row["values"][n]) if n in row["values"] else "" for n in names),
            f"failed: {row['why']}" if row["why"] else row["state"],
        )  # fmt: skip
    out.print(table)
    if len(rows) > _SHOWN:
        out.print(f"and {len(rows) - _SHOWN} more trials: --html or --json have all")
    _best(result, out)
    for row in result.get("test", []):
        out.print(
            f"trial {row['trial']} on the test half: {row['accuracy']:.2%} of "
            f"{row['recordings']:,} recordings, {row['operations']:,.0f} operations"
        )
    if result["html"]:
        out.print(f"html: {result['html']}", soft_wrap=True)


def _best(result: dict[str, Any], out: Console) -> None:
    if result["best"] is None:
        return
    row = next(row for row in result["trials"] if row["trial"] == result["best"])
    told = f"best: trial {row['trial']}, {row['accuracy']:.2%} of {row['held_out']:,} held-out "
    out.print(f"{told}recordings, with {row['operations']:,.0f} operations each", soft_wrap=True)
    folder = f"{result['out']}/{row['folder']}"
    out.print(f"next: eventsnn evaluate {quoted(folder)}", soft_wrap=True)
