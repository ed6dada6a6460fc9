"""Parameters that are one number for all neurons of a population, or one for each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.given import check_no_mask
from eventsnn.neurons.neuron import Neuron, real_number
from eventsnn.text import shown

Values = float | Sequence[float]
"""One number, or one a neuron; a model keeps a float, or a tuple of floats."""


def take(model: Neuron, *names: str) -> None:
    """Make parameters floats or tuples of floats; refuse what is neither, naming it."""
    for name in names:
        given = getattr(model, name)
        check_no_mask(given, f"neuron {model.kind}: {name}")
        if isinstance(given, Real):
            real_number(model, name)
            continue
        try:
            values = np.asarray(given)
        except (TypeError, ValueError, OverflowError):
            values = np.zeros(0)
        if values.dtype.kind not in "iuf" or values.ndim > 1 or not values.size:
            raise UserError(
                f"neuron {model.kind}: {name} is {shown(given)}; give a number, or one a neuron"
            )
        kept = values.astype(np.float64).tolist()
        object.__setattr__(model, name, kept if isinstance(kept, float) else tuple(kept))


def demand(
    model: Neuron, name: str, fine: Callable[[NDArray[np.float64]], Any], remedy: str
) -> None:
    """Refuse a parameter for which, or for a neuron of which, ``fine`` is not true."""
    values = np.asarray(getattr(model, name), np.float64)
    right = np.atleast_1d(np.asarray(fine(values), np.bool_))
    if not right.all():
        unit = int(np.argmin(right))
        value = np.broadcast_to(values, right.shape)[unit]
        whose = f" of neuron {unit}" if right.size > 1 else ""
        raise UserError(f"neuron {model.kind}: {name}{whose} is {value}; {remedy}")


def width_of(model: Neuron) -> int | None:
    """Return for how many neurons parameters are given; None where each is one for all."""
    given = {f.name: getattr(model, f.name) for f in fields(model)}  # type: ignore[arg-type]
    widths = {name: len(value) for name, value in given.items() if isinstance(value, tuple)}
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in widths.items())
        raise UserError(f"neuron {model.kind}: other numbers of values: {told}; give as many each")
    return next(iter(widths.values()), None)


def one_of(model: Neuron, unit: int) -> dict[str, Any]:
    """Return the parameters of one neuron that are given a neuron."""
    given = {f.name: getattr(model, f.name) for f in fields(model)}  # type: ignore[arg-type]
    return {name: value[unit] for name, value in given.items() if isinstance(value, tuple)}


def added(value: Values, amount: float) -> Values:
    """Return a parameter with an amount more, for all neurons."""
    return tuple(v + amount for v in value) if isinstance(value, tuple) else value + amount  # type: ignore[operator]


def told(model: Neuron) -> str:
    """Return a model as Python writes it: what is not as declared, and of many values how many."""
    parts = []
    for f in fields(model):  # type: ignore[arg-type]
        value = getattr(model, f.name)
        if value == f.default and type(value) is type(f.default):
            continue
        many = isinstance(value, tuple) and len(value) > 4
        parts.append(f"{f.name}=" + (f"<{len(value):,} values>" if many else repr(value)))
    return f"{type(model).__name__}({', '.join(parts)})"
