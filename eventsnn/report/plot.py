"""``eventsnn.plot``: recordings, runs and potentials as figures, each drawn as its type says."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.measure.traces import Potentials
from eventsnn.record import Record
from eventsnn.report.plots_activity import Train, plot_event_frame, plot_raster, plot_traces
from eventsnn.text import named, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TRACES = 8


@singledispatch
def plot(thing: Any) -> Figure:
    """Draw a recording, a run, or potentials; a notebook shows the figure.

    Parameters
    ----------
    thing : EventStream, Record of one recording, or Potentials
        Where events fell and how fresh each pixel is; a raster of the spikes that were kept; the
        first eight neurons over time.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig("a.png")`` writes it.

    Raises
    ------
    UserError
        For anything else, and where there is nothing to draw.

    Examples
    --------
    >>> import eventsnn as es
    >>> stream = es.EventStream([1_000, 2_000], [0, 3], (1, 2, 2), duration=4_000)
    >>> type(es.plot(stream)).__mro__[1].__name__
    'Figure'
    """
    raise UserError(f"plot: {shown(thing)}; give an EventStream, a Record or Potentials")


@plot.register(EventStream)
def _(thing: EventStream) -> Figure:
    return plot_event_frame(thing)


@plot.register(Potentials)
def _(thing: Potentials) -> Figure:
    name, neuron = named(thing.population.name), thing.population.neuron
    traces: dict[str, Any] = {f"{name}[{u}]": thing.course(u) for u in thing.units[:MOST_TRACES]}
    return plot_traces(traces, getattr(neuron, "threshold", None))


@plot.register(Record)
def _(thing: Record) -> Figure:
    if len(thing) != 1 or not thing.spikes:
        raise UserError(f"plot: {thing!r}; give one of one recording, with spikes that were kept")
    trains: list[Train] = [
        (name, thing.network[name].size, spikes.t, np.asarray(spikes.unit))
        for name, spikes in thing.spikes.items()
    ]
    return plot_raster(trains)
