"""What a run cost, exactly: every count read off its record, after the fact.

A *synaptic operation* is one delivery through one synapse: the addition of its weight to
its target. Events and spikes are unit signals, so that none of them multiplies; where a
machine with a clock would multiply is told in ``clock.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.fingerprint import check_events, check_given
from eventsnn.engines.gathered import Given, gathered
from eventsnn.engines.inputs import Train
from eventsnn.errors import UserError
from eventsnn.measure.fan_out import fan_outs
from eventsnn.measure.widths import clock_sizes, table_rows, weight_bits
from eventsnn.network import Network, Weights
from eventsnn.record import Record


@dataclass(frozen=True, eq=False, repr=False)
class Operations:
    """Exact counts of a run, int64, a row for each recording.

    Attributes
    ----------
    network : Network
    spikes : (n_recordings, n_populations)
        Spikes of each population; the input's are its events.
    deliveries : (n_recordings, n_connections)
        Spikes handed over.
    synaptic_operations : (n_recordings, n_connections)
        Synapses they went through, each one addition; targets in their refractory time
        are included.
    effective : (n_recordings, n_connections)
        Those with a weight other than 0.
    weight_bytes : (n_recordings, n_connections)
        Bytes of weights read: one weight a synaptic operation. Whole numbers of a few bits are
        packed.
    neuron_updates : (n_recordings, n_populations)
        Instants at which a neuron was brought up to now.
    multiplications : (n_recordings, n_populations)
        What the updates cost: the model's ``multiplications`` each (its decays).
    table_reads : (n_recordings, n_populations)
        Entries of decay tables read, 4 bytes each, by neurons of whole numbers: one a row of the
        table for neighbours that share a clock. Others are 0.
    threshold_tests : (n_recordings, n_populations)
        One an update of a neuron that can spike.
    queue_pushes, queue_pops, queue_peak : (n_recordings,)
        Of the engine's own queue; all 0 where an engine has none.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-3-1", es.LIF(20_000), es.Readout(30_000))
    >>> weights = {c.name: np.ones(c.topology.weight_shape) for c in network.connections}
    >>> stream = es.EventStream([5], [0], (1, 1, 2), duration=1_000)
    >>> counted = es.operations(es.simulate(network, weights, stream), weights, stream)
    >>> counted.total, counted.per_event()
    (array([6]), 6.0)
    """

    network: Network
    spikes: NDArray[np.int64]
    deliveries: NDArray[np.int64]
    synaptic_operations: NDArray[np.int64]
    effective: NDArray[np.int64]
    weight_bytes: NDArray[np.int64]
    neuron_updates: NDArray[np.int64]
    multiplications: NDArray[np.int64]
    table_reads: NDArray[np.int64]
    threshold_tests: NDArray[np.int64]
    queue_pushes: NDArray[np.int64]
    queue_pops: NDArray[np.int64]
    queue_peak: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.spikes)

    def joined(self, other: Operations) -> Operations:
        """Return the counts of two runs of one network, end to end."""
        arrays = {
            f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)])
            for f in fields(self)
            if f.name != "network"
        }
        return Operations(self.network, **arrays)

    def __repr__(self) -> str:
        """Return one line of facts."""
        return (
            f"<Operations of {len(self)} recordings: {int(self.total.sum()):,} synaptic "
            f"operations, {self.per_spike():.3g} a spike>"
        )

    @property
    def events(self) -> NDArray[np.int64]:
        """Input events of each recording."""
        return self.spikes[:, self.network.input]

    @property
    def total(self) -> NDArray[np.int64]:
        """Synaptic operations of each recording."""
        out: NDArray[np.int64] = self.synaptic_operations.sum(axis=1)
        return out

    def per_spike(self) -> float:
        """Return synaptic operations a spike, input events being spikes."""
        return int(self.total.sum()) / max(int(self.spikes.sum()), 1)

    def per_event(self) -> float:
        """Return synaptic operations an input event, those of the spikes it sets off included."""
        return int(self.total.sum()) / max(int(self.events.sum()), 1)

    def to_json(self) -> dict[str, Any]:
        """Return means a recording, by connection and population, and what follows from them."""
        network = self.network
        connections = [c.name for c in network.connections]
        populations = [p.name for p in network.populations]
        by_connection = ("deliveries", "synaptic_operations", "effective", "weight_bytes")
        by_population = ["spikes", "neuron_updates", "multiplications", "table_reads"]
        by_population += ["threshold_tests"]
        out: dict[str, Any] = {"recordings": len(self)}
        for names, keys in ((connections, by_connection), (populations, tuple(by_population))):
            for key in keys:
                means = _means(getattr(self, key), len(names))
                out[key] = dict(zip(names, means, strict=True))
        out |= {
            "queue_pushes": _mean(self.queue_pushes),
            "queue_pops": _mean(self.queue_pops),
            "queue_peak": int(self.queue_peak.max(initial=0)),
            "operations_per_recording": _mean(self.total),
            "operations_per_event": self.per_event(),
            "operations_per_spike": self.per_spike(),
        }
        return out


def operations(record: Record, weights: Weights, events: Given = None) -> Operations:
    """Count what a run did.

    Parameters
    ----------
    record : Record
        Of a run from rest. Where a connection has weights of 0, the spikes of its source
        must be in it.
    weights : as they were given to the run
    events : as they were given to the run

    Raises
    ------
    UserError
        If spikes are needed that were not kept, or weights or events are not those of the run.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-3-1", es.LIF(20_000), es.Readout(30_000))
    >>> weights = {c.name: np.ones(c.topology.weight_shape) for c in network.connections}
    >>> stream = es.EventStream([5], [0], (1, 1, 2), duration=1_000)
    >>> record = es.simulate(network, weights, stream)
    >>> es.operations(record, weights, stream).total
    array([6])
    """
    check_given(record, weights, events, "operations")
    network, counts = record.network, record.counts
    flat = network.weights(weights)
    columns = [_effective(record, c, flat[c], events) for c in range(len(network.connections))]
    n = len(counts.spikes)
    effective = np.array(columns, np.int64).reshape(len(columns), n).T
    neurons = [p.neuron for p in network.populations]
    times = np.array([m.multiplications if m else 0 for m in neurons], np.int64)
    tested = np.array([m is not None and m.spiking for m in neurons], np.int64)
    bits = np.array([weight_bits(network, c, flat[c]) for c in range(len(flat))], np.int64)
    reads = counts.neuron_updates * table_rows(network) // clock_sizes(network)
    return Operations(
        network,
        counts.spikes,
        counts.deliveries,
        counts.synaptic_adds,
        effective,
        -(-counts.synaptic_adds * bits // 8),
        counts.neuron_updates,
        counts.neuron_updates * times,
        reads,
        counts.neuron_updates * tested,
        counts.queue_pushes,
        counts.queue_pops,
        counts.queue_peak,
    )


def source_train(
    record: Record, connection: int, events: Given, each: bool = False
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Return (t, unit, start) of the spikes that a connection's source sent.

    ``start`` is int64 (n_recordings + 1,). Input events stand as they were delivered, or ``each``
    as it was given where some were delivered together.
    """
    p = record.network.sources[connection]
    population = record.network.populations[p]
    if population.neuron is None:
        given = gathered(record.network, events, record.duration).inputs.made().given[p]
        return (given.t, given.unit, given.start) if each else given.sent()
    if population.name not in record.spikes:
        raise UserError(
            f"measure: the spikes of {population.name} were not kept; simulate with record='all'"
        )
    spikes = record.spikes[population.name]
    return spikes.t, spikes.unit, spikes.start


