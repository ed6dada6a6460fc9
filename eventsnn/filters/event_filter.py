"""The contract of a filter of events.

A filter looks at the events of a recording in their order, at each once, and keeps it or drops it.
It knows pixels, not polarities: a pixel's events of all polarities are one sequence. Each
recording begins anew. Nothing is drawn at random.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events.checked import INT32_MAX
from eventsnn.text import shown

FILTERED_NEVER = -(1 << 62)
"""When a pixel had an event that has had none, microseconds."""


class FilterCost(NamedTuple):
    """What filtering took.

    Attributes
    ----------
    events, kept : int
        That came, that went on.
    reads, writes : int
        Words of memory.
    additions, comparisons : int
        Differences of times are additions.
    """

    events: int
    kept: int
    reads: int
    writes: int
    additions: int
    comparisons: int


class Sight(NamedTuple):
    """Recordings as a filter sees them: arrays that its kernel reads.

    Attributes
    ----------
    t : int array (n_events,), microseconds
    unit : int array (n_events,)
        Addresses of the sensor (polarity, y, x), in C order.
    start : int64 array (n_recordings + 1,)
        From 0.
    height, width : int
    """

    t: NDArray[Any]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    height: int
    width: int


@dataclass(frozen=True)
class EventFilter(ABC):
    """A filter. Subclasses are frozen dataclasses of one number, named by ``kind``.

    Class attributes
    ----------------
    kind : str
        Name in options.
    unit : str
        What the number is, for messages.
    """

    kind: ClassVar[str]
    unit: ClassVar[str]
    number: int

    def __post_init__(self) -> None:
        """Refuse a number that is none."""
        value = self.number
        if type(value) is not int or not 1 <= value <= INT32_MAX:
            raise UserError(
                f"filter {self.kind}: {self.unit} is {shown(value)}; give a whole number from 1 to "
                f"{INT32_MAX}"
            )

    def __str__(self) -> str:
        """Return it as options write it."""
        return f"{self.kind}:{self.number}"

    @abstractmethod
    def keep(self, sight: Sight) -> tuple[NDArray[np.bool_], FilterCost]:
        """Return which events are kept, bool (n_events,), and what that took."""
