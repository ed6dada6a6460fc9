"""Programs that a NIR graph is run in beside this library: one a file, found by name."""

from __future__ import annotations

from eventsnn.exchange.programs.program import Program
from eventsnn.registry import Registry

_REGISTRY = Registry(Program, __name__)  # type: ignore[type-abstract]


def programs() -> dict[str, type[Program]]:
    """Return every program by its ``kind``, installed or not."""
    return _REGISTRY.all()
