"""Parameters of integer neurons, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsnn.errors import UserError
from eventsnn.events.checked import TIME_END
from eventsnn.neurons.neuron import Neuron, check_positive
from eventsnn.text import shown

MOST_FRACTION = 24
MOST_TICK = 1 << 20

Thresholds = int | Sequence[int]
"""One for all neurons; or one a channel: neuron j has number j % len."""


def whole(value: Any) -> int | None:
    """Return a whole number as an int; None for what is none."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    return None


def check_clock(model: Neuron) -> None:
    """Check tau, the tick and the bits behind the point of a potential."""
    check_positive(model, "tau_us", infinite=True)
    tau: float = getattr(model, "tau_us")  # noqa: B009 - models differ, the field is theirs
    if TIME_END < tau < math.inf:
        raise UserError(
            f"neuron {model.kind}: tau_us is {tau}; give 2**53 at most, or inf for no leak"
        )
    _take(model, "fraction", 0, MOST_FRACTION)
    _take(model, "tick_us", 1, MOST_TICK)
    tick: int = getattr(model, "tick_us")  # noqa: B009 - models differ, the field is theirs
    if tick & (tick - 1):
        raise UserError(
            f"neuron {model.kind}: tick_us is {tick}; give a power of two, which a shift divides by"
        )


def _take(model: Neuron, name: str, least: int, most: int) -> None:
    given = getattr(model, name)
    value = whole(given)
    if value is None or not least <= value <= most:
        raise UserError(
            f"neuron {model.kind}: {name} is {shown(given)}; give a whole number from {least} to "
            f"{most}"
        )
    object.__setattr__(model, name, value)


def check_thresholds(model: Neuron, limit: int) -> None:
    """Make ``threshold`` an int or a tuple of ints, from 1 to ``limit``."""
    given: Any = getattr(model, "threshold")  # noqa: B009
    many = isinstance(given, list | tuple | np.ndarray)
    values = [whole(value) for value in given] if many else [whole(given)]
    for k, value in enumerate(values or [None]):
        if value is None or not 1 <= value <= limit:
            whose = f" of channel {k}" if len(values) > 1 else ""
            wrong = given[k] if many and len(given) else given
            raise UserError(
                f"neuron {model.kind}: threshold{whose} is {shown(wrong)}; give a whole number "
                f"from 1 to {limit}"
            )
    kept = tuple(value for value in values if value is not None)
    object.__setattr__(model, "threshold", kept if many else kept[0])
