"""The picture of a comparison between real and filmed recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eventsnn.data.camera import compare
from eventsnn.errors import DataError
from eventsnn.events import EventBatch

_REAL, _FILMED = "#1f2937", "#e4572e"


def plot_comparison(
    real: EventBatch, filmed: EventBatch, path: str | Path, *, shown: int = 4
) -> None:
    """Draw the comparison: maps of a few digits, rates, counts and intervals.

    Parameters
    ----------
    real, filmed : EventBatch
        As in `compare.compare`.
    path : str or Path
        Where to write; ``.png``, ``.svg`` or ``.pdf``.
    shown : int
        How many recordings to draw maps of: one each of the first classes, if labelled.
    """
    target = Path(path)
    if target.suffix not in (".png", ".svg", ".pdf"):
        raise DataError(f"{target}: a figure is .png, .svg or .pdf, not {target.suffix!r}")
    numbers = compare.compare(real, filmed)
    _draw(real, filmed, numbers, target, _examples(real, shown))


def _examples(batch: EventBatch, shown: int) -> list[int]:
    """Return the first recording of each class, then others, ``shown`` in all."""
    _, first = np.unique(batch.label, return_index=True)
    rest = np.setdiff1d(np.arange(len(batch)), first)
    return [int(i) for i in np.concatenate([first, rest])[:shown]]


def _draw(
    real: EventBatch,
    filmed: EventBatch,
    numbers: dict[str, Any],
    target: Path,
    examples: list[int],
) -> None:
    """Write the figure to ``target``; ``examples`` are the recordings whose maps are shown."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.1 + 1.9 * len(examples)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"Real and filmed recordings of the same {numbers['recordings']} pictures: count-map "
        f"correlation {numbers['map_correlation']:.3f}, rate difference "
        f"{numbers['rate_difference']:.3f}\nblue: ON events, red: OFF, dark: both"
    )
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.9 * len(examples), 2.8])
    _draw_maps(halves[0], real, filmed, examples)
    rates, counts, intervals = halves[1].subplots(1, 3)
    _draw_rates(rates, real, filmed)
    _draw_counts(counts, real, filmed, numbers)
    _draw_intervals(intervals, real, filmed, numbers)
    for axes in (rates, counts, intervals):
        axes.spines[["top", "right"]].set_visible(False)
    partial = target.with_name(f".{target.name}.part")
    figure.savefig(partial, format=target.suffix[1:], dpi=150)
    partial.replace(target)


def _draw_maps(figure: Any, real: EventBatch, filmed: EventBatch, examples: list[int]) -> None:
    """Draw ON (blue) and OFF (red) counts of every saccade; real on the left."""
    grid = figure.subplots(len(examples), 6, squeeze=False)
    for row, index in zip(grid, examples, strict=True):
        maps = [compare.count_maps(batch, index) for batch in (real, filmed)]
        top = max(float(np.percentile(maps[0], 99.8)), 1.0)
        for side, counts in enumerate(maps):
            for saccade in range(3):
                axes = row[3 * side + saccade]
                axes.imshow(_colours(counts[saccade] / top), interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                if index == examples[0]:
                    axes.set_title(f"{('real', 'filmed')[side]}, saccade {saccade + 1}", size=10)
        label = int(real.label[index])
        row[0].set_ylabel(f"digit {label}" if label >= 0 else f"picture {index}")


def _colours(counts: Any) -> Any:
    """Mix white with blue where ON events were, red where OFF, dark where both."""
    off, on = np.clip(counts, 0, 1)
    blue, red = np.array([0.12, 0.35, 0.75]), np.array([0.85, 0.20, 0.15])
    return (1 - on[..., None] * (1 - blue)) * (1 - off[..., None] * (1 - red))


def _draw_rates(axes: Any, real: EventBatch, filmed: EventBatch) -> None:
    end = int(max(real.duration.max(), filmed.duration.max()))
    edges = np.arange(0, end + compare.BIN_US, compare.BIN_US)
    for batch, colour, name in ((real, _REAL, "real"), (filmed, _FILMED, "filmed")):
        rate = np.histogram(batch.t, edges)[0] / len(batch)
        axes.stairs(rate, edges / 1000, color=colour, label=name, linewidth=1.5)
    axes.set(xlabel="time (ms)", ylabel="events in 10 ms", title="Rate")
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])
    axes.legend(frameon=False, ncols=2, loc="upper right")


def _draw_counts(axes: Any, real: EventBatch, filmed: EventBatch, numbers: dict[str, Any]) -> None:
    x, y = np.diff(real.start), np.diff(filmed.start)
    axes.scatter(x, y, s=8, color=_FILMED, alpha=0.5, linewidth=0)
    ends = [0, 1.05 * max(x.max(), y.max())]
    axes.plot(ends, ends, color=_REAL, linewidth=1)
    axes.set(
        xlim=ends,
        ylim=ends,
        xlabel="events, real",
        ylabel="events, filmed",
        title=f"Events a recording: {numbers['filmed']['events']:.0f} ± "
        f"{numbers['filmed']['events_std']:.0f}, real {numbers['real']['events']:.0f} ± "
        f"{numbers['real']['events_std']:.0f}",
    )
    axes.title.set_size(10)


def _draw_intervals(
    axes: Any, real: EventBatch, filmed: EventBatch, numbers: dict[str, Any]
) -> None:
    edges = np.geomspace(500, 300_000, 70)
    for batch, colour in ((real, _REAL), (filmed, _FILMED)):
        gaps = compare.pixel_intervals(batch)
        axes.stairs(
            np.histogram(gaps, edges)[0] / max(gaps.size, 1), edges / 1000, color=colour, lw=1.5
        )
    medians = [numbers[name]["pixel_interval_us"] / 1000 for name in ("filmed", "real")]
    axes.set(
        xscale="log",
        xlabel="time between events of a pixel (ms)",
        ylabel="share",
        title=f"Pixel intervals: median {medians[0]:.1f} ms, real {medians[1]:.1f} ms",
    )
    axes.title.set_size(10)
