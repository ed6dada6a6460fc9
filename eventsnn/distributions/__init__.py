"""What weights and delays are drawn from: one file a distribution, found by name.

A new one is one new file here with one ``Distribution`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.distributions.distribution import Distribution as Distribution
from eventsnn.registry import Registry

_REGISTRY = Registry(Distribution, __name__, anywhere=True)  # type: ignore[type-abstract]


def distributions() -> dict[str, type[Distribution]]:
    """Return every distribution by its ``kind``, sorted by name; UserError where two have one."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Find a distribution by its class name."""
    return _REGISTRY.by_class(name)
