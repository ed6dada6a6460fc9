"""EventProp as the trainer sees it: exact gradients of spike times, any graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.engines.layered.passed import integral_unit, recorded_outputs
from eventsnn.errors import UserError
from eventsnn.neurons.readout import Readout
from eventsnn.record import Record
from eventsnn.rules.eventprop.gradients import Errors, ReadoutErrors, errors_of, eventprop
from eventsnn.rules.gradient.chunk import Chunk, Walked, count_into
from eventsnn.rules.gradient.learner import GradientLearner
from eventsnn.train.options import TrainOptions

LEAST_SLOPE = 1e-5
"""Thresholds a microsecond: steeper than this, a spike's time has its exact gradient; one
that barely crossed the threshold would have one without bound."""


class EventPropLearner(GradientLearner):
    """A network of current-based neurons that learns by EventProp."""

    def __init__(self, options: TrainOptions, threads: int = 1) -> None:
        super().__init__(options, threads)
        if self.loss.reads == "counts":
            raise UserError(
                "rule eventprop: spike counts have no derivative by spike times; give --reads "
                "maximum, final or integral, or --loss first-spike"
            )

    def walk(self, chunk: Chunk) -> Walked:
        """Run a batch event by event and walk it in reverse."""
        batch = chunk.batch
        record = simulate(self.network, self.weights, batch)
        name = self.network.populations[self.output].name
        if self.loss.reads == "first_spike":
            found = errors_of(self.loss, record, name, batch.label)
            loss, scores = found.loss, found.scores
            errors: dict[str, Errors] = {
                k: np.asarray(e) / len(batch) for k, e in found.errors.items()
            }
        else:
            outputs = recorded_outputs(record, self.output, self.loss.reads)
            graded = self.grade(outputs, batch)
            loss, scores = graded.loss, graded.scores
            errors = {name: self._readout_errors(graded.gradient / len(batch))}
        slope = LEAST_SLOPE * self.options.gradient.threshold
        args = self.network, self.weights, batch, record, errors
        gradients = eventprop(*args, least_slope=slope).weights
        return Walked(loss, scores, list(gradients), self._spoke(chunk, record))

    def _readout_errors(self, gradient: NDArray[np.float64]) -> ReadoutErrors:
        neuron, reads = self.network.populations[self.output].neuron, self.loss.reads
        unit = integral_unit(neuron) if isinstance(neuron, Readout) and reads == "integral" else 1
        return ReadoutErrors()._replace(**{reads: gradient / unit})

    def _spoke(self, chunk: Chunk, record: Record) -> list[NDArray[np.int64]]:
        spoke = [np.zeros(size, np.int64) for size in self.sizes]
        spoke[self.network.input] = chunk.came
        for name, spikes in record.spikes.items():
            count_into(spikes.unit, spoke[self.network.index(name)])
        return spoke
