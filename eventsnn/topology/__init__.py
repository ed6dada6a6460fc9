"""Shapes of connections: one file a topology, found by name.

A new topology is one new file here with one ``Topology`` subclass, and nothing else
to edit.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from eventsnn.topology.topology import Topology


@cache
def topologies() -> dict[str, type[Topology]]:
    """Return every topology of this folder by its ``kind``, sorted by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {c.kind: c for c in sorted(Topology.__subclasses__(), key=lambda c: c.kind)}
