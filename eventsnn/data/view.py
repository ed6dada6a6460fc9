"""How recordings are looked at: a part of the sensor, squares of pixels as one, windows of time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch, Shape, unit_dtype
from eventsnn.events.checked import INT32_MAX, sensor_text
from eventsnn.options import option, take
from eventsnn.text import shown

_CROP = re.compile(r"(\d{1,5})x(\d{1,5})(?:\+(\d{1,5})\+(\d{1,5}))?", re.ASCII)
_AT_ONCE = 1 << 20
"""Events that are mapped together, unless one recording has more."""


@dataclass(frozen=True)
class SensorView:
    """What a network sees of recordings: first the crop, then pooling, then windows.

    Examples
    --------
    >>> SensorView("260x260", pool=4).shape((2, 260, 346))
    (2, 65, 65)
    """

    sensor_crop: str = option(
        "",
        "Part of the sensor that is used, HEIGHTxWIDTH of its middle, or HEIGHTxWIDTH+TOP+LEFT; "
        "default: all of it.",
        flag="--crop",
    )
    pool: int = option(
        1, "Take squares of so many by so many pixels as one; no event is lost.", least=1, most=4096
    )
    window_us: int = option(
        0,
        "Cut recordings into windows of that length, an answer each; 0: they stay whole.",
        unit="microseconds",
        least=0,
        most=INT32_MAX,
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self)
        crop = self.sensor_crop
        if crop and not (_CROP.fullmatch(crop) and min(self._crop[:2]) > 0):
            raise UserError(
                f"crop is {shown(crop)}; give HEIGHTxWIDTH in pixels, such as 260x260, or "
                "HEIGHTxWIDTH+TOP+LEFT"
            )

    def __bool__(self) -> bool:
        """Return whether anything is changed at all."""
        return self != WHOLE

    def __str__(self) -> str:
        """Return it as flags of a command."""
        said = [f"--crop {self.sensor_crop}"] if self.sensor_crop else []
        said += [f"--pool {self.pool}"] if self.pool > 1 else []
        said += [f"--window-us {self.window_us}"] if self.window_us else []
        return " ".join(said)

    @property
    def keywords(self) -> dict[str, Any]:
        """The same as keywords of ``DataSet.viewed`` and ``open_data``."""
        return {"crop": self.sensor_crop, "pool": self.pool, "window_us": self.window_us}

    @property
    def _crop(self) -> tuple[int, ...]:
        match = _CROP.fullmatch(self.sensor_crop)
        assert match is not None
        return tuple(int(size) for size in match.groups() if size is not None)

    @property
    def moves(self) -> bool:
        """Whether events go to other addresses."""
        return bool(self.sensor_crop) or self.pool > 1

    def rectangle(self, sensor: Shape) -> tuple[int, int, int, int]:
        """Return height, width, top and left of what is used of a sensor.

        Raises
        ------
        UserError
            If the crop goes beyond the sensor.
        """
        _, height, width = sensor
        if not self.sensor_crop:
            return height, width, 0, 0
        high, wide, *corner = self._crop
        top, left = corner or ((height - high) // 2, (width - wide) // 2)
        if min(top, left) < 0 or top + high > height or left + wide > width:
            raise UserError(
                f"crop is {self.sensor_crop}, the sensor {sensor_text(sensor)}; give a part of it"
            )
        return high, wide, top, left

    def shape(self, sensor: Shape) -> Shape:
        """Return the sensor that a network sees; squares at the rims may be smaller."""
        high, wide, _, _ = self.rectangle(sensor)
        return sensor[0], -(-high // self.pool), -(-wide // self.pool)

    def addresses(self, sensor: Shape) -> NDArray[np.int32]:
        """Return the new address of every old one, int32 (n_units,); -1 where there is none."""
        planes, rows, columns = self.shape(sensor)
        high, wide, top, left = self.rectangle(sensor)
        y, x = np.arange(high) // self.pool, np.arange(wide) // self.pool
        place = (y[:, None] * columns + x).astype(np.int32)
        found = np.full(sensor, -1, np.int32)
        for p in range(planes):
            found[p, top : top + high, left : left + wide] = place + p * rows * columns
        return found.reshape(-1)

    def moved(self, batch: EventBatch) -> Iterator[EventBatch]:
        """Go through the recordings with their events at the new addresses, some at a time."""
        sensor, new = self.shape(batch.shape), self.addresses(batch.shape)
        for piece in batch.pieces(len(batch), _AT_ONCE):
            unit = new[piece.unit]
            inside = unit >= 0
            before = np.concatenate([np.zeros(1, np.int64), inside.cumsum()])
            start, t = before[piece.start], piece.t[inside]
            unit = unit[inside].astype(unit_dtype(sensor))
            yield EventBatch(t, unit, start, piece.label, piece.duration, sensor, piece.source)


WHOLE = SensorView()
"""Everything is seen."""
