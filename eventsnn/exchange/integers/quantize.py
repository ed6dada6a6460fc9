"""Trained networks to networks in whole numbers that every command takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import eventsnn
from eventsnn.data.dataset import Data
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.exchange.integers.precision import Precision
from eventsnn.exchange.integers.rounding import Quantized, quantized
from eventsnn.network.whole.scales import Floats
from eventsnn.options import made
from eventsnn.rules.given.rule import GivenWeights
from eventsnn.rules.learned import Reading
from eventsnn.text import named
from eventsnn.train.augment import Augmentation
from eventsnn.train.checkpoint import Checkpoint
from eventsnn.train.classifier import Classifier
from eventsnn.train.described import packed
from eventsnn.train.learning import Learner
from eventsnn.train.load import load
from eventsnn.train.one_pass import OnePass
from eventsnn.train.samples import Samples, samples_of

CALIBRATED_BY = 200
"""Training recordings by which it is known who speaks how often."""


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A network in whole numbers, and what became of each population.

    Attributes
    ----------
    model : Classifier
    told : Quantized
    """

    model: Classifier
    told: Quantized


def quantize(
    model: Classifier | str | Path, bits: int = 8, *, data: Samples | None = None, **options: Any
) -> Classifier:
    """Return a trained network in whole numbers: weights, potentials, thresholds and decays.

    Every engine gives it the bits of a definition in plain ints (docs/explanation/integers.md).
    It predicts, is evaluated and saved like any other.

    Parameters
    ----------
    model : Classifier, or what ``load`` takes
        Of IF, LIF and readouts, without a cycle.
    bits : int
        Of a weight, 1 to 16.
    data : DataSet, EventBatch or sequence of EventStream, optional
        Training recordings: errors of weights through which more spikes go count more. Of a
        DataSet its training half; the first 200 are used.
    options
        ``scales="channel"`` or ``"layer"``, ``most_events=65_536``, ``tick_us=1``.

    Raises
    ------
    UserError
        For a network that has no form in whole numbers, or potentials that may leave 32 bits: it
        names the population.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-2", es.LIF(20_000), es.LIF(20_000))
    >>> blinks = [es.EventStream([5], [label], (1, 1, 2), label) for label in (0, 1)]
    >>> model = es.Classifier(network, es.rules.GivenWeights(reads="counts"), epochs=1)
    >>> model = model.with_weights(network, {"input->output": 1.5 * np.eye(2)}, blinks)
    >>> whole = es.quantize(model, bits=4)
    >>> whole.weights_["input->output"][0], whole.score(blinks)
    (array([6., 0.]), 1.0)
    """
    network = model if isinstance(model, Classifier) else load(model)
    precision = made(Precision, {"bits": bits} | options)
    return quantize_with(network, precision, data).model


def quantize_with(model: Classifier, precision: Precision, data: Samples | None) -> QuantizedModel:
    """Return the same with such a precision, and what became of each population."""
    learner = model.learner
    reading = learner.reading
    if reading is None:
        raise UserError(
            f"quantize: a network of the rule {learner.rule.kind} is run by its own rule, not "
            "by the simulator; give one that adjoint trained"
        )
    rates = None if data is None else rates_of(reading, samples_of(data, "train"), precision)
    told = quantized(reading, precision, rates)
    options = replace(
        learner.options,
        rule=GivenWeights.kind,
        layers=(),
        network=told.network,
        own=told.answer,
        augmentation=Augmentation(),
        one_pass=OnePass(),
    )
    arrays, text = packed(told.network)
    arrays |= {f"weights.{k}": array for k, array in enumerate(told.weights)}
    info = model.saved.info | {"options": options.to_json(), "version": eventsnn.__version__}
    info |= text | {"quantized": {"bits": precision.bits, "calibrated": rates is not None}}
    whole = Learner(options, learner.threads)
    whole.restore(arrays)
    out = Classifier(told.network, whole.rule, epochs=1, threads=model.threads)
    out.take(whole, Checkpoint(arrays, info))
    return QuantizedModel(out, told)


def rates_of(reading: Reading, data: Data, precision: Precision) -> dict[str, Floats]:
    """Return how many spikes each unit that fires sends in some recordings."""
    if not isinstance(data, EventBatch) or not len(data):
        raise UserError(f"quantize: data are {named(data)}; give recordings of events")
    longest = int(np.diff(data.start).max())
    if longest > precision.most_events:
        raise UserError(
            f"quantize: {data.source} has a recording of {longest} events; give --most-events of "
            "that or more"
        )
    few = data.part(0, min(CALIBRATED_BY, len(data)))
    network = reading.network
    names = [p.name for p in network.populations if p.spiking and p.neuron is not None]
    spikes = simulate(network, reading.weights, few, record=names).spikes
    first, last = int(few.start[0]), int(few.start[-1])
    units = {name: spikes[name].unit for name in names}
    units[network.populations[network.input].name] = few.unit[first:last]
    return {
        name: np.bincount(unit, minlength=network[name].size).astype(float)
        for name, unit in units.items()
    }
