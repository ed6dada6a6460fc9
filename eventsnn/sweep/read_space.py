"""The table [space] of a study file."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from eventsnn.errors import UserError
from eventsnn.options import Declared
from eventsnn.sweep.dimension import DIGITS, Dimension, OneOf, Range
from eventsnn.sweep.space import Space
from eventsnn.text import named, shown

_APART = {"data", "limit", "skip", "hold_out", "window_us"}
"""Options that change which recordings are held out: trials that differ in them do not compare."""

_RANGE = ("low", "high", "log", "step", "points", "when")
_FORMS = "a list of values, or { low = ..., high = ... }"


def read_space(table: Mapping[str, Any], known: Mapping[str, Declared]) -> Space:
    """Return the space of a table, whose options are among ``known``.

    Raises
    ------
    UserError
        With the key, the value and the remedy; the file is for the caller to name.
    """
    found: dict[str, Dimension] = {}
    for name, told in table.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]}?" if near else "; give options of eventsnn train"
            raise UserError(f"space.{named(name)}: there is no such option{hint}")
        where = f"space.{name}"
        if name in _APART:
            raise UserError(
                f"{where}: it changes which recordings are held out, and such trials do not "
                "compare; give it in [train], and a study for each value"
            )
        try:
            found[name] = _dimension(known[name], told, found)
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
    if not found:
        raise UserError("space: is empty; give what shall be tried, such as rate = [0.001, 0.01]")
    return Space(tuple(found.values()))


def _dimension(one: Declared, told: Any, above: Mapping[str, Dimension]) -> Dimension:
    if isinstance(told, list):
        return OneOf(one.name, (), _values(one, told))
    if not isinstance(told, dict):
        raise UserError(f"is {shown(told)}; give {_FORMS}")
    when = _when(told.get("when", {}), above)
    if "values" in told:
        _only(told, ("values", "when"))
        if not isinstance(told["values"], list):
            raise UserError(f"values is {shown(told['values'])}; give a list")
        return OneOf(one.name, when, _values(one, told["values"]))
    _only(told, _RANGE)
    return _range(one, told, when)


def _only(told: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in told:
        if key not in keys:
            raise UserError(f"{named(key)} is unknown; give {', '.join(keys)}")


def _values(one: Declared, given: list[Any]) -> tuple[Any, ...]:
    if not given:
        raise UserError("the list is empty; give the values that shall be tried")
    known: list[Any] = []
    for value in given:
        if not isinstance(value, bool | int | float | str):
            raise UserError(f"value {shown(value)}; give numbers, words, true or false")
        taken = _checked(one, value)
        if taken in known:
            raise UserError(f"value {shown(value)} stands there twice; leave one out")
        known.append(taken)
    return tuple(given)


def _checked(one: Declared, value: Any) -> Any:
    """Return a value as the option has it, or refuse it."""
    try:
        taken = one.taken(value)
    except UserError as error:
        # The name of the option is the place already.
        raise UserError(str(error).removeprefix(f"{one.name} is ")) from error
    # What says that nothing was chosen passes as a default; a sweep has to choose.
    number = isinstance(taken, int | float) and not isinstance(taken, bool)
    if number and one.said.form is None and not one.said.holds(taken):
        raise UserError(f"{shown(value)}; give {one.said.bounds}")
    return taken


def _range(one: Declared, told: Mapping[str, Any], when: Any) -> Dimension:
    if one.kind not in (int, float) or one.choices or one.said.form is not None:
        raise UserError(f"is {shown(dict(told))}, and takes {one.remedy}; give a list of values")
    for key in ("low", "high"):
        if key not in told:
            raise UserError(f"{key} is missing; give {_FORMS}")
        if not isinstance(told[key], int | float) or isinstance(told[key], bool):
            raise UserError(f"{key} is {shown(told[key])}; give a number")
        _checked(one, told[key])
    low, high, log = told["low"], told["high"], told.get("log", False)
    if not isinstance(log, bool):
        raise UserError(f"log is {shown(log)}; give true or false")
    if not low < high:
        raise UserError(f"low is {shown(low)} and high {shown(high)}; give a lower low")
    if log and low <= 0:
        raise UserError(f"log is true and low {shown(low)}; give a low above 0")
    whole = one.kind is int
    if "points" in told:
        return OneOf(one.name, when, _spaced(told, whole))
    step = _step(told, whole)
    low, high = (low, high) if whole else (float(low), float(high))
    return Range(one.name, when, low, high, log, step, whole)


def _step(told: Mapping[str, Any], whole: bool) -> float | None:
    step: float | None = told.get("step")
    if step is None:
        return None
    kinds = (int,) if whole else (int, float)
    if not isinstance(step, kinds) or isinstance(step, bool) or not 0 < step < math.inf:
        raise UserError(f"step is {shown(step)}; give a {'whole ' * whole}number above 0")
    if told.get("log"):
        raise UserError("step and log are given; give points for values along a logarithm")
    if step > told["high"] - told["low"]:
        raise UserError(f"step is {shown(step)}, beyond high; give a smaller one")
    return step if whole else float(step)


def _spaced(told: Mapping[str, Any], whole: bool) -> tuple[Any, ...]:
    """Return so many values, evenly along a range or its logarithm."""
    points, low, high = told["points"], told["low"], told["high"]
    if "step" in told:
        raise UserError("step and points are given; leave one of them out")
    if not isinstance(points, int) or isinstance(points, bool) or not 2 <= points <= 1000:
        raise UserError(f"points is {shown(points)}; give a whole number from 2 to 1000")
    shares = [k / (points - 1) for k in range(points)]
    if told.get("log"):
        values = [low * (high / low) ** share for share in shares]
    else:
        values = [low + (high - low) * share for share in shares]
    # Of distance, not of letters: neighbours stay apart.
    made = [round(v) if whole else float(f"{v:.{DIGITS}g}") for v in values]
    made = [min(max(v, low), high) for v in made]
    if len(set(made)) < points:
        raise UserError(f"points is {points}, and some are equal; give fewer")
    return tuple(made)


def _when(told: Any, above: Mapping[str, Dimension]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the values of each option above with which one is there, also those that they need."""
    if not isinstance(told, dict):
        raise UserError(f'when is {shown(told)}; give a table, such as {{ rule = "adjoint" }}')
    found: dict[str, tuple[Any, ...]] = {}
    for name, value in told.items():
        if name not in above:
            raise UserError(f"when names {shown(name)}; give an option that stands above in space")
        values, have = value if isinstance(value, list) else [value], above[name].grid()
        if have is None:
            raise UserError(f"when names {shown(name)}, a range; give an option of some values")
        if not values:
            raise UserError(f"when {name} is an empty list; give values of it")
        for one in values:
            if one not in have:
                raise UserError(f"when {name} is {shown(one)}, which it never is; give another")
        for needed, wanted in (*above[name].when, (name, tuple(values))):
            both = tuple(one for one in found.get(needed, wanted) if one in wanted)
            if not both:
                raise UserError(
                    f"when: {name} is there with {needed} {shown(wanted)} alone, and {needed} "
                    f"shall be {shown(found[needed])}; give what can be together"
                )
            found[needed] = both
    return tuple(found.items())
