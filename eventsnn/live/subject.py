"""Which network runs on a stream, and how its answer is read."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from eventsnn.engines.stop import Scores
from eventsnn.errors import UserError
from eventsnn.network import Network, Population, Weights
from eventsnn.record import Reads
from eventsnn.rules.evaluation import answer_by
from eventsnn.rules.rule import Rule
from eventsnn.text import shown
from eventsnn.train.classifier import Classifier
from eventsnn.train.learning import Learner
from eventsnn.train.load import load


class Subject(NamedTuple):
    """A network with weights, the population that answers, what is read, scores, and rule."""

    network: Network
    weights: Weights
    output: Population
    reads: Reads
    scores: Scores
    rule: Rule[Any, Any] | None = None


def subject_of(
    model: Classifier | Network | str | os.PathLike[str],
    weights: Weights | None,
    reads: Reads | None,
) -> Subject:
    """Return what a session runs; see ``Session``."""
    if isinstance(model, Network):
        if weights is None:
            raise UserError("session: a network without weights; give Session(network, weights)")
        found = model.populations[-1]
        usual: Reads = "counts" if found.spiking else "integral"
        return _checked(model, weights, reads or usual, np.asarray)
    if weights is not None:
        raise UserError("session: a trained model has weights of its own; leave weights out")
    learner = learner_of_model(model, "a Network")
    reading = learner.reading
    if reading is None:
        raise UserError(
            f"session: a network of the rule {learner.rule.kind} is its own; the simulator does "
            "not run it; give one that adjoint trained (StepSession runs those of deep-spiking)"
        )
    network = reading.network
    scores = answer_by(reading.loss).scores
    subject = _checked(network, reading.weights, reads or reading.loss.reads, scores)
    return subject._replace(rule=learner.rule)


def learner_of_model(model: Classifier | str | os.PathLike[str], other: str) -> Learner:
    """Return a trained network that takes streams as they come.

    Raises
    ------
    UserError
        Where ``model`` is no Classifier and no folder of one (``other`` may be given, too), or
        learned from events that were changed at the door.
    """
    if isinstance(model, str | os.PathLike):
        model = load(os.fspath(model))
    if not isinstance(model, Classifier):
        raise UserError(
            f"session: model is {shown(model)}; give a Classifier, its folder, or {other}"
        )
    view = model.learner.options.view
    if view.event_filter or view.grid_us:
        raise UserError(
            f"session: the model learned from events with {view}, a stream comes as it is; give a "
            "model that learned without"
        )
    return model.learner


def _checked(network: Network, weights: Weights, reads: Reads, scores: Scores) -> Subject:
    """Refuse what a stream does not have."""
    if reads == "first_spike":
        raise UserError(
            "session: the model answers by its first spike, which a stream has once; give "
            "reads='counts' and a window_us"
        )
    return Subject(network, weights, network.populations[-1], reads, scores)
