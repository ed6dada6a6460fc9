"""Nodes of NIR graphs: one type a file, found by its name.

A new type is one new file here with one ``Node`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from eventsnn.exchange.nir.nodes.node import Node
from eventsnn.registry import Registry

_REGISTRY = Registry(Node, __name__)  # type: ignore[type-abstract]


def nodes() -> dict[str, type[Node]]:
    """Return every type of node by its ``kind``, as NIR writes it."""
    return _REGISTRY.all()
