"""Fan-outs as tables that kernels read, for any topology whose fan-outs are equal runs.

Forward, a spike adds runs of neighbouring weights to runs of neighbouring targets. Back, senders
with the same fan-out (a window that is averaged) have the same error, found once: a *group*. Groups
with the same targets, whose weights stand side by side (all channels of a position; all senders
of a dense layer), are a *bundle*: their errors are the product of one matrix with what the targets
have.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.kernels.compile import allocating
from eventsnn.kernels.pointers import Pointers, pointer
from eventsnn.network import Connection


class RunTable(NamedTuple):
    """The runs of every sender.

    Attributes
    ----------
    start : int32 array (n_in + 1,)
        First run of each sender.
    target, weight : int32 arrays (n_runs,)
        First target and first weight of each run.
    sizes : int64 array (5,)
        n_in, n_out, targets of a run, weights, and 1 where every sender has the row of a matrix
        (n_in, n_out), else 0.
    """

    start: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.int32]
    sizes: NDArray[np.int64]

    @property
    def length(self) -> int:
        """Targets of a run."""
        return int(self.sizes[2])

    @property
    def whole(self) -> bool:
        """Whether every sender has a row of a matrix."""
        return bool(self.sizes[4])

    @property
    def synapses(self) -> NDArray[np.int64]:
        """How many synapses each sender has, int64 (n_in,)."""
        return np.diff(self.start).astype(np.int64) * self.length


class BundleTable(NamedTuple):
    """Which errors are found together.

    Attributes
    ----------
    start : int32 array (n_bundles + 1,)
        First group of each bundle.
    sender : int32 array (n_bundles,)
        A sender whose runs are those of the first group.
    member : int32 array (n_in,)
        Senders, group by group; those of no group at the end.
    group : int32 array (n_groups + 1,)
        First member of each group.
    block : int32 array (n_blocks, 2)
        First weight and groups of each matrix of weights that is turned over.
    """

    start: NDArray[np.int32]
    sender: NDArray[np.int32]
    member: NDArray[np.int32]
    group: NDArray[np.int32]
    block: NDArray[np.int32]


def runs_of(connection: Connection) -> RunTable:
    """Return the runs of a connection.

    Raises
    ------
    UserError
        Where targets are listed one by one, or synapses have a delay.
    """
    topology = connection.topology
    if topology.listed or connection.greatest_delay:
        raise UserError(
            f"connection {connection.name}: rule stbp takes layers without delays, and no lists of "
            "targets; give dense layers, convolutions or averages before them"
        )
    length = topology.clock_size
    most = topology.max_fan_out // length
    found = np.zeros((topology.n_in, most, 2), np.int32)
    count = np.zeros(topology.n_in, np.int32)
    room = np.zeros(1 + 3 * topology.max_fan_out, np.int64)
    ok = _collect(
        Pointers([type(topology).kernel()]), topology.table(), room, (found, count), length
    )
    if not ok:
        raise UserError(f"connection {connection.name}: its runs differ in length")
    start = np.zeros(topology.n_in + 1, np.int32)
    np.cumsum(count, out=start[1:])
    kept = found[np.arange(most) < count[:, None]]
    target, weight = (np.ascontiguousarray(kept[:, k]) for k in (0, 1))
    rows = np.arange(topology.n_in) * topology.n_out
    whole = length == topology.n_out and np.array_equal(weight, rows)
    n_weights = np.prod(topology.weight_shape)
    sizes = np.array([topology.n_in, topology.n_out, length, n_weights, whole])
    return RunTable(start, target, weight, sizes.astype(np.int64))


def bundles_of(runs: RunTable) -> BundleTable:
    """Return the groups of senders with one fan-out each, and those that go together."""
    n_in, length = int(runs.sizes[0]), runs.length
    count = np.diff(runs.start)
    wide = np.full((n_in, 1 + 2 * int(count.max(initial=0))), -1, np.int64)
    for j in range(n_in):  # once a network
        a, b = runs.start[j], runs.start[j + 1]
        wide[j, 0] = b - a
        wide[j, 1 : 1 + b - a] = runs.target[a:b]
        wide[j, 1 + b - a : 1 + 2 * (b - a)] = runs.weight[a:b]
    _, first, inverse = np.unique(wide, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    order = order[count[first[order]] > 0]
    rank = np.full(len(first), len(order))
    rank[order] = np.arange(len(order))
    of_sender = rank[inverse.reshape(-1)]
    member = np.argsort(of_sender, kind="stable").astype(np.int32)
    group = np.searchsorted(of_sender[member], np.arange(len(order) + 1)).astype(np.int32)
    sender = first[order]
    joined = [False]
    for a, b in pairwise(sender):
        n = int(count[a])
        same = count[b] == n and (wide[a, 1 : 1 + n] == wide[b, 1 : 1 + n]).all()
        steps = wide[b, 1 + n : 1 + 2 * n] - wide[a, 1 + n : 1 + 2 * n]
        joined.append(bool(same and (steps == length).all()))
    start = np.flatnonzero(~np.array(joined[: len(sender)], bool))
    start = np.append(start, len(sender))
    heads = sender[start[:-1]].astype(np.int32)
    blocks = _blocks(runs, heads, np.diff(start))
    return BundleTable(start.astype(np.int32), heads, member, group, blocks)


def _blocks(
    runs: RunTable, heads: NDArray[np.int32], sizes: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Return the matrices of weights that bundles read, each once."""
    found = {
        (int(w), int(size))
        for head, size in zip(heads, sizes, strict=True)
        for w in runs.weight[runs.start[head] : runs.start[head + 1]]
    }
    return np.array(sorted(found), np.int32).reshape(-1, 2)


def turned(weights: NDArray[Any], bundles: BundleTable, length: int) -> NDArray[Any]:
    """Return flat weights in which each matrix (groups, targets) is turned over."""
    out = weights.copy()
    for first, size in bundles.block.tolist():
        part = slice(first, first + size * length)
        out[part] = weights[part].reshape(size, length).T.reshape(-1)
    return out


@allocating
def _collect(kernel, table, room, found, length):  # type: ignore[no-untyped-def]
    """Write every sender's runs; False where one has another length."""
    runs, count = found
    for j in range(len(count)):
        pointer(kernel, 0)(table, int64(j), room)
        n = 0
        for r in range(1, 1 + 3 * room[0], 3):
            if room[r] < 0 or room[r + 2] % length:
                return False
            for k in range(room[r + 2] // length):
                runs[j, n, 0] = room[r] + k * length
                runs[j, n, 1] = room[r + 1] + k * length
                n += 1
        count[j] = n
    return True
