"""What a loss reads of the output of a run: one place for every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.neurons.neuron import Neuron
from eventsnn.record import Readouts, Reads, Record


def recorded_outputs(record: Record, population: int, reads: Reads) -> NDArray[np.float64]:
    """Return what a loss reads of a population, float64 (n_recordings, classes).

    An integral is given in time constants of the readout (microseconds if it has none).
    """
    name = record.network.populations[population].name
    readouts, counts = record.readouts.get(name), record.unit_spikes.get(name)
    return read_outputs(record.network, population, reads, readouts, counts)


def read_outputs(
    network: Network,
    population: int,
    reads: Reads,
    readouts: Readouts | None,
    counts: NDArray[Any] | None,
) -> NDArray[np.float64]:
    """Return the same from what a readout kept, or from the spike counts of each unit."""
    neuron = network.populations[population].neuron
    if neuron is not None and readouts is not None:
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


def integral_unit(neuron: Neuron) -> float:
    """Return the microseconds in which integrals of a readout are given to a loss.

    A leaky readout in whole numbers gives them in its time constant already.
    """
    membrane = neuron.membrane
    return 1.0 if membrane is None or np.isinf(membrane.tau_us) else membrane.tau_us


def leak_of(neuron: Neuron | None) -> float:
    """Return the microseconds with which a readout forgets; infinite where that is not known."""
    if neuron is not None and neuron.whole:
        return float(getattr(neuron, "tau_us", np.inf))
    membrane = None if neuron is None else neuron.membrane
    return np.inf if membrane is None else membrane.tau_us
