"""What a user says of recordings in files: size of the sensor, unit of the times, where they begin.

::

    height = 48             # gestures/sensor.toml; every line may be left out
    width = 64
    time_unit = "ms"        # s, ms, us or ns
    start = "first"         # the first event becomes time 0
"""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.places import kind_of
from eventsnn.errors import DataError
from eventsnn.events import EventStream
from eventsnn.events.checked import Shape
from eventsnn.events.clock import Start, doubt
from eventsnn.events.columns import addressed
from eventsnn.files.unpack import read_text
from eventsnn.text import shown

SENSOR_FILE = "sensor.toml"
UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
"""Microseconds of each."""


@dataclass(frozen=True)
class OwnSensor:
    """What ``sensor.toml`` says.

    Attributes
    ----------
    size : (int, int) or None
        Height and width; None where the file does not say them.
    time_unit : str
    start : "zero" or "first"
    """

    size: tuple[int, int] | None = None
    time_unit: str = "us"
    start: Start = "zero"

    @classmethod
    def of(cls, folder: Path) -> OwnSensor:
        """Read the file in a folder; without it, nothing is said.

        Raises
        ------
        DataError
            Naming the file and what to write.
        """
        file = folder / SENSOR_FILE
        if not kind_of(file):
            return cls()
        try:
            told = tomllib.loads(read_text(file))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise DataError(f"{file}: is not TOML ({error!s:.120})") from error
        sides = [told[name] for name in ("height", "width") if name in told]
        if len(sides) == 1 or any(type(side) is not int for side in sides):
            raise DataError(f"{file}: give two lines, height = 48 and width = 64")
        words: dict[str, tuple[str, ...]] = {
            "time_unit": tuple(UNITS),
            "start": ("zero", "first"),
        }
        for name, value in told.items():
            if name in words and value not in words[name]:
                raise DataError(
                    f"{file}: {name} is {shown(value)}; give one of {', '.join(words[name])}"
                )
            if name not in words and name not in ("height", "width"):
                known = ", ".join(("height", "width", *words))
                raise DataError(f"{file}: has the line {shown(name)}; known are {known}")
        rest = {name: told[name] for name in words if name in told}
        return cls((sides[0], sides[1]) if sides else None, **rest)

    @classmethod
    def near(cls, file: Path) -> OwnSensor:
        """Return what the data set says that a recording lies in, if it does in one."""
        folders = file.absolute().parents[1:3]  # beside the classes, or beside train and test
        found = [folder for folder in folders if kind_of(folder / SENSOR_FILE)]
        return cls.of(found[0]) if found else cls()

    def stream(
        self,
        columns: Mapping[str, NDArray[Any]],
        shape: Shape,
        source: str,
        label: int | None = None,
    ) -> EventStream:
        """Return a recording of columns; without polarities all events have polarity 0."""
        kept = {name: columns[name] for name in "txyp" if name in columns}
        if self.time_unit != "us":
            kept["t"] = np.rint(kept["t"] * UNITS[self.time_unit])
        t, unit = addressed(kept, shape, self.start, source)
        return EventStream(t, unit, shape, label, -1, source)


def warn_of_clocks(streams: Sequence[EventStream], source: str) -> None:
    """Warn once of recordings whose times look like another unit, or begin late."""
    found = [(one, doubt(one.t, prod(one.shape))) for one in streams]
    wrong = [(one, told) for one, told in found if told is not None]
    if not wrong:
        return
    one, told = wrong[0]
    rest = f" (so are {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    warnings.warn(
        f"{one.source}{rest}: {told.what}? Then {told.in_file} in {SENSOR_FILE}", stacklevel=4
    )
