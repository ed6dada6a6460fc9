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

from eventsnn.engines.inputs import Inputs, inputs
from eventsnn.engines.layered.checked import Weights, checked_weights, numbered
from eventsnn.engines.layered.deliveries import Deliveries, Train, gather, send
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.engine import Link, links_of, supports
from eventsnn.engines.layered.layer import Tally
from eventsnn.engines.layered.near import run_near
from eventsnn.engines.layered.readout.forward import Levels, ReadoutLayer
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.kernels.compile import allocating
from eventsnn.losses.loss import Reads
from eventsnn.network import Network
from eventsnn.neurons.readout import Readout
from eventsnn.record import Readouts, Record
from eventsnn.threads import in_threads

GROUP = 16
"""Recordings whose gradients are summed before those of others are added. A constant: the
order of a sum must not depend on the number of threads."""

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
        return send(train, link.delay_us, until, None, -1)

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
    if not supports(network):
        raise UserError(
            "adjoint: the network has a cycle, a delay a synapse, two connections into one "
            "population, or neurons that fire between events or are of another model; give a "
            "layered network of if, lif and readout populations, or train with the rule eventprop"
        )


Masks = Mapping[int, NDArray[np.bool_]]
"""By population: which neurons speak in each recording, bool (n_recordings, size)."""


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
) -> Passed:
    """Run as ``run`` does, but trust the network, the weights and the masks.

    For a trainer, which checks once and then makes each batch's weights from the last.
    """
    recordings = inputs(network, events)
    n = len(recordings.until)
    flat = [w if isinstance(w, Laid) else np.ascontiguousarray(w).reshape(-1) for w in weights]
    each = partial(in_threads, threads=threads)
    links = links_of(network, flat, recordings, flat[0].dtype.type, each)
    levels = {k.target: k.layer.rest(n) for k in links if isinstance(k.layer, ReadoutLayer)}

    def work(rows: slice) -> Piece:
        return _piece(network, links, recordings, (levels, masks or {}, near), rows)

    pieces = in_threads(work, pieces_of(n, threads), threads)
    readouts = {
        k.target: k.layer.at(levels[k.target], recordings.until)
        for k in links
        if isinstance(k.layer, ReadoutLayer)
    }
    return Passed(network, links, pieces, readouts, recordings.until.astype(np.int64))


def pieces_of(n: int, threads: int) -> list[slice]:
    """Cut n recordings into pieces of whole groups, as few as keep all threads busy."""
    size = GROUP * min(max(-(-n // GROUP) // threads, 1), _MOST)
    return [slice(first, min(first + size, n)) for first in range(0, n, size)]


def _piece(
    network: Network,
    links: list[Link],
    recordings: Inputs,
    asked: tuple[Mapping[int, Levels], Masks, float],
    rows: slice,
) -> Piece:
    levels, masks, share = asked
    first, last = rows.start, rows.stop
    until, n = recordings.until[rows], last - first
    begin, end = int(recordings.start[first]), int(recordings.start[last])
    trains = {network.input: gather(recordings, first, last, begin, end)}
    deliveries: dict[int, Deliveries] = {}
    near: dict[int, Train] = {}
    for link in links:
        if link.source not in trains:
            continue
        came = send(trains[link.source], link.delay_us, until, link.decay, -1)
        deliveries[link.connection] = came
        tally = Tally.zeros(n)
        if isinstance(link.layer, ReadoutLayer):
            link.layer.run(came, levels[link.target].of(rows), tally)
        else:
            mask = masks.get(link.target)
            if share:
                size = network.populations[link.target].size
                train, close = run_near(link.layer, came, size, share)
                near[link.target] = close if mask is None else _speaking(close, mask[rows])
            else:
                train = link.layer.run(came, link.layer.start(), True, tally)
            trains[link.target] = train if mask is None else _speaking(train, mask[rows])
    del trains[network.input]
    return Piece(rows, deliveries, trains, near)


def outputs_of(passed: Passed, population: int | str, reads: Reads) -> NDArray[np.float64]:
    """Return what a loss reads, float64 (n_recordings, classes), of a population by name or number.

    An integral is given in time constants of the readout (microseconds if it has none).
    """
    population = numbered(passed.network, population)
    readouts = passed.readouts.get(population)
    spiking = readouts is None and population in passed.network.targets
    counts = passed.spikes(population) if spiking else None
    return _outputs(passed.network, population, reads, readouts, counts)


def recorded_outputs(record: Record, population: int, reads: Reads) -> NDArray[np.float64]:
    """Return the same from a record."""
    name = record.network.populations[population].name
    readouts, counts = record.readouts.get(name), record.unit_spikes.get(name)
    return _outputs(record.network, population, reads, readouts, counts)


def _outputs(
    network: Network,
    population: int,
    reads: Reads,
    readouts: Readouts | None,
    counts: NDArray[Any] | None,
) -> NDArray[np.float64]:
    neuron = network.populations[population].neuron
    if isinstance(neuron, Readout) and readouts is not None:
        if reads == "integral":
            return readouts.integral.astype(np.float64) / integral_unit(neuron)
        if reads in ("final", "maximum"):
            return np.asarray(getattr(readouts, reads), np.float64)
    elif counts is not None and reads == "counts":
        return counts.astype(np.float64)
    kind = neuron.kind if neuron else "input"
    raise UserError(
        f"loss: reads {reads}, but the output is a {kind}; a readout gives final, maximum or "
        "integral, a spiking neuron counts"
    )


def integral_unit(neuron: Readout) -> float:
    """Return the microseconds in which integrals of a readout are given to a loss."""
    return 1.0 if np.isinf(neuron.tau_us) else neuron.tau_us


def _speaking(train: Train, mask: NDArray[np.bool_]) -> Train:
    """Return the spikes of the neurons that speak."""
    t, unit = np.empty_like(train.t), np.empty_like(train.unit)
    out = Train(t, unit, np.empty_like(train.value), np.zeros_like(train.start))
    n = _select(train, mask, out)
    return Train(t[:n], unit[:n], out.value[:n], out.start)


@allocating
def _select(train, mask, out):  # type: ignore[no-untyped-def]
    n = 0
    for r in range(len(mask)):
        for f in range(train.start[r], train.start[r + 1]):
            if mask[r, train.unit[f]]:
                out.t[n], out.unit[n], out.value[n] = train.t[f], train.unit[f], train.value[f]
                n += 1
        out.start[r + 1] = n
    return n
