"""What passes between a learning rule and those who use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.events import EventBatch
from eventsnn.losses.answers import unanswered
from eventsnn.losses.loss import Loss
from eventsnn.network import Network

Arrays = dict[str, NDArray[Any]]
"""By name, as they stand in a checkpoint."""

Shape = tuple[int, ...]


class Teaching(Protocol):
    """Networks beside the one that learns: what they say is part of the target."""

    def probabilities(self, batch: EventBatch, threads: int = 1) -> NDArray[np.float64]:
        """Return the probability of each class, float64 (n_recordings, classes)."""


class Among(NamedTuple):
    """Which samples of a batch one of several ranks takes.

    Attributes
    ----------
    rows : slice
    labels : int64 array (n,)
        Of the whole batch.
    """

    rows: slice
    labels: NDArray[np.int64]


class Batch(NamedTuple):
    """Samples to be learned together, or one after the other; their labels are known.

    Attributes
    ----------
    data : EventBatch or Images
    order : int64 array (n,)
        Numbers of the samples in ``data``.
    whole : bool
        Whether these are all samples of ``data``, in its order.
    teaching : Teaching or None
    known_as : int64 array (n,), optional
        Their numbers in the training samples, where ``data`` are others: changed ones.
    among : Among or None
        Whose part of them these are; None: all.
    """

    data: Data
    order: NDArray[np.int64]
    whole: bool = False
    teaching: Teaching | None = None
    known_as: NDArray[np.int64] | None = None
    among: Among | None = None

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The number of each sample in the training samples, int64 (n,)."""
        return self.order if self.known_as is None else self.known_as

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each sample, int64 (n,)."""
        return labels_of(self.data)[self.order]

    @property
    def all_labels(self) -> NDArray[np.int64]:
        """The class of each sample, those of other ranks among them, int64 (n,)."""
        return self.labels if self.among is None else self.among.labels

    @property
    def rows(self) -> slice:
        """Which of all samples these are."""
        return slice(0, len(self.order)) if self.among is None else self.among.rows


Since = Mapping[str, Mapping[str, NDArray[Any]]]
"""Where neurons stand, by population and the name of a variable, float (size,)."""


class Window(NamedTuple):
    """A part of a stream whose class is known.

    Attributes
    ----------
    events : EventBatch
        One recording with its label; its times count from where the window begins.
    since : Since or None
        Where the network stood there, which nothing in the window can change any more; None: at
        rest.
    """

    events: EventBatch
    since: Since | None


class Epoch(NamedTuple):
    """Which pass over the data it is.

    Attributes
    ----------
    number : int
        From 0.
    steps : int
        Batches that it has.
    epochs : int
        Passes of the whole run.
    """

    number: int
    steps: int = 1
    epochs: int = 1


class Learned(NamedTuple):
    """What happened while learning some samples.

    Attributes
    ----------
    right : int
        Samples that were predicted rightly before they were learned.
    loss : float
        Summed over the samples; NaN where the rule has none.
    before : int64 array (n,), optional
        The answer to each sample before any of them was learned; of a rule that ``answers_first``.
    """

    right: int
    loss: float
    before: NDArray[np.int64] | None = None


class Rates(NamedTuple):
    """Mean spikes a neuron and recording of one population.

    Attributes
    ----------
    population : str
    before : float
        With normal weights of variance 2 / fan-in (He et al. 2015) in units of the threshold; of
        a network that never ends firing, those until it was stopped.
    after : float
        With the weights that training starts from.
    """

    population: str
    before: float
    after: float


class NeuronWork(NamedTuple):
    """What neurons took beside their synapses, of all samples together.

    Attributes
    ----------
    additions, multiplications, comparisons : int
        Of biases and of making frames; of leaks; of thresholds and rectifiers.
    """

    additions: int
    multiplications: int
    comparisons: int


class Predicted(NamedTuple):
    """What a network said of some samples, and what it took.

    Attributes
    ----------
    classes : int64 array (n,)
        The answer to each; see ``losses.answers`` for none.
    spikes : int64 array (n_populations,)
        Of all samples together, input first.
    adds : int64 array (n_populations - 1,)
        Synaptic additions into each but the input, of all samples together.
    neurons : NeuronWork or None
        None where the rule does not count it.
    """

    classes: NDArray[np.int64]
    spikes: NDArray[np.int64]
    adds: NDArray[np.int64]
    neurons: NeuronWork | None = None

    def to_json(self, labels: NDArray[np.int64]) -> dict[str, Any]:
        """Return it as plain numbers.

        Returns
        -------
        dict
            ``accuracy``, ``recordings``, ``no_answer`` (how many of them got none; they count as
            wrong), ``predictions`` (a class each), ``spikes_per_recording`` (a population, input
            first) and ``operations_per_recording`` (synaptic additions into each other population).
        """
        n = max(len(labels), 1)
        return {
            "accuracy": int((self.classes == labels).sum()) / n,
            "recordings": len(labels),
            "no_answer": unanswered(self.classes),
            "predictions": self.classes.tolist(),
            "spikes_per_recording": [float(s) / n for s in self.spikes],
            "operations_per_recording": [float(a) / n for a in self.adds],
        }


class PredictedEarly(NamedTuple):
    """What a network said of samples that it looked at until its answer was clear.

    Attributes
    ----------
    classes : int64 array (n,)
    spikes : int64 array (n, n_populations)
        Input first.
    adds : int64 array (n, n_populations - 1)
        Synaptic additions into each but the input.
    early : bool array (n,)
        Whether a sample was stopped before its end.
    t_us : float64 array (n,)
        When its run ended, microseconds.
    """

    classes: NDArray[np.int64]
    spikes: NDArray[np.int64]
    adds: NDArray[np.int64]
    early: NDArray[np.bool_]
    t_us: NDArray[np.float64]

    def to_json(self, labels: NDArray[np.int64]) -> dict[str, Any]:
        """Return it as ``Rule.evaluate`` returns an evaluation, and when runs ended."""
        n = max(len(labels), 1)
        return {
            "accuracy": int((self.classes == labels).sum()) / n,
            "recordings": len(labels),
            "no_answer": unanswered(self.classes),
            "predictions": self.classes.tolist(),
            "spikes_per_recording": (self.spikes.sum(0) / n).tolist(),
            "operations_per_recording": (self.adds.sum(0) / n).tolist(),
            "stopped_early": int(self.early.sum()) / n,
            "stopped_us": float(self.t_us.sum()) / n,
        }


class Reading(NamedTuple):
    """A trained network that the simulator runs, and how its answer is read.

    Attributes
    ----------
    network : Network
        Its last population is the output.
    weights : list of arrays, in the order of the connections
    loss : Loss
    """

    network: Network
    weights: list[NDArray[Any]]
    loss: Loss


class ReverseWalk(NamedTuple):
    """How learning walks back layer by layer, so that its operations can be counted.

    Attributes
    ----------
    batch : int
        Recordings of an update.
    near : float
        Share of the threshold from which on silent neurons learn, too.
    """

    batch: int
    near: float
