"""Pictures of fronts: accuracy against what an answer costs, networks of events and of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventsnn.measure.front import Point, cost_of, front
from eventsnn.report.style import LIGHT, Theme, dress, new_figure, short
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = dict[str, Any]

SIDES = {"events": "networks of events", "frames": "ReLU networks on frames"}
"""The keys of both sides, and what they are called."""

_MARKERS, _LEAST = {"events": "o", "frames": "s"}, 0.3


def points_of(result: Result, side: str) -> list[Point]:
    """Return the points of one side of a result of ``front``."""
    spiking = side == "events"
    return [p for m in result["models"] if m["spiking"] == spiking for p in m["points"]]


def plot_front(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw wrong answers against operations, energy (the first model) and measured time."""
    energy = result["energy_models"][0]
    panels = {
        "operations": "synaptic operations a recording",
        energy: f"estimated energy, nJ\n({drawn(energy, 40)})",
        "seconds": "measured microseconds a recording",
    }
    return plot_fronts(result, panels, theme)


def plot_energies(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw wrong answers against the energy that each other model estimates."""
    panels = {name: f"{drawn(name, 40)}, nJ" for name in result["energy_models"][1:]}
    return plot_fronts(result, panels, theme)


def plot_fronts(result: Result, panels: dict[str, str], theme: Theme = LIGHT) -> Figure:
    """Draw wrong answers against several costs, three beside each other."""
    columns = max(1, min(3, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure = new_figure(3.3 * columns, 3.1 * rows + 0.4, theme)
    every = figure.subplots(rows, columns, sharey=True, squeeze=False).reshape(-1)
    for axes, (key, label) in zip(every, panels.items(), strict=False):
        _panel(axes, result, key, theme)
        axes.set_xlabel(label)
        dress(axes, theme, grid="both")
    for axes in every[len(panels) :]:
        axes.set_visible(False)
    for axes in every[::columns]:
        axes.set_ylabel("wrong answers (%)")
    handles, labels = every[0].get_legend_handles_labels()
    below: dict[str, Any] = {"loc": "outside lower center", "ncols": 2, "frameon": False}
    figure.legend(handles, labels, fontsize=8, labelcolor=theme.ink, **below)
    return figure


def _panel(axes: Axes, result: Result, key: str, theme: Theme) -> None:
    cost = cost_of(key)
    for k, (side, text) in enumerate(SIDES.items()):
        colour, marker = theme.series[k], _MARKERS[side]
        points = [p for p in points_of(result, side) if cost(p)]
        x = [cost(p) or 0.0 for p in points]
        axes.plot(x, [_wrong(p) for p in points], marker, ms=3, color=colour, alpha=0.35)
        best = front(points, cost)
        x = [cost(p) or 0.0 for p in best]
        y = [_wrong(p) for p in best]
        axes.step(x, y, where="post", color=colour, lw=1.4, marker=marker, ms=5, label=drawn(text))
    axes.set_xscale("log")
    axes.set_yscale("log")
    scale = 1e6 if key == "seconds" else 1.0
    axes.xaxis.set_major_formatter(lambda value, _: short(scale * value))
    axes.xaxis.set_minor_formatter(lambda v, _: short(scale * v) if _leading(v) else "")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if _leading(value) else "")


def _leading(value: float) -> bool:
    """Tell whether a number is 2 or 5 times a power of ten."""
    return f"{value:e}"[0] in "25"


def _wrong(point: Point) -> float:
    return max(100 * (1 - float(point["accuracy"])), _LEAST / 10)
