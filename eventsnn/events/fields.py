"""Which field of a structured array is the time, the column, the row, the polarity of an event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events.checked import Shape, as_array
from eventsnn.text import named, shown

NAMES = {
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps"),
    "x": ("x", "xs", "col", "column"),
    "y": ("y", "ys", "row"),
    "p": ("p", "pol", "polarity", "polarities", "on"),
}
"""The names by which a field is known, in upper or lower case, as name or as numpy title."""

_MEANING = {"t": "time", "x": "column", "y": "row", "p": "polarity"}


def event_fields(events: object, shape: Shape, source: str) -> dict[str, NDArray[Any]]:
    """Return the columns of a structured array by their role.

    Parameters
    ----------
    events : structured array (n,)
    shape : (int, int, int)
        Polarities, height and width of the sensor.

    Returns
    -------
    dict of str to array (n,)
        ``t``, and of ``p``, ``y``, ``x`` those that there are.

    Raises
    ------
    DataError
        If it is no structured array (n,), if two fields may be the same, or if one is missing
        that the sensor has more than one of.
    """
    array = as_array(events, "the event array", source)
    fields = array.dtype.fields
    if not fields:
        columns = array.ndim == 2 and array.shape[1] in (3, 4)
        remedy = "EventStream.from_arrays takes columns; in a file name them: "
        remedy += "np.savez(path, t=a[:, 0], x=a[:, 1], y=a[:, 2], p=a[:, 3])"
        raise DataError(
            f"{source}: an array of events has named fields t, x, y, p; this one has the dtype "
            f"{array.dtype!s:.60}{f' and shape {array.shape}; {remedy}' * columns}"
        )
    if array.ndim != 1:
        raise DataError(f"{source}: event array of shape {array.shape}; give (n,), an event each")
    found = _found(array.dtype, source)
    for role, size in zip("tpyx", (2, *shape), strict=True):
        if role not in found and size > 1:
            have = f", and the sensor has {size} of them" if role != "t" else ""
            raise DataError(
                f"{source}: the {_MEANING[role]} of the events is missing{have}; call its field "
                f"{' or '.join(NAMES[role])} (there are {_told(array.dtype)})"
            )
    return {role: array[name] for role, name in found.items()}


def _found(dtype: np.dtype[Any], source: str) -> dict[str, str]:
    """Return the name of the field of each role."""
    roles = {name: role for role, names in NAMES.items() for name in names}
    found: dict[str, str] = {}
    for field in dtype.names or ():
        title = dtype.fields[field][2:] if dtype.fields else ()
        called = [name.lower() for name in (field, *title) if isinstance(name, str)]
        for role in dict.fromkeys(roles[name] for name in called if name in roles):
            if role in found:
                raise DataError(
                    f"{source}: both {shown(found[role])} and {shown(field)} may be the "
                    f"{_MEANING[role]} of the events; keep one of these fields"
                )
            found[role] = field
    twice = [name for name in found.values() if list(found.values()).count(name) > 1]
    if twice:
        raise DataError(
            f"{source}: field {shown(twice[0])} has a title that says something else; rename it"
        )
    return found


def _told(dtype: np.dtype[Any]) -> str:
    return named(", ".join(dtype.names or ()))
