"""Files of arrays that hold events or images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.files.arrays import read_arrays


def events_or_images(path: Path) -> NDArray[Any]:
    """Return the array of a file; arrays of one field each (t, x, y, p) become one of events."""
    found = read_arrays(path)
    if isinstance(found, np.ndarray):
        return found
    columns = [array for array in found.values() if array.ndim == 1 and not array.dtype.names]
    if len(found) == 1 and not columns:
        return next(iter(found.values()))
    named = all(found)
    if len(columns) < len(found) or not named or len({len(column) for column in columns}) != 1:
        raise DataError(
            f"{path}: holds the arrays {', '.join(sorted(found)):.80}; give one, or t, x, y, p of "
            "equal length"
        )
    events = np.empty(len(columns[0]), [(name, array.dtype) for name, array in found.items()])
    for name, array in found.items():
        events[name] = array
    return events
