"""What the replay of EventProp works on: arrays in named tuples, grouped by what they are for."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.inputs import Inputs
from eventsnn.errors import UserError
from eventsnn.kernels.pointers import Arrays
from eventsnn.network import Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.readout import Readout
from eventsnn.record import Record
from eventsnn.registry import number_of
from eventsnn.rules.eventprop.kinds import CUBA, INPUT, READOUT
from eventsnn.topology import topologies
from eventsnn.topology.topology import Topology

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_TOPOLOGIES = 8  # up to so many, one that joins makes no new code of the kernels


class Graph(NamedTuple):
    """Flat arrays of a network; ``*_at`` hold where each population's or connection's part starts.

    Attributes
    ----------
    order, kind : int64 (n_populations,)
        Populations in the order of an instant; INPUT, CUBA or READOUT.
    constants : float64 (n_populations, 6)
        tau of v, tau of the current, threshold, bias, refractory time, and the longest
        time over which a connection's adjoints are read from one common time.
    unit_at, out_at : int64 (n_populations + 1,); out_list : int64
    source, target, topology : int64 (n_connections,)
    delay : float64 (n_connections,)
        Microseconds; -1 where synapses have their own.
    shape_at, targets_at, delays_at, basis_at : int64 (n_connections + 1,)
    shapes : int64; targets, delays : int32
    input : int
    """

    order: Ints
    kind: Ints
    constants: Floats
    unit_at: Ints
    out_at: Ints
    out_list: Ints
    source: Ints
    target: Ints
    topology: Ints
    delay: Floats
    shape_at: Ints
    shapes: Ints
    targets_at: Ints
    targets: NDArray[np.int32]
    delays_at: Ints
    delays: NDArray[np.int32]
    basis_at: Ints
    input: int


class Run(NamedTuple):
    """One recording: spikes by population and time, input events among them.

    A readout's maxima stand in place of its spikes. ``value`` is dv/dt at the spike,
    ``error`` dLoss/dt: the loss's own before the walk, all of it after. ``end_v`` and
    ``end_i`` are the readouts' errors of integral and final, a unit; the recording
    ended at ``end``, and what was due at ``stop`` or later was not delivered.
    """

    t: Floats
    unit: NDArray[np.int32]
    value: Floats
    error: Floats
    at: Ints
    end_v: Floats
    end_i: Floats
    end: float
    stop: float


class Walk(NamedTuple):
    """Where the walk stands.

    Attributes
    ----------
    next, previous, v, i, current : (n_spikes,)
        The same neuron's neighbouring spikes (-1: none), the adjoints just before the
        spike, and what was delivered during the pause after it, as it is at its end.
    first, head, taken : (n_units,)
        First spike, first spike that the walk has passed, maximum already accounted for.
    cursor : (n_populations,)
    basis_v, basis_i : float; spike, release, live, at_t : (n_connections,)
        Connections of one delay: adjoints at the common time ``at_t``, the target's next
        spike and end of a pause in reverse, and whether any adjoint is not zero.
    runs : a fan-out.
    """

    next: Ints
    previous: Ints
    v: Floats
    i: Floats
    current: Floats
    first: Ints
    head: Ints
    taken: Ints
    cursor: Ints
    basis_v: NDArray[Any]
    basis_i: NDArray[Any]
    spike: Ints
    release: Ints
    live: Ints
    at_t: Floats
    runs: Ints

    @classmethod
    def zeros(cls, network: Network, graph: Graph, spikes: int, dtype: Any) -> Walk:
        """Return arrays for recordings of at most so many spikes and readout units."""
        n = spikes + int(graph.unit_at[-1])
        units, connections = int(graph.unit_at[-1]), len(graph.source)
        fan_out = max([1, *(c.topology.max_fan_out for c in network.connections)])
        return cls(
            next=_whole(n),
            previous=_whole(n),
            v=np.zeros(n),
            i=np.zeros(n),
            current=np.zeros(n),
            first=_whole(units),
            head=_whole(units),
            taken=_whole(units),
            cursor=_whole(len(graph.kind)),
            basis_v=np.zeros(graph.basis_at[-1], dtype),
            basis_i=np.zeros(graph.basis_at[-1], dtype),
            spike=_whole(connections),
            release=_whole(connections),
            live=_whole(connections),
            at_t=np.zeros(connections),
            runs=_whole(1 + 3 * fan_out),
        )


class Machine(NamedTuple):
    """All of it."""

    graph: Graph
    fan_out: tuple[Any, ...]
    weights: Arrays
    gradients: Arrays
    run: Run
    walk: Walk
    least_slope: float


def graph_of(network: Network) -> Graph:
    """Lay a network out flat (kept for the networks used last), or refuse it."""
    return _graph_of(network, tuple(topologies().values()))


@lru_cache(maxsize=4)
def _graph_of(network: Network, _: tuple[type[Topology], ...]) -> Graph:
    """Number topologies among those that are known now."""
    kinds = topologies()
    pairs = [constants_of(p) for p in network.populations]
    connections, sources = network.connections, network.sources
    out = [[c for c, source in enumerate(sources) if source == p] for p in range(len(pairs))]
    topology = [c.topology for c in connections]
    together = [c.topology.n_out if c.one_delay else 0 for c in connections]
    delays = [np.ravel(c.delay_us) if not c.one_delay else np.zeros(0) for c in connections]
    return Graph(
        np.array(network.order, np.int64),
        np.array([kind for kind, _ in pairs], np.int64),
        np.array([constants for _, constants in pairs], np.float64),
        _starts([p.size for p in network.populations]),
        _starts([len(part) for part in out]),
        _joined(out, np.int64),
        np.array(sources, np.int64),
        np.array(network.targets, np.int64),
        np.array([number_of(t, kinds) for t in topology], np.int64),
        np.array([c.delay_us if c.one_delay else -1 for c in connections], np.float64),
        _starts([len(t.table()) for t in topology]),
        _joined([t.table() for t in topology], np.int64),
        _starts([len(t.targets) for t in topology]),
        _joined([t.targets for t in topology], np.int32),
        _starts([len(d) for d in delays]),
        _joined(delays, np.int32),
        _starts(together),
        network.input,
    )


def calls() -> tuple[Any, ...]:
    """Return the fan-out of every topology, as typed pointers; the last one fills the tuple up."""
    return _calls(tuple(topologies().values()))


@cache
def _calls(shapes: tuple[type[Topology], ...]) -> tuple[Any, ...]:
    return tuple(s.kernel() for s in shapes + shapes[-1:] * (-len(shapes) % _TOPOLOGIES))


def run_of(
    network: Network,
    unit_at: NDArray[np.int64],
    recordings: Inputs,
    given: tuple[Record, dict[str, tuple[NDArray[np.float64], ...]]],
    i: int,
) -> Run:
    """Lay one recording's spikes end to end, population by population."""
    record, errors = given
    end_v, end_i = np.zeros(unit_at[-1]), np.zeros(unit_at[-1])
    columns: list[tuple[Any, ...]] = []
    for p, population in enumerate(network.populations):
        name = population.name
        if population.neuron is None:
            t, unit = recordings.recording(i)
            columns.append((t, unit, np.zeros(len(t)), np.zeros(len(t))))
        elif population.spiking:
            kept = record.spikes[name]
            part = slice(kept.start[i], kept.start[i + 1])
            columns.append((kept.t[part], kept.unit[part], kept.value[part], errors[name][0][part]))
        else:
            final, maximum, integral = (error[i] for error in errors[name])
            end_v[unit_at[p] : unit_at[p + 1]] = integral
            end_i[unit_at[p] : unit_at[p + 1]] = final
            columns.append(_maxima(population.neuron, record.readouts[name], maximum, i))
    at = np.cumsum([0, *(len(column[0]) for column in columns)]).astype(np.int64)
    kinds: tuple[Any, ...] = (np.float64, np.int32, np.float64, np.float64)
    t, unit, value, error = (
        _joined([column[k] for column in columns], kind) for k, kind in enumerate(kinds)
    )
    end = float(record.duration[i])
    stop = _stop(network, [column[0] for column in columns], record, i)
    stop = float(recordings.until[i]) if stop is None else stop
    return Run(t, unit, value, error, at, end_v, end_i, end, stop)


