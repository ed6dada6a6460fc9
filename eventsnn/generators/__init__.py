"""Generators: spikes and currents that nobody recorded. One file a generator, found by name.

A new one is one new file here with one subclass of ``SpikeGenerator`` or ``CurrentGenerator``,
and nothing else to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.generators.generator import CurrentGenerator as CurrentGenerator
from eventsnn.generators.generator import Generator as Generator
from eventsnn.generators.generator import SpikeGenerator as SpikeGenerator
from eventsnn.registry import Registry

_REGISTRY = Registry(Generator, __name__, anywhere=True)  # type: ignore[type-abstract]


def generators() -> dict[str, type[Generator]]:
    """Return every generator by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Find a generator by its class name."""
    return _REGISTRY.by_class(name)
