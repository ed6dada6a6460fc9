"""The figures of the paper's reproduction: learning curves, convergence, operations, guesses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eventsnn.report.files import save_figure
from eventsnn.reproduce.paper import Result
from eventsnn.text import drawn

# Okabe & Ito's palette, told apart by colour-blind readers; line styles and markers tell too.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#000000", "marker": "x"},
    {"color": "#0072B2", "marker": "o"},
    {"color": "#D55E00", "marker": "s"},
    {"color": "#009E73", "marker": "^"},
    {"color": "#CC79A7", "marker": "v"},
)
_NETWORKS = ("relu", "standard", "fractional", "noreset", "rand-shift")


def draw(result: Result, folder: Path) -> list[str]:
    """Draw every figure for which rows were run, as SVG; return the files' names."""
    import matplotlib as mpl

    rows, names = result["rows"], []
    drawers: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
        "learning-curves": (_NETWORKS, _learning_curves),
        "convergence": (("predictions", "gradients"), _convergence),
        "operations": (("operations",), _operations),
        "early-guesses": (("film-guesses", "film-on-real", "real-guesses"), _early_guesses),
    }
    # Text stays text and ids do not change: files are small, and equal for equal results.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "eventsnn", "font.size": 9}):
        for name, (wanted, drawer) in drawers.items():
            found = {row: rows[row] for row in wanted if row in rows}
            if found:
                file = f"{result['paper']}-{name}.svg"
                save_figure(drawer(found), folder / file)
                names.append(file)
    return names


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _learning_curves(rows: dict[str, Result]) -> Any:
    """Errors against epochs as the paper has them, forward and backward spikes below."""
    figure = _figure(9, 6.5)
    test, train, forward, backward = figure.subplots(2, 2, sharex=True).ravel()
    panels = (
        (test, "test_error", "test error (%)"),
        (train, "train_error", "training error (%)"),
        (forward, "forward_spikes", "forward spikes a training sample"),
        (backward, "backward_spikes", "backward spikes a training sample"),
    )
    for name, row in rows.items():
        style = _STYLES[_NETWORKS.index(name)]
        for axes, key, _ in panels:
            seen = [(r["epoch"], r[key]) for r in row["history"] if key in r]
            if seen:
                x, y = zip(*seen, strict=True)
                axes.plot(
                    x, y, label=drawn(row["title"]), markersize=3, markevery=2, linewidth=1, **style
                )
    for axes, _, label in panels:
        axes.set_ylabel(label)
        axes.grid(alpha=0.3, which="both", linewidth=0.5)
    for axes in (test, train):
        axes.set_yscale("log")
    _plain_ticks(test.yaxis)
    _plain_ticks(train.yaxis)
    for axes in (forward, backward):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(bottom=0)
    test.legend(fontsize=8)
    return figure


def _plain_ticks(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers, also where it spans less than a decade."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _convergence(rows: dict[str, Result]) -> Any:
    """Differences to the ReLU network against T, both logarithmic, beside a line of 1/T."""
    figure = _figure(5.5, 4)
    axes = figure.subplots()
    for style, (name, row) in zip(_STYLES[1:], rows.items(), strict=False):
        found = row["by_steps"]
        x, y = [r["n_steps"] for r in found], [r["difference"] for r in found]
        axes.loglog(x, y, label=name, markersize=4, linewidth=1, **style)
    axes.loglog([1, 1000], [1, 1e-3], ":", color="grey", label="1 / T")
    axes.set_xlabel("T, presentation steps")
    axes.set_ylabel("relative difference to the ReLU network")
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend()
    return figure


def _operations(rows: dict[str, Result]) -> Any:
    """Additions against T and against pixels, beside the ReLU network's multiply-adds."""
    figure = _figure(9, 3.6)
    by_steps, by_ink = figure.subplots(1, 2)
    row = rows["operations"]
    for style, key in zip(_STYLES[1:], ("prediction", "training"), strict=False):
        x = [r["n_steps"] for r in row["by_steps"]]
        label = f"additions a {key}" + " sample" * (key == "training")
        by_steps.loglog(x, [r[key] for r in row["by_steps"]], label=label, markersize=4, **style)
        by_steps.axhline(
            row["relu"][key], color=style["color"], linestyle="--",
            label=f"ReLU network's multiply-adds, {key}",
        )  # fmt: skip
    by_steps.set_xlabel("T, presentation steps")
    by_steps.set_ylabel("operations")
    x = [part["pixels"] for part in row["by_ink"]]
    by_ink.plot(x, [part["prediction"] for part in row["by_ink"]], **_STYLES[1])
    by_ink.axhline(row["relu"]["prediction"], color=_STYLES[1]["color"], linestyle="--")
    by_ink.set_ylim(bottom=0)
    by_ink.set_xlabel("pixels above 0 in the image (T = 10)")
    by_ink.set_ylabel("additions a prediction")
    for axes in (by_steps, by_ink):
        axes.grid(alpha=0.3, linewidth=0.5)
    by_steps.legend(fontsize=7)
    return figure


def _early_guesses(rows: dict[str, Result]) -> Any:
    """Accuracy against the events seen of each recording."""
    figure = _figure(5.5, 4)
    axes = figure.subplots()
    for style, row in zip(_STYLES[1:], rows.values(), strict=False):
        x = [guess["events"] for guess in row["guesses"]]
        y = [100 - guess["error"] for guess in row["guesses"]]
        axes.semilogx(x, y, label=drawn(row["title"]), markersize=4, linewidth=1, **style)
    axes.set_xlabel("events seen, at most")
    axes.set_ylabel("accuracy (%)")
    axes.grid(alpha=0.3, which="both", linewidth=0.5)
    axes.legend()
    return figure
