"""The fast path: layer after layer, recording after recording.

``loop.py`` runs the layers; here their spikes, counts and readouts become a record: that of
``reference.py``, spike for spike.

Threads take different recordings. None adds to what another writes, so that their
number does not change a bit.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.inputs import Inputs
from eventsnn.engines.layered.any.driven import rest_of
from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.layer import Ahead, layer_of
from eventsnn.engines.layered.loop import Link, Loop, Step, in_order, joined, links_of
from eventsnn.engines.layered.spans import Span, tasks
from eventsnn.engines.options import Options, over_budget
from eventsnn.kernels.compile import threaded
from eventsnn.network import Connection, Network
from eventsnn.record import Counts, Readouts, Record, Spikes
from eventsnn.threads import in_threads

MANY = Ahead(1 << 62)
"""Weights that are kept for many runs are laid out, however few events the first one has."""


class Counted(NamedTuple):
    """Where all threads write, each to the rows of its own recordings."""

    counts: Counts
    unit_spikes: dict[int, NDArray[np.int32]]
    now: NDArray[np.float64]

    @classmethod
    def room(cls, network: Network, n: int, options: Options) -> Counted:
        """Return counts of nothing, of n recordings."""
        units = {
            p: np.zeros((n, network.populations[p].size), np.int32)
            for p in network.outputs
            if options.unit_spikes and network.populations[p].spiking
        }
        return cls(Counts.zeros(network, n), units, np.zeros(n))


class SpanTrains(NamedTuple):
    """The kept spikes of a span, by population."""

    span: Span
    trains: dict[int, Train]


class Task(NamedTuple):
    """What a task leaves: pieces, and the readouts of its recordings by population."""

    pieces: list[SpanTrains]
    readouts: dict[int, Readouts]


def supports(network: Network) -> bool:
    """Return whether the graph has one input, no cycle, one delay a connection, one into a target.

    A population may fire between events where a layer is there for it, which waits.
    """
    targets = network.targets
    if len(network.inputs) != 1:
        return False
    if any(p.predicts and not _waits(network, i) for i, p in enumerate(network.populations)):
        return False
    if len(set(targets)) < len(targets) or in_order(network) is None:
        return False
    return all(_supported(network, c) for c in network.connections)


def _waits(network: Network, population: int) -> bool:
    """Return whether neurons fire between events by their model alone, behind a connection."""
    generator = network.populations[population].generator
    return generator is None and population in network.targets


def _supported(network: Network, connection: Connection) -> bool:
    neuron = network[connection.target].neuron
    layer = layer_of(neuron, connection.topology) if neuron is not None else None
    in_time = layer is not None and (layer.timed or not network[connection.source].predicts)
    return connection.one_delay and in_time


def run(
    network: Network, weights: tuple[NDArray[Any], ...], recordings: Inputs, options: Options
) -> Record:
    """Run recordings; see ``simulate``. ``weights`` are flat and of ``options.dtype``."""
    recordings = recordings.made()
    links = ready_links(network, weights, recordings, options)
    out = Counted.room(network, len(recordings.until), options)

    def work(spans: list[Span]) -> Task:
        return _run_spans(network, links, recordings, options, out, spans)

    done: list[Task] = in_threads(work, tasks(recordings, options.threads), options.threads)
    return record_of(network, done, out, options, _ends(recordings, out, slice(None)))


def ready_links(
    network: Network, weights: tuple[NDArray[Any], ...], recordings: Inputs, options: Options
) -> list[Link]:
    """Return the connections ready to run, made once where there is a pool."""
    if options.pool is not None:
        return options.pool.shared("feedforward", lambda: links_of(network, weights, MANY))
    each = partial(in_threads, threads=options.threads)
    return links_of(network, weights, Ahead(int(recordings.start[-1]), each))


def record_of(
    network: Network, done: list[Task], out: Counted, options: Options, now: NDArray[np.float64]
) -> Record:
    """Put what all tasks leave together; ``now`` is the end of each recording."""
    pieces = [piece for task in done for piece in task.pieces]
    names = [population.name for population in network.populations]
    return Record(
        network,
        now,
        out.counts,
        {names[p]: _join(pieces, p, len(now), options.dtype) for p in options.kept},
        {names[p]: units for p, units in out.unit_spikes.items()},
        _readouts(network, done, options.dtype, now),
    )


def _ends(recordings: Inputs, out: Counted, rows: slice) -> NDArray[np.float64]:
    """Return when recordings ended: where they have no end, with their last event."""
    until = recordings.until[rows]
    return np.where(np.isfinite(until), until, out.now[rows])


def _readouts(
    network: Network, done: list[Task], dtype: Any, now: NDArray[np.float64]
) -> dict[str, Readouts]:
    """Put the readouts of all tasks end to end."""
    found = {}
    for p, population in enumerate(network.populations):
        if population.neuron is None or population.spiking:
            continue
        reached = done and p in done[0].readouts
        found[population.name] = (
            joined([task.readouts[p] for task in done])
            if reached
            else rest_of(population.neuron, population.size, dtype, now)
        )
    return found


def _run_spans(
    network: Network,
    links: list[Link],
    recordings: Inputs,
    options: Options,
    out: Counted,
    spans: list[Span],
) -> Task:
    rows = slice(spans[0].first, spans[0].last)
    spikes = out.counts.spikes[rows]
    loop = Loop(network, links, recordings, rows, budget=options.event_budget)
    pieces = []
    for span in spans:
        kept: dict[int, Train] = {}
        for step in loop.steps(span):
            count_step(step, out, rows)
            if step.population in options.kept and step.train is not None:
                kept[step.population] = step.train
            check_budget(network, spikes, options.event_budget)
        pieces.append(SpanTrains(span, kept))
    return Task(pieces, loop.readouts(_ends(recordings, out, rows)))


def count_step(step: Step, out: Counted, rows: slice) -> None:
    """Add what a step did to the counts."""
    counts = out.counts
    if step.train is not None:
        counts.spikes[rows, step.population] += np.diff(step.train.start)
    if step.link is None or step.came is None or step.tally is None:
        out.now[rows] = np.maximum(out.now[rows], _last(step.train) if step.train else 0)
        return
    for events in (step.came, step.train):
        if events is not None:
            out.now[rows] = np.maximum(out.now[rows], _last(events))
    counts.deliveries[rows, step.link.connection] += np.diff(step.came.start)
    counts.neuron_updates[rows, step.population] += step.tally.updates
    counts.synaptic_adds[rows, step.link.connection] += step.tally.adds
    if step.train is not None and step.population in out.unit_spikes:
        _count_units(step.train, out.unit_spikes[step.population][rows])


def _last(events: Train | Deliveries) -> NDArray[np.int64]:
    """Return the time of each recording's last event, 0 without one."""
    if not len(events.t):
        return np.zeros(len(events.start) - 1, np.int64)
    return np.where(np.diff(events.start) > 0, events.t[events.start[1:] - 1], 0)


