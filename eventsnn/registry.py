"""Models and topologies found by name, and what none of them is.

A class of a kind (a neuron model, a topology) has compiled kernels of its own, which engines
look up by its exact type. A subclass of such a class would run as its parent: it is refused.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from inspect import isabstract
from typing import Any, TypeVar

from eventsnn.errors import UserError
from eventsnn.text import named

T = TypeVar("T")


def classes_of(base: type[T], package: str) -> dict[str, type[T]]:
    """Return every class below an abstract base by its ``kind``, sorted by name.

    Those of the files of ``package``, which are imported, and those defined elsewhere. One
    defined again in its place (a cell of a notebook run twice) replaces the former.

    Raises
    ------
    UserError
        If two classes have one kind.
    """
    _import_all(package)
    found: dict[str, type[T]] = {}
    for one in sorted(_concrete(base), key=lambda c: str(c.kind)):  # type: ignore[attr-defined]
        kind: str = one.kind  # type: ignore[attr-defined]
        other = found.get(kind)
        if other is not None and _place(other) != _place(one):
            raise UserError(
                f"{base.__name__.lower()} {kind}: {'.'.join(_place(other))} and "
                f"{'.'.join(_place(one))} both have this kind; give each its own"
            )
        found[kind] = one
    return found


def check_exact(thing: Any, base: type[Any], where: str, such_as: str) -> None:
    """Refuse what is no object of a class below ``base``, or of a subclass of such a class."""
    name = base.__name__.lower()
    if not isinstance(thing, base):
        raise UserError(f"{where}: {name} is {named(thing)}; give an object such as {such_as}")
    above = [c for c in type(thing).__mro__[1:] if issubclass(c, base) and not isabstract(c)]
    if above:
        raise UserError(
            f"{where}: {type(thing).__name__} is a subclass of {above[0].__name__}, whose compiled "
            f"kernels would run in its place; derive a {name} of its own from {base.__name__}"
        )


def number_of(thing: Any, found: dict[str, type[Any]]) -> int:
    """Return the place of an object's class among those found."""
    if found.get(thing.kind) is not type(thing):
        raise UserError(
            f"{type(thing).__name__}: its class was defined anew, or another has its kind "
            f"{thing.kind!r}; make the object anew"
        )
    return list(found).index(thing.kind)


@cache
def _import_all(package: str) -> None:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")


def _concrete(base: type[T]) -> list[type[T]]:
    """Return the classes below a base, but not those below one of them."""
    found = []
    for one in base.__subclasses__():
        found += _concrete(one) if isabstract(one) else [one]
    return found


def _place(one: type[Any]) -> tuple[str, str]:
    return one.__module__, one.__qualname__
