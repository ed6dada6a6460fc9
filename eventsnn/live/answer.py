"""What a network on a stream says after a piece of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eventsnn.losses.answers import NO_ANSWER, answers
from eventsnn.record import Spikes


@dataclass(frozen=True, eq=False)
class Answer:
    """What a session says after a piece of a stream.

    Attributes
    ----------
    t_us : float
        Stream time: every instant before it is worked off, microseconds.
    label : int
        The class with the highest score; -1 where the output was silent.
    margin : float
        By how much its score leads the next one; 0 where there is no answer.
    scores : float64 array (classes,)
    events, spikes, operations : int
        Of this piece: events that came in, spikes that neurons fired, synaptic additions.
    clear : bool
        Whether the answer was clear, so that nothing more is delivered: see ``stop``.
    skipped : int
        Events of this piece that were not delivered for that.
    spikes_of : dict from population name to Spikes
        Of this piece, of the populations that were asked for; times are those of the stream.
    """

    t_us: float
    label: int
    margin: float
    scores: NDArray[np.float64] = field(repr=False)
    events: int
    spikes: int
    operations: int
    clear: bool
    skipped: int
    spikes_of: dict[str, Spikes] = field(repr=False)


def leading(scores: NDArray[np.float64]) -> tuple[int, float]:
    """Return the class that leads, and by how much; (-1, 0) where there is no answer."""
    label = int(answers(scores[None])[0])
    if label == NO_ANSWER or len(scores) < 2:
        return label, 0.0
    second, first = np.partition(scores, -2)[-2:]
    return label, float(first - second)
