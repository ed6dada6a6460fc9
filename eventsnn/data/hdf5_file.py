"""Events in HDF5 files, as columns: read by the package h5py, an extra.

A data set with named fields (a time, x, y, a polarity), or a group with a data set a column; names
are those that structured arrays have (``events/fields.py``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events.fields import event_fields
from eventsnn.text import shown

SUFFIXES = (".h5", ".hdf5")

_TIMES = {"t", "ts", "time", "times", "timestamp", "timestamps"}


def read_hdf5_file(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns ``t`` (microseconds), ``x``, ``y`` and, if there are any, ``p``.

    Raises
    ------
    UserError
        Without the package h5py.
    DataError
        For a file that holds no events, or in several places.
    """
    try:
        import h5py
    except ImportError as error:
        raise UserError(
            f"{path}: HDF5 files are read by the package h5py; install it with pip install "
            "'eventsnn[hdf5]'"
        ) from error
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            places: list[str] = []
            file.visititems(lambda name, item: places.append(name) if _holds(item) else None)
            places += [""] if _holds(file) else []
            if len(places) != 1:
                told = shown([f"/{name}" for name in places]) if places else "no place"
                raise DataError(
                    f"{path}: {told} with columns such as t, x, y, p; give a file with one"
                )
            events = _array(file[places[0] or "/"], path)
    except DataError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        told = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read ({told:.120}); write it again") from error
    if not len(events):
        raise DataError(f"{path}: holds no events; give at least one")
    return event_fields(events, (1, 2, 2), str(path))


def _columns(item: Any) -> list[str]:
    """Return the names of a table's fields, or of a group's columns."""
    names = getattr(getattr(item, "dtype", None), "names", None)
    if names is not None:
        return list(names)
    keys = list(item.keys()) if hasattr(item, "keys") else []
    return [name for name in keys if getattr(item[name], "ndim", None) == 1]


def _holds(item: Any) -> bool:
    names = {name.lower() for name in _columns(item)}
    return bool(names & _TIMES) and len(names) > 1


def _array(item: Any, path: Path) -> NDArray[Any]:
    """Return a structured array."""
    if getattr(item, "dtype", None) is not None:
        return np.asarray(item[()])
    columns = {name: np.asarray(item[name][()]) for name in _columns(item)}
    lengths = {name: len(column) for name, column in columns.items()}
    n = next(length for name, length in lengths.items() if name.lower() in _TIMES)
    # Beside the events there may be others, such as an index of milliseconds.
    columns = {name: column for name, column in columns.items() if len(column) == n}
    events = np.empty(n, [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        events[name] = column
    return events
