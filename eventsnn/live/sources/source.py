"""What every source of live events answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray


class SourceOptions(NamedTuple):
    """What sources are told.

    Attributes
    ----------
    shape : (int, int, int)
        Polarities, height and width of the sensor that the network expects.
    speed : float
        Of a recording that is played again: 1 as it happened, 2 twice as fast; 0 without a pause.
    """

    shape: tuple[int, int, int]
    speed: float = 1.0


class Burst(NamedTuple):
    """What a source gives at a time: events of ``packet.EVENT``, or a clock; see ``Packet``.

    ``sender`` numbers those who send, each with a clock of its own.
    """

    events: NDArray[np.void]
    clock: bool = False
    sender: int = 0


class Source(ABC):
    """A source of events, such as a socket. It is read by a thread of its own.

    Class attributes
    ----------------
    kind : str
        The word before the first colon.
    form : str
        How its words look, for messages.
    policy : str
        What is done when the network cannot keep up, unless the user says otherwise: see
        ``live.inbox.POLICIES``.

    Attributes
    ----------
    counts : dict from str to int
        What it could not use, by its own names.
    settled : bool
        Whether its times are those of a stream already, as in a log.
    """

    kind: ClassVar[str]
    form: ClassVar[str]
    policy: ClassVar[str] = "oldest"

    counts: dict[str, int]
    settled: bool = False

    @classmethod
    @abstractmethod
    def open(cls, where: str, options: SourceOptions) -> Source:
        """Open what stands behind the colon; UserError if it cannot be."""

    @abstractmethod
    def pieces(self) -> Iterator[Burst | None]:
        """Go through what comes in, until the end; None now and then while nothing does."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; ``pieces`` ends soon."""
