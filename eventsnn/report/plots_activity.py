"""Pictures of one recording: who spiked when, what the sensor saw, what potentials did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.record import Record
from eventsnn.report.style import LIGHT, OFF, ON, Theme, dress, legend, new_figure
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Train = tuple[str, int, NDArray[Any], NDArray[Any]]
"""(name of a population, its size, times in microseconds, units)."""


def trains_of(record: Record, events: EventStream, recording: int = 0) -> list[Train]:
    """Return the spikes of every population that was kept, the input first."""
    network = record.network
    source = network.populations[network.input]
    trains: list[Train] = [(source.name, source.size, events.t, events.unit)]
    for population in network.populations:
        if population.name in record.spikes:
            t, unit = record.spikes[population.name].recording(recording)
            trains.append((population.name, population.size, t, unit))
    return trains


def plot_raster(
    trains: Sequence[Train], title: str = "", theme: Theme = LIGHT, inputs: int = 0
) -> Figure:
    """Draw a dot a spike, a panel a population, time from left to right.

    Parameters
    ----------
    trains : sequence of (name, size, t, unit)
    title : str
    theme : Theme
    inputs : int
        So many of them, the first, are inputs: they stand back, and have events.
    """
    figure = new_figure(5.0, 0.9 + 1.15 * len(trains), theme)
    panels = np.atleast_1d(figure.subplots(len(trains), 1, sharex=True))
    for k, (axes, (name, size, t, unit)) in enumerate(zip(panels, trains, strict=True)):
        given = k < inputs
        colour = theme.muted if given else theme.series[(k - inputs) % len(theme.series)]
        mark = 1.0 if len(t) > 500 else 6.0
        # Thousands of dots are one picture, on clear ground.
        axes.plot(np.asarray(t) / 1e3, unit, ".", ms=mark + 0.6, mew=0, color=_plain(colour, theme),
                  rasterized=True)  # fmt: skip
        axes.set_ylim(-0.02 * size - 0.5, size * 1.02)
        axes.set_ylabel(f"{drawn(name, 40)}\nunit")
        axes.yaxis.get_major_locator().set_params(integer=True)
        dress(axes, theme)
        what = ("event" if given else "spike") + "s" * (len(t) != 1)
        axes.text(1.0, 1.02, f"{len(t):,} {what}", ha="right", va="bottom", fontsize=8,
                  color=theme.muted, transform=axes.transAxes)  # fmt: skip
    panels[-1].set_xlabel("time (ms)")
    if title:
        figure.suptitle(drawn(title), fontsize=9, color=theme.ink)
    return figure


def _plain(colour: str, theme: Theme) -> str:
    """Return a colour for dots, which a page cannot repaint: mid-tones that suit both grounds."""
    if not colour.startswith("#0102"):
        return colour
    if colour == theme.muted:
        return "#808893"
    return ("#2F86C5", "#E0701A", "#1AA37F", "#B873A0")[theme.series.index(colour)]


def plot_event_frame(events: EventStream, tau_us: float = 30_000.0, theme: Theme = LIGHT) -> Figure:
    """Draw where events fell (blue: ON, orange: OFF), and the time surface at the end.

    Parameters
    ----------
    events : EventStream
    tau_us : float
        The time surface of a pixel is exp(-age of its last event / tau).
    """
    figure = new_figure(5.0, 2.9, theme)
    panels = figure.subplots(1, 2)
    polarities, height, width = events.shape
    count = np.bincount(events.unit, minlength=int(np.prod(events.shape))).reshape(events.shape)
    signed = count[1:].sum(0) - count[0] if polarities > 1 else count[0]
    panels[0].imshow(_tinted(signed / max(int(np.abs(signed).max(initial=0)), 1)))
    panels[0].set_title("ON less OFF events a pixel" if polarities > 1 else "events a pixel")
    last = np.full(int(np.prod(events.shape)), -np.inf)
    np.maximum.at(last, events.unit, events.t)
    newest = last.reshape(events.shape).max(0)
    panels[1].imshow(_tinted(np.exp(-(events.duration - newest) / tau_us)))
    panels[1].set_title(f"time surface at the end, tau {tau_us / 1e3:g} ms")
    for axes in panels:
        dress(axes, theme)
        axes.set_xticks([0, width - 1])
        axes.set_yticks([0, height - 1])
        axes.set_xlabel("x (pixels)")
    panels[0].set_ylabel("y (pixels)")
    return figure


def _tinted(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values in [-1, 1] as red, green, blue and opacity: 0 is clear, negative orange."""
    picture = np.empty((*values.shape, 4))
    picture[..., :3] = np.where(values[..., None] >= 0, ON, OFF)
    picture[..., 3] = np.sqrt(np.abs(values))
    return picture


def plot_traces(
    traces: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    threshold: float | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Draw potentials of chosen neurons over time.

    Parameters
    ----------
    traces : mapping from a name to (t, v)
        As ``measure.traces.potentials`` returns them; microseconds, units of the weights.
    threshold : float, optional
        Drawn as a line.
    """
    if not traces:
        raise UserError("traces: no neuron was chosen; give at least one")
    figure = new_figure(5.0, 3.2, theme)
    axes = figure.add_subplot()
    for k, (name, (t, v)) in enumerate(traces.items()):
        axes.plot(
            t / 1e3, v, lw=0.9, color=theme.series[k % len(theme.series)], label=drawn(name, 40)
        )
    if threshold is not None:
        axes.axhline(threshold, lw=1.0, ls=":", color=theme.muted, label="threshold")
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("potential (thresholds)" if threshold == 1 else "potential")
    dress(axes, theme, grid="y")
    legend(axes, theme, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, handlelength=1.2,
           columnspacing=1.0, borderaxespad=0.2)  # fmt: skip
    return figure
