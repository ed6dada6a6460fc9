"""The picture of one input's spike traffic: what was seen, who spiked, and how often."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from eventsnn.measure.herding_traffic import Traffic
from eventsnn.report.files import save_figure

# Okabe & Ito's palette, told apart by colour-blind readers.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def plot_traffic(traffic: Traffic, path: str | os.PathLike[str], shape: tuple[int, ...]) -> None:
    """Draw raster and rate of every population, and the input as a picture.

    Parameters
    ----------
    traffic : Traffic
    path : path
        ``.png``, ``.svg`` or ``.pdf``.
    shape : tuple of int
        Sensor (polarities, height, width), or (height, width) of an image.
    """
    from matplotlib.figure import Figure

    n = len(traffic.unit)
    figure = Figure(figsize=(11, 2.2 * n + 2.4), layout="constrained")
    grid = figure.add_gridspec(n + 1, 2, width_ratios=[3, 1])
    time = figure.add_subplot(grid[n, 0])
    for p in range(n):
        axes = figure.add_subplot(grid[p, 0], sharex=time)
        _draw_raster(axes, traffic, p)
    _draw_rate(time, traffic)
    _draw_input(figure.add_subplot(grid[0, 1]), traffic, shape)
    _draw_output(figure.add_subplot(grid[1:, 1]), traffic)
    label = "" if traffic.label is None else f", label {traffic.label}"
    figure.suptitle(f"{traffic.name}{label}, prediction {int(traffic.output.argmax())}")
    save_figure(figure, path)


def _scale(traffic: Traffic) -> tuple[float, str]:
    return (1e-3, "time (ms)") if traffic.time_unit == "us" else (1.0, "step")


def _name(p: int) -> str:
    return "input" if p == 0 else f"layer {p}"


def _draw_raster(axes: Any, traffic: Traffic, p: int) -> None:
    scale, _ = _scale(traffic)
    size = 2 if traffic.unit[p].size > 300 else 12
    axes.scatter(
        traffic.t[p] * scale, traffic.unit[p], s=size, marker="|" if p else ".", linewidths=0.8,
        color=_COLOURS[p % len(_COLOURS)],
    )  # fmt: skip
    axes.set_ylabel(f"{_name(p)}\nunit")
    axes.set_title(f"{traffic.unit[p].size} spikes", fontsize=9, loc="right")
    axes.tick_params(labelbottom=False)
    axes.yaxis.get_major_locator().set_params(integer=True)


def _draw_rate(axes: Any, traffic: Traffic) -> None:
    scale, label = _scale(traffic)
    steps = traffic.time_unit == "step"
    edges = np.linspace(0, traffic.duration, int(traffic.duration) + 1 if steps else 81)
    for p, t in enumerate(traffic.t):
        rate = np.histogram(t, edges)[0] / (np.diff(edges) * scale)
        axes.stairs(rate, edges * scale, color=_COLOURS[p % len(_COLOURS)], label=_name(p))
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xlabel(label)
    axes.set_ylabel("spikes a step" if steps else "spikes a ms")
    axes.legend(fontsize=8, ncols=len(traffic.t), loc="upper right")


def _draw_input(axes: Any, traffic: Traffic, shape: tuple[int, ...]) -> None:
    count = np.bincount(traffic.unit[0], minlength=int(np.prod(shape)))
    axes.imshow(count.reshape(-1, *shape[-2:]).sum(0), cmap="Greys")
    axes.set_title("events a pixel", fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_output(axes: Any, traffic: Traffic) -> None:
    units = np.arange(len(traffic.output))
    winner = int(traffic.output.argmax())
    axes.barh(units, traffic.output, color=[_COLOURS[1 if u == winner else 0] for u in units])
    axes.invert_yaxis()
    if len(units) <= 20:
        axes.set_yticks(units)
    axes.set_xlabel("output: mean drive a step, S / T")
    axes.set_ylabel("class")
