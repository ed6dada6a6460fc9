"""The door for options: files, command lines, checkpoints and programs are asked the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from eventsnn.errors import UserError
from eventsnn.options.declaration import INLINE, KEY, Option
from eventsnn.text import shown

LARGEST = 1 << 53
"""A whole number beyond it means nothing, unless an option says so."""

T = TypeVar("T")
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word in quotes"}


@dataclass(frozen=True)
class Declared:
    """An option of a dataclass.

    Attributes
    ----------
    default : Any
        What it is where nothing is given, be it in bounds or not.
    needed : bool
        Whether it must be given: then None is no value of it.
    """

    name: str
    kind: type[Any]
    default: Any
    said: Option
    literal: tuple[str, ...] = ()
    needed: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The words of which it is one; empty: any."""
        given = self.said.choices
        return (given() if callable(given) else given) or self.literal

    @property
    def remedy(self) -> str:
        """What to give, whatever was given."""
        if self.said.form is not None:
            return self.said.form.remedy
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        bounds = self.said.bounds
        comma = "" if bounds.startswith("from") or not bounds else ","
        return f"{_KINDS[self.kind]}{comma} {bounds}".strip()

    def taken(self, value: Any) -> Any:
        """Return a value from outside as this option has it.

        Raises
        ------
        UserError
            Of one line, with the name, the value and what to give instead.
        """
        value = _python(value)
        if not self.needed and type(value) is type(self.default) and value == self.default:
            return value  # also one that says no more than that nothing was chosen
        form = self.said.form
        if form is not None:
            if not isinstance(value, form.types):
                raise UserError(f"{self.name} is {shown(value)}; give {form.remedy}")
            parts: Any = value if isinstance(value, list | tuple) else [value]
            for part in parts:
                self._check_text(part)
            if value == "" and issubclass(self.kind, Path):  # Path("") is the current folder
                raise UserError(f"{self.name} is ''; give {form.remedy}")
            return form.read(value)
        if self.choices:
            if not (isinstance(value, str) and value in self.choices):
                words = ", ".join(self.choices)
                raise UserError(f"{self.name} is {shown(value)}; choose one of {words}")
            return value
        if not _of_kind(value, self.kind):
            raise UserError(f"{self.name} is {shown(value)}; give {self.remedy}")
        if self.kind is not bool:
            self._check_size(value)
        return value

    def whole(self, value: Any) -> Any:
        """Return 10.0 as 10 where a whole number is meant: the arithmetic is the same."""
        whole = self.kind is int and type(value) is float and value.is_integer()
        return int(value) if whole else value

    def _check_text(self, value: Any) -> None:
        if isinstance(value, str) and "\0" in value:
            raise UserError(f"{self.name} is {shown(value)}; give text without a zero byte")

    def _check_size(self, value: Any) -> None:
        """Check a value of the right type."""
        if isinstance(value, str):
            self._check_text(value)
            return
        if not self.said.holds(value):
            finite = isinstance(value, int) or math.isfinite(value)
            wanted = self.said.bounds or "a number"
            if not finite:
                wanted = f"a finite number{', ' if self.said.bounds else ''}{self.said.bounds}"
            raise UserError(f"{self.name} is {shown(value)}; give {wanted}")
        if isinstance(value, int) and self.said.most is None and abs(value) > LARGEST:
            raise UserError(f"{self.name} is {shown(value)}; give at most {LARGEST}")


def _python(value: Any) -> Any:
    """Return a numpy scalar as Python's: ``numpy.uint8(20) ** 2`` is 144, and JSON has no numpy."""
    if isinstance(value, np.floating):
        return float(value)
    return value.item() if isinstance(value, np.integer | np.bool_) else value


def _of_kind(value: Any, kind: type[Any]) -> bool:
    """Return whether a value is of a type; whole numbers are numbers, truth values are not."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def declared(options: Any) -> dict[str, Declared]:
    """Return the options of a dataclass by name, in their order; those of inline fields, too."""
    return dict(_declared(options))


@cache
def _declared(options: Any) -> dict[str, Declared]:
    hints = get_type_hints(options)
    found: dict[str, Declared] = {}
    for one in fields(options):
        if INLINE in one.metadata:
            found |= declared(one.metadata[INLINE])
        elif KEY in one.metadata:
            kind, literal = _kind(hints[one.name])
            needed = one.default is MISSING
            default = None if needed else one.default
            said = one.metadata[KEY]
            found[one.name] = Declared(one.name, kind, default, said, literal, needed)
    return found


def _kind(hint: Any) -> tuple[type[Any], tuple[str, ...]]:
    """Return the type that an annotation names, and its words; None may stand beside it."""
    if get_origin(hint) is Literal:
        return str, get_args(hint)
    parts = [part for part in get_args(hint) if part is not type(None)]
    if type(None) in get_args(hint) and len(parts) == 1:
        return _kind(parts[0])
    return get_origin(hint) or hint, ()


def take(options: Any, what: str = "") -> None:
    """Check every option of a frozen dataclass at its door, and keep it as ``taken``.

    For ``__post_init__``; ``what`` goes before a message, as the thing that refuses.

    Raises
    ------
    UserError
        For the first value that cannot be.
    """
    kind: Any = type(options)
    own = _declared(kind)
    for one in fields(options):
        if one.name in own:
            try:
                value = own[one.name].taken(getattr(options, one.name))
            except UserError as error:
                if not what:
                    raise
                raise UserError(f"{what}: {error}") from error
            object.__setattr__(options, one.name, value)


def made(options: type[T], values: dict[str, Any]) -> T:
    """Return options from a flat dictionary, of which only those are taken that they have."""
    given: dict[str, Any] = {}
    for one in fields(options):  # type: ignore[arg-type]
        if INLINE in one.metadata:
            given[one.name] = made(one.metadata[INLINE], values)
        elif one.name in values:
            given[one.name] = values[one.name]
    return options(**given)


def flat(options: Any) -> dict[str, Any]:
    """Return options as plain JSON: flat, tuples as lists."""
    out: dict[str, Any] = {}
    for name, value in _values(options):
        out[name] = list(value) if isinstance(value, tuple) else value
    return out


def _values(options: Any) -> Iterator[tuple[str, Any]]:
    for one in fields(options):
        value = getattr(options, one.name)
        if INLINE in one.metadata:
            yield from _values(value)
        elif KEY in one.metadata:
            yield one.name, value


def read_json(options: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return options that ``flat`` wrote as they are kept.

    Raises
    ------
    UserError
        Where one is unknown, or cannot be.
    """
    known = declared(options)
    unknown = [name for name in values if name not in known]
    if unknown:
        raise UserError(f"unknown option {shown(unknown[0])}")
    return {name: known[name].taken(known[name].whole(value)) for name, value in values.items()}


def renamed(known: Mapping[str, Declared], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that are given by names of former times by those of today.

    Raises
    ------
    UserError
        Where one is given by both.
    """
    today = {old: one.name for one in known.values() for old in one.said.former}
    out: dict[str, Any] = {}
    for name, value in values.items():
        new = name if name in known else today.get(name, name)
        if new in out or (new != name and new in values):
            old = ", ".join(set(today) & set(values))
            raise UserError(f"{new} is given twice; leave out {old}, its former name")
        out[new] = value
    return out
