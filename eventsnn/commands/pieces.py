"""``simulate --state``: what of a recording a state has worked off, and what is left of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.digest import digest_of
from eventsnn.engines.asynchronous.state import State
from eventsnn.errors import UserError
from eventsnn.events import EventStream


def rest_of(stream: EventStream, state: State, path: Path, until: float | None) -> EventStream:
    """Return what a state has not worked off: of the recording that it knows, or of a next piece.

    A piece carries the times of the whole recording, and begins where the state stands or later.

    Parameters
    ----------
    path : Path
        Of the state, for messages.
    until : float or None
        Where the run is to end, microseconds.

    Raises
    ------
    UserError
        If events come before the state that are not those that it has worked off, or nothing
        is left to do.
    """
    before = _before(stream, state)
    if len(before) and not _same(before, state):
        which = (
            "after other events" if state.worked_off is not None else "and keeps no note of them"
        )
        raise UserError(
            f"{stream.source}: {len(before)} of {len(stream)} events, the first at "
            f"{before.t[0]} us, come before {path}, which stands at {float(state.t):.15g} us "
            f"{which}; give a piece with the times of the whole recording, or another --state"
        )
    if float(state.t) > 0 and max(until or 0, stream.duration) <= state.t:
        raise UserError(
            f"{stream.source}: ends at {stream.duration} us, {path} stands at "
            f"{float(state.t):.15g} us: nothing is left of it; give the next piece with the times "
            "of the whole recording, a later --until, or another --state"
        )
    return stream.between(min(math.ceil(state.t), stream.duration), stream.duration)


def noted(state: State, stream: EventStream | None) -> State:
    """Return a state that knows which events of the recording it has worked off."""
    if stream is None:
        return state
    return replace(state, worked_off=_digest(_before(stream, state)))


def _before(stream: EventStream, state: State) -> EventStream:
    return stream.slice_count(0, int(np.searchsorted(stream.t, float(state.t))))


def _same(before: EventStream, state: State) -> bool:
    return state.worked_off is not None and np.array_equal(_digest(before), state.worked_off)


def _digest(events: EventStream) -> NDArray[np.uint8]:
    arrays = {"t": events.t.astype(np.float64), "unit": events.unit.astype(np.int64)}
    return np.frombuffer(bytes.fromhex(digest_of(arrays)), np.uint8)
