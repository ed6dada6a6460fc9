"""Recordings as a network sees them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from eventsnn.data.cache import cached_batch
from eventsnn.data.digest import digest_of
from eventsnn.data.view import SensorView
from eventsnn.events import EventBatch
from eventsnn.events.windows import windows_of


def seen(
    batch: EventBatch, view: SensorView, known_as: str = "", emulated: bool = False
) -> EventBatch:
    """Return recordings as a network sees them.

    Parameters
    ----------
    batch : EventBatch
    view : SensorView
    known_as : str
        What the recordings are called for ever: events at new addresses are then kept in the cache
        and mapped into memory where they are many. Empty: they are in memory.
    emulated : bool
        Whether the virtual event camera made them; the cache's file says so.

    Raises
    ------
    UserError
        If the crop goes beyond the sensor, or there would be too many windows.
    """
    if view.moves:
        view.shape(batch.shape)  # refuses, before anything is read
        state = {"digest": digest_of(batch.arrays())} if known_as else {}
        batch = cached_batch(
            {"kind": "view", "of": known_as, "view": str(replace(view, window_us=0))},
            state,
            partial(view.moved, batch),
            source=batch.source,
            cache=bool(known_as),
            emulated=emulated,
        )
        batch = batch.with_events(batch.t, batch.unit, batch.start, grid_us=view.grid_us)
    return windows_of(batch, view.window_us) if view.window_us else batch
