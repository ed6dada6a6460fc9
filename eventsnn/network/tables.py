"""Tables of a network file: each key is asked what it is, and what is made of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from eventsnn.errors import DataError, UserError
from eventsnn.options import declared
from eventsnn.text import named

T = TypeVar("T")
Table = dict[str, Any]
_SAID = {int: "whole number", float: "number", str: "text", dict: "table", list: "list"}


def get(table: Table, key: str, kinds: tuple[type, ...], where: str) -> Any:
    """Return the value of a key, which must be of one of some types."""
    if key not in table:
        raise DataError(f"{where} lacks the key {key}; give it")
    value = table[key]
    if not isinstance(value, kinds) or isinstance(value, bool):
        names = " or ".join(_SAID.get(kind, kind.__name__) for kind in kinds)
        raise DataError(f"{where}.{key} is {named(value)}; give a {names}")
    return value


def known(table: Table, keys: tuple[str, ...], where: str) -> None:
    """Refuse a key that means nothing here."""
    for key in table:
        if key not in keys:
            listed = ", ".join(keys) or "none"
            raise DataError(f"{where} has the unknown key {named(repr(key))}; known: {listed}")


def number(table: Table, key: str, where: str) -> float:
    """Return the finite number of a key."""
    value = get(table, key, (int, float), where)
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise DataError(f"{where}.{key} is {named(value)}; give a finite number")
    return found


def described(kind: type[T], table: Table, where: str) -> T:
    """Make a dataclass of declared options from a table with a ``kind``, naming what is wrong."""
    values = {key: value for key, value in table.items() if key != "kind"}
    for name, one in declared(kind).items():
        if name in values and one.kind is float:
            number(values, name, where)
        if name in values:
            try:
                values[name] = one.taken(values[name])
            except UserError as error:
                raise DataError(f"{where}.{error}") from error
    return built(kind, values, where)


def built(kind: type[T], values: Table, where: str) -> T:
    """Make a dataclass from named values, naming the key that is unknown or missing."""
    known_fields = {f.name: f for f in fields(kind) if f.init}  # type: ignore[arg-type]
    known(values, tuple(known_fields), where)
    for name, f in known_fields.items():
        if f.default is MISSING and name not in values:
            raise DataError(f"{where} lacks the key {name}; give it")
    for name, value in values.items():
        wanted = str(known_fields[name].type)
        if isinstance(value, bool) != (wanted == "bool"):
            raise DataError(f"{where}.{name} is {value!r}; give a {wanted}")
        if isinstance(value, str) and "float" in wanted and "NDArray" not in wanted:
            raise DataError(f"{where}.{name} is {value!r}; give a number")
    return made(lambda: kind(**values), where)


def made(make: Callable[[], T], where: str) -> T:
    """Return what ``make`` makes; what it refuses is told with the place in the file."""
    try:
        return make()
    except (UserError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: {error}") from error
