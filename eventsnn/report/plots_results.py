"""Pictures of what was measured: accuracy against cost, operations, energy, confusion, learning.

Each takes the plain result that ``eventsnn measure --json`` prints, so that it can be
drawn again from a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsnn.report.style import LIGHT, Theme, dress, legend, new_figure, short
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Result = dict[str, Any]

_NAMES = {"margin": "stop by margin", "entropy": "stop by entropy", "patience": "stop by patience"}


def plot_anytime(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw accuracy against operations: everyone stopped at one time, and by each policy.

    The clock-driven twin and the ReLU network stand beside it.
    """
    anytime, end = result["anytime"], result["anytime"]["at_end"]
    figure = new_figure(5.0, 3.6, theme)
    axes = figure.add_subplot()
    by_time = anytime["by_time"]
    axes.plot(by_time["operations"], _percent(by_time["accuracy"]), color=theme.muted, lw=1.4,
              ls=(0, (4, 2)), label="stopped at one time")  # fmt: skip
    for k, (name, label) in enumerate(_NAMES.items()):
        points = anytime["policies"][name]
        if "operations" in points:
            axes.plot(points["operations"], _percent(points["accuracy"]), lw=1.8,
                      color=theme.series[k], label=label)  # fmt: skip
    axes.plot([end["operations"]], [100 * end["accuracy"]], "o", ms=6, color=theme.ink,
              label="seen to the end")  # fmt: skip
    relu = result["references"]["relu"]["multiply_accumulates"]
    top = 1.12 * max(end["operations"], relu)
    _clock_points(axes, result, top, theme)
    axes.axvline(relu, color=theme.series[3], lw=1.2, ls=":", label="ReLU network: a cost only")
    axes.set_xlim(0, top)
    curves = [by_time, *(p for p in anytime["policies"].values() if "accuracy" in p)]
    high = 100 * max(max(points["accuracy"]) for points in curves)
    axes.set_ylim(max(0.0, 100 * end["accuracy"] - 12), min(100.6, high + 1.0))
    axes.xaxis.set_major_formatter(_ticks(short))
    axes.set_xlabel("synaptic operations a recording")
    axes.set_ylabel("accuracy (%)")
    dress(axes, theme, grid="both")
    legend(axes, theme, loc="lower right")
    return figure


def _ticks(text: Callable[[float], str]) -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda x, _: text(x))


def _clock_points(axes: Any, result: Result, top: float, theme: Theme) -> None:
    """Mark the 1 ms twin, and with an arrow what lies far to the right."""
    clock, colour = result["references"]["clock_1ms"], theme.series[3]
    work = clock["accumulates"] + clock["multiply_accumulates"]
    percent = 100 * clock["accuracy"]
    axes.plot([work], [percent], "s", ms=9, mfc="none", mec=colour, mew=1.4,
              label="1 ms clock, active senders")  # fmt: skip
    dense = f"1 ms clock, every synapse: {short(clock['dense'])}"
    axes.annotate(
        dense, (top, percent - 2.2), (0.99 * top, percent - 2.2), ha="right", va="center",
        fontsize=8, color=colour, annotation_clip=False,
    )  # fmt: skip
    axes.plot([top], [percent - 2.2], ">", ms=6, color=colour, clip_on=False)


