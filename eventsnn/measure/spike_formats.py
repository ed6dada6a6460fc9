"""Spike records of other simulators: NEST's dictionaries and NIR's event data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventStream
from eventsnn.record import Record
from eventsnn.text import shown

_LATEST_US = float(1 << 53)
"""Microseconds below which float64 has every whole number."""


def to_nest(record: Record, population: str, recording: int = 0) -> dict[str, NDArray[Any]]:
    """Return spikes as NEST's recorders do: senders from 1 on, times in milliseconds."""
    t, unit = record.spikes[population].recording(recording)
    return {"senders": unit.astype(np.int64) + 1, "times": t / 1000.0}


def from_nest(
    events: Mapping[str, Any],
    size: int,
    *,
    first_sender: int = 1,
    resolution_ms: float | None = None,
) -> EventStream:
    """Return NEST's spikes as events of ``size`` units; times are rounded to microseconds.

    Parameters
    ----------
    events : mapping
        ``senders`` and ``times`` in milliseconds, as a recorder's ``events`` has them. With
        ``time_in_steps`` the times are whole steps, less ``offsets`` in milliseconds.
    size : int
    first_sender : int
        Global id of unit 0: what the ids of the population begin with.
    resolution_ms : float, optional
        Of NEST's kernel; needed for times in steps, and only for them.

    Raises
    ------
    DataError
        Where senders and times are not as many, or one of them cannot be.
    """
    source = "NEST spikes"
    if not isinstance(events, Mapping):
        raise DataError(f"{source}: {shown(events)}; give a mapping with senders and times")
    for key in ("senders", "times"):
        if key not in events:
            raise DataError(f"{source}: no {key!r}; there are {shown(list(events))}")
    times = _numbers(events["times"], "times", source)
    senders = _numbers(events["senders"], "senders", source)
    offsets = _numbers(events.get("offsets", np.zeros(len(times))), "offsets", source)
    _check_lengths({"senders": senders, "times": times, "offsets": offsets}, source)
    steps = "offsets" in events or (len(times) > 0 and times.dtype.kind in "iu")
    if steps and (resolution_ms is None or not 0 < resolution_ms < np.inf):
        raise DataError(
            f"{source}: the times are in steps, not in ms (time_in_steps); give resolution_ms, "
            f"NEST's resolution, which is {resolution_ms}"
        )
    if not steps and resolution_ms is not None:
        raise DataError(f"{source}: the times are in ms; leave resolution_ms out")
    with np.errstate(over="ignore", invalid="ignore"):
        ms = times * float(resolution_ms) - offsets if resolution_ms is not None else times
    unit = _units(senders, (first_sender, size), "sender", source)
    return _stream(np.asarray(ms, np.float64) / 1e3, unit, size, source)


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
    """Return ``nir.EventData`` as one stream a sample; times are rounded to microseconds.

    Unit -1 fills up a row. Raises DataError where a unit or a time cannot be.
    """
    source = "NIR spikes"
    rows = _array(data.idx, "idx", source), _array(data.time, "time", source)
    size = data.n_neurons
    if not isinstance(size, int | np.integer) or size < 1:
        raise DataError(f"{source}: n_neurons is {shown(size)}; give a whole number, 1 or more")
    if rows[0].ndim != 2 or rows[0].shape != rows[1].shape:
        raise DataError(
            f"{source}: idx has shape {rows[0].shape} and time {rows[1].shape}; give both "
            "(samples, spikes)"
        )
    streams = []
    for i, (idx, time) in enumerate(zip(*rows, strict=True)):
        here = f"{source}[{i}]"
        who, when = _numbers(idx, "idx", here), _numbers(time, "time", here)
        real = who != -1
        streams.append(
            _stream(when[real], _units(who[real], (0, int(size)), "unit", here), int(size), here)
        )
    return streams


def _array(values: Any, name: str, source: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"{source}: {name} are no array; give lists of one length") from error


def _numbers(values: Any, name: str, source: str) -> NDArray[Any]:
    """Return numbers, one a spike."""
    array = _array(values, name, source)
    if array.ndim == 1 and not array.size:
        return array.astype(np.float64)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise DataError(
            f"{source}: {name} are {array.dtype} of shape {array.shape}; give one number a spike"
        )
    return array


def _check_lengths(arrays: dict[str, NDArray[Any]], source: str) -> None:
    if len({len(array) for array in arrays.values()}) > 1:
        told = ", ".join(f"{len(array)} {name}" for name, array in arrays.items())
        raise DataError(f"{source}: there are {told}; give one of each a spike")


def _units(
    senders: NDArray[Any], ids: tuple[int, int], name: str, source: str
) -> NDArray[np.int64]:
    """Return units from 0 on; ``ids`` are the first sender and how many there are."""
    first, size = ids
    good = (senders >= first) & (senders < first + size) & (senders == np.floor(senders))
    if not good.all():
        i = int(np.argmin(good))
        remedy = "; first_sender is the id of unit 0" if name == "sender" else ""
        raise DataError(
            f"{source}: {name} {i} is {senders[i]}; {size} units have {first} to "
            f"{first + size - 1}{remedy}"
        )
    return senders.astype(np.int64) - first


def _stream(
    seconds: NDArray[np.float64], unit: NDArray[np.int64], size: int, source: str
) -> EventStream:
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        t = np.round(seconds * 1e6)
    good = (t >= 0) & (t < _LATEST_US)
    if not good.all():
        i = int(np.argmin(good))
        raise DataError(
            f"{source}: spike {i} is at {seconds[i]} s; give times from 0 on, of less than "
            f"{_LATEST_US / 1e6:.0f} s"
        )
    order = np.argsort(t, kind="stable")
    whole, who = t[order].astype(np.int64), unit[order].astype(np.int32)
    return EventStream(whole, who, (1, 1, size), source=source)
