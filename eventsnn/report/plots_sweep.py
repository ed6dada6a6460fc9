"""Pictures of sweeps: what nothing beats, how it was found, and how each option acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventsnn.report.style import LIGHT, Theme, dress, new_figure, short
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = dict[str, Any]

MOST_OPTIONS = 10
"""Drawn beside each other; the first ones of the study."""


def judged(result: Result, state: str) -> list[Result]:
    """Return the trials of a state of which an accuracy is known."""
    return [
        row for row in result["trials"] if row["state"] == state and row["accuracy"] is not None
    ]


def plot_sweep_front(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw accuracy on what was held out against operations, and the front."""
    figure = new_figure(5.6, 3.6, theme)
    axes = dress(figure.subplots(), theme, grid="both")
    for state, colour, marker in (("done", 0, "o"), ("pruned", 1, "x")):
        rows = judged(result, state)
        if rows:
            x = [row["operations"] for row in rows]
            y = [100 * row["accuracy"] for row in rows]
            axes.plot(x, y, marker, ms=4, color=theme.series[colour], alpha=0.6, label=state)
    by_number = {row["trial"]: row for row in result["trials"]}
    best = [by_number[number] for number in result["front"]]
    x = [row["operations"] for row in best]
    y = [100 * row["accuracy"] for row in best]
    told = "nothing beats them"
    axes.step(x, y, where="post", color=theme.series[0], lw=1.4, marker="o", ms=6, label=told)
    for row in best:
        axes.annotate(
            str(row["trial"]), (row["operations"], 100 * row["accuracy"]), (4, -10),
            textcoords="offset points", fontsize=7, color=theme.muted,
        )  # fmt: skip
    every = [row["operations"] for row in judged(result, "done")]
    if min(every) > 0 and max(every) > 3 * min(every):
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: short(value))
    axes.xaxis.set_minor_formatter(lambda value, _: short(value) if f"{value:e}"[0] in "25" else "")
    axes.set_xlabel("operations a recording")
    axes.set_ylabel("accuracy on what was held out (%)")
    axes.legend(fontsize=8, frameon=False, labelcolor=theme.ink, loc="lower right")
    return figure


def plot_sweep_course(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw accuracy by the number of the trial, and the best so far."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(5.6, 3.6, theme)
    axes = dress(figure.subplots(), theme, grid="y")
    done = judged(result, "done")
    x, y = [row["trial"] for row in done], [100 * row["accuracy"] for row in done]
    axes.plot(x, y, "o", ms=4, color=theme.series[0], alpha=0.6, label="a trial")
    best = [max(y[: k + 1]) for k in range(len(y))]
    axes.step(x, best, where="post", color=theme.series[1], lw=1.4, label="the best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel("accuracy on what was held out (%)")
    axes.legend(fontsize=8, frameon=False, labelcolor=theme.ink, loc="lower right")
    return figure


def options_tried(result: Result) -> list[str]:
    """Return the options whose values differ between trials that are done."""
    done = judged(result, "done")
    names = list(dict.fromkeys(name for row in done for name in row["values"]))
    return [n for n in names if len({repr(r["values"].get(n)) for r in done}) > 1][:MOST_OPTIONS]


def plot_sweep_options(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw accuracy against each option that was tried."""
    names = options_tried(result)
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(2.9 * columns, 2.6 * rows, theme)
    every = figure.subplots(rows, columns, sharey=True, squeeze=False).reshape(-1)
    for axes, name in zip(every, names, strict=False):
        _option(axes, result, name, theme)
    for axes in every[len(names) :]:
        axes.set_visible(False)
    for axes in every[::columns]:
        axes.set_ylabel("held out (%)")
    return figure


def _option(axes: Axes, result: Result, name: str, theme: Theme) -> None:
    """Draw one: numbers along an axis, words beside each other."""
    dress(axes, theme, grid="y")
    rows = [row for row in judged(result, "done") if name in row["values"]]
    values = [row["values"][name] for row in rows]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    words = [] if numbers else sorted({str(value) for value in values})
    x = values if numbers else [words.index(str(value)) for value in values]
    y = [100 * row["accuracy"] for row in rows]
    axes.plot(x, y, "o", ms=4, color=theme.series[0], alpha=0.6)
    if words:
        axes.set_xticks(range(len(words)), [drawn(word, 16) for word in words], fontsize=7)
        axes.set_xlim(-0.5, len(words) - 0.5)
        axes.tick_params(axis="x", labelrotation=20)
    elif min(x) > 0 and max(x) > 20 * min(x):
        axes.set_xscale("log")
    axes.set_xlabel(drawn(name, 40))
