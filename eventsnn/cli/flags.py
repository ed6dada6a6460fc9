"""Flags of a command made from declared options: names, types, help, bounds, defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import Parameter
from typing import Annotated, Any

import typer

from eventsnn.options import Declared


def flag_of(one: Declared) -> str:
    """Return the flag of an option, both of them where there is one for no."""
    if one.said.flag:
        return one.said.flag
    flag = f"--{one.name.replace('_', '-')}"
    return f"{flag}/--no-{flag[2:]}" if one.kind is bool else flag


def facts_of(one: Declared, default: Any) -> str:
    """Return what a line of help says in brackets: words or bounds, and the default.

    A default out of bounds says that nothing is chosen, which the help tells in words.
    """
    parts = one.choices or (one.said.unit, one.said.bounds)
    facts = [", ".join(part for part in parts if part)]
    if one.kind is bool:
        words = flag_of(one).split("/")
        facts += [f"default {words[0 if default else 1]}"] if len(words) == 2 else []
    elif isinstance(default, str) and default:
        facts.append(f"default {default}")
    elif isinstance(default, int | float) and one.said.holds(default):
        facts.append(f"default {default:.10g}")
    return "; ".join(fact for fact in facts if fact)


def parameters(
    options: Iterable[Declared],
    panel: str | None = None,
    defaults: Mapping[str, Any] | None = None,
    hidden: bool = False,
) -> list[Parameter]:
    """Return options as parameters of a command; one that is not given is None.

    Parameters
    ----------
    options : iterable of Declared
    panel : str, optional
        The part of the help in which they stand.
    defaults : mapping, optional
        Of a recipe, where they are not the declared ones.
    hidden : bool
        Whether the help leaves them out.
    """
    return [_parameter(one, panel, defaults or {}, hidden) for one in options]


def _parameter(
    one: Declared, panel: str | None, defaults: Mapping[str, Any], hidden: bool
) -> Parameter:
    facts = facts_of(one, defaults.get(one.name, one.default))
    repeated = one.said.form is not None and one.said.form.repeated
    flag = typer.Option(
        flag_of(one),
        metavar="<str>" if repeated else None,  # the table has no room for <list[str]>
        help=f"{one.said.help} ({facts})" if facts else one.said.help,
        rich_help_panel=panel,
        hidden=hidden,
    )
    kind: Any = one.kind if one.said.form is None else str
    if repeated:
        kind = list[str]
    return Parameter(
        one.name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, flag]
    )
