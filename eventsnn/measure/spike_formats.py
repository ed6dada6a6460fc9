"""Spike records of other simulators: NEST's dictionaries and NIR's event data."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventStream
from eventsnn.record import Record


def to_nest(record: Record, population: str, recording: int = 0) -> dict[str, NDArray[Any]]:
    """Return spikes as NEST's recorders do: senders from 1 on, times in milliseconds."""
    t, unit = record.spikes[population].recording(recording)
    return {"senders": unit.astype(np.int64) + 1, "times": t / 1000.0}


def from_nest(events: dict[str, NDArray[Any]], size: int) -> EventStream:
    """Return NEST's spikes as events of ``size`` units; times are rounded to microseconds."""
    for key in ("senders", "times"):
        if key not in events:
            raise DataError(f"NEST spikes: no {key!r}; there are {', '.join(events)}")
    times = np.asarray(events["times"], np.float64) / 1e3
    return _stream(times, np.asarray(events["senders"], np.int64) - 1, size, "NEST spikes")


def to_nir(record: Record, population: str) -> Any:
    """Return spikes of all recordings as ``nir.EventData``: a row a recording, seconds.

    Rows shorter than the longest end in unit -1 at infinite time, as NIR has it.
    """
    try:
        EventData = import_module("nir.data_ir").EventData
    except ImportError as error:
        raise UserError("NIR event data needs the package nir; pip install nir") from error
    spikes = record.spikes[population]
    sizes = np.diff(spikes.start)
    idx = np.full((len(sizes), max(sizes, default=0)), -1, np.int64)
    time = np.full(idx.shape, np.inf)
    filled = np.arange(idx.shape[1]) < sizes[:, None]
    idx[filled], time[filled] = spikes.unit, spikes.t / 1e6
    end = float(record.duration.max(initial=0.0)) / 1e6
    return EventData(idx=idx, time=time, n_neurons=record.network[population].size, t_max=end)


def from_nir(data: Any) -> list[EventStream]:
    """Return ``nir.EventData`` as one stream a sample; times are rounded to microseconds."""
    streams = []
    for idx, time in zip(np.asarray(data.idx), np.asarray(data.time), strict=True):
        real = idx >= 0
        streams.append(_stream(time[real], idx[real], int(data.n_neurons), "NIR spikes"))
    return streams


def _stream(
    seconds: NDArray[np.float64], unit: NDArray[np.int64], size: int, source: str
) -> EventStream:
    t = np.round(seconds * 1e6)
    if not np.isfinite(t).all():
        raise DataError(f"{source}: a spike time is not finite; give finite times")
    order = np.argsort(t, kind="stable")
    whole, who = t[order].astype(np.int64), unit[order].astype(np.int32)
    return EventStream(whole, who, (1, 1, size), source=source)
