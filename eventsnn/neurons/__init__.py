"""Neuron models: one file a model, found by name.

A new model is one new file here with one ``Neuron`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.neurons.neuron import Neuron
from eventsnn.registry import Registry

_REGISTRY = Registry(Neuron, __name__, anywhere=True)  # type: ignore[type-abstract]


def models() -> dict[str, type[Neuron]]:
    """Return every model by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Return a neuron model by the name of its class: ``neurons.GradedLIF``."""
    return _REGISTRY.by_class(name)


def __dir__() -> list[str]:
    """Return what stands here, with the names of all classes."""
    return sorted({*globals(), *_REGISTRY.names()})
