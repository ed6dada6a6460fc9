"""The door of a run: what is given to which population, and how long, is checked here, once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.engines.inputs import Events, GeneratedFeed, Inputs, Recorded
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.events.checked import TIME_END, Shape
from eventsnn.generators import Generator, SpikeGenerator
from eventsnn.given import check_no_mask
from eventsnn.network import Network, Population
from eventsnn.text import named, shown

Given = Events | SpikeGenerator | Mapping[str, Events | Generator] | None
"""For the one input, by population, or nothing where every input has a generator of its own."""


class Gathered(NamedTuple):
    """A network with the generators of a run, and what its inputs send."""

    network: Network
    inputs: Inputs


def gathered(network: Network, events: Given, until_us: ArrayLike | None = None) -> Gathered:
    """Check what a run is given.

    Parameters
    ----------
    network : Network
    events : EventStream, EventBatch, SpikeGenerator, mapping, or None
        For the one input population that has no generator of its own; or by population.
    until_us : float, or one a recording
        Run over the instants before it; None for each recording's duration, infinity
        until nothing more happens.

    Raises
    ------
    UserError
        For an input that gets nothing, a population that takes none, a sensor of another shape
        than its input population, and events, durations or ends that no engine can take.
    """
    by_name = _by_name(network, events)
    recorded = {name: one for name, one in by_name.items() if not isinstance(one, Generator)}
    wanted = {name: None if name in recorded else one for name, one in by_name.items()}
    swapped = tuple((n, one) for n, one in wanted.items() if one != network[n].generator)
    driven = _driven(network, swapped) if swapped else network
    given, drawn = {}, []
    for p in driven.inputs:
        population = driven.populations[p]
        if population.name in recorded:
            counts = _counts(driven, p)
            given[p] = _recorded(population, recorded[population.name], counts)
        elif isinstance(population.generator, SpikeGenerator):
            drawn.append(GeneratedFeed(p, population.size, population.generator))
        else:
            raise UserError(
                f"simulate: the input {named(population.name)} gets no events; give "
                f"{{{population.name!r}: events}}, an EventStream, an EventBatch or a generator"
            )
    until = _until(recorded, until_us)
    if np.isinf(until).any():
        _check_end(driven, recorded, drawn)
    return Gathered(driven, Inputs(until, given, tuple(drawn)))


def inputs(network: Network, events: Events, until_us: ArrayLike | None = None) -> Inputs:
    """Check recordings against a network of one input population, as rules learn from them.

    Raises
    ------
    UserError
        As ``gathered``, and for generators or several inputs.
    """
    _check_events(events)
    if len(network.inputs) != 1 or any(p.generator for p in network.populations):
        raise UserError(
            f"network: {len(network.inputs)} inputs, or a generator; only simulate takes these: "
            "give one input population without a generator"
        )
    return gathered(network, events, until_us).inputs


def _by_name(network: Network, events: Given) -> dict[str, Any]:
    """Return what each population is given, by its name."""
    if events is None:
        return {}
    if isinstance(events, Mapping):
        for name, one in events.items():
            population = network[name]
            if not isinstance(one, Generator):
                _check_events(one)
                if population.neuron is not None:
                    raise UserError(
                        f"simulate: {named(name)} has {population.neuron.kind} neurons and takes "
                        "no events; give them to an input population that is connected to it"
                    )
        return dict(events)
    if not isinstance(events, SpikeGenerator):
        _check_events(events)
    every = [network.populations[p] for p in network.inputs]
    free = [p.name for p in every if p.generator is None]
    names = free if len(every) > 1 else [p.name for p in every]
    if len(names) != 1:
        told = ", ".join(names) if names else "none"
        raise UserError(
            f"simulate: events for one input, but inputs that wait for them: {told}; give a "
            "mapping, {name: events}"
        )
    return {names[0]: events}


def _check_events(events: Any) -> None:
    if not isinstance(events, EventStream | EventBatch):
        raise UserError(
            f"simulate: events is a {type(events).__name__}; give an EventStream or an EventBatch"
        )


@lru_cache(maxsize=8)
def _driven(network: Network, swapped: tuple[tuple[str, Generator | None], ...]) -> Network:
    """Return the network with other generators; the same one for the same."""
    by_name = dict(swapped)
    populations = [
        replace(p, generator=by_name[p.name]) if p.name in by_name else p
        for p in network.populations
    ]
    return Network(tuple(populations), network.connections)


def _counts(network: Network, p: int) -> bool:
    """Return whether events of an input may be delivered with counts by all its connections."""
    out = [c for c, source in zip(network.connections, network.sources, strict=True) if source == p]
    return all(c.topology.counts and c.greatest_delay == 0 for c in out)


def _recorded(population: Population, events: Events, counts: bool) -> Recorded:
    """Check recordings of one population, whose events may be delivered with ``counts``."""
    check_sensor(population, events.shape, events.source)
    size = population.size
    start = np.array([0, len(events)], np.int64)
    if isinstance(events, EventBatch):
        start = events.start
    # A batch may be a memory-mapped file nobody has checked, and kernels index by unit.
    least = 0 if events.unit.dtype.kind == "u" else events.unit.min(initial=0)
    if least < 0 or events.unit.max(initial=0) >= size:
        i = int(np.flatnonzero((events.unit < 0) | (events.unit >= size))[0])
        raise DataError(
            f"{events.source}: unit of event {i} is {events.unit[i]}; give 0 to {size - 1}"
        )
    packed = size if counts and events.grid_us else 0
    return Recorded(events.t, events.unit, start, events.source, packed)


def check_sensor(population: Population, sensor: Shape, source: str) -> None:
    """Refuse recordings of another sensor than an input population stands for.

    Plain units, of a shape (n,), say nothing of a sensor: then the number must agree. Sides
    of 1 before the others do not count: (34, 34) is (1, 34, 34).
    """
    shape, own = population.shape, tuple(sensor)
    fits = shape == own or (len(shape) == 1 and shape[0] == math.prod(own))
    if fits or _without_ones(shape) == _without_ones(own):
        return
    raise UserError(
        f"{source}: a sensor of {own} (polarities, height, width) has {math.prod(own)} units, but "
        f"the input {population.name} is {shape} and has {population.size}; make the shapes equal"
    )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without the sides of 1 that lead it."""
    first = next((i for i, side in enumerate(shape) if side != 1), len(shape))
    return shape[first:]


