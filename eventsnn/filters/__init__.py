"""Filters of events at the door, one a file, found by name.

A new filter is one new file here with one ``EventFilter`` subclass, and nothing else to edit. What
a filter drops never reaches a synapse; what it costs is counted.
"""

from __future__ import annotations

from typing import Any

from eventsnn.errors import UserError
from eventsnn.filters.event_filter import EventFilter as EventFilter
from eventsnn.registry import Registry
from eventsnn.text import shown

_REGISTRY = Registry(EventFilter, __name__)  # type: ignore[type-abstract]


def filters() -> dict[str, type[EventFilter]]:
    """Return every filter by its ``kind``, sorted by name; UserError where two have one kind."""
    return _REGISTRY.all()


def filters_of(text: Any) -> tuple[EventFilter, ...]:
    """Return the filters of a text such as ``"refractory:2000+every:2"``, in its order.

    Raises
    ------
    UserError
        For a filter that is unknown, or a number that it does not take.
    """
    if not isinstance(text, str):
        raise UserError(f"filter is {shown(text)}; {_remedy()}")
    return tuple(_filter(part, text) for part in text.split("+")) if text else ()


def _filter(part: str, text: str) -> EventFilter:
    kind, colon, number = part.strip().partition(":")
    if kind not in filters() or not colon:
        raise UserError(f"filter is {shown(text)}; {_remedy()}")
    try:
        whole = int(number)
    except ValueError as error:
        raise UserError(f"filter is {shown(text)}; give a whole number after {kind}:") from error
    return filters()[kind](whole)


def _remedy() -> str:
    known = ", ".join(f"{kind}:{one.unit}" for kind, one in filters().items())
    return f"give one of {known}, or several with + between them"


def __getattr__(name: str) -> Any:
    """Return a filter by the name of its class: ``filters.Refractory``."""
    return _REGISTRY.by_class(name)


def __dir__() -> list[str]:
    """Return what stands here, with the names of all classes."""
    return sorted({*globals(), *_REGISTRY.names()})