def _stop(network: Network, times: list[Floats], record: Record, i: int) -> float | None:
    """Tell from the counts whether what was due at the end reached the readouts; None if nothing.

    A run that ends before a given time may have had something due just then; one until
    nothing more happens ends with it.
    """
    end = float(record.duration[i])
    ends = zip(network.connections, network.sources, network.targets, strict=True)
    for c, (connection, source, target) in enumerate(ends):
        if connection.one_delay and not network.populations[target].spiking:
            due = times[source] + connection.delay_us
            if (due == end).any():
                delivered = record.counts.deliveries[i, c] > (due < end).sum()
                return float(np.nextafter(end, math.inf)) if delivered else end
    return None


def _maxima(neuron: Any, kept: Any, error: NDArray[np.float64], i: int) -> tuple[Any, ...]:
    """Return a readout's maxima that count, by time, as if they were spikes.

    The value is what the maximum is worth; the error what its time is worth, since all
    that was delivered before has decayed by then. (What was delivered on it has not:
    the walk adds this to every delivery that comes before or on the maximum.)
    """
    units = np.flatnonzero((error != 0) & (kept.maximum_t[i] > -np.inf))
    units = units[np.argsort(kept.maximum_t[i][units], kind="stable")]
    t, worth = kept.maximum_t[i][units], error[units]
    return t, units, worth, -worth * kept.maximum[i][units] / neuron.tau_us


def constants_of(population: Population) -> tuple[int, tuple[float, ...]]:
    """Return a population's kind and its row of ``Graph.constants``."""
    neuron = population.neuron
    if neuron is None:
        return INPUT, (1.0, 1.0, 0.0, 0.0, 0.0, math.inf)
    if type(neuron) is CubaLIF:
        taus = (neuron.tau_mem_us, neuron.tau_syn_us)
        rest = (neuron.threshold, neuron.bias, neuron.refractory_us)
        return CUBA, (*taus, *rest, min(taus))
    if type(neuron) is Readout:
        return READOUT, (1.0, neuron.tau_us, 0.0, 0.0, 0.0, neuron.tau_us)
    raise UserError(
        f"eventprop: population {population.name} is {neuron.kind}, whose potential jumps at a "
        "delivery, so that its spikes have no time of their own; give cuba_lif or readout"
    )


def _starts(sizes: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _joined(parts: list[Any], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)


def _whole(n: int) -> Ints:
    return np.zeros(n, np.int64)
