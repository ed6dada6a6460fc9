"""What pieces of a set of recordings have given, and the same of the pieces of all ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial, reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.measure.anytime import Streamed
from eventsnn.measure.backward import Backward
from eventsnn.measure.clock import ClockCosts, ReluCosts
from eventsnn.measure.operations import Operations
from eventsnn.network import Network
from eventsnn.ranks.ranks import Message, Ranks

T = TypeVar("T")


@dataclass
class PieceCounts:
    """What pieces have given so far, in order.

    Attributes
    ----------
    clocks : dict from microseconds to list of (ClockCosts, right answers)
    refused : dict from what cannot be measured to the reason
    """

    clocks: dict[int, list[tuple[ClockCosts, int]]]
    operations: Operations | None = None
    streamed: Streamed | None = None
    by_events: Streamed | None = None
    predictions: list[NDArray[np.int64]] = field(default_factory=list)
    backward: list[Backward] = field(default_factory=list)
    relu: list[ReluCosts] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def of_all(self, ranks: Ranks, network: Network) -> PieceCounts:
        """Return those of the pieces of all ranks, in their order."""
        if ranks.size == 1:
            return self
        counted = _all(ranks, Operations, self.operations, network=network)
        here = _all(ranks, Streamed, self.streamed)
        there = _all(ranks, Streamed, self.by_events)
        clocks = {}
        for us, pairs in self.clocks.items():
            costs = _gathered(ranks, ClockCosts, [one for one, _ in pairs])
            right = ranks.gathered([np.array([n for _, n in pairs], np.int64)])
            numbers = [int(n) for (one,) in right for n in one]
            clocks[us] = list(zip(costs, numbers, strict=True))
        own = [np.concatenate([np.zeros(0, np.int64), *self.predictions])]
        refused: dict[str, str] = {}
        for what in ("anytime", "training"):
            texts = ranks.gathered([np.frombuffer(self.refused.get(what, "").encode(), np.uint8)])
            told = [bytes(one).decode() for (one,) in texts if len(one)]
            refused |= {what: told[0]} if told else {}
        return PieceCounts(
            clocks,
            counted,
            None if "anytime" in refused else here,
            None if "anytime" in refused else there,
            [one.copy() for (one,) in ranks.gathered(own)],
            _gathered(ranks, Backward, [] if "training" in refused else self.backward),
            _gathered(ranks, ReluCosts, self.relu),
            refused,
        )


def _all(ranks: Ranks, kind: Callable[..., Any], own: Any, **known: Any) -> Any:
    """Return what ranks have of a kind that can be ``joined``, end to end; None: nobody has any."""
    parts = _gathered(ranks, partial(kind, **known), [] if own is None else [own])
    return reduce(lambda one, other: one.joined(other), parts) if parts else None


def _gathered(ranks: Ranks, kind: Callable[..., T], own: Sequence[T]) -> list[T]:
    """Return what all ranks have of a kind whose fields are arrays, in their order."""
    made: Any = kind.func if isinstance(kind, partial) else kind
    known = kind.keywords if isinstance(kind, partial) else {}
    names = [f.name for f in fields(made) if f.name not in known]
    arrays = [np.asarray(getattr(one, name)) for one in own for name in names]
    shapes = np.array([n for a in arrays for n in (a.ndim, *a.shape)], np.int64)
    found = ranks.gathered([shapes, *(np.ascontiguousarray(a).reshape(-1) for a in arrays)])
    return [
        kind(**dict(zip(names, whole[k : k + len(names)], strict=True)))
        for whole in map(_shaped, found)
        for k in range(0, len(whole), len(names))
    ]


def _shaped(message: Message) -> list[NDArray[Any]]:
    """Return copies of arrays that were sent flat behind their shapes."""
    (shapes, *arrays), at, out = message, 0, []
    for array in arrays:
        end = at + 1 + int(shapes[at])
        out.append(array.reshape(shapes[at + 1 : end].tolist()).copy())
        at = end
    return out