def plot_streaming(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw accuracy against time elapsed and against events seen."""
    anytime = result["anytime"]
    figure = new_figure(5.0, 3.5, theme)
    panels = figure.subplots(1, 2, sharey=True)
    time, events = anytime["by_time"], anytime["by_events"]
    panels[0].plot(np.array(time["t_us"]) / 1e3, _percent(time["accuracy"]), lw=1.8,
                   color=theme.series[0])  # fmt: skip
    panels[0].set_xlabel("time elapsed (ms)")
    panels[0].set_ylabel("accuracy (%)")
    panels[1].plot(events["seen"], _percent(events["accuracy"]), lw=1.8, color=theme.series[0])
    panels[1].set_xlabel("events seen")
    for axes in panels:
        axes.set_ylim(0, 101)
        axes.set_xlim(left=0)
        dress(axes, theme, grid="both")
    return figure


def plot_operations(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw the operations of this run beside those of machines that sweep."""
    operations, references = result["operations"], result["references"]
    rows = [
        ("event-driven", operations["operations_per_recording"], 0),
        ("ReLU network, one pass", references["relu"]["multiply_accumulates"], 3),
    ]
    for name, text in (("clock_10ms", "10 ms clock"), ("clock_1ms", "1 ms clock")):
        if name in references:
            clock = references[name]
            work = clock["accumulates"] + clock["multiply_accumulates"]
            rows += [
                (f"{text}, active senders", work, 2),
                (f"{text}, every synapse", clock["dense"], 3),
            ]
    figure = new_figure(5.0, 0.5 + 0.36 * len(rows), theme)
    return _bars(figure, rows, "synaptic operations a recording", theme)


def plot_energy(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw every model's estimate for a recording."""
    rows = [(model["model"], model["total_nj"] / 1e3, 0) for model in result["energy"]]
    figure = new_figure(5.0, 0.5 + 0.36 * len(rows), theme)
    return _bars(figure, rows, "estimated energy a recording (µJ)", theme)


def _bars(
    figure: Figure, rows: Sequence[tuple[str, float, int]], label: str, theme: Theme
) -> Figure:
    axes = figure.add_subplot()
    values = [max(value, 1e-12) for _, value, _ in rows]
    low = min(values) / 4
    for k, (_, value, series) in enumerate(rows):
        axes.barh(k, values[k] - low, left=low, color=theme.series[series], height=0.62)
        axes.text(values[k] * 1.12, k, short(value), va="center", fontsize=8, color=theme.ink)
    axes.set_yticks(range(len(rows)), [drawn(name, 40) for name, _, _ in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(low, max(values) * 5)
    axes.xaxis.set_major_formatter(_ticks(short))
    axes.xaxis.set_minor_formatter(_ticks(lambda _: ""))
    axes.set_xlabel(label)
    dress(axes, theme, grid="x")
    axes.tick_params(axis="y", labelcolor=theme.ink, length=0)
    return figure


def plot_confusion(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw the confusion matrix: the share of each true class in each answer."""
    from matplotlib.patches import Rectangle

    counts = np.array(result["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n = len(counts)
    figure = new_figure(5.0, 4.3, theme)
    axes = figure.add_subplot(aspect="equal")
    for i, j in np.argwhere(counts):
        right = i == j
        # The root shows the few that went wrong.
        alpha = 0.12 + 0.83 * float(np.sqrt(shares[i, j]))
        box = Rectangle((j - 0.48, i - 0.48), 0.96, 0.96, lw=0, alpha=alpha)
        box.set_facecolor(theme.series[0 if right else 1])
        axes.add_patch(box)
        if n <= 20:
            colour = theme.surface if right and alpha > 0.6 else theme.ink
            axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=7, color=colour)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel="answer", ylabel="true class")
    if n <= 20:
        axes.set_xticks(range(n))
        axes.set_yticks(range(n))
    dress(axes, theme)
    return figure


def plot_learning(history: Sequence[Result], theme: Theme = LIGHT) -> Figure:
    """Draw the learning curves of a run: accuracies, and loss where the rule has one.

    Parameters
    ----------
    history : sequence of dict
        Rows of a run's history, see ``docs/reference/json.md``.
    """
    figure = new_figure(5.0, 3.2, theme)
    epochs = [row["epoch"] for row in history]
    losses = [row.get("loss") for row in history]
    known = [loss for loss in losses if isinstance(loss, float) and np.isfinite(loss)]
    panels: Any = np.atleast_1d(np.asarray(figure.subplots(1, 2 if known else 1)))
    curves = (
        ("accuracy_while_learning", "while learning"),
        ("test_accuracy", "test"),
        ("validation_accuracy", "validation"),
    )
    for k, (key, label) in enumerate(curves):
        values = [row.get(key) for row in history]
        if all(isinstance(value, float) for value in values):
            panels[0].plot(epochs, _percent(values), lw=1.8, color=theme.series[k], label=label)
    panels[0].set(xlabel="epoch", ylabel="accuracy (%)")
    if known:
        panels[1].plot(epochs, losses, lw=1.8, color=theme.series[0])
        panels[1].set(xlabel="epoch", ylabel="loss a recording", ylim=(0, None))
    for axes in panels:
        axes.xaxis.get_major_locator().set_params(integer=True)
        dress(axes, theme, grid="both")
    legend(panels[0], theme, loc="lower right")
    return figure


def plot_compared(results: Sequence[tuple[str, Result]], theme: Theme = LIGHT) -> Figure:
    """Draw several models in one picture: accuracy against operations.

    Parameters
    ----------
    results : sequence of (name, result)
    """
    figure = new_figure(6.0, 4.0, theme)
    axes = figure.add_subplot()
    styles = ("-", "--", ":", "-.")
    for k, (name, result) in enumerate(results):
        colour, ls = theme.series[k % len(theme.series)], styles[k // len(theme.series) % 4]
        points = result["anytime"].get("policies", {}).get("margin", {})
        if "operations" in points:
            axes.plot(points["operations"], _percent(points["accuracy"]), color=colour, lw=1.6,
                      ls=ls)  # fmt: skip
        x = result["operations"]["operations_per_recording"]
        axes.plot([x], [100 * result["accuracy"]], "o", ms=6, color=colour, label=drawn(name, 60))
    best = max(100 * result["accuracy"] for _, result in results)
    least = min(100 * result["accuracy"] for _, result in results)
    axes.set_ylim(max(0.0, least - 10), min(100.4, best + 1.2))
    _scale_operations(axes)
    axes.set_xlabel(
        "synaptic operations a recording\n(dot: seen to the end; line: stopped by margin)"
    )
    axes.set_ylabel("accuracy (%)")
    dress(axes, theme, grid="both")
    legend(axes, theme, loc="lower right")
    return figure


def _scale_operations(axes: Any) -> None:
    """Scale an axis by decades; within one, where no power of ten may stand, by equal steps."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    if high < 10 * low:
        middle = math.sqrt(low * high)
        half = max(math.sqrt(high / low), 1.5)
        axes.set_xscale("linear")
        axes.set_xlim(middle / half, middle * half)
    axes.xaxis.set_major_formatter(_ticks(short))
    axes.xaxis.set_minor_formatter(_ticks(lambda _: ""))


def _percent(values: Sequence[float | None]) -> list[float]:
    return [100 * value for value in values if value is not None]
