"""A bounded memory of what went by, in which everything so far has the same chance to be."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Reservoir(Generic[T]):
    """Keeps at most ``size`` things (Vitter 1985, algorithm R).

    What is kept and drawn depends on the seed and on how many were offered, and on nothing else:
    ``items`` and ``seen`` are all that has to be saved.

    Parameters
    ----------
    size : int
    seed : int

    Attributes
    ----------
    items : list
    seen : int
        How many were offered.

    Examples
    --------
    >>> memory = Reservoir(3, seed=0)
    >>> for number in range(100):
    ...     memory.offer(number)
    >>> len(memory.items), memory.seen
    (3, 100)
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self.items: list[T] = []
        self.seen = 0

    def offer(self, item: T) -> None:
        """Keep it, perhaps, and let another one go for it."""
        self.seen += 1
        if len(self.items) < self.size:
            self.items.append(item)
        elif self.size:
            place = int(np.random.default_rng([self.seed, 5, self.seen]).integers(self.seen))
            if place < self.size:
                self.items[place] = item

    def draw(self, n: int) -> list[T]:
        """Return ``n`` different ones, or all where there are fewer."""
        if not self.items or not n:
            return []
        rng = np.random.default_rng([self.seed, 6, self.seen])
        chosen = rng.choice(len(self.items), min(n, len(self.items)), replace=False)
        return [self.items[k] for k in chosen.tolist()]