def check_budget(network: Network, spikes: NDArray[np.int64], budget: int) -> None:
    """Refuse recordings that fired more spikes than the budget."""
    fired = spikes.sum(1) - spikes[:, network.input]
    if fired.size and fired.max() > budget:
        raise over_budget(network, spikes[int(np.argmax(fired))], budget)


@threaded
def _count_units(train, out):  # type: ignore[no-untyped-def]
    """Add each recording's spikes to ``out`` (n_recordings, n_units)."""
    for r in range(len(out)):
        for i in range(train.start[r], train.start[r + 1]):
            out[r, train.unit[i]] += 1


def _join(pieces: list[SpanTrains], population: int, n: int, dtype: Any) -> Spikes:
    """Lay the spikes of all pieces end to end, letting go of each piece as it is copied."""
    trains = [(piece.span, piece.trains.pop(population, None)) for piece in pieces]
    total = sum(len(train.t) for _, train in trains if train is not None)
    out = Spikes(
        np.empty(total),
        np.empty(total, np.int32),
        np.empty(total, dtype),
        np.zeros(n + 1, np.int64),
    )
    at = 0
    for i, (span, train) in enumerate(trains):
        trains[i] = (span, None)
        if train is not None:
            to = slice(at, at + len(train.t))
            out.t[to], out.unit[to], out.value[to] = train.t, train.unit, train.value
            out.start[span.first + 1 : span.last + 1] = at + train.start[1:]
            at = to.stop
    return out
