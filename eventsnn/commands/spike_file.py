"""Spikes as a file: columns, for numpy (``.npz``) or pandas (``.csv``)."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.files.outputs import write_whole

SUFFIXES = (".npz", ".csv")

Trains = dict[str, tuple[NDArray[np.float64], NDArray[np.int32]]]
"""(t, unit) by population."""


def write_spikes(path: Path, trains: Trains) -> None:
    """Write spikes in order of time, whole or not at all.

    The columns are ``t_us`` (float64), ``unit`` (int32) and ``population``, its name.

    Parameters
    ----------
    path : Path
        Ends in ``.npz`` (an array a column) or ``.csv`` (a head, a row a spike).
    trains : dict

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind.
    """
    t = np.concatenate([np.zeros(0), *(train[0] for train in trains.values())])
    unit = np.concatenate([np.zeros(0, np.int32), *(train[1] for train in trains.values())])
    sizes = [len(train[0]) for train in trains.values()]
    population = np.repeat(np.array([*trains, ""], np.str_), [*sizes, 0])
    order = np.argsort(t, kind="stable")
    columns = {"t_us": t[order], "unit": unit[order], "population": population[order]}
    write_whole(path, _npz(columns) if path.suffix == ".npz" else _csv(columns))


def _npz(columns: dict[str, NDArray[Any]]) -> bytes:
    data = io.BytesIO()
    np.savez(data, **columns)  # type: ignore[arg-type]
    return data.getvalue()


def _csv(columns: dict[str, NDArray[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue().encode("utf-8", "surrogateescape")
