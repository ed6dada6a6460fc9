"""The one loop of the fast path: recordings through layer after layer, for records and learning.

In a graph without cycles in which a population is reached through one connection, a
layer can take all events of a recording before the next layer sees the first one. So
each layer takes those of many recordings in one go, and its weights stay in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.inputs import Inputs
from eventsnn.engines.layered.deliveries import ANEW, Deliveries, Tally, Train, gather
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.layer import Ahead, Layer, layer_of
from eventsnn.engines.layered.masks import Masks, speaking
from eventsnn.engines.layered.near import run_near
from eventsnn.engines.layered.spans import Span
from eventsnn.engines.layered.timed import send
from eventsnn.engines.layered.unpacked import one_by_one, unpacked
from eventsnn.engines.options import EVENT_BUDGET
from eventsnn.kernels.compile import check_compiling
from eventsnn.network import Network
from eventsnn.record import Readouts


class Link(NamedTuple):
    """A connection and the population it leads to, ready to run."""

    connection: int
    source: int
    target: int
    delay_us: int
    layer: Layer


class Asked(NamedTuple):
    """What learning asks for beside the spikes.

    Attributes
    ----------
    masks : Masks
        Spikes of neurons that do not speak are neither kept nor delivered.
    near : float
        Share of the threshold from which on a silent neuron has a near spike; 0: none.
    since : mapping from population number to float array (n,), optional
        Potentials with which the one recording begins; None: at rest.
    """

    masks: Masks
    near: float
    since: Mapping[int, NDArray[Any]] | None = None


NOTHING = Asked({}, 0.0)


class Step(NamedTuple):
    """What a population did in a span.

    Attributes
    ----------
    population : int
    link : Link or None
        None for the input, as are the three below.
    came : Deliveries
    tally : Tally
    near : Train
        Near spikes; None where they were not asked for.
    train : Train or None
        What it sent; None from a population that never fires.
    """

    population: int
    link: Link | None
    came: Deliveries | None
    tally: Tally | None
    near: Train | None
    train: Train | None


class Loop:
    """Some recordings on their way through the layers.

    Parameters
    ----------
    network : Network
    links : sequence of Link, each after the one into its source
    recordings : Inputs
    rows : slice
        Which recordings.
    asked : Asked
    budget : int
        Spikes of a recording from which on a layer may stop.
    """

    def __init__(
        self,
        network: Network,
        links: Sequence[Link],
        recordings: Inputs,
        rows: slice,
        asked: Asked = NOTHING,
        budget: int = EVENT_BUDGET,
    ) -> None:
        self.network, self.links, self.recordings, self.rows = network, links, recordings, rows
        self.asked, self.budget = asked, budget
        self.end = recordings.until[rows]
        self.states: dict[int, Any] = {}
        self.before: dict[int, NDArray[np.int64]] = {}
        self.fresh = asked.since is None
        if not self.fresh:  # its time counts from where it stands
            self.before = {link.connection: np.zeros(1, np.int64) for link in links}

    def steps(self, span: Span) -> Iterator[Step]:
        """Run the next span of the recordings: yield the input, then each layer."""
        if span.end < self.recordings.start[span.last]:
            self.end = np.full(span.last - span.first, -np.inf)
        else:
            self.end = self.recordings.until[span.first : span.last]
        yield from self.through(gather(self.recordings, *span))

    def through(self, given: Train) -> Iterator[Step]:
        """Run what the input sends next: yield the input, then each layer."""
        trains = {self.network.input: given}
        yield Step(self.network.input, None, None, None, None, given)
        for link in self.links:
            if link.source not in trains:
                continue
            step = self._step(link, self.sent(link, trains[link.source]))
            if step.train is not None:
                trains[link.target] = step.train
            yield step
        self.fresh = False

    def sent(self, link: Link, train: Train) -> Deliveries:
        """Take a train through a connection; of a long recording, after what it took before."""
        until, c = self.recordings.until[self.rows], link.connection
        train, packed = self._packed(link, train)
        came = send(train, link.delay_us, until, link.layer.decay, self.before.get(c, ANEW))
        if len(came.t):
            self.before[c] = came.t[-1:].copy()
        return self._ends(unpacked(came, packed) if packed else came)

    def _ends(self, came: Deliveries) -> Deliveries:
        """Return deliveries with what neurons have to know that fire by themselves."""
        return came._replace(end=self.end, most=self.budget)

    def _packed(self, link: Link, train: Train) -> tuple[Train, int]:
        """Return what a link is sent, and by what number of units it is packed; 0: it is not.

        A layer that does not know counts is sent events one by one.
        """
        packed = self.recordings.only.packed if link.source == self.network.input else 0
        if packed and not link.layer.counts:
            return one_by_one(train, packed), 0
        return train, packed

    def _step(self, link: Link, came: Deliveries) -> Step:
        """Run one layer."""
        p, tally, near = link.target, Tally.zeros(self.rows.stop - self.rows.start), None
        population = self.network.populations[p]
        train: Train | None
        if self.asked.near and population.spiking:
            since = None if self.asked.since is None else self.asked.since[p]
            train, near = run_near(link.layer, came, population.size, self.asked.near, since)
        else:
            state = self._state(link)
            train = link.layer.run(came, state, self.fresh, tally)
        if train is not None and p in self.asked.masks:
            mask = self.asked.masks[p][self.rows]
            train = speaking(train, mask)
            near = speaking(near, mask) if near is not None else None
        return Step(p, link, came, tally, near, train)

    def _state(self, link: Link) -> Any:
        """Return the state of a layer, at rest if it has not run."""
        if link.connection not in self.states:
            n, since = self.rows.stop - self.rows.start, self.asked.since
            state = (
                link.layer.start(n) if since is None else link.layer.start_at(since[link.target])
            )
            self.states[link.connection] = state
        return self.states[link.connection]

    def readouts(self, now: NDArray[np.float64]) -> dict[int, Readouts]:
        """Return what the readouts keep at the end ``now`` of each recording, by population."""
        found = {}
        for link in self.links:
            if not self.network.populations[link.target].spiking:
                found[link.target] = link.layer.readouts(self._state(link), now)
        return found


def in_order(network: Network) -> list[int] | None:
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


def links_of(network: Network, weights: Sequence[NDArray[Any] | Laid], ahead: Ahead) -> list[Link]:
    """Return the connections ready to run, each after the one into its source."""
    check_compiling("the feed-forward engine")
    links = []
    for i in in_order(network) or ():
        connection, target, given = network.connections[i], network.targets[i], weights[i]
        neuron, topology = network.populations[target].neuron, connection.topology
        kind = layer_of(neuron, topology) if neuron is not None else None
        if neuron is None or kind is None or (isinstance(given, Laid) and not kind.lays):
            raise TypeError(f"feedforward: no layer of {topology} into {neuron} for these weights")
        array: Any = given if isinstance(given, Laid) else given.reshape(topology.weight_shape)
        layer = kind(topology, neuron, array, ahead)
        links.append(Link(i, network.sources[i], target, connection.least_delay, layer))
    return links


def joined(parts: Sequence[Readouts]) -> Readouts:
    """Return the readouts of several tasks, end to end."""
    names = ("final", "maximum", "maximum_t", "integral")
    return Readouts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
