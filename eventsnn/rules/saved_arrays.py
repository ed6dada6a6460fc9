"""Arrays of a checkpoint, compared with those that a rule would have written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.rules.learned import Arrays


def like(arrays: Arrays, name: str, old: Any) -> NDArray[Any]:
    """Return a copy of one array, which must have the shape and dtype of ``old``.

    Raises
    ------
    UserError or KeyError
        If it has others, or is missing.
    """
    new = arrays[name]
    if new.shape != old.shape or new.dtype != old.dtype:
        raise UserError(f"{name} is {new.dtype} {new.shape}, not {old.dtype} {old.shape}")
    return new.copy()


def taken(arrays: Arrays, expected: Arrays) -> Arrays:
    """Return copies of all arrays that are ``expected``; whole numbers are counts.

    Raises
    ------
    UserError or KeyError
        Where one has another shape or dtype, is missing, holds a count that is none, or a number
        that is not finite.
    """
    found = {name: like(arrays, name, old) for name, old in expected.items()}
    for name, new in found.items():
        if new.dtype.kind == "i" and ((new < 0) | (new >= 1 << 53)).any():
            raise UserError(f"{name} holds {int(new.min())} to {int(new.max())}")
        if new.dtype.kind == "f" and not np.isfinite(new).all():
            raise UserError(f"{name} holds what is no finite number")
    return found
