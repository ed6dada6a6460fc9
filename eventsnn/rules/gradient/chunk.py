"""Recordings on their way through an update: as they were read, and what a rule found for them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.events import EventBatch
from eventsnn.kernels.compile import allocating
from eventsnn.optimizers.over_ranks import Gradient
from eventsnn.rules.learned import Among, Since, Teaching


class Chunk(NamedTuple):
    """Some recordings, read to be learned; all that is drawn at random is drawn then.

    Attributes
    ----------
    batch : EventBatch
        Changed as the options say.
    came : int64 array (n_in,)
        Events of each input.
    masks : dict from population number to bool array (n_recordings, size)
        Which neurons speak in each recording, where some are dropped.
    teaching : Teaching or None
    since : Since or None
        Where the network stands when the one recording begins; None: at rest.
    among : Among or None
        Of which recordings these are this rank's; None: all there are.
    """

    batch: EventBatch
    came: NDArray[np.int64]
    masks: dict[int, NDArray[np.bool_]]
    teaching: Teaching | None = None
    since: Since | None = None
    among: Among | None = None

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each recording, those of other ranks among them, int64 (n,)."""
        return np.asarray(self.batch.label if self.among is None else self.among.labels, np.int64)

    @property
    def rows(self) -> slice:
        """Which of them these are."""
        return slice(0, len(self.batch)) if self.among is None else self.among.rows


class Trace(NamedTuple):
    """A batch that was run.

    Attributes
    ----------
    outputs : float array (n, classes)
        What the loss reads.
    spoke : list of int64 arrays
        Spikes of each unit of each population, summed over the batch.
    record : Any
        What the way back needs, as the rule keeps it.
    """

    outputs: NDArray[Any]
    spoke: list[NDArray[np.int64]]
    record: Any


class Walked(NamedTuple):
    """What a rule found for a batch.

    Attributes
    ----------
    loss : float64 array (n,)
    scores : float64 array (n, classes)
        The class with the highest score is the prediction.
    gradients : list of Gradient, in the order of the connections
        Of the mean loss; they may be changed.
    spoke : list of int64 arrays
        Spikes of each unit of each population, summed over the batch.
    """

    loss: NDArray[np.float64]
    scores: NDArray[np.float64]
    gradients: list[Gradient]
    spoke: list[NDArray[np.int64]]


@allocating
def count_into(unit, out):  # type: ignore[no-untyped-def]
    """Add the spikes of each unit to ``out``, int64 (n_units,)."""
    for i in range(len(unit)):
        out[np.int64(unit[i])] += 1
