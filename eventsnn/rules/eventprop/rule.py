"""EventProp: exact gradients of spike times, any graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.outputs import integral_unit, recorded_outputs
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.optimizers.over_ranks import Gradient
from eventsnn.ranks.sums import GroupSums, exchanged
from eventsnn.record import Record
from eventsnn.rules.evaluation import FirstSpikes, first_spikes, spikes_allowed
from eventsnn.rules.eventprop.arrays import constants_of
from eventsnn.rules.eventprop.gradients import (
    Errors,
    GivenRun,
    ReadoutErrors,
    by_group,
    errors_by_spike,
    eventprop,
)
from eventsnn.rules.eventprop.groups import Grouped, check_finite, groups_of
from eventsnn.rules.eventprop.options import EventPropOptions
from eventsnn.rules.gradient.chunk import Chunk, Trace, count_into
from eventsnn.rules.gradient.rule import GradientRule
from eventsnn.rules.gradient.state import GradientState
from eventsnn.rules.learned import Since

LEAST_SLOPE = 1e-5
"""Thresholds a microsecond: steeper than this, a spike's time has its exact gradient; one
that barely crossed the threshold would have one without bound."""


class EventProp(GradientRule):
    """The rule ``eventprop``: a network of current-based neurons."""

    kind = "eventprop"
    Options = EventPropOptions

    def __init__(self, options: Any = None, threads: int = 1, **given: Any) -> None:
        super().__init__(options, threads, **given)
        if self.loss.reads == "counts":
            raise UserError(
                "rule eventprop: spike counts have no derivative by spike times; give --reads "
                "maximum, final or integral, or --loss first-spike"
            )

    def network(self, layers: Layers) -> Network:
        """Return the network of a layer string, or refuse neurons whose spikes have no time."""
        network = super().network(layers)
        self.check_network(network)
        return network

    def check_network(self, network: Network) -> None:
        """Refuse neurons whose spikes have no time of their own."""
        for population in network.populations:
            constants_of(population)

    def run(self, state: GradientState, chunk: Chunk) -> Trace:
        """Run a batch event by event."""
        if not len(chunk.batch):  # other ranks have them all
            nothing = [np.zeros(size, np.int64) for size in state.sizes]
            return Trace(np.zeros((0, state.sizes[-1])), nothing, None)
        most = spikes_allowed(state.network, chunk.batch)
        given = state.network, state.weights, chunk.batch
        begun = None if chunk.since is None else _standing(state, chunk.since)
        record = simulate(*given, state=begun, event_budget=most, threads=self.threads)
        if begun is not None:
            # What a spike of the window owes to is in it: the walk needs its slope, not its state.
            record = replace(record, state=None)
        timed = None
        if self.loss.reads == "first_spike":
            timed = first_spikes(record, state.network.populations[state.output].name)
            outputs: NDArray[Any] = timed.t
        else:
            outputs = recorded_outputs(record, state.output, self.loss.reads)
        return Trace(outputs, self._spoke(state, chunk, record), (record, timed))

    def reverse(
        self, state: GradientState, chunk: Chunk, trace: Trace, errors: NDArray[np.float64]
    ) -> list[Gradient]:
        """Walk a batch event by event in reverse."""
        if self.ranks.size > 1:
            return self._reverse_together(state, chunk, trace, errors)
        slope = LEAST_SLOPE * self.options.threshold
        args = self._given(state, chunk, trace, errors)
        return list(eventprop(*args, least_slope=slope, threads=self.threads).weights)

    def _given(
        self, state: GradientState, chunk: Chunk, trace: Trace, errors: NDArray[np.float64]
    ) -> GivenRun:
        """Return what ``eventprop`` takes."""
        record, timed = trace.record
        given = self._errors(state, record, timed, errors)
        return GivenRun(state.network, state.weights, chunk.batch, record, given)

    def groups(self, n: int) -> list[range]:
        """Return the recordings of a batch in groups that one rank takes whole."""
        return groups_of(n)

    def _reverse_together(
        self, state: GradientState, chunk: Chunk, trace: Trace, errors: NDArray[np.float64]
    ) -> list[Gradient]:
        """Walk this rank's groups; return the gradients of all groups by its own targets."""
        groups, done = self.groups(len(chunk.labels)), list[tuple[NDArray[Any], ...]]()
        if trace.record is not None:
            first, slope = chunk.rows.start, LEAST_SLOPE * self.options.threshold
            own = [
                range(one.start - first, one.stop - first)
                for one in groups[self.ranks.part(len(groups))]
            ]
            how = Grouped(own, slope, self.threads)
            done, _ = by_group(self._given(state, chunk, trace, errors), how)
        found = [
            GroupSums([group[c] for group in done], w.shape, w.dtype, from_zero=False)
            for c, w in enumerate(state.params)
        ]
        gradients = exchanged(self.ranks, found)
        check_finite(state.network, gradients)
        return gradients

    def _errors(
        self,
        state: GradientState,
        record: Record,
        timed: FirstSpikes | None,
        errors: NDArray[np.float64],
    ) -> dict[str, Errors]:
        population, reads = state.network.populations[state.output], self.loss.reads
        if timed is not None:
            return {population.name: errors_by_spike(record, population.name, timed, errors)}
        neuron = population.neuron
        unit = integral_unit(neuron) if neuron and reads == "integral" else 1
        return {population.name: ReadoutErrors()._replace(**{reads: errors / unit})}

    def _spoke(self, state: GradientState, chunk: Chunk, record: Record) -> list[NDArray[np.int64]]:
        spoke = [np.zeros(size, np.int64) for size in state.sizes]
        spoke[state.network.input] = chunk.came
        for name, spikes in record.spikes.items():
            count_into(spikes.unit, spoke[state.network.index(name)])
        return spoke


def _standing(state: GradientState, since: Since) -> State:
    """Return the network as it stands at the beginning of a window, at time 0."""
    found = State.start(state.network, state.weights[0].dtype.type)
    for name, variables in since.items():
        found = found.replaced(name, **variables)
    return found
