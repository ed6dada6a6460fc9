"""What one reverse walk of the spike adjoint costs, counted from the record of its run.

Every number of ``learn/adjoint_kernel.py``, ``adjoint_patch.py`` and ``adjoint_readout.py``
follows from who spiked when, so that nothing is counted while learning. A *multiply-accumulate* is
one multiplication and one addition. Bookkeeping of single numbers a spike or a delivery
(the jumps themselves) is left out, and so are near spikes, which no record keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.learn.adjoint import blocks_of, leak_of
from eventsnn.learn.adjoint_shapes import growth_by
from eventsnn.measure.operations import source_train
from eventsnn.network import Network
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.record import Record
from eventsnn.simulate.feedforward import supports
from eventsnn.topology.dense import Dense


@dataclass(frozen=True, eq=False)
class Backward:
    """Exact counts of a reverse walk, each int64 (n_recordings, n_connections).

    Attributes
    ----------
    jumps : spikes at which an adjoint jumped.
    errors : multiply-accumulates into the errors of deliveries.
    gradients : multiply-accumulates into gradients of weights (into a readout: additions).
    traces : additions into traces.
    decays : multiplications by which adjoints and traces decay.
    """

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


def backward(record: Record, events: EventBatch) -> Backward:
    """Count the reverse walk over a run of a layered network.

    Parameters
    ----------
    record : Record
        With all spikes kept.
    events : EventBatch
        What the run was given, each recording over its whole duration.

    Raises
    ------
    UserError
        For a network that the adjoint does not learn, or whose count depends on more than
        the spikes (a refractory time).
    """
    network = record.network
    _check(network)
    shape = record.counts.deliveries.shape
    out = Backward(*(np.zeros(shape, np.int64) for _ in range(5)))
    for c, (source, target) in enumerate(zip(network.sources, network.targets, strict=True)):
        came, n_out = record.counts.deliveries[:, c], network.populations[target].size
        neuron = network.populations[target].neuron
        if not isinstance(neuron, IF | LIF):
            out.errors[:, c] = out.gradients[:, c] = came * n_out
            # Each instant decays an adjoint and takes up its share of the integral.
            out.decays[:, c] = 2 * record.counts.neuron_updates[:, target]
            continue
        out.jumps[:, c] = record.counts.spikes[:, target]
        out.gradients[:, c] = out.jumps[:, c] * network.populations[source].size
        walked = _walked(record, c, events, neuron)
        out.traces[:, c] = walked.traces
        out.decays[:, c] = walked.forward * network.populations[source].size
        if source != network.input:
            out.errors[:, c] = came * n_out
            out.decays[:, c] += walked.back * n_out
    return out


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


class _Walked(NamedTuple):
    """Additions into traces, and how often traces and adjoints were scaled back, a recording."""

    traces: NDArray[np.int64]
    forward: NDArray[np.int64]
    back: NDArray[np.int64]


def _walked(record: Record, c: int, events: EventBatch, neuron: IF | LIF) -> _Walked:
    """Count what depends on when a connection's deliveries and its targets' spikes came.

    A block of neurons adds up the deliveries before its last spike. Adjoints are walked
    from the last spike of all to the first delivery.
    """
    network = record.network
    connection = network.connections[c]
    target = network.populations[network.targets[c]]
    spikes = record.spikes[target.name]
    t, unit, start = spikes.t, spikes.unit, spikes.start
    rows = np.repeat(np.arange(len(start) - 1), np.diff(start))
    came, first, span = _arrivals(record, c, events, connection.least_delay)
    length = growth_by(leak_of(neuron).tau_us).length
    adds = np.zeros(len(start) - 1, np.int64)
    scaled = np.zeros(len(start) - 1, np.int64)
    newest = np.full(len(start) - 1, -1, np.int64)
    for block in blocks_of(target.size):
        inside = (unit >= block.start) & (unit < block.stop)
        last = np.full(len(adds), -1, np.int64)
        np.maximum.at(last, rows[inside], t[inside].astype(np.int64))
        ends = np.searchsorted(came, np.arange(len(adds)) * span + last, side="right")
        adds += np.where(last >= 0, ends - first, 0)
        scaled += np.maximum(last, 0) // length
        newest = np.maximum(newest, last)
    some = record.counts.deliveries[:, c] > 0
    oldest = np.zeros(len(adds), np.int64)
    oldest[some] = came[first[some]] - np.flatnonzero(some) * span
    return _Walked(adds, scaled, np.maximum(newest // length - oldest // length, 0))


def _arrivals(
    record: Record, c: int, events: EventBatch, delay_us: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return when each delivery came, recordings laid end to end ``span`` apart.

    Returns
    -------
    came : int64 array (n_deliveries,), sorted
    first : int64 array (n_recordings,)
        First delivery of each recording.
    span : int
        Microseconds between the beginnings of two recordings.
    """
    t, _, start = source_train(record, c, events)
    number = np.arange(len(t)) - np.repeat(start[:-1], np.diff(start))
    came = record.counts.deliveries[:, c]
    arrived = number < np.repeat(came, np.diff(start))
    rows = np.repeat(np.arange(len(came)), np.diff(start))[arrived]
    span = int(record.duration.max(initial=0.0)) + delay_us + 1
    times: NDArray[Any] = np.asarray(t)[arrived].astype(np.int64) + delay_us + rows * span
    return times, np.concatenate([[0], np.cumsum(came)[:-1]]).astype(np.int64), span
