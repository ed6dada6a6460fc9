"""Optimizers, one a file, found by name; and the schedules of their rates.

A new optimizer is one new file here with one ``Optimizer`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from eventsnn.optimizers.adam import Adam as Adam
from eventsnn.optimizers.optimizer import Optimizer as Optimizer
from eventsnn.optimizers.sgd import SGD as SGD
from eventsnn.registry import Registry

_REGISTRY = Registry(Optimizer, __name__)  # type: ignore[type-abstract]


def optimizers() -> dict[str, type[Optimizer]]:
    """Return every optimizer by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()
