"""When a trial is given up before its end, one way a file, found by name.

A new one is one new file here with one ``Pruner`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from eventsnn.registry import Registry
from eventsnn.sweep.pruners.pruner import Pruner as Pruner

_REGISTRY = Registry(Pruner, __name__)  # type: ignore[type-abstract]


def pruners() -> dict[str, type[Pruner]]:
    """Return every pruner by its ``kind``, sorted by name."""
    return _REGISTRY.all()
