"""What stands beside the raster of an input's traffic: the input, the sums sent, the output."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from eventsnn.report.style import Theme, dress, short
from eventsnn.report.traffic_activity import Activity, name_of, whole
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS = 64
"""Most outputs that are drawn."""

Drawer = Callable[["Axes", Activity, Theme], None]


def beside(activity: Activity) -> list[tuple[float, Drawer]]:
    """Return what stands on the right: heights in inches, and functions that draw."""
    out: list[tuple[float, Drawer]] = []
    if len(activity.sensor) >= 2 and min(activity.sensor[-2:]) > 1:
        out.append((2.3, _draw_input))
    if activity.linked.any():
        out.append((0.75 + 0.42 * int(activity.linked.any(axis=1).sum()), _draw_sums))
    if activity.output is not None and 0 < len(activity.output) <= _BARS:
        out.append((0.8 + 0.17 * min(len(activity.output), 12), _draw_output))
    return out


def _draw_input(axes: Axes, activity: Activity, theme: Theme) -> None:
    from matplotlib.colors import to_rgb

    shape = activity.sensor
    count = np.bincount(activity.unit[activity.input], minlength=int(np.prod(shape)))
    picture = count.reshape(-1, *shape[-2:]).sum(0)
    shaded = np.zeros((*picture.shape, 4))
    shaded[..., :3] = to_rgb(theme.ink)
    shaded[..., 3] = picture / max(int(picture.max(initial=0)), 1)
    axes.imshow(shaded)
    dress(axes, theme)
    axes.set_title(f"the input: events a pixel, most {int(picture.max(initial=0)):,}", loc="right",
                   fontsize=9, color=theme.muted)  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    for side in ("left", "bottom", "top", "right"):
        axes.spines[side].set(visible=True, color=theme.grid)


def _draw_sums(axes: Axes, activity: Activity, theme: Theme) -> None:
    """Draw who sent how much to whom: a cell a connection, the fuller the darker."""
    from matplotlib.patches import Rectangle

    rows = np.flatnonzero(activity.linked.any(axis=1))
    columns = np.flatnonzero(activity.linked.any(axis=0))
    most = max(int(activity.adds.max()), 1)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            if not activity.linked[row, column]:
                continue
            adds = int(activity.adds[row, column])
            box = Rectangle((j + 0.04, i + 0.06), 0.92, 0.88, lw=0.8)
            box.set(facecolor=(*_rgb(theme.series[0]), 0.45 * math.sqrt(adds / most)),
                    edgecolor=theme.grid)  # fmt: skip
            axes.add_patch(box)
            axes.text(j + 0.5, i + 0.5, short(adds), ha="center", va="center", color=theme.ink,
                      fontsize=8 if len(columns) <= 4 else 7)  # fmt: skip
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    dress(axes, theme)
    many = len(columns) > 3
    axes.set_xticks(np.arange(len(columns)) + 0.5, [name_of(activity.names[c]) for c in columns],
                    rotation=40 if many else 0, ha="right" if many else "center")  # fmt: skip
    axes.set_yticks(np.arange(len(rows)) + 0.5, [name_of(activity.names[r]) for r in rows])
    axes.tick_params(length=0, labelcolor=theme.ink)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title("synaptic additions, row to column", loc="right", fontsize=9, color=theme.muted)


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _draw_output(axes: Axes, activity: Activity, theme: Theme) -> None:
    values = np.asarray(activity.output, np.float64)
    units, winner = np.arange(len(values)), int(values.argmax())
    leads = len(values) > 1 and int((values == values[winner]).sum()) == 1
    colours = [theme.series[1 if leads and u == winner else 0] for u in units]
    axes.barh(units, values, color=colours, height=0.72)
    axes.axvline(0, color=theme.grid, lw=0.8)
    axes.set_ylim(len(values) - 0.4, -0.6)
    if len(values) <= 12:
        axes.set_yticks(units)
    dress(axes, theme, grid="x")
    if np.issubdtype(np.asarray(activity.output).dtype, np.integer):
        whole(axes.xaxis)
        axes.set_xlim(0, max(1, int(values.max())))
    axes.set_title(drawn(activity.output_label), loc="right", fontsize=9, color=theme.muted)
