"""The tables of the paper's reproduction, as the console and the page show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eventsnn.reproduce.paper import Result, Table

_NETWORKS = (
    "relu",
    *("standard", "standard-half"),
    *("fractional", "fractional-half"),
    *("noreset", "noreset-half", "noreset-unclipped"),
    *("rand-shift", "rand-shift-half"),
)
_ABLATIONS = (
    "baseline",
    "baseline-fractional",
    "smooth",
    "smooth-fractional",
    "depth-first",
    "depth-first-no-hold",
    "zero-reset",
    "rand-reset",
    "T-5",
    "T-5-half",
    "T-20",
)


def tables(result: Result) -> list[Table]:
    """Return every table for which rows were run."""
    made = [
        _networks(result),
        _ablations(result),
        _integers(result),
        _convergence(result),
        _by_steps(result),
        _by_ink(result),
        _events(result),
    ]
    return [table for table in made if table.rows]


class _Cells:
    """Finds figures of rows and what they were compared with."""

    def __init__(self, result: Result) -> None:
        self.rows: Mapping[str, Result] = result["rows"]
        self.found = {(c["row"], c["figure"]): c for c in result["comparison"]}

    def line(self, row: str, title: str, prefix: str = "", halves: Sequence[str] = ()) -> list[str]:
        """Return title, ours, published, difference, verdict, seeds of one network's errors."""
        names = [f"{prefix}{half}_error" for half in halves]
        cells = [self.found.get((row, name), {}) for name in names]
        test = cells[0]
        seeds = ""
        if "seeds" in test:
            seeds = f"({', '.join(_error(value) for value in test['seeds'])})"
        if "mean" in test:
            seeds = f"{test['mean']:.2f} ± {test['spread']:.2f} {seeds}"
        verdict = test.get("verdict", "diverges" if "diverged" in self.rows[row] else "")
        if "tolerance" in test:
            verdict += f" {test['tolerance']:g}"
        return [
            title,
            " / ".join(_error(self.rows[row][name]) for name in names),
            " / ".join(f"{c['published']:g}" for c in cells if c),
            " / ".join(f"{c['difference']:+.2f}" for c in cells if c.get("difference") is not None),
            verdict,
            seeds,
        ]


