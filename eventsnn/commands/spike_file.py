"""Spikes as a file: columns, for numpy (``.npz``) or pandas (``.csv``)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.files.outputs import write_whole, written_whole

SUFFIXES = (".npz", ".csv")
COLUMNS = ("t_us", "unit", "population")

_BLOCK = 1 << 17
"""Rows of a table that are written at a time."""

Trains = dict[str, tuple[NDArray[np.float64], NDArray[np.int32]]]
"""(t, unit) by population."""


def write_spikes(
    path: Path, trains: Trains, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Write spikes in order of time, whole or not at all.

    The columns are ``t_us`` (float64), ``unit`` (int32) and ``population``, its name.

    Parameters
    ----------
    path : Path
        Ends in ``.npz`` (an array a column) or ``.csv`` (a head, a row a spike).
    trains : dict
    progress : callable
        Told now and then how many rows of how many are written.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind.
    """
    t = np.concatenate([np.zeros(0), *(train[0] for train in trains.values())])
    unit = np.concatenate([np.zeros(0, np.int32), *(train[1] for train in trains.values())])
    sizes = [len(train[0]) for train in trains.values()]
    order = np.argsort(t, kind="stable")
    number = np.repeat(np.arange(len(sizes)), sizes)[order]
    columns = t[order], unit[order], number
    if path.suffix == ".csv":
        with written_whole(path) as file:
            for done, text in _rows(columns, [*trains]):
                file.write(text.encode("utf-8", "surrogateescape"))
                progress(done, len(t))
        return
    population = np.array([*trains, ""], np.str_)[number]
    data = io.BytesIO()
    np.savez(data, t_us=columns[0], unit=columns[1], population=population)
    write_whole(path, data.getvalue())


def check_replaced(path: Path) -> None:
    """Refuse to put spikes in the place of a file that holds something else.

    Raises
    ------
    UserError
        If there is such a file.
    """
    try:
        ours = not path.exists() or not path.stat().st_size or _is_ours(path)
    except OSError as error:
        raise UserError(f"spikes {path}: {error.strerror or error}; give another name") from error
    if not ours:
        raise UserError(f"spikes {path}: is there, and holds no spikes; give another name")


def _is_ours(path: Path) -> bool:
    if path.suffix == ".npz":
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as arrays:
            return sorted(arrays.namelist()) == sorted(f"{name}.npy" for name in COLUMNS)
    with path.open("rb") as file:
        return file.readline(64).strip() == ",".join(COLUMNS).encode()


def _rows(columns: tuple[NDArray[Any], ...], names: list[str]) -> Iterator[tuple[int, str]]:
    """Return the rows of a table, many at a time, and how many there are until then."""
    yield 0, _line(list(COLUMNS)) + "\n"
    quoted = np.array([_line([name]) for name in names], object)
    for first in range(0, len(columns[0]), _BLOCK):
        t, unit, number = (column[first : first + _BLOCK] for column in columns)
        parts = zip(t.tolist(), unit.tolist(), quoted[number].tolist(), strict=True)
        yield first + len(t), "".join([f"{when!r},{who},{name}\n" for when, who, name in parts])


def _line(words: list[str]) -> str:
    """Return words as a table has them, in quotes where it needs them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(words)
    return text.getvalue()
