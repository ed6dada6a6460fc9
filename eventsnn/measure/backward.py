"""What one reverse walk of the spike adjoint costs, counted from what learning keeps.

Every number of the kernels in ``engines/layered`` (``walk_kernel.py``, each ``backward.py``)
follows from who spiked, or nearly did, when, so that nothing is counted while learning; each
layer counts its own (``cost.py``). A
*multiply-accumulate* is one multiplication and one addition. Bookkeeping of single numbers a
spike or a delivery (the jumps themselves) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.deliveries import Train
from eventsnn.engines.layered.engine import supports
from eventsnn.engines.layered.layer import Passage, layer_of
from eventsnn.engines.layered.loop import Link
from eventsnn.engines.layered.near import merged
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.network import Network


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
    close = None
    if link.source in piece.near:
        beside = link.layer.beside
        train = _with_near(piece, link.source) if beside else piece.near[link.source]
        close = passed.sent(piece, link, train)
    spikes = _with_near(piece, link.target) if link.target in piece.trains else None
    below = link.source != network.input
    cost = link.layer.cost(Passage(piece.deliveries[c], close, spikes, below))
    for name, counted in cost._asdict().items():
        getattr(out, name)[rows, c] = counted


def _check(network: Network) -> None:
    if not supports(network) or any(p.predicts for p in network.populations):
        raise UserError("measure: the reverse walk is counted for layered networks only")
    for connection in network.connections:
        neuron = network[connection.target].neuron
        layer = layer_of(neuron, connection.topology) if neuron is not None else None
        why = layer.uncounted(connection.topology, neuron) if layer and neuron else None
        if why:
            raise UserError(f"measure: {connection.name}: {why}")


def _with_near(piece: layered.Piece, population: int) -> Train:
    """Return a population's spikes and near spikes."""
    train = piece.trains[population]
    if population not in piece.near:
        return train
    close = piece.near[population]
    return merged(train, close, np.zeros(len(train.t)), np.zeros(len(close.t)))[0]
