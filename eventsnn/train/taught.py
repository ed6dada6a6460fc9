"""Portions, one after the other, through a learner; along a stream each is a test before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from eventsnn.data.dataset import Data, labels_of
from eventsnn.rules.learned import Learned
from eventsnn.train.learning import Learner
from eventsnn.train.one_pass import Portion
from eventsnn.train.predict import predicted


class Taught(NamedTuple):
    """What happened in a portion.

    Attributes
    ----------
    new : int
        Samples of it that were new.
    right : int
        New ones that were predicted rightly: before the portion along a stream, else while they
        were learned.
    loss : float
        Summed over the new ones, as if all had the mean; NaN where the rule has none.
    """

    new: int
    right: int
    loss: float


def taught(
    learner: Learner,
    data: Data,
    portions: Sequence[Portion],
    rng: np.random.Generator,
    online: bool,
) -> Iterator[Taught]:
    """Learn portion after portion."""
    each = learner.learn_all(data, [portion.order for portion in portions], rng)
    for portion in portions:
        new = portion.order[: portion.new]
        ask = online and not learner.answers_first
        who = learner.ranks, learner.rule, learner.state
        said = predicted(*who, data, learner.threads, new).classes if ask else None
        learned = next(each)
        if online:
            said = _answered(learned, portion.new) if said is None else said
            right = int((said == labels_of(data)[new]).sum())
        else:
            right = learned.right
        yield Taught(portion.new, right, learned.loss * portion.new / len(portion.order))


def _answered(learned: Learned, new: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return what a rule that answers first said of the new samples."""
    if learned.before is None:
        raise TypeError("online: the rule promised answers from before the portion, and has none")
    return np.asarray(learned.before[:new])
