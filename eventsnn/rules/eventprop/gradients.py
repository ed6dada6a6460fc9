"""EventProp: exact gradients through spike times (Wunderlich & Pehle 2021).

For networks of current-based LIF neurons and readouts. The record of a run is walked in
reverse (``kernel.py``); ``docs/explanation/rules/eventprop.md`` derives the equations for exactly
this library's neurons: reset to 0, held there for the refractory time, delays, ties.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numba
import numpy as np
from numba.core.errors import NumbaExperimentalFeatureWarning
from numpy.typing import ArrayLike, NDArray

from eventsnn.engines.gathered import inputs
from eventsnn.engines.inputs import Events, Inputs
from eventsnn.errors import UserError
from eventsnn.kernels.pointers import Arrays
from eventsnn.losses.loss import Loss
from eventsnn.network import Network, Weights
from eventsnn.record import Record
from eventsnn.record_checked import check_record
from eventsnn.rules.evaluation import FirstSpikes, first_spikes
from eventsnn.rules.eventprop import kernel as eventprop_kernel
from eventsnn.rules.eventprop import prepare as eventprop_prepare
from eventsnn.rules.eventprop.arrays import Machine, Run, Walk, calls, graph_of, run_of
from eventsnn.rules.eventprop.groups import Grouped, check_finite, groups_of, most_spikes, summed
from eventsnn.threads import in_threads


class ReadoutErrors(NamedTuple):
    """Derivatives of the loss by what a readout kept; None for none.

    Attributes
    ----------
    final, maximum, integral : float64 array (n_recordings, n_units) or None
    """

    final: NDArray[np.float64] | None = None
    maximum: NDArray[np.float64] | None = None
    integral: NDArray[np.float64] | None = None


Errors = NDArray[np.float64] | ReadoutErrors
"""Of a spiking population: dLoss/dt of each recorded spike, (n_spikes,), per microsecond."""


class Gradients(NamedTuple):
    """What a replay gives, summed over the recordings.

    Attributes
    ----------
    weights : tuple of float arrays, in the order of the connections
        dLoss/dweight, each of its connection's ``weight_shape``, in the weights' dtype.
    spike_t : mapping from population name to float64 array (n_spikes,)
        dLoss/dt of each recorded spike, per microsecond: its own error and all that
        follows from the spike, its neuron's reset included.
    """

    weights: tuple[NDArray[Any], ...]
    spike_t: Mapping[str, NDArray[np.float64]]


class Assessed(NamedTuple):
    """A loss of a record: float64 (n,), (n, classes), and what ``eventprop`` takes."""

    loss: NDArray[np.float64]
    scores: NDArray[np.float64]
    errors: Mapping[str, Errors]


def eventprop(
    network: Network,
    weights: Weights,
    events: Events,
    record: Record,
    errors: Mapping[str, Errors],
    *,
    least_slope: float = 0.0,
    threads: int = 1,
) -> Gradients:
    """Return the exact gradients of a loss of spike times and readouts.

    Parameters
    ----------
    network, weights, events
        What the record was made from, each recording from rest.
    record : Record
        With all spikes (``record="all"``).
    errors : mapping from population name to Errors
        Derivatives of the loss; populations left out have none. See ``errors_of``.
    least_slope : float
        Per microsecond. A spike's dv/dt counts at least this much: the gradient of a
        spike that barely crosses grows without bounds. 0 is exact.
    threads : int
        Each walks some recordings. Their gradients are summed in groups that the number of
        recordings alone decides, so that no number of threads changes a bit.

    Raises
    ------
    UserError
        For a network with other neuron models, a record that goes on from a state or
        lacks spikes, errors that do not fit, and gradients that are not finite.
    """
    if not (np.isfinite(least_slope) and least_slope >= 0):
        raise UserError(f"eventprop: least_slope is {least_slope}; give a number >= 0")
    how = Grouped(groups_of(len(record)), least_slope, threads)
    done, spike_t = by_group(GivenRun(network, weights, events, record, errors), how)
    gradients = tuple(summed(parts) for parts in zip(*done, strict=True))
    check_finite(network, gradients)
    return Gradients(gradients, spike_t)


class GivenRun(NamedTuple):
    """What ``eventprop`` takes: a record, what it was made of, and errors."""

    network: Network
    weights: Weights
    events: Events
    record: Record
    errors: Mapping[str, Errors]


def by_group(
    run: GivenRun, how: Grouped
) -> tuple[list[tuple[NDArray[Any], ...]], dict[str, NDArray[np.float64]]]:
    """Return the gradients of each group of recordings, and ``Gradients.spike_t``."""
    network, record = run.network, run.record
    graph = graph_of(network)
    flat = network.weights(run.weights)
    recordings = _recordings(network, run.events, record)
    given = _checked_errors(network, record, run.errors)
    real = flat[0].dtype if flat else np.dtype(np.float64)
    spike_t = {name: np.zeros(len(kept)) for name, kept in record.spikes.items()}
    shapes = [c.topology.weight_shape for c in network.connections]

    def work(rows: range) -> tuple[NDArray[Any], ...]:
        gradients = tuple(np.zeros_like(array) for array in flat)
        walk = Walk.zeros(network, graph, most_spikes(record, recordings, rows), real)
        kernels: tuple[Any, ...] = ()
        for i in rows:
            one = run_of(network, graph.unit_at, recordings, (record, given), i)
            parts = (graph, calls(), Arrays(flat, real), Arrays(gradients, real), one, walk)
            machine = Machine(*parts, float(how.least_slope))
            kernels = kernels or _entries(machine)
            for kernel in kernels:
                kernel(machine)
            _keep(network, record, one, spike_t, i)
        return tuple(g.reshape(shape) for g, shape in zip(gradients, shapes, strict=True))

    return in_threads(work, how.groups, how.threads), spike_t


def _keep(
    network: Network, record: Record, run: Run, spike_t: dict[str, NDArray[np.float64]], i: int
) -> None:
    """Keep what the times of recording i's spikes are worth."""
    for p, population in enumerate(network.populations):
        if population.name in spike_t:
            start = record.spikes[population.name].start
            found = run.error[run.at[p] : run.at[p + 1]]
            spike_t[population.name][start[i] : start[i + 1]] = found


