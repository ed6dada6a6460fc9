"""What the trainer asks of a learning rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data

Arrays = dict[str, NDArray[Any]]


class Learned(NamedTuple):
    """What happened while learning some samples.

    Attributes
    ----------
    right : int
        Samples that were predicted rightly before they were learned.
    loss : float
        Summed over the samples; NaN where the rule has none.
    """

    right: int
    loss: float


class Rates(NamedTuple):
    """Mean spikes a neuron and recording of one population.

    Attributes
    ----------
    population : str
    before : float
        With normal weights of variance 2 / fan-in (He et al. 2015) in units of the threshold.
    after : float
        With the weights that training starts from.
    """

    population: str
    before: float
    after: float


class Learner(Protocol):
    """A network and the rule that changes it. Everything it remembers is in its snapshot."""

    chunk: int
    """Samples that ``learn`` takes."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a population, input first."""

    def meet(self, data: Data) -> None:
        """Read the other networks that the options name, before anything is compiled.

        Raises UserError if one of them cannot be used.
        """

    def compile(self, data: Data) -> None:
        """Compile or load every kernel, changing nothing."""

    def start(self, data: Data) -> list[Rates]:
        """Choose initial weights that depend on the data; not called on resume.

        Returns the firing rates that were reached, a population each; none where weights
        do not depend on the data.
        """

    def begin_epoch(self, epoch: int, steps: int, epochs: int) -> None:
        """Epoch ``epoch`` of ``epochs`` (from 0) begins; it has ``steps`` chunks."""

    def learn(self, data: Data, chunk: NDArray[np.int64], rng: np.random.Generator) -> Learned:
        """Learn some samples."""

    def learn_all(
        self, data: Data, chunks: Iterable[NDArray[np.int64]], rng: np.random.Generator
    ) -> Iterator[Learned]:
        """Learn chunk after chunk, as ``learn`` would; the next one may be read ahead."""

    def evaluate(self, data: Data, threads: int) -> dict[str, Any]:
        """Predict every sample.

        Returns ``accuracy``, ``recordings``, ``no_answer`` (how many of them got none, see
        ``learn.answers``; they count as wrong), ``predictions`` (a class each),
        ``spikes_per_recording`` (a population, input first) and ``operations_per_recording``
        (a layer).
        """

    def check(self, epoch: int) -> None:
        """Raise UserError if anything is no longer finite."""

    def costs(self) -> dict[str, Any]:
        """Return operations per recording while learning."""

    def snapshot(self) -> Arrays:
        """Return copies of all that training changes."""

    def restore(self, arrays: Arrays) -> None:
        """Take a snapshot back; UserError or KeyError where it does not fit."""
