"""What one reverse walk of the spike adjoint costs, counted from what learning keeps.

Every number of the kernels in ``engines/layered`` (``walk_kernel.py``, each ``backward.py``)
follows from who spiked, or nearly did, when, so that nothing is counted while learning. A
*multiply-accumulate* is one multiplication and one addition. Bookkeeping of single numbers a
spike or a delivery (the jumps themselves) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import leak_of
from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.dense.backward import blocks_of
from eventsnn.engines.layered.engine import Link, supports
from eventsnn.engines.layered.near import merged
from eventsnn.engines.layered.walk import growth_by
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.network import Network
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.topology.dense import Dense


@dataclass(frozen=True, eq=False)
class Backward:
    """Exact counts of a reverse walk, int64, a row for each recording.

    Attributes
    ----------
    near : (n_recordings, n_populations)
        Near spikes.
    jumps : (n_recordings, n_connections)
        Spikes and near spikes at which an adjoint jumped.
    errors : (n_recordings, n_connections)
        Multiply-accumulates into the errors of deliveries.
    gradients : (n_recordings, n_connections)
        Multiply-accumulates into gradients of weights (into a readout: additions).
    traces : (n_recordings, n_connections)
        Additions into traces.
    decays : (n_recordings, n_connections)
        Multiplications by which adjoints and traces decay.
    """

    near: NDArray[np.int64]
    jumps: NDArray[np.int64]
    errors: NDArray[np.int64]
    gradients: NDArray[np.int64]
    traces: NDArray[np.int64]
    decays: NDArray[np.int64]

    @property
    def total(self) -> NDArray[np.int64]:
        """Synaptic operations backwards of each recording: errors, gradients and traces."""
        out: NDArray[np.int64] = (self.errors + self.gradients + self.traces).sum(axis=1)
        return out


def backward(
    network: Network,
    weights: list[NDArray[Any]],
    events: EventBatch,
    near: float = 0.0,
    threads: int = 1,
) -> Backward:
    """Run recordings as learning does, without dropout, and count the reverse walk.

    Parameters
    ----------
    network : Network
    weights : list of float arrays, in the order of the connections
    events : EventBatch
        Integer durations.
    near : float
        Share of the threshold from which on a silent neuron has a near spike; 0: none.
    threads : int
        Changes no number.

    Raises
    ------
    UserError
        For a network that the adjoint does not learn, or whose count depends on more than
        the spikes (a refractory time).
    """
    _check(network)
    pairs = zip(network.weights(weights), network.connections, strict=True)
    shaped = [array.reshape(c.topology.weight_shape) for array, c in pairs]
    passed = layered.run(network, shaped, events, threads, near=near)
    rows, columns = len(passed.end), len(network.connections)
    by_population = np.zeros((rows, len(network.populations)), np.int64)
    out = Backward(by_population, *(np.zeros((rows, columns), np.int64) for _ in range(5)))
    for piece in passed.pieces:
        for population, train in piece.near.items():
            out.near[piece.rows, population] = np.diff(train.start)
        for link in passed.links:
            if link.connection in piece.deliveries:
                _count(passed, piece, link, out)
    return out


def _count(passed: layered.Passed, piece: layered.Piece, link: Link, out: Backward) -> None:
    """Count the walk through one connection of a piece."""
    network, rows, c = passed.network, piece.rows, link.connection
    n_in, n_out = network.populations[link.source].size, network.populations[link.target].size
    neuron, came = network.populations[link.target].neuron, piece.deliveries[c]
    close = piece.near.get(link.source)
    if not isinstance(neuron, IF | LIF):
        walks = [came]
        if close is not None:  # they are walked with the spikes among them, once more
            walks.append(passed.sent(piece, link, _with_near(piece, link.source)))
        out.errors[rows, c] = out.gradients[rows, c] = n_out * sum(_each(w) for w in walks)
        # Each instant decays an adjoint and takes up its share of the integral.
        out.decays[rows, c] = 2 * n_out * sum(w.instants for w in walks)
        return
    jumps = _with_near(piece, link.target)
    length = growth_by(leak_of(neuron).tau_us).length
    out.jumps[rows, c] = np.diff(jumps.start)
    out.gradients[rows, c] = out.jumps[rows, c] * n_in
    walked = _walked(came, jumps, n_out, length)
    out.traces[rows, c] = walked.traces
    out.decays[rows, c] = walked.scaled * n_in
    walks = [] if link.source == network.input else [came]
    if close is not None:
        walks.append(passed.sent(piece, link, close))
    for walk in walks:
        out.errors[rows, c] += _each(walk) * n_out
        out.decays[rows, c] += _scaled_back(walk, jumps, length) * n_out


def _check(network: Network) -> None:
    if not supports(network):
        raise UserError("measure: the reverse walk is counted for layered networks only")
    for connection in network.connections:
        if not isinstance(connection.topology, Dense):
            raise UserError(
                f"measure: {connection.name} is not dense; the reverse walk is counted for dense "
                "connections"
            )
        neuron = network[connection.target].neuron
        if isinstance(neuron, IF | LIF) and neuron.refractory_us:
            raise UserError(
                f"measure: {connection.target} has a refractory time; what the reverse walk costs "
                "then depends on its errors, not on spikes alone"
            )


def _each(came: Deliveries) -> NDArray[np.int64]:
    """Return the deliveries of each recording."""
    return np.diff(came.start)


def _with_near(piece: layered.Piece, population: int) -> Train:
    """Return a population's spikes and near spikes."""
    train = piece.trains[population]
    if population not in piece.near:
        return train
    close = piece.near[population]
    return merged(train, close, np.zeros(len(train.t)), np.zeros(len(close.t)))[0]


class _Walked(NamedTuple):
    """Additions into traces, and how often traces were scaled back, a recording."""

    traces: NDArray[np.int64]
    scaled: NDArray[np.int64]


def _walked(came: Deliveries, jumps: Train, n_units: int, length: int) -> _Walked:
    """Count the traces: a block of neurons adds up the deliveries before its last jump."""
    n = len(came.start) - 1
    rows = np.repeat(np.arange(n), np.diff(jumps.start))
    adds, scaled = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for block in blocks_of(n_units):
        inside = (jumps.unit >= block.start) & (jumps.unit < block.stop)
        last = np.full(n, -1, np.int64)
        np.maximum.at(last, rows[inside], jumps.t[inside])
        for r in np.flatnonzero(last >= 0):
            here = came.t[came.start[r] : came.start[r + 1]]
            adds[r] += np.searchsorted(here, last[r], side="right")
        scaled += np.maximum(last, 0) // length
    return _Walked(adds, scaled)


def _scaled_back(came: Deliveries, jumps: Train, length: int) -> NDArray[np.int64]:
    """Count how often adjoints are scaled back, from the last jump to the first delivery."""
    n = len(came.start) - 1
    out = np.zeros(n, np.int64)
    some = np.flatnonzero((np.diff(came.start) > 0) & (np.diff(jumps.start) > 0))
    newest, oldest = jumps.t[jumps.start[some + 1] - 1], came.t[came.start[some]]
    out[some] = np.maximum(newest // length - oldest // length, 0)
    return out
