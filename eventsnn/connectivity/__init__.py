"""Rules by which populations are connected: one file a rule, found by name.

A rule draws a topology once, with a seed; from then on the network has plain synapses. A new rule
is one new file here with one ``Connectivity`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.connectivity.connectivity import Connectivity as Connectivity
from eventsnn.registry import Registry

_REGISTRY = Registry(Connectivity, __name__, anywhere=True)  # type: ignore[type-abstract]


def connectivities() -> dict[str, type[Connectivity]]:
    """Return every rule by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Find a rule by its class name."""
    return _REGISTRY.by_class(name)
