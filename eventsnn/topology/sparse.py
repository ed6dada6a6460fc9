"""Sparse: each sender lists its targets (compressed rows). Weights (n_synapses,)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numba import int64
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import UserError
from eventsnn.topology.topology import Topology, runs_entry_point


@dataclass(frozen=True, eq=False)
class Sparse(Topology):
    """Compressed rows: sender i owns the synapses ``start[i]`` to ``start[i + 1] - 1``.

    Attributes
    ----------
    receivers : int
        Number of targets.
    start : int64 array (n_in + 1,)
        First synapse of each sender; non-decreasing, from 0 to n_synapses.
    target : int32 array (n_synapses,)
        Target of each synapse. A pair may have several synapses.
    """

    kind: ClassVar[str] = "sparse"
    listed: ClassVar[bool] = True
    receivers: int
    start: NDArray[np.int64] = field(repr=False)
    target: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        """Check the rows and the targets."""
        start = np.ascontiguousarray(self.start, np.int64)
        target = np.asarray(self.target)
        if start.ndim != 1 or target.ndim != 1 or len(start) < 2 or self.receivers < 1:
            raise UserError(
                f"topology sparse: start has shape {start.shape}, target {target.shape}, "
                f"receivers {self.receivers}; give start (n_in + 1,) and target (n_synapses,)"
            )
        wrong = np.flatnonzero(np.diff(start) < 0)
        if start[0] != 0 or start[-1] != len(target) or wrong.size:
            raise UserError(
                f"topology sparse: start runs from {start[0]} to {start[-1]} with {wrong.size} "
                f"steps back over {len(target)} synapses; give non-decreasing starts from 0 to "
                "the number of synapses"
            )
        outside = np.flatnonzero((target < 0) | (target >= self.receivers))
        if outside.size:
            k = int(outside[0])
            raise UserError(
                f"topology sparse: target of synapse {k} is {target[k]}; "
                f"give 0 to {self.receivers - 1}"
            )
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "target", np.ascontiguousarray(target, np.int32))

    @classmethod
    def from_pairs(
        cls, senders: ArrayLike, targets: ArrayLike, n_in: int, n_out: int
    ) -> tuple[Sparse, NDArray[np.int64]]:
        """Build rows from synapses in any order.

        Returns
        -------
        Sparse, int64 array (n_synapses,)
            The topology, and the order in which it keeps the synapses: give
            ``weights[order]`` and ``delays[order]``.
        """
        sender = np.asarray(senders, np.int64)
        outside = np.flatnonzero((sender < 0) | (sender >= n_in))
        if outside.size:
            k = int(outside[0])
            raise UserError(
                f"topology sparse: sender of synapse {k} is {sender[k]}; give 0 to {n_in - 1}"
            )
        order = np.argsort(sender, kind="stable")
        start = np.searchsorted(sender[order], np.arange(n_in + 1))
        return cls(n_out, start.astype(np.int64), np.asarray(targets)[order]), order

    @property
    def n_in(self) -> int:
        """Number of senders."""
        return len(self.start) - 1

    @property
    def n_out(self) -> int:
        """Number of targets."""
        return self.receivers

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(n_synapses,)."""
        return (len(self.target),)

    @property
    def max_fan_out(self) -> int:
        """Longest row."""
        return int(np.diff(self.start).max())

    @property
    def clock_size(self) -> int:
        """Targets are reached one by one."""
        return 1

    @property
    def targets(self) -> NDArray[np.int32]:
        """Target of each synapse, int32 (n_synapses,)."""
        return self.target

    def fan_out(self, sender: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the sender's row."""
        index = np.arange(self.start[sender], self.start[sender + 1])
        return self.target[index].astype(np.int64), index

    def table(self) -> NDArray[np.int64]:
        """The row starts."""
        return self.start

    @classmethod
    def kernel(cls) -> Any:
        """Return the compiled fan-out."""
        return _compiled()


def _runs(table: Any, sender: int, out: Any) -> Any:
    """One run of listed targets."""
    out[0] = 1
    out[1] = -1
    out[2] = table[sender]
    out[3] = table[sender + 1] - table[sender]
    return int64(out[3])


@cache
def _compiled() -> Any:
    return runs_entry_point(_runs)