def errors_of(loss: Loss, record: Record, population: str, labels: ArrayLike) -> Assessed:
    """Apply a loss to a population of a record.

    Parameters
    ----------
    loss : Loss
        ``FirstSpike`` for a spiking population; ``CrossEntropy`` of the final, maximum or
        integral for a readout.
    labels : int array (n_recordings,)

    Raises
    ------
    UserError
        For a loss of spike counts, which do not change with a spike's time.
    """
    classes = np.asarray(labels, np.int64)
    neuron = record.network[population].neuron
    if loss.reads == "counts":
        raise UserError(
            "eventprop: spike counts have no derivative by spike times; give FirstSpike, or "
            "CrossEntropy of final, maximum or integral with a readout population"
        )
    if loss.reads != "first_spike":
        if population not in record.readouts:
            kind = neuron.kind if neuron else "the input"
            raise UserError(f"eventprop: {population} is {kind}; {loss.reads} needs a readout")
        graded = loss(getattr(record.readouts[population], loss.reads), classes)
        errors: Errors = ReadoutErrors()._replace(**{loss.reads: graded.gradient})
        return Assessed(graded.loss, graded.scores, {population: errors})
    if population not in record.spikes:
        raise UserError(f"eventprop: no spikes of {population} in the record; give record='all'")
    timed = first_spikes(record, population)
    graded = loss(timed.t, classes)
    by_spike = errors_by_spike(record, population, timed, graded.gradient)
    return Assessed(graded.loss, graded.scores, {population: by_spike})


def errors_by_spike(
    record: Record, population: str, first: FirstSpikes, errors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return derivatives by the time of each spike, (n_spikes,): those of first spikes.

    ``errors`` are by the time of each unit's first one, float64 (n_recordings, n_units).
    """
    by_spike = np.zeros(len(record.spikes[population]))
    by_spike[first.spike] = errors.reshape(-1)[first.unit]
    return by_spike


def _own(network: Network) -> list[Any]:
    return [p for p in network.populations if p.neuron is not None]


def _entries(machine: Machine) -> tuple[Any, ...]:
    """Return the compiled kernels: finding the types of so many arrays once is enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        kind = cast(Any, numba.typeof)(machine)
        kernels: Any = (eventprop_prepare.prepare, eventprop_kernel.replay)
        return tuple(kernel.compile((kind,)) for kernel in kernels)


def _recordings(network: Network, events: Events, record: Record) -> Inputs:
    """Check that the record is of these events and complete."""
    if record.state is not None:
        raise UserError("eventprop: the record goes on from a state; run each recording from rest")
    for population in _own(network):
        if population.spiking and population.name not in record.spikes:
            raise UserError(
                f"eventprop: the record has no spikes of {population.name}; simulate with "
                "record='all'"
            )
        if not population.spiking and population.name not in record.readouts:
            raise UserError(f"eventprop: the record is of another network; no {population.name}")
        if record.network[population.name].size != population.size:
            raise UserError(
                f"eventprop: {population.name} has {population.size} neurons, in the record "
                f"{record.network[population.name].size}; give the network of the record"
            )
    check_record(record)
    durations = np.atleast_1d(np.asarray(events.duration, np.float64))
    if len(durations) != len(record):
        raise UserError(
            f"eventprop: {len(durations)} recordings for a record of {len(record)}; give those "
            "that were simulated"
        )
    # A run over the duration ends before it, one until nothing happens with its last instant.
    stop = np.where(durations == record.duration, durations, np.nextafter(record.duration, np.inf))
    return inputs(network, events, stop)


def _checked_errors(
    network: Network, record: Record, errors: Mapping[str, Errors]
) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """Return errors of every population: one array of a spiking one, three of a readout."""
    for name in errors:
        if network[name].neuron is None:
            raise UserError(f"eventprop: errors of {name}; the input's times are given")
    checked = {}
    for population in _own(network):
        name, error = population.name, errors.get(population.name)
        shape: tuple[int, ...] = (len(record), population.size)
        if population.spiking:
            shape = (len(record.spikes[name]),)
        elif error is not None and not isinstance(error, ReadoutErrors):
            raise UserError(f"eventprop: errors of {name} are an array; give ReadoutErrors")
        elif error is None:
            error = ReadoutErrors()
        if population.spiking and isinstance(error, ReadoutErrors):
            raise UserError(f"eventprop: errors of {name} are ReadoutErrors; give one a spike")
        parts = tuple(error) if isinstance(error, ReadoutErrors) else (error,)
        checked[name] = tuple(_checked_array(name, part, shape) for part in parts)
    return checked


def _checked_array(name: str, given: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = np.zeros(shape) if given is None else np.asarray(given, np.float64)
    if array.shape != shape:
        raise UserError(f"eventprop: errors of {name} have shape {array.shape}; give {shape}")
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        i = int(wrong[0])
        raise UserError(
            f"eventprop: error {i} of {name} is {array.reshape(-1)[i]}; give finite numbers"
        )
    return array
