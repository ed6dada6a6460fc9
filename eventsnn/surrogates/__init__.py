"""Surrogates: slopes that stand in for that of a threshold, one a file, found by name.

A new surrogate is one new file here with one ``Surrogate`` subclass, and nothing else to edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.registry import Registry
from eventsnn.surrogates.fast_sigmoid import FastSigmoid as FastSigmoid
from eventsnn.surrogates.gaussian import Gaussian as Gaussian
from eventsnn.surrogates.logistic import Logistic as Logistic
from eventsnn.surrogates.rectangle import Rectangle as Rectangle
from eventsnn.surrogates.surrogate import Surrogate as Surrogate
from eventsnn.surrogates.triangle import Triangle as Triangle

_REGISTRY = Registry(Surrogate, __name__)  # type: ignore[type-abstract]


def surrogates() -> dict[str, type[Surrogate]]:
    """Return every surrogate by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def __getattr__(name: str) -> Any:
    """Return a surrogate by the name of its class: ``surrogates.Triangle``."""
    return _REGISTRY.by_class(name)


def __dir__() -> list[str]:
    """Return what stands here, with the names of all classes."""
    return sorted({*globals(), *_REGISTRY.names()})
