"""Losses: what a network is asked for, one a file, found by name.

A new loss is one new file here with one ``Loss`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.losses.count_target import CountTarget as CountTarget
from eventsnn.losses.cross_entropy import CrossEntropy as CrossEntropy
from eventsnn.losses.first_spike import FirstSpike as FirstSpike
from eventsnn.losses.loss import Graded as Graded
from eventsnn.losses.loss import Loss as Loss
from eventsnn.losses.mean_square import MeanSquare as MeanSquare
from eventsnn.registry import Registry

_REGISTRY = Registry(Loss, __name__)  # type: ignore[type-abstract]


def losses() -> dict[str, type[Loss]]:
    """Return every loss by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Return a loss by the name of its class: ``losses.MeanSquare``."""
    return _REGISTRY.by_class(name)


def __dir__() -> list[str]:
    """Return what stands here, with the names of all classes."""
    return sorted({*globals(), *_REGISTRY.names()})
