"""Spike traffic of one recording: who sent how much to whom, and when.

Everything is read off a record and the events it was made from; nothing is run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.gathered import Given
from eventsnn.errors import UserError
from eventsnn.measure.operations import input_trains
from eventsnn.measure.traffic_arrays import bin_width, linked, matrix_of
from eventsnn.record import Record
from eventsnn.text import plain


@dataclass(frozen=True, eq=False)
class Traffic:
    """Traffic of one recording.

    Attributes
    ----------
    names : tuple of str
        Populations, in the order of the network.
    spikes : int64 array (n_populations,)
        Spikes of each population; the input's are its events.
    deliveries, synaptic_adds : int64 array (n_populations, n_populations)
        From row to column: spikes handed over, and synapses they went through.
    fan_out : float64 array (n_populations,)
        Synapses delivered for each spike sent.
    bin_us : float
        Width of the bins below, microseconds.
    rate : float64 array (n_populations, n_bins)
        Spikes a millisecond.
    queue_depth : int64 array (n_bins,)
        Spikes times connections with a delay that are on their way at the end of the bin.
    bursts : int64 array (n_populations,)
        Runs of at least 3 spikes of one neuron with gaps of at most ``burst_gap_us``.
    first_spike_us : float64 array (n_populations,)
        When each population first spiked; inf if never.
    decision_us : float
        When the output neuron with the most spikes took the lead for good; inf without one.
    active : int64 array (n_populations,)
        Units of each population that spiked at least once.
    busiest : tuple of (population, unit, spikes)
        Of each population, in their order, the units with the most spikes, most first.
    input : int
        Number of the input population: of several, the first that waits for a recording.
    inputs : tuple of int
        All input populations.
    outputs : tuple of int
        Populations that send nothing.
    mute : tuple of int
        Populations that never spike: readouts.
    sizes : tuple of int
        Units of each population.
    sensor : tuple of int
        Shape of the input population.
    linked : bool array (n_populations, n_populations)
        Whether a connection leads from row to column.
    t, unit : list of arrays
        For each population the time (microseconds) and the unit of every spike.
    duration_us : float
        Where the run ended.
    begin_us : float
        Where it began: the time of a state that it went on from, else 0.
    """

    names: tuple[str, ...]
    spikes: NDArray[np.int64]
    deliveries: NDArray[np.int64]
    synaptic_adds: NDArray[np.int64]
    fan_out: NDArray[np.float64]
    bin_us: float
    rate: NDArray[np.float64]
    queue_depth: NDArray[np.int64]
    bursts: NDArray[np.int64]
    first_spike_us: NDArray[np.float64]
    decision_us: float
    active: NDArray[np.int64]
    busiest: tuple[tuple[str, int, int], ...]
    input: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    mute: tuple[int, ...]
    sizes: tuple[int, ...]
    sensor: tuple[int, ...]
    linked: NDArray[np.bool_]
    t: list[NDArray[np.float64]]
    unit: list[NDArray[np.int32]]
    duration_us: float
    begin_us: float

    def table(self) -> str:
        """Return the traffic as text, a line a population and one for what it sends."""
        lines = ["population          spikes  active    fan-out    bursts  first spike us"]
        for p, name in enumerate(self.names):
            first = f"{self.first_spike_us[p]:.0f}" if np.isfinite(self.first_spike_us[p]) else "-"
            lines.append(
                f"{plain(name):<16} {self.spikes[p]:>9} {self.active[p]:>7} "
                f"{self.fan_out[p]:>10.1f} {self.bursts[p]:>9} {first:>15}"
            )
        lines.append("from -> to: deliveries, synaptic adds")
        for i, j in np.argwhere(self.deliveries):
            lines.append(
                f"  {plain(self.names[i])} -> {plain(self.names[j])}: {self.deliveries[i, j]}, "
                f"{self.synaptic_adds[i, j]}"
            )
        busy = ", ".join(f"{plain(name)}[{unit}] {n}" for name, unit, n in self.busiest)
        return "\n".join([*lines, f"busiest units: {busy or 'none'}"])

    def to_json(self) -> dict[str, Any]:
        """Return the traffic as plain JSON; times that never came are null."""
        busiest: dict[str, list[list[int]]] = {name: [] for name in self.names}
        for name, unit, count in self.busiest:
            busiest[name].append([unit, count])
        return {
            "spikes": [int(n) for n in self.spikes],
            "populations": list(self.names),
            "deliveries": self.deliveries.tolist(),
            "synaptic_adds": self.synaptic_adds.tolist(),
            "operations": [int(n) for n in self.synaptic_adds.sum(axis=1)],
            "fan_out": [float(n) for n in self.fan_out],
            "bursts": [int(n) for n in self.bursts],
            "queue_depth_peak": int(self.queue_depth.max(initial=0)),
            "decision_us": float(self.decision_us) if np.isfinite(self.decision_us) else None,
            "time_unit": "us",
            "layers": [
                {
                    "population": name,
                    "spikes": int(self.spikes[p]),
                    "active_units": int(self.active[p]),
                    "busiest_units": busiest[name],
                    "first_spike": float(first) if np.isfinite(first) else None,
                    "synaptic_adds": int(self.synaptic_adds[p].sum()),
                }
                for p, (name, first) in enumerate(zip(self.names, self.first_spike_us, strict=True))
            ],
        }


def traffic(
    record: Record,
    events: Given = None,
    recording: int = 0,
    *,
    bin_us: float | None = None,
    burst_gap_us: float = 5000.0,
    top: int = 5,
) -> Traffic:
    """Measure the traffic of one recording.

    Parameters
    ----------
    record : Record
        With all spikes kept.
    events : as they were given to the run
    recording : int
        Number of the recording in the record.
    bin_us : float, optional
        Microseconds; None: 1,000, or ten, a hundred ... times that: at most 100,000 bins.
    burst_gap_us : float
        Microseconds.
    top : int
        How many busy units of each population to name.

    Raises
    ------
    UserError
        If spikes were not kept, or a number cannot be.
    """
    if not 0 <= recording < len(record):
        raise UserError(f"traffic: recording {recording}; there are 0 to {len(record) - 1}")
    if not burst_gap_us >= 0 or top < 0:
        raise UserError(
            f"traffic: burst_gap_us is {burst_gap_us}, top {top}; give 0 or more of each"
        )
    trains = _trains(record, events, recording)
    network, counts = record.network, record.counts
    end = float(record.duration[recording])
    bin_us = bin_width(bin_us, end)
    edges = np.arange(0.0, max(end, bin_us) + bin_us, bin_us)
    adds = matrix_of(record, counts.synaptic_adds[recording])
    spikes = counts.spikes[recording]
    return Traffic(
        names=tuple(p.name for p in network.populations),
        spikes=spikes,
        deliveries=matrix_of(record, counts.deliveries[recording]),
        synaptic_adds=adds,
        fan_out=adds.sum(axis=1) / np.maximum(spikes, 1),
        bin_us=bin_us,
        rate=np.array([np.histogram(t, edges)[0] for t, _ in trains]) * 1000.0 / bin_us,
        queue_depth=_depth(record, trains, edges),
        bursts=np.array([_bursts(t, unit, burst_gap_us) for t, unit in trains], np.int64),
        first_spike_us=np.array([t[0] if len(t) else np.inf for t, _ in trains]),
        decision_us=_decision(record, trains),
        active=np.array([len(np.unique(unit)) for _, unit in trains], np.int64),
        busiest=_busiest(record, trains, top),
        input=network.input if network.inputs else -1,
        inputs=network.inputs,
        outputs=network.outputs,
        mute=tuple(i for i, p in enumerate(network.populations) if not p.spiking),
        sizes=tuple(p.size for p in network.populations),
        sensor=network.populations[network.input].shape if network.inputs else (0,),
        linked=linked(network),
        t=[t for t, _ in trains],
        unit=[unit for _, unit in trains],
        duration_us=end,
        begin_us=record.since,
    )


def _trains(
    record: Record, events: Given, recording: int
) -> list[tuple[NDArray[np.float64], NDArray[np.int32]]]:
    trains = []
    given = input_trains(record, events, recording)
    for i, population in enumerate(record.network.populations):
        if i in given:
            trains.append(given[i])
        elif population.name in record.spikes:
            trains.append(record.spikes[population.name].recording(recording))
        elif not population.spiking:
            trains.append((np.zeros(0), np.zeros(0, np.int32)))
        else:
            raise UserError(
                f"traffic: the spikes of {population.name} were not kept; simulate with "
                "record='all'"
            )
    return trains


def _depth(record: Record, trains: list[Any], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count spikes sent but not fully delivered; a spike waits for its slowest synapse."""
    depth = np.zeros(len(edges) - 1, np.int64)
    for connection, source in zip(record.network.connections, record.network.sources, strict=True):
        t = np.sort(trains[source][0])
        sent = np.searchsorted(t, edges[1:])
        arrived = np.searchsorted(t + connection.greatest_delay, edges[1:])
        depth += sent - arrived
    return depth


