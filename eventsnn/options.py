"""Options: what can be chosen, each declared once, as a field of a frozen dataclass.

``option(64, "Recordings an update.", least=1)`` declares type (by the field's annotation), default,
help, unit and bounds. Files, command lines, checkpoints and Python programs are checked by the same
declaration; the flags of a command, the keys of a TOML file and tables of a page are made from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from eventsnn.errors import UserError
from eventsnn.text import shown

LARGEST = 1 << 53
"""A whole number beyond it means nothing, unless an option says so."""

T = TypeVar("T")
_KEY = "option"
_INLINE = "inline"
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word in quotes"}


class Form(NamedTuple):
    """How a value that is no single number or word is written.

    Attributes
    ----------
    types : tuple of type
        That may stand in a file or a program.
    remedy : str
        What to give, for messages.
    read : callable
        From one of them to the value; raises UserError where there is none.
    repeated : bool
        Whether the flag may be given several times, instead of one text.
    """

    types: tuple[type, ...]
    remedy: str
    read: Callable[[Any], Any]
    repeated: bool = False


@dataclass(frozen=True)
class Option:
    """What is said of an option beside its name, type and default.

    Attributes
    ----------
    help : str
        Sentences for people.
    unit : str
        Of a number: "microseconds"; "" where it has none.
    least, most : int or float or None
        Bounds that are allowed themselves.
    above, below : float or None
        Bounds that are not.
    choices : tuple of str, or callable that returns one
        Words of which it is one; empty: any. Those of a ``Literal`` need not be repeated.
    flag : str
        On the command line, where it is not ``--name`` (``--name/--no-name`` of a bool).
    form : Form or None
        Of what is neither bool, number nor word.
    """

    help: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] = ()
    flag: str = ""
    form: Form | None = None

    @property
    def bounds(self) -> str:
        """The bounds in words, "" if there are none."""
        if self.least is not None and self.most is not None:
            return f"from {self.least} to {self.most}"
        parts = []
        if self.least is not None:
            parts.append("0 or more" if self.least == 0 else f"at least {self.least}")
        if self.above is not None:
            parts.append(f"more than {self.above:g}")
        if self.most is not None:
            parts.append(f"at most {self.most}")
        if self.below is not None:
            parts.append(f"below {self.below:g}")
        return ", ".join(parts)

    def holds(self, value: float) -> bool:
        """Return whether a number is finite and within the bounds."""
        low = self.least is None or value >= self.least
        high = self.most is None or value <= self.most
        above = self.above is None or value > self.above
        below = self.below is None or value < self.below
        finite = isinstance(value, int) or math.isfinite(value)
        return low and high and above and below and finite


def option(default: Any, help: str, **more: Any) -> Any:
    """Declare an option as a field of a dataclass; ``more`` as for ``Option``."""
    return field(default=default, metadata={_KEY: Option(help, **more)})


def inline(options: type[Any]) -> Any:
    """Declare a field that holds other options; outside they stand among those around them."""
    return field(default_factory=options, metadata={_INLINE: options})


@dataclass(frozen=True)
class Declared:
    """An option of a dataclass.

    Attributes
    ----------
    default : Any
        What it is where nothing is given, be it in bounds or not.
    """

    name: str
    kind: type[Any]
    default: Any
    said: Option
    literal: tuple[str, ...] = ()

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
        if type(value) is type(self.default) and value == self.default:
            return value  # also one that says no more than that nothing was chosen
        form = self.said.form
        if form is not None:
            if not isinstance(value, form.types):
                raise UserError(f"{self.name} is {shown(value)}; give {form.remedy}")
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

    def _check_size(self, value: Any) -> None:
        """Check a value of the right type."""
        if isinstance(value, str):
            if "\0" in value:
                raise UserError(f"{self.name} is {shown(value)}; give text without a zero byte")
            return
        if not self.said.holds(value):
            raise UserError(f"{self.name} is {shown(value)}; give {self.said.bounds or 'a number'}")
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
        if _INLINE in one.metadata:
            found |= declared(one.metadata[_INLINE])
        elif _KEY in one.metadata:
            kind, literal = _kind(hints[one.name])
            default = None if one.default is MISSING else one.default
            said = one.metadata[_KEY]
            found[one.name] = Declared(one.name, kind, default, said, literal)
    return found


def _kind(hint: Any) -> tuple[type[Any], tuple[str, ...]]:
    """Return the type that an annotation names, and its words; None may stand beside it."""
    if get_origin(hint) is Literal:
        return str, get_args(hint)
    parts = [part for part in get_args(hint) if part is not type(None)]
    if type(None) in get_args(hint) and len(parts) == 1:
        return _kind(parts[0])
    return get_origin(hint) or hint, ()


def take(options: Any) -> None:
    """Check every option of a frozen dataclass at its door, and keep it as ``taken``.

    For ``__post_init__``.

    Raises
    ------
    UserError
        For the first value that cannot be.
    """
    kind: Any = type(options)
    own = _declared(kind)
    for one in fields(options):
        if one.name in own:
            value = own[one.name].taken(getattr(options, one.name))
            object.__setattr__(options, one.name, value)


def made(options: type[T], values: dict[str, Any]) -> T:
    """Return options from a flat dictionary, of which only those are taken that they have."""
    given: dict[str, Any] = {}
    for one in fields(options):  # type: ignore[arg-type]
        if _INLINE in one.metadata:
            given[one.name] = made(one.metadata[_INLINE], values)
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
        if _INLINE in one.metadata:
            yield from _values(value)
        elif _KEY in one.metadata:
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
