"""Optimizers, one a file, found by name; and the schedules of their rates.

A new optimizer is one new file here with one ``Optimizer`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.optimizers.adam import Adam as Adam
from eventsnn.optimizers.optimizer import Optimizer as Optimizer
from eventsnn.optimizers.sgd import SGD as SGD
from eventsnn.registry import Registry

_REGISTRY = Registry(Optimizer, __name__)  # type: ignore[type-abstract]


def optimizers() -> dict[str, type[Optimizer]]:
    """Return every optimizer by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Return a optimizer by the name of its class: ``optimizers.SGD``."""
    return _REGISTRY.by_class(name)


def __dir__() -> list[str]:
    """Return what stands here, with the names of all classes."""
    return sorted({*globals(), *_REGISTRY.names()})
