"""Shapes of connections: one file a topology, found by name.

A new topology is one new file here with one ``Topology`` subclass, and nothing else
to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.registry import Registry
from eventsnn.topology.topology import Topology

_REGISTRY = Registry(Topology, __name__, anywhere=True)  # type: ignore[type-abstract]


def topologies() -> dict[str, type[Topology]]:
    """Return every topology by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Return a topology by the name of its class: ``topology.MeanConv2d``."""
    return _REGISTRY.by_class(name)


def __dir__() -> list[str]:
    """Return what stands here, with the names of all classes."""
    return sorted({*globals(), *_REGISTRY.names()})