def _bursts(t: NDArray[np.float64], unit: NDArray[np.int32], gap_us: float) -> int:
    order = np.lexsort((t, unit))
    t, unit = t[order], unit[order]
    close = (np.diff(t) <= gap_us) & (np.diff(unit) == 0)
    # Two close gaps in a row are three spikes; a burst is counted where it starts.
    pairs = close[1:] & close[:-1]
    return int(pairs[:1].sum() + (pairs[1:] & ~pairs[:-1]).sum())


def _decision(record: Record, trains: list[Any]) -> float:
    spiking = [p for p in record.network.outputs if record.network.populations[p].spiking]
    if len(spiking) != 1 or not len(trains[spiking[0]][0]):
        return np.inf
    t, unit = trains[spiking[0]]
    winner = int((counts := np.bincount(unit)).argmax())
    # Of each spike, the how-manieth of its unit it is; and the most of any rival so far.
    order = np.argsort(unit, kind="stable")
    nth = np.empty(len(unit), np.int64)
    nth[order] = np.arange(len(unit)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    rivals = np.maximum.accumulate(np.where(unit == winner, 0, nth))
    behind = np.flatnonzero(np.cumsum(unit == winner) <= rivals)
    led = int(behind[-1]) + 1 if behind.size else 0
    return float(t[led]) if led < len(t) else np.inf


def _busiest(record: Record, trains: list[Any], top: int) -> tuple[tuple[str, int, int], ...]:
    found = []
    for population, (_, unit) in zip(record.network.populations, trains, strict=True):
        counts = np.bincount(unit, minlength=1)
        for u in np.argsort(-counts, kind="stable")[:top]:
            if counts[u]:
                found.append((population.name, int(u), int(counts[u])))
    return tuple(found)
