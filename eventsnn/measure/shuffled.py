"""Recordings whose times were shuffled: what a network still knows of them needs no time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eventsnn.errors import UserError
from eventsnn.events import EventBatch


def shuffled_times(events: EventBatch, seed: int = 0) -> EventBatch:
    """Give the events of each recording its times in another order.

    Every pixel keeps its number of events, and every recording its times; which event came when is
    drawn.

    Parameters
    ----------
    events : EventBatch
    seed : int
        0 or more; recording i depends on it and on i alone.

    Raises
    ------
    UserError
        If the seed is negative.
    """
    if seed < 0:
        raise UserError(f"shuffled_times: seed is {seed}; give 0 or more")
    unit = np.array(events.unit)
    for i in range(len(events)):
        part = slice(int(events.start[i]), int(events.start[i + 1]))
        unit[part] = np.random.default_rng([seed, i]).permutation(unit[part])
    return replace(events, unit=unit)