def input_trains(record: Record, events: Given, recording: int = 0) -> dict[int, Train]:
    """Return (t, unit) that each input population sent in a recording, by its number."""
    check_events(record, events, "record")
    end, found = float(record.duration[recording]), {}
    given = gathered(record.network, events, record.duration).inputs.made().given
    for p, one in given.items():
        t, unit = one.recording(recording, end)
        unit = unit % record.network.populations[p].size
        # A run that goes on from a state was given the last of them alone.
        first = len(t) - int(record.counts.spikes[recording, p])
        found[p] = t[first:], unit[first:]
    return found


def _effective(record: Record, c: int, weights: NDArray[Any], events: Given) -> NDArray[np.int64]:
    """Count a connection's synaptic operations with weights other than 0, a recording each."""
    adds = record.counts.synaptic_adds[:, c]
    if weights.all():
        return adds
    connection = record.network.connections[c]
    t, unit, start = source_train(record, c, events)
    sizes = fan_outs(connection.topology, weights)
    if connection.one_delay:
        # Spikes arrive in the order in which they were sent: the first so many did.
        came = np.arange(len(t)) - np.repeat(start[:-1], np.diff(start))
        arrived = came < np.repeat(record.counts.deliveries[:, c], np.diff(start))
        return _sums(sizes[unit] * arrived, start)
    return _late(record, c, weights, (t, unit, start), sizes)


def _late(
    record: Record, c: int, weights: NDArray[Any], train: Any, sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Do the same where each synapse has its own delay: late spikes are looked at one by one."""
    connection = record.network.connections[c]
    t, unit, start = train
    delays = np.asarray(connection.delay_us).reshape(-1)
    all_synapses = fan_outs(connection.topology)
    whole, out = _sums(all_synapses[unit], start), _sums(sizes[unit], start)
    for r in np.flatnonzero(whole != record.counts.synaptic_adds[:, c]):
        total, until = 0, record.duration[r]
        for k in range(start[r], start[r + 1]):
            if t[k] >= until:
                continue
            _, synapses = connection.topology.fan_out(int(unit[k]))
            total += int(((weights[synapses] != 0) & (t[k] + delays[synapses] < until)).sum())
        out[r] = total
    return out


def _sums(values: NDArray[Any], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of the values of each recording."""
    ends = np.concatenate([[0], np.cumsum(values)]).astype(np.int64)
    return np.asarray(ends[start[1:]] - ends[start[:-1]])


def _means(rows: NDArray[np.int64], columns: int) -> list[float]:
    return [_mean(rows[:, k]) for k in range(columns)]


def _mean(values: NDArray[np.int64]) -> float:
    return int(values.sum()) / max(len(values), 1)


def per_right_answer(operations: int, right: int) -> float | None:
    """Return operations over right answers; None where no answer was right."""
    return operations / right if right else None
