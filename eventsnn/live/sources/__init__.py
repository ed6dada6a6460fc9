"""Where events come from while they happen: one kind a file."""

from __future__ import annotations

from eventsnn.errors import UserError
from eventsnn.live.sources.source import Source as Source
from eventsnn.live.sources.source import SourceOptions as SourceOptions
from eventsnn.registry import Registry
from eventsnn.text import named

_REGISTRY = Registry[Source](Source, "eventsnn.live.sources")  # type: ignore[type-abstract]


def sources() -> dict[str, type[Source]]:
    """Return every source by its ``kind``, sorted by it."""
    return _REGISTRY.all()


def open_source(word: str, options: SourceOptions) -> Source:
    """Return the source that a word names, such as ``udp://127.0.0.1:7777`` or ``replay:FILE``.

    Raises
    ------
    UserError
        For a word of no source, and for what the source refuses.
    """
    kinds = sources()
    kind, colon, rest = word.partition(":")
    if word == "-":
        kind, rest = "stdin", ""
    if kind not in kinds or not (colon or word == "-"):
        forms = ", ".join(source.form for source in kinds.values())
        raise UserError(f"source {named(word)}: give one of {forms}")
    found: Source = kinds[kind].open(rest, options)
    return found
