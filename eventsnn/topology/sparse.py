"""Sparse: each sender lists its targets (compressed rows). Weights (n_synapses,)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
from numba import int64
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import UserError
from eventsnn.given import check_no_mask
from eventsnn.topology.topology import MAX_UNITS, Topology, count, runs_entry_point


class Rows(NamedTuple):
    """Start and target of a ``Sparse``."""

    start: NDArray[np.int64]
    target: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Sparse(Topology):
    """Compressed rows: sender i owns the synapses ``start[i]`` to ``start[i + 1] - 1``.

    The arrays are copied and read-only: a change of those that were given changes nothing here.

    Attributes
    ----------
    receivers : int
        Number of targets.
    start : int64 array (n_in + 1,)
        First synapse of each sender; non-decreasing, from 0 to n_synapses.
    target : int32 array (n_synapses,)
        Target of each synapse. A pair may have several synapses.

    Raises
    ------
    UserError
        For a start or target that is no whole number, out of range or out of order: it names
        the synapse and the value.

    Examples
    --------
    >>> from eventsnn import Sparse
    >>> chain, order = Sparse.from_pairs([0, 0, 2], [1, 3, 0], 3, 4)
    >>> chain.start, chain.target
    (array([0, 2, 2, 3]), array([1, 3, 0], dtype=int32))
    """

    kind: ClassVar[str] = "sparse"
    listed: ClassVar[bool] = True
    receivers: int
    start: NDArray[np.int64] = field(repr=False)
    target: NDArray[np.int32] = field(repr=False)
    rows: Rows = field(init=False, repr=False)
    """The same two arrays for kernels, which do not write: they are compiled for arrays that may
    be written, and for read-only ones would be a second time."""

    def __post_init__(self) -> None:
        """Check the rows and the targets, and keep copies that nobody changes."""
        receivers = count(self.receivers, "receivers", self.kind)
        start, target = _whole_numbers(self.start, "start"), _whole_numbers(self.target, "target")
        if len(start) < 2 or len(start) - 1 > MAX_UNITS or len(target) > MAX_UNITS:
            raise UserError(
                f"topology sparse: {len(start)} starts, {len(target)} targets; give start "
                f"(n_in + 1,) and target (n_synapses,), each n from 1, or 0, to {MAX_UNITS}"
            )
        wrong = np.flatnonzero(start[1:] < start[:-1])
        if start[0] != 0 or start[-1] != len(target) or wrong.size:
            raise UserError(
                f"topology sparse: start runs from {start[0]} to {start[-1]} with {wrong.size} "
                f"steps back over {len(target)} synapses; give non-decreasing starts from 0 to "
                "the number of synapses"
            )
        outside = np.flatnonzero((target < 0) | (target >= receivers))
        if outside.size:
            k = int(outside[0])
            raise UserError(
                f"topology sparse: target of synapse {k} is {target[k]}; give 0 to {receivers - 1}"
            )
        rows = Rows(start, target.astype(np.int32))
        object.__setattr__(self, "receivers", receivers)
        object.__setattr__(self, "rows", rows)
        for name, view in (("start", rows.start.view()), ("target", rows.target.view())):
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by the constructor, so that a copy is frozen, too."""
        return Sparse, (self.receivers, self.start, self.target)

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
        sender, target = _whole_numbers(senders, "sender"), _whole_numbers(targets, "target")
        n_in = count(n_in, "n_in", cls.kind)
        if len(sender) != len(target):
            raise UserError(
                f"topology sparse: {len(sender)} senders for {len(target)} targets; give one of "
                "each a synapse"
            )
        outside = np.flatnonzero((sender < 0) | (sender >= n_in))
        if outside.size:
            k = int(outside[0])
            raise UserError(
                f"topology sparse: sender of synapse {k} is {sender[k]}; give 0 to {n_in - 1}"
            )
        order = np.argsort(sender, kind="stable")
        start = np.searchsorted(sender[order], np.arange(n_in + 1))
        return cls(n_out, start.astype(np.int64), cast(Any, target[order])), order

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
        return self.rows.target

    def fan_out(self, sender: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the sender's row."""
        index = np.arange(self.start[sender], self.start[sender + 1])
        return self.target[index].astype(np.int64), index

    def table(self) -> NDArray[np.int64]:
        """The row starts."""
        return self.rows.start

    @classmethod
    def kernel(cls) -> Any:
        """Return the compiled fan-out."""
        return _compiled()


def _whole_numbers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Return a copy in int64; refuse what is not one row of whole numbers."""
    check_no_mask(values, f"topology sparse: {name}")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise UserError(f"topology sparse: {name} is ragged; give one row of numbers") from error
    if array.ndim != 1 or (array.dtype.kind not in "iuf" and array.size):
        raise UserError(
            f"topology sparse: {name} has shape {array.shape} and dtype {array.dtype}; give one "
            "row of whole numbers"
        )
    wrong = np.zeros(0, np.int64)
    if array.dtype.kind in "uf":
        # Beyond 2^62 a cast would wrap around; no start or target is ever so large.
        wrong = np.flatnonzero(~(np.abs(array) < 2.0**62) | (array != np.floor(array)))
    if wrong.size:
        k = int(wrong[0])
        raise UserError(
            f"topology sparse: {name}{' of synapse' if name != 'start' else ''} {k} is {array[k]}; "
            "give whole numbers"
        )
    return np.array(array, np.int64, order="C")


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
