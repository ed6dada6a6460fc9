"""What people see of a result: tables and lines. Scripts take the same facts as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def cost_table(result: dict[str, Any]) -> Table:
    """Return spikes and additions a recording as a table."""
    table = Table("population", "spikes / recording", "synaptic adds / recording", box=None)
    adds = ["", *(f"{n:,.0f}" for n in result["operations_per_recording"])]
    for p, spikes in enumerate(result["spikes_per_recording"]):
        table.add_row("input" if p == 0 else f"layer {p}", f"{spikes:,.1f}", adds[p])
    return table


def training(summary: dict[str, Any], out: Console) -> None:
    """Print what a run reached and what it cost."""
    if summary["data_note"]:
        out.print(f"data: {summary['options']['data']} ({summary['data_note']})", markup=False)
    out.print(
        f"test accuracy [b]{summary['test_accuracy']:.2%}[/b], training accuracy "
        f"{summary['train_accuracy']:.2%}, after {summary['epochs']} epochs, "
        f"{summary['seconds']:.1f} s of learning"
    )
    out.print(cost_table(summary))
    cost = summary["training_operations_per_recording"]
    if cost:
        _learning(cost, out)
    if summary["out"]:
        out.print(f"saved in {summary['out']}", markup=False)
        out.print(
            f"next: eventsnn simulate {summary['out']} {summary['options']['data']} --index 0 "
            "--figure traffic.png",
            markup=False,
        )


def _learning(cost: dict[str, Any], out: Console) -> None:
    learning = sum(cost.get("backward_operations_per_recording", [])) + sum(
        cost.get("weight_updates_per_recording", [])
    )
    out.print(
        f"while learning: {sum(cost['operations_per_recording']):,.0f} additions forward and "
        f"{learning:,.0f} backward and in updates, a recording"
    )


def traffic(traffic: dict[str, Any], out: Console) -> None:
    """Print the traffic of one input."""
    unit = "us" if traffic["time_unit"] == "us" else "(step)"
    latency = traffic["latency_to_first_output_spike"]
    label = "" if traffic["label"] is None else f", label {traffic['label']}"
    prediction = f", prediction {traffic['prediction']}" if "prediction" in traffic else ""
    first = "no output spike" if latency is None else f"first output spike at {latency:,.0f} {unit}"
    out.print(
        f"{traffic['input']}: {traffic['events']:,} events in {traffic['duration']:,.0f} "
        f"{'us' if unit == 'us' else 'steps'}{label}{prediction}, {first}",
        markup=False,
    )
    table = Table(
        "population", "spikes", "active units", "first spike", "synaptic adds", "busiest units",
        box=None,
    )  # fmt: skip
    for row in traffic["layers"]:
        table.add_row(
            row["population"],
            f"{row['spikes']:,}",
            f"{row['active_units']:,}" if "active_units" in row else "",
            "-" if row["first_spike"] is None else f"{row['first_spike']:,.0f}",
            f"{row['synaptic_adds']:,}" if row["synaptic_adds"] else "",
            " ".join(f"{u} ({n}x)" for u, n in row["busiest_units"]),
        )
    out.print(table)


def film(result: dict[str, Any], out: Console) -> None:
    """Print what filmed recordings are like, beside real ones where there are any."""
    table = Table("", "filmed", *(["real"] if "real" in result else []), box=None)
    filmed, real = result["filmed"], result.get("real")
    for key, value in filmed.items():
        row = [number(value), *([number(real[key])] if real else [])]
        table.add_row(key.replace("_", " "), *row)
    out.print(table)
    for key in sorted(set(result) - {"filmed", "real"}):
        if result[key] is not None:
            out.print(f"{key.replace('_', ' ')}: {number(result[key])}", markup=False)


def papers(found: list[dict[str, Any]], out: Console) -> None:
    """Print the papers that can be reproduced."""
    table = Table("paper", "title", "source", "rows", box=None)
    for paper in found:
        cells = [paper[key] for key in ("paper", "title", "source")]
        table.add_row(*cells, str(len(paper["rows"])))
    out.print(table)
    out.print("next: eventsnn reproduce PAPER --data mnist:PATH", markup=False)


def reproduction(result: dict[str, Any], out: Console) -> None:
    """Print a paper's tables, and what was not run."""
    from eventsnn.reproduce import find_paper

    if result["note"]:
        out.print(f"{result['note']}\n", markup=False)
    for made in find_paper(result["paper"]).tables(result):
        table = Table(*made.head, box=None, title=made.title, title_justify="left")
        for row in made.rows:
            table.add_row(*row)
        out.print(table)
        out.print(f"{made.note}\n", markup=False)
    if result["skipped"]:
        out.print(f"not run, for want of data: {', '.join(result['skipped'])}", markup=False)
    out.print(
        f"saved in {result['out']}: result.json, {', '.join(result['figures'])}", markup=False
    )


def number(value: Any) -> str:
    """Return a value as people read it."""
    if isinstance(value, list | tuple):
        return " / ".join(number(v) for v in value)
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def bench(result: dict[str, Any], out: Console) -> None:
    """Print the figures of the bench."""
    table = Table("measured", "value", box=None)
    for key, value in result.items():
        table.add_row(key.replace("_", " "), number(value))
    out.print(table)
