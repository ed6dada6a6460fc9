"""The picture of some recordings: each saccade's events, and the rate over time."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from eventsnn.events import EventBatch
from eventsnn.report.files import save_figure
from eventsnn.text import drawn

SACCADES_US = (0, 105_000, 210_000)
"""Where N-MNIST's three saccades begin."""


def plot_film(batch: EventBatch, path: str | os.PathLike[str], title: str, shown: int = 5) -> None:
    """Draw the first ``shown`` recordings, a saccade a column, and all their rates.

    Parameters
    ----------
    batch : EventBatch
    path : path
        ``.png``, ``.svg`` or ``.pdf``.
    title : str
        Says what the recordings are.
    shown : int
        Recordings to draw.
    """
    from matplotlib.figure import Figure

    n = min(shown, len(batch))
    figure = Figure(figsize=(9, 2.0 * n + 2.4), layout="constrained")
    grid = figure.add_gridspec(n + 1, len(SACCADES_US), height_ratios=[2.0] * n + [1.6])
    for i in range(n):
        for k in range(len(SACCADES_US)):
            _draw_saccade(figure.add_subplot(grid[i, k]), batch, i, k)
    _draw_rate(figure.add_subplot(grid[n, :]), batch)
    figure.suptitle(f"{drawn(title, 100)}\nblue: ON events, red: OFF")
    save_figure(figure, path)


def _draw_saccade(axes: Any, batch: EventBatch, i: int, k: int) -> None:
    stream = batch[i]
    end = SACCADES_US[k + 1] if k + 1 < len(SACCADES_US) else max(stream.duration, SACCADES_US[k])
    part = stream.slice_time(SACCADES_US[k], end)
    count = np.bincount(part.unit, minlength=batch.n_units).reshape(batch.shape)
    signed = count[1:].sum(0) - count[0]
    limit = max(int(abs(signed).max()), 1)
    axes.imshow(signed, cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"{len(part)} events", fontsize=9)
    if k == 0:
        axes.set_ylabel("no label" if stream.label is None else f"label {stream.label}")


def _draw_rate(axes: Any, batch: EventBatch) -> None:
    edges = np.arange(0, int(batch.duration.max()) + 5_000, 5_000)
    rate = np.histogram(batch.t, edges)[0] / (5.0 * len(batch))
    axes.stairs(rate, edges / 1000, color="#0072B2", fill=True, alpha=0.5)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("events a ms")
    axes.set_title(f"mean of {len(batch)} recordings", fontsize=9, loc="right")
