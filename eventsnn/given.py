"""What is given by numpy's types, at the door: masks are refused, scalars become Python's."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from eventsnn.errors import UserError


def check_no_mask(values: Any, where: str, error: type[UserError] = UserError) -> None:
    """Refuse a masked array with a masked element, whose value nobody may use.

    ``numpy.asarray`` would take the value that lies under the mask.

    Raises
    ------
    UserError, or the ``error`` that is given
        It names the first masked element.
    """
    if not isinstance(values, np.ma.MaskedArray):
        return
    mask = np.ascontiguousarray(np.ma.getmaskarray(values))
    # The mask of a structured array has a truth value a field.
    flat = mask.reshape(-1).view(np.bool_).reshape(mask.size, -1).any(axis=1)
    if flat.any():
        place = tuple(int(k) for k in np.unravel_index(int(flat.argmax()), mask.shape))
        at = place[0] if len(place) == 1 else place
        raise error(f"{where}: element {at} is masked; fill it, or leave it out")


def plain_scalars(options: Any) -> None:
    """Turn numpy scalars in the fields of a frozen dataclass into Python's numbers.

    ``numpy.uint8(20) ** 2`` is 144, and JSON has no numpy.
    """
    for field in fields(options):
        value = getattr(options, field.name)
        if isinstance(value, np.floating):
            object.__setattr__(options, field.name, float(value))
        elif isinstance(value, np.integer | np.bool_):
            object.__setattr__(options, field.name, value.item())
