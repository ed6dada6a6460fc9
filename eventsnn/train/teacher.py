"""Trained networks beside the one that learns: what they say of a batch is part of the target.

Knowledge distillation (Hinton, Vinyals & Dean 2015): the probabilities of a network that
may spend more, or the mean of several, tell a smaller or more frugal one more than a class
does.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.loss import TargetLoss
from eventsnn.train.evaluation import scores_of
from eventsnn.train.model import traits_of
from eventsnn.train.saved_run import load_run
from eventsnn.train.start import trained_weights


class Teacher:
    """A trained network that tells how likely a recording holds each class.

    Parameters
    ----------
    path : str
        Its checkpoint.
    events : EventBatch
        Of the sensor that it has to know.
    classes : int
        How many it has to know.

    Attributes
    ----------
    digest : bytes
        SHA-256 of its layers, neurons, readout and weights.

    Raises
    ------
    UserError
        If the checkpoint is missing or damaged, or of other classes, another sensor, rule or
        loss.
    """

    def __init__(self, path: str, events: EventBatch, classes: int) -> None:
        run = load_run(path)
        options = run.options
        loss = None if options.rule == "herding" else options.own.make_loss()
        if not isinstance(loss, TargetLoss):
            told = getattr(options.own, "loss", "no loss")
            raise UserError(
                f"{path}: learned by {options.rule} and {told}, and gives no "
                "probabilities; give a teacher that learned by adjoint or eventprop, and "
                "cross-entropy"
            )
        self.network, self.loss = options.own.network(options.layers), loss
        self.weights = trained_weights(self.network, events, run, path, "teacher")
        if self.network.populations[-1].size != classes:
            raise UserError(
                f"{path}: knows {self.network.populations[-1].size} classes, the network that "
                f"learns has {classes}; give another teacher"
            )
        told = json.dumps(traits_of(options), sort_keys=True).encode()
        self.digest = hashlib.sha256(told + b"".join(w.tobytes() for w in self.weights)).digest()

    def probabilities(self, batch: EventBatch, threads: int = 1) -> NDArray[np.float64]:
        """Return what it says of each class, float64 (n_recordings, classes)."""
        record = simulate(self.network, self.weights, batch, record="counts", threads=threads)
        outputs = scores_of(record, len(self.network.populations) - 1, self.loss, batch)
        return self.loss.probabilities(outputs)


class Teachers:
    """Several of them; each counts as much as any other.

    Parameters
    ----------
    paths : tuple of str
        Their checkpoints, one at least.
    events, classes
        As for ``Teacher``.

    Attributes
    ----------
    digest : uint8 array (32,)
        SHA-256 of theirs, in the order given.
    """

    def __init__(self, paths: tuple[str, ...], events: EventBatch, classes: int) -> None:
        self.each = [Teacher(path, events, classes) for path in paths]
        digest = hashlib.sha256(b"".join(teacher.digest for teacher in self.each)).digest()
        self.digest = np.frombuffer(digest, np.uint8)

    def probabilities(self, batch: EventBatch, threads: int = 1) -> NDArray[np.float64]:
        """Return the mean of what they say, float64 (n_recordings, classes)."""
        said = [teacher.probabilities(batch, threads) for teacher in self.each]
        return np.asarray(np.mean(said, 0), np.float64)
