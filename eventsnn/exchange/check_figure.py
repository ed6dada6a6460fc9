"""Spikes of one node, a row a way to run its graph: what the row above has not is marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eventsnn.exchange.check import WayRun
from eventsnn.report.files import save_figure
from eventsnn.report.style import LIGHT, dress, legend, new_figure
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(ways: list[WayRun], node: str, dt_us: float, path: Path) -> None:
    """Draw who fired when in each way that ran.

    Raises
    ------
    UserError
        If the figure cannot be written.
    """
    ran = [way for way in ways if node in way.steps]
    figure = new_figure(9.0, 0.9 + 1.5 * len(ran), LIGHT)
    rows = figure.subplots(len(ran), 1, sharex=True, squeeze=False)[:, 0]
    for k, (axes, way) in enumerate(zip(rows, ran, strict=True)):
        _row(axes, way, ran[max(min(k - 1, 1), 0)], node, dt_us)
    rows[-1].set_xlabel("time (ms)", color=LIGHT.muted)
    save_figure(figure, path)


def _row(axes: Axes, way: WayRun, beside: WayRun, node: str, dt_us: float) -> None:
    here, there = way.steps[node], beside.steps[node]
    if here.shape != there.shape:
        there = here
    dress(axes, LIGHT)
    for steps, color, mark, label in (
        (here & there, LIGHT.ink, "|", f"also in {beside.name}"),
        (here & ~there, LIGHT.series[1], "|", f"not in {beside.name}"),
        (there & ~here, LIGHT.series[1], "x", f"in {beside.name} alone"),
    ):
        step, unit = np.nonzero(steps)
        if len(step):
            axes.scatter(step * dt_us / 1000, unit, c=color, marker=mark, s=18, label=drawn(label))
    axes.set_ylabel(drawn(node), color=LIGHT.muted)
    axes.set_title(drawn(f"{way.name}: {way.does}"), loc="left", fontsize=9, color=LIGHT.muted)
    if (here | there).any():
        legend(axes, LIGHT, loc="upper right")
