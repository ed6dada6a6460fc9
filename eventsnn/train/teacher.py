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

from eventsnn.data.dataset import Data
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.loss import TargetLoss
from eventsnn.rules.evaluation import scores_of
from eventsnn.rules.learned import Arrays
from eventsnn.train.learning import Learner
from eventsnn.train.model import open_model, traits_of
from eventsnn.train.start import check_floats, trained_weights

DIGEST = "teacher"
"""Name of their digest in a checkpoint."""


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
        learner, run = open_model(path)
        options, reading = run.options, learner.reading
        if reading is None or not isinstance(reading.loss, TargetLoss):
            loss = "" if reading is None else f" and {reading.loss.kind}"
            raise UserError(
                f"{path}: learned by {options.kind}{loss}, and gives no probabilities; give a "
                "teacher that the simulator runs, and that learned by cross-entropy"
            )
        self.network, self.loss = reading.network, reading.loss
        check_floats(self.network, path, "teacher")
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
        self.paths = paths
        self.each = [Teacher(path, events, classes) for path in paths]
        digest = hashlib.sha256(b"".join(teacher.digest for teacher in self.each)).digest()
        self.digest = np.frombuffer(digest, np.uint8)

    def check(self, began: Arrays) -> None:
        """Refuse others than those with which a run began, of which its checkpoint has a digest.

        Raises
        ------
        UserError
            With the remedy.
        """
        digest = began.get(DIGEST)
        if digest is not None and not np.array_equal(digest, self.digest):
            raise UserError(
                f"{' and '.join(self.paths)}: not what this run began to learn from (other "
                "weights, neurons, number or order); bring that back, or train anew"
            )

    def probabilities(self, batch: EventBatch, threads: int = 1) -> NDArray[np.float64]:
        """Return the mean of what they say, float64 (n_recordings, classes)."""
        said = [teacher.probabilities(batch, threads) for teacher in self.each]
        return np.asarray(np.mean(said, 0), np.float64)


def digest_in(arrays: Arrays) -> Arrays:
    """Return the digest of teachers that a checkpoint holds, by its name; {} if there is none."""
    if DIGEST not in arrays:
        return {}
    digest = arrays[DIGEST]
    if digest.shape != (32,) or digest.dtype != np.uint8:
        raise UserError(f"{DIGEST} is {digest.dtype} {digest.shape}, not uint8 (32,)")
    return {DIGEST: digest.copy()}


def meet(learner: Learner, data: Data, began: Arrays) -> Arrays:
    """Read the teachers of a run, if it has some; return what a checkpoint keeps of them.

    Raises
    ------
    UserError
        If one cannot be used, or they are not those with which the run ``began``.
    """
    paths = learner.rule.teachers
    if not paths:
        return began
    learner.rule.check_data(data)
    assert isinstance(data, EventBatch)
    learner.teaching = teachers = Teachers(paths, data, learner.sizes[-1])
    teachers.check(began)
    return {DIGEST: teachers.digest}
