"""Gradients that several ranks found parts of: who owns their targets adds them, in order."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.ranks.ranks import Message, Ranks


@dataclass(frozen=True, eq=False)
class OwnColumns:
    """The gradient of the weights into this rank's targets; others have the rest.

    Attributes
    ----------
    array : float array (n_rows, n_own)
        Of weights with their targets along the last axis, all other axes in one.
    own : slice
        Those targets.
    shape : tuple of int
        Of the whole gradient.
    """

    array: NDArray[Any]
    own: slice
    shape: tuple[int, ...]

    @classmethod
    def of(cls, whole: NDArray[Any], own: slice) -> OwnColumns:
        """Return those of a gradient whose others are not known, or not of this rank."""
        array = np.ascontiguousarray(whole.reshape(-1, whole.shape[-1])[:, own])
        return cls(array, own, whole.shape)

    def whole(self, threads: int = 1) -> NDArray[Any]:
        """Return the gradient by the weights into its targets."""
        return self.array

    def weight(self, k: int) -> int:
        """Return the number of the weight, among all, that has the k-th number of the array."""
        row, column = divmod(k, self.array.shape[1])
        return int(row * self.shape[-1] + self.own.start + column)

    def scale(self, factor: Any) -> None:
        """Multiply the gradient, in place."""
        np.multiply(self.array, self.array.dtype.type(factor), out=self.array)

    def add(self, targets: NDArray[np.bool_], row: NDArray[Any]) -> None:
        """Add a ``row`` (n_rows,) to the gradient of each of the ``targets``, bool (n_out,)."""
        self.array[:, targets[self.own]] += row[:, None]


class OfRank(ABC):
    """What a rank found for the gradient of one connection.

    Attributes
    ----------
    width : int
        Targets, the last axis of its weights.
    """

    width: int

    @abstractmethod
    def of(self, targets: slice) -> Message:
        """Return what the owner of some targets needs of it."""

    @abstractmethod
    def summed(self, parts: Sequence[Message | None], own: slice) -> Any:
        """Return the gradient of this rank's targets, of what each rank found, in order.

        None for what this one found.
        """


class GroupSums(OfRank):
    """Sums of groups of recordings, which are added group by group.

    Parameters
    ----------
    groups : sequence of float arrays, of the shape of the weights
    shape, dtype
        Of the weights.
    from_zero : bool
        Whether the first group is added to zeros, or others to it: to the bit, -0 differs.
    """

    def __init__(
        self,
        groups: Sequence[NDArray[Any]],
        shape: tuple[int, ...],
        dtype: Any,
        from_zero: bool = True,
    ) -> None:
        self.shape, self.dtype, self.from_zero = shape, np.dtype(dtype), from_zero
        self.width = shape[-1]
        self.groups = [group.reshape(-1, self.width) for group in groups]

    def of(self, targets: slice) -> Message:
        """Return the columns of each group."""
        return [np.ascontiguousarray(group[:, targets]).reshape(-1) for group in self.groups]

    def summed(self, parts: Sequence[Message | None], own: slice) -> OwnColumns:
        """Add the groups of all ranks."""
        groups = [g for part in parts for g in (self.of(own) if part is None else part)]
        rows, columns = math.prod(self.shape[:-1]), own.stop - own.start
        total = np.zeros(rows * columns, self.dtype)
        if groups and not self.from_zero:
            total[:] = groups.pop(0)
        for group in groups:
            total += group
        return OwnColumns(total.reshape(rows, columns), own, self.shape)


def exchanged(ranks: Ranks, found: Sequence[OfRank]) -> list[Any]:
    """Return the gradients of this rank's targets, a connection each: one exchange for all."""
    messages: list[Message] = []
    for rank in range(ranks.size):
        if rank == ranks.rank:
            messages.append([])
            continue
        parts = [one.of(ranks.columns(one.width, rank)) for one in found]
        counts = np.array([len(part) for part in parts], np.int64)
        messages.append([counts, *(array for part in parts for array in part)])
    came = [_cut(message) if message else None for message in ranks.exchanged(messages)]
    return [
        one.summed([None if part is None else part[c] for part in came], ranks.columns(one.width))
        for c, one in enumerate(found)
    ]


def _cut(message: Message) -> list[Message]:
    """Return the arrays of each connection."""
    counts, *arrays = message
    ends = np.cumsum(counts).tolist()
    return [arrays[end - n : end] for end, n in zip(ends, counts.tolist(), strict=True)]
