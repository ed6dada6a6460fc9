"""Recordings of one sensor laid over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eventsnn.errors import DataError
from eventsnn.events.grid import step_of
from eventsnn.events.stream import EventStream
from eventsnn.text import shown


def merge(streams: Sequence[EventStream]) -> EventStream:
    """Merge recordings of one sensor into one, in order of time.

    Simultaneous events stand in the order of ``streams``. The label is the first
    stream's; the duration the longest.

    Examples
    --------
    >>> from eventsnn import EventStream, merge
    >>> merge([EventStream([5], [0], (1, 1, 2)), EventStream([2], [1], (1, 1, 2))]).t
    array([2, 5])
    """
    streams = list(streams)
    for stream in streams:
        if not isinstance(stream, EventStream):
            raise DataError(f"merge: {shown(stream)} is no EventStream; give EventStreams")
    if not streams:
        raise DataError("merge: no streams were given; give at least one")
    shapes = {stream.shape for stream in streams}
    if len(shapes) > 1:
        raise DataError(f"merge: the sensors differ ({sorted(shapes)}); merge equal ones")
    t = np.concatenate([stream.t for stream in streams])
    order = np.argsort(t, kind="stable")
    return replace(
        streams[0],
        t=t[order],
        unit=np.concatenate([stream.unit for stream in streams])[order],
        duration=max(stream.duration for stream in streams),
        grid_us=step_of({stream.grid_us for stream in streams}),
    )