def _until(recorded: dict[str, Events], until_us: ArrayLike | None) -> NDArray[np.float64]:
    """Return when each recording ends: the longest of what it is given, if nothing is said."""
    durations = {
        name: np.atleast_1d(np.asarray(one.duration, np.float64)) for name, one in recorded.items()
    }
    lengths = {len(duration) for duration in durations.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{name} {len(d)}" for name, d in durations.items())
        raise UserError(f"simulate: other numbers of recordings: {told}; give as many of each")
    if until_us is None and not recorded:
        raise UserError("simulate: generators never end; give until_us, in microseconds")
    n = (*lengths, 1)[0]
    until = np.max([*durations.values()], axis=0) if until_us is None else _ends(until_us, (n,))
    fine = (until >= 0) & ((until <= TIME_END) | np.isinf(until))
    if not fine.all():
        i = int(np.argmin(fine))
        raise UserError(
            f"simulate: {'duration' if until_us is None else 'until_us'} is {until[i]} (recording "
            f"{i}); give microseconds from 0 to 2**53, or until_us=infinity. Are these "
            "nanoseconds? Divide by 1000"
        )
    return np.asarray(until, np.float64)


def _ends(until_us: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return one end a recording."""
    check_no_mask(until_us, "simulate: until_us")
    try:
        ends = np.asarray(until_us)
        if ends.dtype.kind not in "iuf":
            raise TypeError(f"dtype {ends.dtype}")
        return np.broadcast_to(ends.astype(np.float64), shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"simulate: until_us is {shown(until_us)}; give one number, or one for each of "
            f"{shape[0]} recordings"
        ) from error


def _check_end(network: Network, recorded: dict[str, Events], drawn: list[GeneratedFeed]) -> None:
    """Refuse an open end where something never ends, or may be due at 2**53 us or later."""
    if drawn:
        name = network.populations[drawn[0].population].name
        raise UserError(
            f"simulate: until_us is infinite, but the generator of {named(name)} never ends; give "
            "microseconds"
        )
    longest = sum(c.greatest_delay for c in network.connections)
    for events in recorded.values():
        if int(events.t.max(initial=0)) + longest >= TIME_END:
            raise UserError(
                f"{events.source}: with events up to {events.t.max()} us and delays of {longest} "
                "us in all, spikes may be due at 2**53 us or later; subtract the first time, or "
                "give until_us"
            )
