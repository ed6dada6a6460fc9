"""Neuron models: one file a model, found by name.

A new model is one new file here with one ``Neuron`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from eventsnn.neurons.neuron import Neuron
from eventsnn.registry import Registry

_REGISTRY = Registry(Neuron, __name__, anywhere=True)  # type: ignore[type-abstract]


def models() -> dict[str, type[Neuron]]:
    """Return every model by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()
