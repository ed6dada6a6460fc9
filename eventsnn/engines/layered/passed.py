"""A batch through a layered network, keeping what the way back needs.

The engine is the feed-forward one, layer by layer; here each layer's deliveries and
spikes stay until the adjoint has walked them in reverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.gathered import inputs
from eventsnn.engines.layered.checked import Weights, checked_weights, numbered
from eventsnn.engines.layered.deliveries import Deliveries, Train, send
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.engine import supports
from eventsnn.engines.layered.layer import Ahead
from eventsnn.engines.layered.loop import Asked, Link, Loop, joined, links_of
from eventsnn.engines.layered.masks import Masks
from eventsnn.engines.layered.spans import Span
from eventsnn.engines.layered.walk import GROUP as GROUP
from eventsnn.engines.outputs import read_outputs
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.network import Network
from eventsnn.record import Readouts, Reads
from eventsnn.threads import in_threads

_MOST = 4  # groups that go through all layers in one go


class Piece(NamedTuple):
    """What happened in a few recordings.

    Attributes
    ----------
    rows : slice
        Which recordings of the batch.
    deliveries : dict from connection number to Deliveries
    trains : dict from population number to Train
        Spikes of the populations with a neuron model.
    near : dict from population number to Train
        Near spikes, where they were asked for.
    """

    rows: slice
    deliveries: dict[int, Deliveries]
    trains: dict[int, Train]
    near: dict[int, Train]


class Passed(NamedTuple):
    """A batch that went through.

    Attributes
    ----------
    network : Network
    links : list of Link
        Connections in the order in which they ran.
    pieces : list of Piece
    readouts : dict from population number to Readouts
    end : int64 array (n_recordings,)
        Microseconds.
    """

    network: Network
    links: list[Link]
    pieces: list[Piece]
    readouts: dict[int, Readouts]
    end: NDArray[np.int64]

    def sent(self, piece: Piece, link: Link, train: Train) -> Deliveries:
        """Return what of a train, sent through a link, arrives before its recording ends."""
        until = self.end[piece.rows].astype(np.float64)
        return send(train, link.delay_us, until, None)

    def spikes(self, population: int | str) -> NDArray[np.int64]:
        """Return the spikes of each neuron in each recording, int64 (n_recordings, size).

        ``population`` is a name or a number.
        """
        population = numbered(self.network, population)
        size = self.network.populations[population].size
        out = np.zeros((len(self.end), size), np.int64)
        for piece in self.pieces:
            train = piece.trains[population]
            rows = np.repeat(np.arange(len(self.end))[piece.rows], np.diff(train.start))
            flat = np.bincount(rows * size + train.unit, minlength=out.size)
            out += flat.reshape(out.shape)
        return out


def check_layered(network: Network) -> None:
    """Refuse a network that cannot go layer by layer."""
    if not supports(network) or any(p.predicts for p in network.populations):
        raise UserError(
            f"adjoint: {_not_layered(network)}; give a layered network of neurons such as if, lif "
            "and readout, or train with the rule eventprop"
        )
    for p in sorted(set(network.targets)):
        name, neuron = network.populations[p].name, network.populations[p].neuron
        if neuron is not None and neuron.membrane is None:
            raise UserError(
                f"adjoint: {name} has {neuron.kind} neurons, which give no membrane to learn by; "
                "write the model's membrane, or give another"
            )


def _not_layered(network: Network) -> str:
    """Return what the network has that layers have not."""
    if len(network.inputs) != 1:
        return f"the network has {len(network.inputs)} inputs"
    for p in network.populations:
        if p.neuron is not None and p.predicts:
            return f"{p.name} has {p.neuron.kind} neurons, which fire between events"
    for connection in network.connections:
        if not connection.one_delay:
            return f"{connection.name} has a delay a synapse"
        if connection.source == connection.target:
            return f"{connection.source} is recurrent"
    for p in network.populations:
        into = [c.name for c in network.connections if c.target == p.name]
        if len(into) > 1:
            return f"{len(into)} connections lead into {p.name}: {', '.join(into[:4])}"
    return "the network has a cycle"


def run(
    network: Network,
    weights: Weights | Mapping[str, NDArray[Any]],
    events: EventBatch,
    threads: int = 1,
    masks: Mapping[int | str, NDArray[np.bool_]] | None = None,
    near: float = 0.0,
) -> Passed:
    """Run recordings from rest, layer by layer.

    Parameters
    ----------
    network : Network
        Layered, see ``check_layered``.
    weights : sequence in the order of the connections, or mapping by their names
        Finite arrays of each topology's ``weight_shape``, all float32 or all float64. Those of
        a dense connection into spiking neurons may be ``Laid``.
    events : EventBatch
        Integer durations.
    threads : int
        Changes no bit.
    masks : mapping from population name or number to bool array, optional
        (n_recordings, size). Spikes of neurons that do not speak are neither kept nor
        delivered.
    near : float
        Share of the threshold from which on a silent neuron has a near spike, up to 1; 0: none.

    Raises
    ------
    UserError
        For a network, weights, events or masks that do not fit, naming the connection.
    """
    check_layered(network)
    given = {numbered(network, key): np.asarray(mask) for key, mask in (masks or {}).items()}
    for p, mask in given.items():
        shape = (len(events), network.populations[p].size)
        if mask.shape != shape or mask.dtype != np.bool_:
            raise UserError(
                f"masks of {network.populations[p].name}: {mask.dtype} {mask.shape}; give bool "
                f"{shape}"
            )
    if not 0 <= near <= 1:
        raise UserError(f"near is {near}; give a share of the threshold, 0 to 1")
    checked = checked_weights(network, weights)
    return run_checked(network, checked, events, threads, given, near)


def run_checked(
    network: Network,
    weights: Weights,
    events: EventBatch,
    threads: int = 1,
    masks: Masks | None = None,
    near: float = 0.0,
    since: Mapping[int, NDArray[Any]] | None = None,
) -> Passed:
    """Run as ``run`` does, but trust the network, the weights and the masks.

    For a trainer, which checks once and then makes each batch's weights from the last. One
    recording may begin with the potentials ``since``, by population number.
    """
    recordings = inputs(network, events)
    n = len(recordings.until)
    flat = [w if isinstance(w, Laid) else np.ascontiguousarray(w).reshape(-1) for w in weights]
    ahead = Ahead(int(recordings.start[-1]), partial(in_threads, threads=threads))
    links, asked = links_of(network, flat, ahead), Asked(masks or {}, near, since)

    def work(rows: slice) -> tuple[Piece, dict[int, Readouts]]:
        loop = Loop(network, links, recordings, rows, asked)
        piece = _piece(loop)
        return piece, loop.readouts(recordings.until[rows])

    done = in_threads(work, pieces_of(n, threads), threads)
    readouts = {p: joined([kept[p] for _, kept in done]) for p in (done[0][1] if done else ())}
    end = recordings.until.astype(np.int64)
    return Passed(network, links, [piece for piece, _ in done], readouts, end)


def pieces_of(n: int, threads: int) -> list[slice]:
    """Cut n recordings into pieces of whole groups, as few as keep all threads busy."""
    size = GROUP * min(max(-(-n // GROUP) // threads, 1), _MOST)
    return [slice(first, min(first + size, n)) for first in range(0, n, size)]


def _piece(loop: Loop) -> Piece:
    rows, start = loop.rows, loop.recordings.start
    span = Span(rows.start, rows.stop, int(start[rows.start]), int(start[rows.stop]))
    deliveries: dict[int, Deliveries] = {}
    trains: dict[int, Train] = {}
    near: dict[int, Train] = {}
    for step in loop.steps(span):
        if step.link is None or step.came is None:
            continue
        deliveries[step.link.connection] = step.came
        if step.train is not None:
            trains[step.population] = step.train
        if step.near is not None:
            near[step.population] = step.near
    return Piece(rows, deliveries, trains, near)


def outputs_of(passed: Passed, population: int | str, reads: Reads) -> NDArray[np.float64]:
    """Return what a loss reads, float64 (n_recordings, classes), of a population by name or number.

    An integral is given in time constants of the readout (microseconds if it has none).
    """
    population = numbered(passed.network, population)
    readouts = passed.readouts.get(population)
    spiking = readouts is None and population in passed.network.targets
    counts = passed.spikes(population) if spiking else None
    return read_outputs(passed.network, population, reads, readouts, counts)
