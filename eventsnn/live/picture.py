"""The events of the last moment as a small picture, and how often each layer fires."""

from __future__ import annotations

import math
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.live.ordered import Ready

_LARGEST = 96
"""Pixels of a side: a larger sensor is shown in blocks."""


class EventPicture:
    """Gathers events of a sensor (polarities, height, width) until it is taken.

    Parameters
    ----------
    shape : (int, int, int)
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self.block = math.ceil(max(shape[1:]) / _LARGEST)
        sides = tuple(-(-side // self.block) for side in shape[1:])
        self._counts: NDArray[np.int64] = np.zeros((2, *sides), np.int64)
        self._lock = Lock()

    def add(self, ready: Ready) -> None:
        """Take events."""
        p, y, x = np.unravel_index(ready.unit.astype(np.int64), self.shape)
        with self._lock:
            np.add.at(self._counts, (p % 2, y // self.block, x // self.block), 1)

    def take(self) -> dict[str, Any]:
        """Return what was gathered as JSON has it, and begin anew.

        ``width``, ``height``, and ``off`` and ``on``: events a pixel, in C order, as shares of
        the busiest one in 255ths.
        """
        with self._lock:
            counts, self._counts = self._counts, np.zeros_like(self._counts)
        most = max(int(counts.max()), 1)
        off, on = (np.ceil(255 * c / most).astype(int).reshape(-1).tolist() for c in counts)
        height, width = counts.shape[1:]
        return {"width": width, "height": height, "off": off, "on": on, "most": most}
