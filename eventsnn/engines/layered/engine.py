"""The fast path: layer after layer, recording after recording.

In a graph without cycles in which a population is reached through one connection, a
layer can take all events of a recording before the next layer sees the first one. So
each layer takes those of many recordings in one go, and its weights stay in the cache.
The record is that of ``reference.py``, spike for spike.

Threads take different recordings. None adds to what another writes, so that their
number does not change a bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.inputs import Inputs
from eventsnn.engines.layered.conv.forward import PatchLayer
from eventsnn.engines.layered.deliveries import Decay, Deliveries, Train, gather, send
from eventsnn.engines.layered.dense.forward import DenseLayer
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.layer import Each, Layer, Tally, decay_of
from eventsnn.engines.layered.listed.forward import ListedLayer
from eventsnn.engines.layered.readout.forward import Levels, ReadoutLayer
from eventsnn.engines.layered.spans import Span, tasks
from eventsnn.engines.options import Options, over_budget
from eventsnn.kernels.compile import check_compiling, threaded
from eventsnn.network import Connection, Network
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.neurons.readout import Readout
from eventsnn.record import Counts, Record, Spikes
from eventsnn.threads import in_threads
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

_NEURONS = (IF, LIF, Readout)
"""Models that fire only at a delivery, if at all."""


class Link(NamedTuple):
    """A connection and the population it leads to, ready to run.

    ``decay`` is None where the layer keeps a clock for each target and reads none.
    """

    connection: int
    source: int
    target: int
    delay_us: int
    decay: Decay | None
    layer: Layer | ReadoutLayer


class Out(NamedTuple):
    """Where all threads write, each to the rows of its own recordings."""

    counts: Counts
    unit_spikes: dict[int, NDArray[np.int32]]
    levels: dict[int, Levels]
    now: NDArray[np.float64]


class Piece(NamedTuple):
    """The kept spikes of a span, by population."""

    span: Span
    trains: dict[int, Train]


def supports(network: Network) -> bool:
    """Return whether the graph has no cycle, one delay a connection, and one connection a target.

    No population may fire between events, whether or not something leads to it; a readout
    must be reached all to all. Models and topologies are known by their exact type.
    """
    targets = network.targets
    if any(p.neuron and type(p.neuron) not in _NEURONS for p in network.populations):
        return False
    if len(set(targets)) < len(targets) or _in_order(network) is None:
        return False
    return all(_supported(network, c) for c in network.connections)


def _supported(network: Network, connection: Connection) -> bool:
    neuron, topology = network[connection.target].neuron, type(connection.topology)
    shapes = (Dense,) if type(neuron) is Readout else (Dense, Conv2d, Pool2d, Sparse)
    return connection.one_delay and topology in shapes


def run(
    network: Network, weights: tuple[NDArray[Any], ...], recordings: Inputs, options: Options
) -> Record:
    """Run recordings; see ``simulate``. ``weights`` are flat and of ``options.dtype``."""
    n, each = len(recordings.until), partial(in_threads, threads=options.threads)
    links = links_of(network, weights, recordings, options.dtype, each)
    units = {
        p: np.zeros((n, network.populations[p].size), np.int32)
        for p in network.outputs
        if options.unit_spikes and network.populations[p].spiking
    }
    readouts = {link.target: link.layer for link in links if isinstance(link.layer, ReadoutLayer)}
    for p, population in enumerate(network.populations):
        if isinstance(population.neuron, Readout) and p not in readouts:
            nothing = np.zeros((0, population.size), options.dtype)
            readouts[p] = ReadoutLayer(nothing, population.neuron)
    levels = {p: layer.rest(n) for p, layer in readouts.items()}
    out = Out(Counts.zeros(network, n), units, levels, np.zeros(n))

    def work(spans: list[Span]) -> list[Piece]:
        return _run_spans(network, links, recordings, options, out, spans)

    done = each(work, tasks(recordings, options.threads))
    pieces = [piece for some in done for piece in some]
    now = np.where(np.isfinite(recordings.until), recordings.until, out.now)
    names = [population.name for population in network.populations]
    return Record(
        network,
        now,
        out.counts,
        {names[p]: _join(pieces, p, n, options.dtype) for p in options.kept},
        {names[p]: units[p] for p in units},
        {names[p]: readouts[p].at(levels[p], now) for p in sorted(readouts)},
    )


def _in_order(network: Network) -> list[int] | None:
    """Return the connections so that each comes after the one into its source; None in a cycle."""
    order: list[int] = []
    reached = {i for i in range(len(network.populations))} - set(network.targets)
    while len(order) < len(network.connections):
        ready = [
            i for i, source in enumerate(network.sources) if i not in order and source in reached
        ]
        if not ready:
            return None
        order += ready
        reached |= {network.targets[i] for i in ready}
    return order


def links_of(
    network: Network,
    weights: Sequence[NDArray[Any] | Laid],
    recordings: Inputs,
    dtype: Any,
    each: Each = map,
) -> list[Link]:
    """Return the connections ready to run, each after the one into its source."""
    check_compiling("the feed-forward engine")
    links = []
    for i in _in_order(network) or ():
        connection, target = network.connections[i], network.targets[i]
        neuron = network.populations[target].neuron
        given = weights[i]
        array = (
            given if isinstance(given, Laid) else given.reshape(connection.topology.weight_shape)
        )
        layer = _layer(connection.topology, array, neuron, int(recordings.start[-1]), each)
        delay = connection.least_delay
        exact = np.float64 if isinstance(neuron, Readout) else dtype
        read = isinstance(layer, DenseLayer | ReadoutLayer)
        decay = decay_of(neuron, exact) if read else None
        links.append(Link(i, network.sources[i], target, delay, decay, layer))
    return links


def _layer(
    topology: Topology,
    weights: NDArray[Any] | Laid,
    neuron: Neuron | None,
    n_events: int,
    each: Each,
) -> Layer | ReadoutLayer:
    if isinstance(weights, Laid):
        if isinstance(topology, Dense) and isinstance(neuron, IF | LIF):
            return DenseLayer(weights, neuron, n_events, each)
        raise TypeError(f"feedforward: weights of {topology} into {neuron} cannot be laid out")
    match neuron, topology:
        case Readout(), Dense():
            return ReadoutLayer(weights, neuron)
        case ((IF() | LIF()), Dense()):
            return DenseLayer(weights, neuron, n_events, each)
        case ((IF() | LIF()), Conv2d()):
            return PatchLayer(topology, weights, neuron)
        case ((IF() | LIF()), (Pool2d() | Sparse())):
            return ListedLayer(topology, weights, neuron)
    raise TypeError(f"feedforward: no layer for {topology} into {neuron}")


def _run_spans(
    network: Network,
    links: list[Link],
    recordings: Inputs,
    options: Options,
    out: Out,
    spans: list[Span],
) -> list[Piece]:
    rows = slice(spans[0].first, spans[0].last)
    spikes = out.counts.spikes[rows]
    states = [None if isinstance(k.layer, ReadoutLayer) else k.layer.start() for k in links]
    before = [-1] * len(links)
    pieces = []
    for number, span in enumerate(spans):
        trains = {network.input: gather(recordings, *span)}
        spikes[:, network.input] += np.diff(trains[network.input].start)
        out.now[rows] = np.maximum(out.now[rows], _last(trains[network.input]))
        for i, link in enumerate(links):
            if link.source not in trains:
                continue
            until = recordings.until[rows]
            deliveries = send(trains[link.source], link.delay_us, until, link.decay, before[i])
            out.now[rows] = np.maximum(out.now[rows], _last(deliveries))
            before[i] = int(deliveries.t[-1]) if len(deliveries.t) else before[i]
            train = _run_link(link, deliveries, states[i], number == 0, out, rows)
            if train is not None:
                trains[link.target] = train
                spikes[:, link.target] += np.diff(train.start)
        _check_budget(network, spikes, options.event_budget)
        pieces.append(Piece(span, {p: trains[p] for p in options.kept if p in trains}))
    return pieces


def _run_link(
    link: Link, deliveries: Deliveries, state: Any, fresh: bool, out: Out, rows: slice
) -> Train | None:
    counts, train = out.counts, None
    tally = Tally.zeros(rows.stop - rows.start)
    if isinstance(link.layer, ReadoutLayer):
        link.layer.run(deliveries, out.levels[link.target].of(rows), tally)
    else:
        train = link.layer.run(deliveries, state, fresh, tally)
    counts.deliveries[rows, link.connection] += np.diff(deliveries.start)
    counts.neuron_updates[rows, link.target] += tally.updates
    counts.synaptic_adds[rows, link.connection] += tally.adds
    if train is not None and link.target in out.unit_spikes:
        _count_units(train, out.unit_spikes[link.target][rows])
    return train


def _last(events: Train | Deliveries) -> NDArray[np.int64]:
    """Return the time of each recording's last event, 0 without one."""
    if not len(events.t):
        return np.zeros(len(events.start) - 1, np.int64)
    return np.where(np.diff(events.start) > 0, events.t[events.start[1:] - 1], 0)


def _check_budget(network: Network, spikes: NDArray[np.int64], budget: int) -> None:
    fired = spikes.sum(1) - spikes[:, network.input]
    if fired.size and fired.max() > budget:
        raise over_budget(network, spikes[int(np.argmax(fired))], budget)


@threaded
def _count_units(train, out):  # type: ignore[no-untyped-def]
    """Add each recording's spikes to ``out`` (n_recordings, n_units)."""
    for r in range(len(out)):
        for i in range(train.start[r], train.start[r + 1]):
            out[r, train.unit[i]] += 1


def _join(pieces: list[Piece], population: int, n: int, dtype: Any) -> Spikes:
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
