"""Neuron models: one file a model, found by name.

A new model is one new file here with one ``Neuron`` subclass, and nothing else to edit.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from eventsnn.neurons.neuron import Neuron


@cache
def models() -> dict[str, type[Neuron]]:
    """Return every model of this folder by its ``kind``, sorted by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {c.kind: c for c in sorted(Neuron.__subclasses__(), key=lambda c: c.kind)}
