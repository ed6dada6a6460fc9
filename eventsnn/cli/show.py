"""What people see of a result: tables and lines. Scripts take the same facts as JSON."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table
from rich.text import Text

from eventsnn.commands.console import Console
from eventsnn.commands.simulated import prediction_of
from eventsnn.text import epochs_of, named, quoted

_MOST = 20
"""Mistakes that are listed; there may be thousands."""


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
        out.print(f"data: {summary['options']['data']} ({summary['data_note']})")
    reached = Text("test accuracy ").append(f"{summary['test_accuracy']:.2%}", "bold")
    reached.append(
        f", training accuracy {summary['train_accuracy']:.2%}, "
        f"after {epochs_of(summary['epochs'])}, {summary['seconds']:.1f} s of learning"
    )
    out.print(reached)
    found = summary.get("one_pass")
    if found:
        out.print(
            f"one pass over {found['recordings']:,} recordings, "
            f"{found['accuracy_before_learning']:.2%} answered rightly before they were learned"
        )
    no_answer(summary["no_answer"]["test"], summary["test_recordings"], out, " test")
    out.print(cost_table(summary))
    cost = summary["training_operations_per_recording"]
    if cost:
        _learning(cost, out)
    if summary["out"]:
        out.print(f"saved in {summary['out']}")
        out.print(
            f"next: eventsnn simulate {quoted(summary['out'])} "
            f"{quoted(summary['options']['data'])} --index 0 --figure traffic.png"
        )


def mistakes(result: dict[str, Any], out: Console) -> None:
    """Print what is taken for what, and where the wrong recordings are."""
    counts, wrong = result["confusion"], result["mistakes"]
    names = [named(name) for name in result.get("class_names", ())]
    names += [str(c) for c in range(len(names), len(counts))]
    said_as = [f"a {name}" if name.isdigit() else name for name in names]
    columns = (Column(Text(name)) for name in names)
    table = Table("label", *columns, box=None, title="taken for")
    for label, row in enumerate(counts):
        said = [Text(str(n), "bold") if c == label else str(n or "") for c, n in enumerate(row)]
        table.add_row(Text(names[label]), *said)
    out.print(table)
    for row in wrong[:_MOST]:
        answer = row["prediction"]
        taken = "no answer" if answer is None else f"taken for {said_as[answer]}"
        out.print(Text(f"{row['half']} {row['index']}: {said_as[row['label']]}, {taken}"))
    if len(wrong) > _MOST:
        out.print(f"and {len(wrong) - _MOST} more: --json has all")
    if wrong:
        first = wrong[0]
        out.print(
            f"look at one: eventsnn simulate {quoted(result['model'])} {quoted(result['data'])} "
            f"--split {first['half']} --index {first['index']} --figure wrong.png",
            soft_wrap=True,
        )


def no_answer(unanswered: int, recordings: int, out: Console, half: str = "") -> None:
    """Print how many recordings got no answer, if any."""
    if unanswered:
        out.print(
            f"no answer at {unanswered:,} of {recordings:,}{half} recordings: the output stayed "
            "silent; they count as wrong"
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
    latency = traffic.get("latency_to_first_output_spike")
    label = "" if traffic["label"] is None else f", label {traffic['label']}"
    prediction = f", prediction {prediction_of(traffic)}" if "prediction" in traffic else ""
    first = "no output spike" if latency is None else f"first output spike at {latency:,.0f} {unit}"
    first = f", {first}" if "layers" in traffic and traffic.get("outputs", True) else ""
    begin = f" from {traffic['begin']:,.0f} us on" if traffic.get("begin") else ""
    out.print(
        f"{traffic['input']}: {traffic['events']:,} events in {traffic['duration']:,.0f} "
        f"{'us' if unit == 'us' else 'steps'}{begin}{label}{prediction}{first}",
    )
    if "layers" not in traffic:  # the spikes were not kept
        counts = Table("population", "spikes", "synaptic adds", box=None)
        rows = (traffic[key] for key in ("populations", "spikes", "operations"))
        for name, spikes, adds in zip(*rows, strict=True):
            counts.add_row(name, f"{spikes:,}", f"{adds:,}")
        out.print(counts)
        return
    table = Table(
        "population", "spikes", "active units", "first spike", "synaptic adds", "busiest units",
        box=None,
    )  # fmt: skip
    for row in traffic["layers"]:
        table.add_row(
            row["population"],
            f"{row['spikes']:,}",
            f"{row['active_units']:,}",
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
            out.print(f"{key.replace('_', ' ')}: {number(result[key])}")


def papers(found: list[dict[str, Any]], out: Console) -> None:
    """Print the papers that can be reproduced."""
    table = Table("paper", "title", "source", "rows", box=None)
    for paper in found:
        cells = [paper[key] for key in ("paper", "title", "source")]
        table.add_row(*cells, str(len(paper["rows"])))
    out.print(table)
    out.print("next: eventsnn reproduce PAPER --data mnist:PATH")


def reproduction(result: dict[str, Any], out: Console) -> None:
    """Print a paper's tables, and what was not run."""
    from eventsnn.reproduce import find_paper
    from eventsnn.reproduce.command import tables_of

    if result["note"]:
        out.print(result["note"])
        out.print()
    for made in tables_of(find_paper(result["paper"]), result):
        table = Table(*made.head, box=None, title=made.title, title_justify="left")
        for row in made.rows:
            table.add_row(*row)
        out.print(table)
        out.print(made.note)
        out.print()
    if result["skipped"]:
        out.print(f"not run, for want of data: {', '.join(result['skipped'])}")
    if result["beyond_tier"]:
        more = "--full runs" if result["tier"] == "default" else "more than --quick would run"
        out.print(f"{more} also: {', '.join(result['beyond_tier'])}")
    out.print(f"saved in {result['out']}: {', '.join(['result.json', *result['figures']])}")


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
