"""Learning rules, one a folder, found by name.

A new rule is one new folder here, whose ``__init__.py`` names its ``Rule``, and nothing else to
edit.
"""

from __future__ import annotations

from typing import Any

from eventsnn.errors import UserError
from eventsnn.registry import Registry
from eventsnn.rules.rule import Rule

_REGISTRY = Registry(Rule, __name__)  # type: ignore[type-abstract]


def rules() -> dict[str, type[Rule[Any, Any]]]:
    """Return every rule by its ``kind``, sorted by name.

    Raises
    ------
    UserError
        If two rules have one kind, or one has a word of another's.
    """
    found: dict[str, type[Rule[Any, Any]]] = _REGISTRY.all()
    owners = {kind: kind for kind in found}
    for kind, rule in found.items():
        for word in rule.aliases:
            if owners.setdefault(word, kind) != kind:
                raise UserError(f"rules {owners[word]} and {kind}: both are called {word}")
    return found


def words() -> tuple[str, ...]:
    """Return every word that names a rule: kinds, and the older names of some."""
    return tuple(word for kind, rule in rules().items() for word in (kind, *rule.aliases))


def find_rule(word: str) -> type[Rule[Any, Any]]:
    """Return the rule of a kind or an older name; UserError where there is none."""
    for kind, rule in rules().items():
        if word in (kind, *rule.aliases):
            return rule
    raise UserError(f"rule {word!r}; choose one of {', '.join(words())}")


def __getattr__(name: str) -> Any:
    """Return a rule by the name of its class: ``rules.Adjoint``."""
    return _REGISTRY.by_class(name)


def __dir__() -> list[str]:
    """Return what stands here, with the names of all classes."""
    return sorted({*globals(), *_REGISTRY.names()})
