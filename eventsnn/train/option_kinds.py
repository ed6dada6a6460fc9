"""Which types the options of a run may have, in a TOML file and in a checkpoint."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

from eventsnn.errors import UserError
from eventsnn.rules.deep_spiking.options import HerdingOptions
from eventsnn.rules.gradient.options import GradientOptions
from eventsnn.text import shown
from eventsnn.train.options import TrainOptions

LARGEST = 1 << 53
"""A whole number beyond it means nothing here, but for a seed."""


_GROUPS: dict[str, type[TrainOptions | HerdingOptions | GradientOptions]] = {
    "": TrainOptions,
    "herding": HerdingOptions,
    "gradient": GradientOptions,
}


def kinds_of(name: str) -> tuple[tuple[type, ...], str]:
    """Return the types that an option may have in a file, and how to say so."""
    hints: dict[str, Any] = {}
    for options in (GradientOptions, HerdingOptions, TrainOptions):
        hints |= get_type_hints(options)
    hint = hints[name]
    if name == "layers":
        return (str, list), 'sizes, such as "2312-200-10"'
    if name == "teacher":
        return (str, list), "a word in quotes, or a list of them"
    if hint is bool:
        return (bool,), "true or false"
    if hint in (int, int | None):
        return (int,), "a whole number"
    return ((int, float), "a number") if hint is float else ((str,), "a word in quotes")


def check_value(name: str, value: Any) -> None:
    """Refuse a value that an option cannot have, whatever the others are."""
    kinds, remedy = kinds_of(name)
    if type(value) not in kinds:
        raise UserError(f"{name} is {shown(value)}; give {remedy}")
    if type(value) is int and abs(value) > LARGEST and name != "seed":
        raise UserError(f"{name} is {shown(value)}; give at most {LARGEST}")
    if type(value) is str and "\0" in value:
        raise UserError(f"{name} is {shown(value)}; give text without a zero byte")


def checked_options(values: dict[str, Any]) -> dict[str, Any]:
    """Check the types of the options in a checkpoint, as ``TrainOptions.to_json`` wrote them.

    Raises
    ------
    UserError
        That names the option and its value.
    """
    for group, kind in _GROUPS.items():
        # Runs of version 0.1.0 knew no gradient rules.
        part = values.get(group, {}) if group else values
        if not isinstance(part, dict):
            raise UserError(f"options {group} are {shown(part)}")
        known = {f.name for f in fields(kind)}
        for name, value in part.items():
            if name not in known:
                raise UserError(f"unknown option {shown(name)}")
            nested = name in ("herding", "gradient") and not group
            if not nested and not (name == "limit" and value is None):
                check_value(name, _whole(name, value))
    return values


def _whole(name: str, value: Any) -> Any:
    """Return 10.0 as 10 where a whole number is meant: the arithmetic is the same."""
    whole = kinds_of(name)[0] == (int,) and type(value) is float and value.is_integer()
    return int(value) if whole else value
