"""Dense: every sender reaches every target. Weights (n_in, n_out), a row for each sender."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.topology.topology import Topology, count, runs_entry_point


@dataclass(frozen=True)
class Dense(Topology):
    """All to all; ``weights[i, j]`` leads from sender i to target j.

    Examples
    --------
    >>> from eventsnn import Dense
    >>> Dense(100, 10).weight_shape
    (100, 10)
    """

    kind: ClassVar[str] = "dense"
    counts: ClassVar[bool] = True
    senders: int
    receivers: int

    def __post_init__(self) -> None:
        """Check both sizes."""
        for name in ("senders", "receivers"):
            object.__setattr__(self, name, count(getattr(self, name), name, self.kind))

    @property
    def n_in(self) -> int:
        """Number of senders."""
        return self.senders

    @property
    def n_out(self) -> int:
        """Number of targets."""
        return self.receivers

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(n_in, n_out)."""
        return self.senders, self.receivers

    @property
    def max_fan_out(self) -> int:
        """Every target."""
        return self.receivers

    @property
    def clock_size(self) -> int:
        """All targets are reached by every spike."""
        return self.receivers

    def fan_out(self, sender: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return all targets, and the sender's row."""
        targets = np.arange(self.receivers, dtype=np.int64)
        return targets, sender * self.receivers + targets

    def table(self) -> NDArray[np.int64]:
        """[n_out]."""
        return np.array([self.receivers], np.int64)

    @classmethod
    def kernel(cls) -> Any:
        """Return the compiled fan-out."""
        return _compiled()


def _runs(table: Any, sender: int, out: Any) -> Any:
    """One run: all targets, the sender's row."""
    out[0] = 1
    out[1] = 0
    out[2] = sender * table[0]
    out[3] = table[0]
    return int64(table[0])


@cache
def _compiled() -> Any:
    return runs_entry_point(_runs)