def _error(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


_HEAD = ["percent error", "ours", "published", "difference", "verdict", "seeds 0, 1, 2: mean ± SD"]


def _networks(result: Result) -> Table:
    cells, both, lines = _Cells(result), ("test", "train"), []
    for name in _NETWORKS:
        if name in cells.rows:
            lines.append(cells.line(name, cells.rows[name]["title"], halves=both))
        if name != "relu" and f"{name}-swap" in cells.rows:
            title = f"{name}: ReLU network with its weights"
            lines.append(cells.line(f"{name}-swap", title, "relu_", both))
        if f"{name}_test_error" in cells.rows.get("relu-swap", {}):
            title = f"{name}: spiking with ReLU weights"
            lines.append(cells.line("relu-swap", title, f"{name}_", both))
    epochs = max((_epochs(cells.rows[name]) for name in _NETWORKS if name in cells.rows), default=0)
    return Table(f"Networks, {epochs} epochs (test / training)", _HEAD, lines)


def _epochs(row: Result) -> int:
    """Return the epochs asked for; a network that diverged has fewer in its history."""
    return int(row.get("options", {}).get("epochs", len(row["history"])))


def _ablations(result: Result) -> Table:
    cells = _Cells(result)
    lines = [
        cells.line(name, cells.rows[name]["title"], halves=("test",))
        for name in _ABLATIONS
        if name in cells.rows
    ]
    return Table("Ablations, 4 epochs (test)", _HEAD, lines)


def _integers(result: Result) -> Table:
    rows = result["rows"]
    names = [name for name in ("baseline", "float32", "integer") if name in rows]
    if "integer" not in names:
        return Table("", [], [])
    head = ["test error after epoch", *(str(row["epoch"]) for row in rows[names[0]]["history"])]
    types = {"baseline": "float64", "float32": "float32", "integer": "integer"}
    lines = [
        [types[name], *(f"{row['test_error']:.2f}" for row in rows[name]["history"])]
        for name in names
    ]
    grid, note = rows.get("integer-grid"), ""
    if grid:
        note = (
            f"On pixels and weights in multiples of 1/{grid['one']}, which double precision holds "
            f"exactly, {grid['samples']:,} samples were learned by both: spike counts differed "
            f"after {grid['samples_with_other_spikes']} of them, outputs after "
            f"{grid['samples_with_other_outputs']}, and the final weights are "
            f"{'equal' if grid['weights_equal'] else 'NOT equal'}."
        )
    return Table("Integer mode", head, lines, note)


def _convergence(result: Result) -> Table:
    found = {name: result["rows"].get(name) for name in ("predictions", "gradients")}
    lines, note = [], []
    by_steps = {
        name: {row["n_steps"]: row for row in row["by_steps"]} for name, row in found.items() if row
    }
    for steps in sorted({steps for rows in by_steps.values() for steps in rows}):
        line = [str(steps)]
        for name, keys in (
            ("predictions", ("difference", "disagree", "test_error")),
            ("gradients", ("difference", "cosine")),
        ):
            row = by_steps.get(name, {}).get(steps, {})
            line += [f"{row[key]:.4g}" if key in row else "" for key in keys]
        lines.append(line)
    if found["predictions"]:
        row = found["predictions"]
        note.append(
            f"Predictions of {row['images']} test images with the ReLU network's weights: mean of "
            "|S_L/T - u_L| / |u_L|, share of other classes than the ReLU network's, and error "
            f"(the ReLU network's: {row['relu_test_error']:.2f} %)."
        )
    if found["gradients"]:
        row = found["gradients"]
        note.append(
            f"Gradients of {row['images']} test images, each from rest: mean of |G_T - G| over "
            "mean of |G|, and the cosine between the sums."
        )
    head = ["T", "prediction: difference", "other class %", "error %"]
    head += ["gradient: difference", "cosine"]
    return Table("Convergence to the ReLU network", head, lines, " ".join(note))


def _by_steps(result: Result) -> Table:
    row = result["rows"].get("operations")
    if not row:
        return Table("", [], [])
    relu, lines = row["relu"], []
    for found in row["by_steps"]:
        lines.append(
            [
                str(found["n_steps"]),
                f"{found['input_spikes']:,.0f}",
                f"{found['prediction']:,.0f}",
                f"{found['prediction'] / relu['prediction']:.2f}",
                f"{found['training']:,.0f}",
                f"{found['training'] / relu['training']:.2f}",
            ]
        )
    head = ["T", "input spikes", "additions a prediction", "per ReLU multiply-add"]
    head += ["additions a training sample", "per ReLU multiply-add"]
    note = (
        f"Standard network; means over {row['predicted']:,} test images and {row['learned']:,} "
        f"training images. The ReLU network: {relu['prediction']:,} multiply-adds a prediction, "
        f"{relu['training']:,} a training sample."
    )
    return Table("Operations by T", head, lines, note)


def _by_ink(result: Result) -> Table:
    row = result["rows"].get("operations")
    if not row:
        return Table("", [], [])
    dense = row["relu"]["prediction"]
    lines = [
        [
            f"{part['pixels']:.0f}",
            f"{part['prediction']:,.0f}",
            f"{part['prediction'] / dense:.2f}",
            f"{part['relu_first_layer_sparse']:,.0f}",
        ]
        for part in row["by_ink"]
    ]
    head = ["pixels above 0", "additions a prediction", "per ReLU multiply-add"]
    head += ["ReLU network's first layer, zeros skipped"]
    return Table("Operations by sparsity, T = 10", head, lines, "Tenths of the test images.")


def _events(result: Result) -> Table:
    rows: Mapping[str, Any] = result["rows"]
    lines = []
    for name in ("film-guesses", "film-on-real", "real-guesses"):
        if name not in rows:
            continue
        row = rows[name]
        half = next(g for g in row["guesses"] if g["error"] <= 2 * row["error"])
        lines.append(
            [
                row["title"],
                f"{row['recordings']:,}",
                f"{100 - row['error']:.2f}",
                " / ".join(f"{n:,.0f}" for n in row["spikes_per_recording"]),
                f"{sum(row['operations_per_recording']):,.0f}",
                f"{half['events']:,}",
            ]
        )
    head = ["event streams", "recordings", "accuracy %", "spikes a recording"]
    head += ["additions a recording", "events until at most twice the final error"]
    return Table("Event streams", head, lines)
