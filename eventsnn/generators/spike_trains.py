"""Spikes that were recorded: of a run, of another simulator, or written by hand."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events.checked import TIME_END
from eventsnn.files.arrays import read_npz
from eventsnn.files.unpack import read_text
from eventsnn.generators.generator import SpikeGenerator
from eventsnn.text import named, shown

_COLUMNS = ("t_us", "unit", "population")
_LONGEST = 1 << 31
"""Bytes of a table of spikes that is read."""


@dataclass(frozen=True, eq=False, repr=False)
class SpikeTrains(SpikeGenerator):
    """Recorded spikes, sent again by an input population.

    Attributes
    ----------
    t_us : int64 array (n_spikes,)
        Microseconds; numbers between are rounded, as inputs have whole ones. In any order.
    unit : int32 array (n_spikes,)
        Who sends it: a unit of the population, from 0 on.

    Examples
    --------
    >>> import eventsnn as es
    >>> es.SpikeTrains(t_us=[100.4, 5_000, 300], unit=[0, 0, 1]).stream(2, 10_000).t
    array([ 100,  300, 5000])
    """

    kind: ClassVar[str] = "spike_trains"
    arrays: ClassVar[tuple[str, ...]] = ("t_us", "unit")
    t_us: Any
    unit: Any

    def __post_init__(self) -> None:
        """Check the spikes, and sort them by time and unit."""
        super().__post_init__()
        t, unit = (self._numbers(name) for name in ("t_us", "unit"))
        if len(t) != len(unit):
            raise UserError(f"generator {self.kind}: {len(t)} t_us for {len(unit)} units")
        whole = unit == np.floor(unit)
        for name, array, good in (
            ("t_us", t, (t >= 0) & (t < TIME_END)),
            ("unit", unit, whole & (unit >= 0) & (unit <= np.iinfo(np.int32).max)),
        ):
            if not good.all():
                i = int(np.argmin(good))
                raise UserError(
                    f"generator {self.kind}: {name}[{i}] is {array[i]}; give "
                    + ("microseconds from 0 on" if name == "t_us" else "whole numbers from 0 on")
                )
        times, units = np.rint(t).astype(np.int64), unit.astype(np.int32)
        order = np.lexsort((units, times))
        for name, array in (("t_us", times[order]), ("unit", units[order])):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        """Return one line of facts."""
        return f"<SpikeTrains: {len(self.t_us):,} spikes>"

    @classmethod
    def load(cls, path: str | os.PathLike[str], population: str) -> SpikeTrains:
        """Read the spikes of one population that ``eventsnn simulate --spikes`` wrote.

        Parameters
        ----------
        path : path
            ``.npz`` or ``.csv`` with the columns t_us, unit and population.
        population : str
            Whose.

        Raises
        ------
        DataError
            If there is no such file, column or population, or a row is none.
        """
        file = Path(path)
        t, unit, names = _npz(file) if file.suffix == ".npz" else _csv(file)
        own = names == population
        if not own.any():
            there = ", ".join(named(str(name)) for name in np.unique(names)[:20]) or "none"
            raise DataError(f"{file}: no spikes of {named(population)}; there are those of {there}")
        return cls(t[own], unit[own])

    def rate(self, size: int) -> float:
        """Return 0: none is yet to be made."""
        return 0.0

    def spikes(
        self, size: int, begin: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return those of the stretch."""
        if self.unit.max(initial=0) >= size:
            raise UserError(
                f"generator {self.kind}: a spike of unit {self.unit.max()}, the population has "
                f"{size}; give it more, or other spikes"
            )
        part = slice(*np.searchsorted(self.t_us, (begin, end)))
        return self.t_us[part], self.unit[part]

    def _numbers(self, name: str) -> NDArray[Any]:
        try:
            array = np.asarray(getattr(self, name))
        except ValueError as error:
            raise UserError(f"generator {self.kind}: {name} is ragged; give numbers") from error
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iuf"):
            raise UserError(
                f"generator {self.kind}: {name} is {shown(getattr(self, name))}; give one number a "
                "spike"
            )
        return array.astype(np.float64)


def _npz(file: Path) -> tuple[NDArray[Any], ...]:
    arrays = read_npz(file, _COLUMNS)
    columns = tuple(arrays[name] for name in _COLUMNS)
    if {column.shape for column in columns} != {(len(columns[0]),)}:
        raise DataError(f"{file}: columns of other lengths; give a file that --spikes wrote")
    return columns


def _csv(file: Path) -> tuple[NDArray[Any], ...]:
    rows = csv.reader(read_text(file, _LONGEST).splitlines(keepends=True))
    if next(rows, None) != list(_COLUMNS):
        head = ",".join(_COLUMNS)
        raise DataError(f"{file}: does not begin with {head}; give what --spikes wrote")
    columns: tuple[list[Any], ...] = ([], [], [])
    for number, row in enumerate(rows, 2):
        try:
            for column, value in zip(columns, (float(row[0]), int(row[1]), row[2]), strict=True):
                column.append(value)
        except (ValueError, IndexError) as error:
            raise DataError(
                f"{file}: row {number} is {shown(row)}; give t_us,unit,population"
            ) from error
    return tuple(np.array(column) for column in columns)
