"""The contract of ranks: processes that run the same program and share out its work.

Every rank calls the same methods in the same order. Nothing here adds numbers: sums are made by
who owns them, in the order of the recordings, so that no bit depends on how many ranks there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.threads import cores

Message = list[NDArray[Any]]
"""Arrays in one dimension; who receives them knows what they are."""

REGISTER = 16
"""Neurons of a vector register: where there are enough, a rank owns whole ones."""


class Ranks(ABC):
    """Processes that share out work.

    What ``exchanged`` and ``gathered`` return is read before the next call of the same one.

    Attributes
    ----------
    rank : int
        The number of this one, from 0.
    size : int
        How many there are.
    """

    rank: int = 0
    size: int = 1

    @abstractmethod
    def exchanged(self, messages: Sequence[Message]) -> list[Message]:
        """Send a message to each rank; return that which each sent here, in their order."""

    @abstractmethod
    def gathered(self, message: Message) -> list[Message]:
        """Send a message to all; return that of each rank, in their order."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until all ranks are here."""

    @abstractmethod
    def threads(self) -> int:
        """Return how many threads a rank has to itself, so that those of all find a core."""

    @abstractmethod
    def all_failed(self) -> bool:
        """Wait a moment; return whether every rank came here, as after an error of all."""

    @abstractmethod
    def abort(self, code: int) -> None:
        """End all ranks at once, if there are several; what is saved stays whole."""

    @property
    def first(self) -> bool:
        """Whether this one writes files and speaks to the user."""
        return self.rank == 0

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first rank go through a block before the others, which find what it kept.

        Not with other methods inside. An error of the first one lets the others go on to theirs.
        """
        if not self.first:
            self.wait()
        try:
            yield
        finally:
            if self.first:
                self.wait()

    def part(self, n: int) -> slice:
        """Return this rank's share of n things in order."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def rows(self, groups: Sequence[range]) -> slice:
        """Return the recordings of this rank, whole groups in order."""
        own = groups[self.part(len(groups))]
        if own:
            return slice(own[0].start, own[-1].stop)
        return slice(0, 0)

    def columns(self, n: int, rank: int | None = None) -> slice:
        """Return which of n targets this or another rank owns."""
        rank = self.rank if rank is None else rank
        step = REGISTER if n >= REGISTER * self.size else 1
        first, last = (n * k // self.size // step * step for k in (rank, rank + 1))
        return slice(first, n if rank + 1 == self.size else last)

    def said(self, text: str) -> str:
        """Return the text of the first rank."""
        found = self.gathered([np.frombuffer(text.encode() if self.first else b"", np.uint8)])
        return bytes(found[0][0]).decode()

    def agree(self, text: str, what: str, remedy: str) -> None:
        """Refuse what is not the same on every rank.

        Raises
        ------
        UserError
            On every rank alike.
        """
        found = [bytes(m[0]) for m in self.gathered([np.frombuffer(text.encode(), np.uint8)])]
        other = next((k for k, one in enumerate(found) if one != found[0]), None)
        if other is not None:
            raise UserError(f"rank {other}: {what} is not that of rank 0; {remedy}")


class OneRank(Ranks):
    """A process by itself."""

    def exchanged(self, messages: Sequence[Message]) -> list[Message]:
        """Return the message to itself."""
        return list(messages)

    def gathered(self, message: Message) -> list[Message]:
        """Return the message."""
        return [message]

    def wait(self) -> None:
        """Nobody is late."""

    def threads(self) -> int:
        """Return how many threads run at once here."""
        return cores()

    def all_failed(self) -> bool:
        """Return True: there is no other."""
        return True

    def abort(self, code: int) -> None:
        """There is no other to end."""


ONE: Ranks = OneRank()
"""What everything is handed where nobody says otherwise."""
