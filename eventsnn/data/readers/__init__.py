"""Readers of recordings and pictures, one format a file or folder, found by the word before ``:``.

A new format is one new file here with one ``Reader`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from eventsnn.data.readers.reader import Reader
from eventsnn.registry import Registry

_REGISTRY = Registry(Reader, __name__)  # type: ignore[type-abstract]


def readers() -> dict[str, type[Reader]]:
    """Return every reader by its ``kind``, sorted by it; UserError where two have one kind."""
    return _REGISTRY.all()
