"""The picture of one input's spike traffic: who spiked when, how often, and who sent how much.

Every population has a band of its own, in the raster and in the rates below it. No spike
is left out: where dots would hide each other a band is shaded by how many spikes fell
there, and its label says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.report.plots_traffic_beside import beside
from eventsnn.report.style import LIGHT, Theme, dress, new_figure, short
from eventsnn.report.traffic_activity import Activity, colour_of, name_of, whole
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADED = 3_000
"""Spikes from which on a band is shaded."""

_COLUMNS, _ROWS = 500, 64
"""Most cells of a shaded band, in time and in units."""

_MARGIN = 0.1
"""Of a band, above and below its units."""


def plot_activity(activity: Activity, theme: Theme = LIGHT) -> Figure:
    """Draw raster, rates, what waits, the input, the sums sent, and the output."""
    n = len(activity.names)
    left = [0.95 * n if n <= 4 else 0.75 * n, 0.5 * n + 0.2]
    left += [] if activity.waiting is None else [1.1]
    drawers = beside(activity)
    right = [height for height, _ in drawers]
    figure = new_figure(12.0, 0.9 + max(sum(left), sum(right) + 0.35 * len(right)), theme)
    columns = figure.add_gridspec(1, 2 if right else 1, width_ratios=[2.3, 1] if right else [1])
    grid = columns[0].subgridspec(len(left), 1, height_ratios=left)
    panels = [figure.add_subplot(grid[k]) for k in range(len(left))]
    for axes in panels:
        axes.set_xlim(activity.first, activity.end)
        axes.sharex(panels[0]) if axes is not panels[0] else None
    _draw_raster(panels[0], activity, theme)
    _draw_rates(panels[1], activity, theme)
    if activity.waiting is not None:
        _draw_waiting(panels[2], activity, activity.waiting, theme)
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    panels[-1].set_xlabel("time (ms)" if activity.time_unit == "us" else "step")
    if right:
        spare = max(sum(left) - sum(right) - 0.35 * len(right), 0.0)
        grid = columns[1].subgridspec(len(right) + 1, 1, height_ratios=[*right, spare + 1e-3])
        for k, (_, draw) in enumerate(drawers):
            draw(figure.add_subplot(grid[k]), activity, theme)
    figure.suptitle(drawn(activity.title), fontsize=11, color=theme.ink)
    return figure


def _bands(axes: Axes, n: int, theme: Theme) -> None:
    axes.set_ylim(n, 0)
    for p in range(1, n):
        axes.axhline(p, color=theme.grid, lw=0.8)
    axes.spines["left"].set_visible(False)


def _draw_raster(axes: Axes, activity: Activity, theme: Theme) -> None:
    dress(axes, theme)
    _bands(axes, len(activity.names), theme)
    ticks, numbers = [], []
    for p, size in enumerate(activity.sizes):
        times, unit = activity.times(p), np.asarray(activity.unit[p], np.int64)
        colour, shaded = colour_of(activity, p, theme), len(times) > SHADED
        if shaded:
            _shade(axes, p, (times, unit, size), (activity.first, activity.end), colour)
        elif len(times):
            _mark(axes, p, (times, unit, size), colour)
        _beside_band(axes, p, -0.055, _label(activity, p, shaded), theme)
        rows = (0, size - 1) if size > 1 else (0,)
        ticks += [_height(p, np.array(row), size) for row in rows]
        numbers += [str(row) for row in rows]
    axes.set_yticks(ticks, numbers, fontsize=7)
    some = any(len(t) > SHADED for t in activity.t)
    told = "each spike, by unit" + ("; shaded: the stronger, the more spikes" if some else "")
    axes.set_title(told, loc="left", fontsize=9, color=theme.muted)


def _beside_band(axes: Axes, p: int, x: float, text: str, theme: Theme) -> None:
    """Write what a band is, left of it."""
    axes.text(
        x, p + 0.5, text, ha="right", va="center", fontsize=8, color=theme.ink, linespacing=1.35,
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip


def _label(activity: Activity, p: int, shaded: bool) -> str:
    name, size, unit = name_of(activity.names[p]), activity.sizes[p], activity.unit[p]
    if p in activity.mute:
        return f"{name}\n{size:,} unit{_s(size)}\nno spikes: a readout"
    what = "event" if p in activity.inputs else "spike"
    return (
        f"{name}\n{len(np.unique(unit)):,} of {size:,} active\n"
        f"{len(unit):,} {what}{_s(len(unit))}{', shaded' if shaded else ''}"
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _height(p: int, unit: NDArray[Any], size: int) -> Any:
    """Return where units stand: unit 0 on top of the band of population p."""
    return p + _MARGIN + (unit + 0.5) / max(size, 1) * (1 - 2 * _MARGIN)


def _mark(axes: Axes, p: int, train: tuple[Any, Any, int], colour: str) -> None:
    """Draw a stroke a spike, not lower than can be seen."""
    times, unit, size = train
    middle = _height(p, unit, size)
    half = 0.5 * max((1 - 2 * _MARGIN) / max(size, 1) * 0.8, 0.035)
    # One neuron alone would have strokes as high as its band.
    half = min(half, 0.2)
    width = 1.4 if len(times) <= 100 else 1.0 if len(times) <= 800 else 0.7
    axes.vlines(times, middle - half, middle + half, color=colour, lw=width, rasterized=True)


def _shade(
    axes: Axes, p: int, train: tuple[Any, Any, int], ends: tuple[float, float], colour: str
) -> None:
    """Shade a band by how many spikes fell in each cell; a cell with one can be seen."""
    from matplotlib.colors import to_rgb

    times, unit, size = train
    begin, end = ends
    rows = min(size, _ROWS)
    cells, _, _ = np.histogram2d(
        unit, times, (rows, _COLUMNS), ((0, size), (begin, np.nextafter(end, math.inf)))
    )
    picture = np.zeros((rows, _COLUMNS, 4))
    picture[..., :3] = to_rgb(colour)
    picture[..., 3] = np.where(cells > 0, 0.3 + 0.7 * cells / cells.max(), 0)
    axes.imshow(picture, extent=(begin, end, p + 1 - _MARGIN, p + _MARGIN), aspect="auto",
                interpolation="nearest")  # fmt: skip
    axes.set_ylim(axes.get_ylim())


def _draw_rates(axes: Axes, activity: Activity, theme: Theme) -> None:
    dress(axes, theme)
    _bands(axes, len(activity.names), theme)
    edges, width = _edges(activity)
    unit = "ms" if activity.time_unit == "us" else "step"
    for p, name in enumerate(activity.names):
        rate = np.histogram(activity.times(p), edges)[0] / width
        peak, colour = float(rate.max(initial=0.0)), colour_of(activity, p, theme)
        if not len(activity.t[p]):
            axes.plot([activity.first, activity.end], [p + 0.94] * 2, color=colour, lw=1.0)
        else:
            top = p + 0.94 - 0.72 * rate / peak
            axes.stairs(top, edges, baseline=p + 0.94, fill=True, color=colour, alpha=0.35, lw=0)
            axes.stairs(top, edges, baseline=None, color=colour, lw=1.0)
        told = f"{name_of(name)}\n{f'at most {short(peak)} / {unit}' if peak else 'none'}"
        _beside_band(axes, p, -0.012, told, theme)
    axes.set_yticks([])
    axes.set_title(f"spikes a {unit}, in bins of {width:g} {unit}", loc="left", fontsize=9,
                   color=theme.muted)  # fmt: skip


def _edges(activity: Activity) -> tuple[NDArray[np.floating[Any]], float]:
    """Return edges of about a hundred bins of a round width, and the width."""
    width = 1.0
    if activity.time_unit == "us":
        least = (activity.end - activity.first) / 120
        decade = 10.0 ** math.floor(math.log10(least))
        width = next(k * decade for k in (1, 2, 5, 10) if k * decade >= least * (1 - 1e-9))
    bins = max(1, math.ceil((activity.end - activity.first) / width - 1e-9))
    return activity.first + width * np.arange(bins + 1), width


def _draw_waiting(
    axes: Axes, activity: Activity, waiting: tuple[float, NDArray[np.int64]], theme: Theme
) -> None:
    width, depth = waiting
    edges = width * activity.scale * np.arange(len(depth) + 1)
    axes.stairs(depth, edges, fill=True, color=theme.muted, alpha=0.35, lw=0)
    axes.stairs(depth, edges, color=theme.muted, lw=1.0)
    axes.set_ylim(bottom=0)
    whole(axes.yaxis)
    dress(axes, theme, grid="y")
    axes.set_title("spikes on their way", loc="left", fontsize=9, color=theme.muted)
