"""Which points a sweep tries, one way a file, found by name.

A new one is one new file here with one ``Sampler`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from eventsnn.registry import Registry
from eventsnn.sweep.samplers.sampler import Sampler as Sampler

_REGISTRY = Registry(Sampler, __name__)  # type: ignore[type-abstract]


def samplers() -> dict[str, type[Sampler]]:
    """Return every sampler by its ``kind``, sorted by name."""
    return _REGISTRY.all()
