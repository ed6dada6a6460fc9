"""A piece of a stream, checked at the door."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from eventsnn.engines.gathered import Given, gathered
from eventsnn.engines.inputs import Feed, Recorded, RecordedFeed, sort_ties
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventStream
from eventsnn.network import Network, Population


class Pushed(NamedTuple):
    """What comes in, where it ends (microseconds), and how many events it has."""

    feeds: list[Feed]
    until: float
    events: int


def piece_of(network: Network, events: Given, until_us: float | None, now: float) -> Pushed:
    """Return a piece for a network that stands at ``now``.

    Raises
    ------
    DataError
        For events of another sensor, before ``now``, or not before the end.
    UserError
        For an end before ``now``.
    """
    _, inputs = gathered(network, _whole(network, events, now), until_us)
    if len(inputs.until) != 1:
        raise UserError(f"session: {len(inputs.until)} recordings; push one stream, piece by piece")
    until = float(inputs.until[0])
    if events is None and until_us is None:
        raise UserError("session: no events and no end; give until_us, in microseconds")
    feeds: list[Feed] = [_feed(p, one, now, until) for p, one in inputs.given.items()]
    if not now <= until < math.inf:
        raise UserError(
            f"session: the piece ends at {until:g} us, the session stands at {now:g} us; give the "
            "times of the whole stream (stream.between keeps them), and a finite until_us"
        )
    n = sum(len(one.t) for one in inputs.given.values())
    return Pushed([*feeds, *inputs.drawn], until, n)


def _whole(network: Network, events: Given, now: float) -> Given:
    """Return what is given, with no events for the inputs that are not named."""
    if events is not None and not isinstance(events, Mapping):
        return events
    found = dict(events or {})
    for p in network.inputs:
        population = network.populations[p]
        if population.generator is None and population.name not in found:
            found[population.name] = _nothing(population, now)
    return found


def _nothing(population: Population, now: float) -> EventStream:
    """Return a stream of no events that ends ``now``."""
    polarities, height, width = (1, 1, *population.shape)[-3:]
    none = np.zeros(0, np.int64), np.zeros(0, np.int32)
    return EventStream(*none, (polarities, height, width), duration=math.ceil(now))


def _feed(population: int, given: Recorded, now: float, until: float) -> RecordedFeed:
    """Return the events of one input, in order of (t, unit)."""
    t, unit = given.t.astype(np.float64), given.unit.astype(np.int32)
    sort_ties(t, unit)
    if len(t) and t[0] < now:
        late = int(np.searchsorted(t, now))
        raise DataError(
            f"session: {late} of {len(t)} events of {given.source}, the first at {t[0]:.0f} us, "
            f"come too late: everything before {now:g} us is worked off"
        )
    if len(t) and t[-1] >= until:
        raise DataError(
            f"session: the last event of {given.source} is at {t[-1]:.0f} us, the piece ends at "
            f"{until:g} us; give an until_us behind it"
        )
    return RecordedFeed(population, t, unit)
