"""What a run would cost on a chip: energy of each recording, estimated from its record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.gathered import Given
from eventsnn.errors import UserError
from eventsnn.measure.energy import MODELS, EnergyModel, Work, estimate
from eventsnn.measure.operations import Operations, operations
from eventsnn.measure.widths import ENTRY
from eventsnn.network import Weights
from eventsnn.record import Record
from eventsnn.text import shown


@dataclass(frozen=True, eq=False, repr=False)
class Energy:
    """Estimates of energy, float64 (n_recordings,) in nanojoules; ``energy`` makes it.

    Attributes
    ----------
    model : EnergyModel
        Its prices in picojoules, and its ``source``.
    synapses_nj : of synaptic operations
    neurons_nj : of bringing neurons up to now, their tests of the threshold, and their spikes
    memory_nj : of reading weights, and decay tables of whole numbers
    decays_nj, tests_nj : of ``neurons_nj``, what multiplications and tests of the threshold cost

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-3-1", es.LIF(20_000), es.Readout(30_000))
    >>> weights = {c.name: np.ones(c.topology.weight_shape) for c in network.connections}
    >>> stream = es.EventStream([5], [0], (1, 1, 2), duration=1_000)
    >>> es.energy(es.simulate(network, weights, stream), weights, stream, model="truenorth")
    <Energy by truenorth, an estimate: 0.156 nJ a recording (synapses 0.156, neurons 0, memory 0)>
    """

    model: EnergyModel
    synapses_nj: NDArray[np.float64]
    neurons_nj: NDArray[np.float64]
    memory_nj: NDArray[np.float64]
    decays_nj: NDArray[np.float64]
    tests_nj: NDArray[np.float64]

    @property
    def without_decays_nj(self) -> NDArray[np.float64]:
        """The sum on a chip whose potentials do not decay."""
        return self.total_nj - self.decays_nj

    @property
    def total_nj(self) -> NDArray[np.float64]:
        """The sum of the three."""
        return self.synapses_nj + self.neurons_nj + self.memory_nj

    @property
    def source(self) -> str:
        """Where the prices stand."""
        return self.model.source

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.synapses_nj)

    def __repr__(self) -> str:
        """Return one line of facts."""
        parts = ((name, getattr(self, f"{name}_nj")) for name in ("synapses", "neurons", "memory"))
        told = ", ".join(f"{name} {nj.mean():,.4g}" for name, nj in parts)
        return (
            f"<Energy by {self.model.name}, an estimate: {self.total_nj.mean():,.4g} nJ a "
            f"recording ({told})>"
        )


def energy(
    record: Record,
    weights: Weights,
    events: Given = None,
    *,
    model: str | EnergyModel = "cmos45-float32",
) -> Energy:
    """Estimate what a run would cost on a chip: its operations times published prices.

    Nothing is measured. Static power is in no model, memory only where its name says so.

    Parameters
    ----------
    record : Record
        Of a run from rest.
    weights : as they were given to the run
    events : as they were given to the run
        Needed where a connection from an input has weights of 0.
    model : str or EnergyModel
        ``cmos45-float32``, ``cmos45-float16``, ``cmos45-int8``, ``cmos45-float32-sram``,
        ``cmos45-int8-sram`` (Horowitz, ISSCC 2014), ``truenorth`` (Merolla et al. 2014),
        ``loihi`` (Davies et al. 2018) or ``spinnaker`` (Sharp et al. 2012); or one of your own,
        with its prices in picojoules.
        The last three have a clock of 1 ms, at which every neuron is brought up to now.

    Returns
    -------
    Energy
        Nanojoules of each recording, and the source of the prices.

    Raises
    ------
    UserError
        If there is no such model, or whatever ``operations`` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-3-1", es.LIF(20_000), es.Readout(30_000))
    >>> weights = {c.name: np.ones(c.topology.weight_shape) for c in network.connections}
    >>> stream = es.EventStream([5], [0], (1, 1, 2), duration=1_000)
    >>> cost = es.energy(es.simulate(network, weights, stream), weights, stream, model="loihi")
    >>> cost.total_nj.round(3), cost.source[:22]  # 6 synapses at 23.6 pJ, 4 neurons at 81 pJ
    (array([0.466]), 'M. Davies et al., Loih')
    """
    known = {one.name: one for one in MODELS}
    found = known.get(model) if isinstance(model, str) else model
    if not isinstance(found, EnergyModel):
        raise UserError(f"energy: model is {shown(model)}; give one of {', '.join(known)}")
    counted = operations(record, weights, events)
    rows = [estimate(found, work) for work in _works(counted, record)]
    names = ("synapses_nj", "neurons_nj", "memory_nj", "decays_nj", "tests_nj")
    return Energy(found, *(np.array([row[name] for row in rows], np.float64) for name in names))


def mean_work(counted: Operations, duration_us: float) -> Work:
    """Return what is to be paid for of a recording, on average."""
    network = counted.network
    own = [p for p, population in enumerate(network.populations) if population.neuron is not None]
    n = max(len(counted), 1)

    def mean(counts: NDArray[np.int64]) -> float:
        return int(counts.sum()) / n

    return Work(
        additions=mean(counted.total),
        multiply_accumulates=0.0,
        multiplications=mean(counted.multiplications),
        comparisons=mean(counted.threshold_tests),
        neuron_updates=mean(counted.neuron_updates),
        spikes=mean(counted.spikes[:, own]),
        weight_bytes=mean(counted.weight_bytes) + ENTRY * mean(counted.table_reads),
        neurons=float(sum(network.populations[p].size for p in own)),
        duration_us=duration_us,
    )


def _works(counted: Operations, record: Record) -> list[Work]:
    """Return what is to be paid for of each recording."""
    network = record.network
    own = [p for p, population in enumerate(network.populations) if population.neuron is not None]
    neurons = float(sum(network.populations[p].size for p in own))
    columns = (
        counted.total,
        np.zeros(len(counted)),
        counted.multiplications.sum(axis=1),
        counted.threshold_tests.sum(axis=1),
        counted.neuron_updates.sum(axis=1),
        counted.spikes[:, own].sum(axis=1),
        counted.weight_bytes.sum(axis=1) + ENTRY * counted.table_reads.sum(axis=1),
        np.full(len(counted), neurons),
        record.duration - record.since,
    )
    return [Work(*map(float, row)) for row in zip(*columns, strict=True)]
