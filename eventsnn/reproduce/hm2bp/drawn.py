"""Tables and figures of the paper's rows: learning curves over the authors' log, and alpha."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eventsnn.report.files import save_figure
from eventsnn.reproduce.hm2bp.published import LOGGED, NOT_RUN
from eventsnn.reproduce.paper import Result, Table
from eventsnn.reproduce.tables import plain_tables
from eventsnn.text import drawn

# Okabe & Ito's palette, told apart by colour-blind readers; markers tell too.
_STYLES = (
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "v"), ("#E69F00", "D"),
    ("#56B4E9", "P"),
)  # fmt: skip
_PANELS = (
    ("mnist-800", ("mnist-800", "mnist-800-unregularised", *(f"mnist-800-no-{part}" for part in (
        "sample-weights", "effect-ratio", "side-effect", "lateral-factor")))),
    ("nmnist-800", ("nmnist-800", "film-800")),
    ("mnist-cnn", ("mnist-cnn", "mnist-cnn-plain")),
)  # fmt: skip


def tables(result: Result) -> list[Table]:
    """Return the plain tables, and the published figures for which there are no data."""
    note = "EMNIST and TI46 cannot be had here: these rows are published, and not run."
    lines = [list(line) for line in NOT_RUN]
    return [*plain_tables(result), Table("Not run", ["network", "mean", "best"], lines, note)]


def draw(result: Result, folder: Path) -> list[str]:
    """Draw every figure for which rows were run, as SVG; return the files' names."""
    import matplotlib as mpl

    rows, names = result["rows"], []
    curves = [name for _, wanted in _PANELS for name in wanted if name in rows]
    drawers: dict[str, tuple[bool, Callable[[Result], Any]]] = {
        "learning-curves": (bool(curves), _learning_curves),
        "alpha": ("alpha" in rows, _alpha),
    }
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "eventsnn", "font.size": 9}):
        for name, (wanted, drawer) in drawers.items():
            if wanted:
                file = f"{result['paper']}-{name}.svg"
                save_figure(drawer(rows), folder / file)
                names.append(file)
    return names


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _learning_curves(rows: Result) -> Any:
    """Test accuracy against epochs; black: the authors' log."""
    panels = [(log, names) for log, names in _PANELS if any(name in rows for name in names)]
    figure = _figure(4.5 * len(panels), 3.6)
    for axes, (log, names) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels,
                                  strict=True):  # fmt: skip
        epochs, values = zip(*LOGGED[log].items(), strict=True)
        axes.plot(epochs, values, "k--x", label="the authors' log", markersize=4, linewidth=1)
        for name, (color, marker) in zip(names, _STYLES, strict=False):
            if name in rows:
                right = rows[name]["accuracies"]
                axes.plot(range(len(right)), right, color=color, marker=marker, markersize=3,
                          linewidth=1, label=drawn(rows[name]["title"]))  # fmt: skip
        axes.set_xlabel("epoch, from 0")
        axes.set_ylabel("test accuracy (%)")
        axes.grid(alpha=0.3, linewidth=0.5)
        axes.legend(fontsize=7)
    return figure


def _alpha(rows: Result) -> Any:
    """Alpha of one synapse against epochs, as the paper's Fig. 5b."""
    figure = _figure(4.5, 3.2)
    axes, found = figure.subplots(), rows["alpha"]["alpha"]
    axes.plot(range(1, len(found) + 1), found, color=_STYLES[0][0], marker="o", markersize=3)
    axes.set_xlabel("epoch")
    axes.set_ylabel("alpha of one synapse")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3, linewidth=0.5)
    return figure
