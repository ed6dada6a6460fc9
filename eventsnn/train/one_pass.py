"""Learning along a stream of recordings: each is seen once, in order, and answered before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.options import option, take
from eventsnn.train.reservoir import Reservoir

PARTS = 10
"""Of a pass, where nothing is said."""


@dataclass(frozen=True)
class OnePass:
    """Whether a run is one pass, and what is seen in it; true if it is."""

    online: bool = option(
        False,
        "Learn along a stream: one pass, every recording once, in order, answered before it is "
        "learned. Epochs are the parts of the pass then (10 unless they are given): after each, "
        "the test half is evaluated and the run saved.",
    )
    online_order: Literal["given", "mixed", "classes"] = option(
        "given", "In which it comes: as the data have it, mixed, or one class after another."
    )
    replay: int = option(
        0,
        "Keep so many of the recordings that went by, all with the same chance, to learn them "
        "again; 0: each is learned once.",
        least=0,
    )
    replayed: int = option(1, "How many of these are learned again with each update.", least=1)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self)
        for name, usual in (("online_order", "given"), ("replay", 0)):
            if getattr(self, name) != usual and not self.online:
                raise UserError(
                    f"{name} is {getattr(self, name)}, of a run that is one pass; give online, too"
                )
        if self.replayed != 1 and not self.replay:
            raise UserError(f"replayed is {self.replayed}; give replay, the size of the memory")

    def __bool__(self) -> bool:
        """Return whether the run is one pass."""
        return self.online

    def parts(self, epochs: int, labels: NDArray[np.int64]) -> int:
        """Return how many parts a pass has, where ``epochs`` are asked for (0: the usual).

        Raises
        ------
        UserError
            Where classes follow each other in other than so many parts, or there are more of
            them than recordings.
        """
        if self.online_order != "classes":
            if epochs > len(labels):
                raise UserError(
                    f"epochs is {epochs}, the parts of the pass; it has {len(labels)} recordings: "
                    "give no more than these"
                )
            return epochs or max(1, min(PARTS, len(labels)))
        classes = len(np.unique(labels))
        if epochs not in (0, classes):
            raise UserError(
                f"epochs is {epochs}; classes that come one after another make a part each, "
                f"{classes} here: leave it out"
            )
        return classes


class Portion(NamedTuple):
    """Samples that are learned together.

    Attributes
    ----------
    order : int64 array (n,)
        Their numbers; those that are new come first.
    new : int
    """

    order: NDArray[np.int64]
    new: int


def portions_of(order: NDArray[np.int64], size: int) -> list[Portion]:
    """Return minibatches of ``size``, the last one of what is left."""
    parts = [order[first : first + size] for first in range(0, len(order), size)]
    return [Portion(part, len(part)) for part in parts]


def pass_of(
    one_pass: OnePass, labels: NDArray[np.int64], parts: int, size: int, seed: int
) -> list[list[Portion]]:
    """Return the portions of each part of a pass over samples of some labels.

    Numbers in a portion are places in ``labels``. What is replayed is drawn with ``seed``, and
    was new in a portion before.

    Raises
    ------
    UserError
        Where a part has no recording.
    """
    n, memory = len(labels), Reservoir[int](one_pass.replay, seed)
    order = np.arange(n)
    if one_pass.online_order == "mixed":
        order = np.random.default_rng([seed, 4]).permutation(n)
    cuts = np.array([n * k // parts for k in range(1, parts)], np.int64)
    if one_pass.online_order == "classes":
        order = np.argsort(labels, kind="stable")
        cuts = np.flatnonzero(np.diff(labels[order])) + 1
    split, out = np.split(order, cuts), []
    if len(split) != parts or not all(map(len, split)):
        raise UserError(
            f"online: {n} recordings are left to learn, and one of the {parts} parts has none; "
            "give fewer epochs, or a smaller validate"
        )
    for part in split:
        portions = []
        for new, _ in portions_of(part, size):
            again = np.array(memory.draw(one_pass.replayed), np.int64)
            portions.append(Portion(np.concatenate([new, again]), len(new)))
            for sample in new.tolist() if one_pass.replay else ():
                memory.offer(sample)
        out.append(portions)
    return out


def accuracy_by_class(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int
) -> list[float | None]:
    """Return the accuracy on each class; None where there is none of it."""
    right = np.bincount(labels[labels == predictions], minlength=classes)
    every = np.bincount(labels[labels >= 0], minlength=classes)
    pairs = zip(right.tolist(), every.tolist(), strict=True)
    return [r / n if n else None for r, n in pairs]


def one_pass_summary(history: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a pass did: the accuracy of answers that came before each was learned."""
    seen = sum(row["recordings"] for row in history)
    right = sum(round(row["accuracy_while_learning"] * row["recordings"]) for row in history)
    return {"recordings": seen, "accuracy_before_learning": right / max(seen, 1)}
