"""Runs of a fan-out joined to longer ones, and senders whose rows are added together.

A convolution lists the targets of a sender position by position, and keeps the weights of a
position apart from those of the next. In another order of the weights, neighbouring positions have
neighbouring weights: a row of the kernel is one run. Senders that follow one another, with the same
targets and weights a fixed stride apart (channels of a position, all senders of a dense layer), are
a group: its targets stay in registers while the rows of those that spoke are added.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.grid.fan import RunTable


class JoinedRuns(NamedTuple):
    """The runs of every sender, over weights in another order.

    Attributes
    ----------
    start : int32 array (n_in + 1,)
        First run of each sender.
    target, weight, length : int32 arrays (n_runs,)
        First target, first weight and targets of each run.
    head : int32 array (n_in,)
        First sender of each one's group.
    sizes : int64 array (4,)
        n_in, n_out, targets of a position, and the stride: weights from one sender of a group to
        the next.
    order : int64 array (weights / targets of a position,)
        Which position of the weights as they were given stands at each place.
    """

    start: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.int32]
    length: NDArray[np.int32]
    head: NDArray[np.int32]
    sizes: NDArray[np.int64]
    order: NDArray[np.int64]

    def ordered(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return flat weights in the order of the runs; they may be the same array."""
        if self._as_given:
            return weights
        return weights.reshape(-1, int(self.sizes[2]))[self.order].reshape(-1)

    def given(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return flat weights in the order of the runs as they were given; the same."""
        if self._as_given:
            return weights
        out = np.empty_like(weights).reshape(-1, int(self.sizes[2]))
        out[self.order] = weights.reshape(out.shape)
        return out.reshape(-1)

    @property
    def _as_given(self) -> bool:
        return bool((self.order[1:] > self.order[:-1]).all())


def joined(runs: RunTable) -> JoinedRuns:
    """Return the same fan-outs in few runs."""
    length = runs.length
    position = runs.weight // length
    sender = np.repeat(np.arange(len(runs.start) - 1), np.diff(runs.start))
    beside = (np.diff(runs.target) == length) & (np.diff(sender) == 0)
    order = _order(position, beside, int(runs.sizes[3]) // length)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    follows = beside & (np.diff(place[position]) == 1)
    first = np.flatnonzero(np.append(True, ~follows))[: len(position)]
    start = np.searchsorted(first, runs.start).astype(np.int32)
    target, weight = runs.target[first], (place[position[first]] * length).astype(np.int32)
    lengths = (np.diff(np.append(first, len(position))) * length).astype(np.int32)
    head, stride = _groups(start, target, weight, lengths)
    sizes = np.array([runs.sizes[0], runs.sizes[1], length, stride], np.int64)
    return JoinedRuns(start, target, weight, lengths, head, sizes, order)


def _order(position: NDArray[np.int32], beside: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """Return an order of positions in which most that are ``beside`` the next have it behind them.

    Those that most senders have side by side are joined first.
    """
    pairs = np.stack([position[:-1][beside], position[1:][beside]])
    pairs, count = np.unique(pairs, axis=1, return_counts=True)
    after, before = np.full(n, -1), np.full(n, -1)
    for a, b in pairs[:, np.argsort(-count, kind="stable")].T.tolist():
        if after[a] < 0 and before[b] < 0:
            after[a], before[b] = b, a
    order, taken = list[int](), np.zeros(n, np.bool_)
    for head in [*np.flatnonzero(before < 0).tolist(), *range(n)]:  # a ring begins anywhere
        while head >= 0 and not taken[head]:
            taken[head] = True
            order.append(head)
            head = int(after[head])
    return np.array(order, np.int64)


def _groups(
    start: NDArray[np.int32],
    target: NDArray[np.int32],
    weight: NDArray[np.int32],
    length: NDArray[np.int32],
) -> tuple[NDArray[np.int32], int]:
    """Return the first sender of each one's group, and the weights from one to the next."""
    n = len(start) - 1
    count = np.diff(start)
    listed = np.arange(int(count.max(initial=0))) < count[:, None]
    wide = np.full((3, *listed.shape), -1, np.int64)
    wide[:, listed] = target, weight, length
    target, weight, length = wide
    apart = np.where(listed, np.diff(weight, axis=0, prepend=weight[:1]), 0)
    first = apart.max(axis=1, initial=0)
    same = (count > 0) & (np.where(listed, first[:, None], 0) == apart).all(axis=1) & (first > 0)
    for one in (target, length):
        same[1:] &= (one[1:] == one[:-1]).all(axis=1)
    found, times = np.unique(first[same], return_counts=True)
    usual = int(found[np.argmax(times)]) if len(found) else 0
    same &= first == usual
    head = np.maximum.accumulate(np.where(same, 0, np.arange(n)))
    return head.astype(np.int32), usual
