"""How recordings are looked at: a part of the sensor, pooled, filtered, in windows of time."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch, Shape, unit_dtype
from eventsnn.events.checked import INT32_MAX, sensor_text
from eventsnn.filters import filters_of
from eventsnn.filters.event_filter import FilterCost, Sight
from eventsnn.options import option, take
from eventsnn.text import shown

_CROP = re.compile(r"(\d{1,5})x(\d{1,5})(?:\+(\d{1,5})\+(\d{1,5}))?", re.ASCII)
_AT_ONCE = 1 << 20
"""Events that are mapped together, unless one recording has more."""


class Seeing(TypedDict, total=False):
    """The same as keywords of ``open_data`` and ``DataSet.viewed``."""

    crop: str
    pool: int
    window_us: int
    filter: str
    grid_us: int


_KEYWORDS = {"crop": "sensor_crop", "filter": "event_filter"}
"""Of ``Seeing``, that the view calls otherwise."""


@dataclass(frozen=True)
class SensorView:
    """What a network sees of recordings: first the crop, then pooling, filters, grid, and windows.

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

    event_filter: str = option(
        "",
        "Drop events at the door: refractory:US, every:N or neighbour:US of a pixel, several with "
        "+ between them; default: none.",
        flag="--filter",
    )
    grid_us: int = option(
        0,
        "Round times down to steps of that length: a step is an instant, and the events of a pixel "
        "in it go through a dense connection as one, with a count; 0: times are exact.",
        unit="microseconds",
        least=0,
        most=INT32_MAX,
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self)
        object.__setattr__(self, "event_filter", "+".join(map(str, filters_of(self.event_filter))))
        crop = self.sensor_crop
        if crop and not (_CROP.fullmatch(crop) and min(self._crop[:2]) > 0):
            raise UserError(
                f"crop is {shown(crop)}; give HEIGHTxWIDTH in pixels, such as 260x260, or "
                "HEIGHTxWIDTH+TOP+LEFT"
            )
        if self.grid_us and self.window_us % self.grid_us:
            raise UserError(
                f"window_us is {self.window_us}, grid_us {self.grid_us}; give whole steps"
            )

    @classmethod
    def of(cls, seeing: Seeing) -> SensorView:
        """Return the view of these keywords; UserError where one is unknown."""
        for name in set(seeing) - set(Seeing.__annotations__):
            near = difflib.get_close_matches(name, ["limit", *Seeing.__annotations__], n=1)
            hint = (
                f"did you mean {near[0]}?" if near else f"give {', '.join(Seeing.__annotations__)}"
            )
            raise UserError(f"data: option {shown(name)} is unknown; {hint}")
        named: Any = {_KEYWORDS.get(name, name): value for name, value in seeing.items()}
        return cls(**named)

    def __bool__(self) -> bool:
        """Return whether anything is changed at all."""
        return self != WHOLE

    def __str__(self) -> str:
        """Return it as flags of a command."""
        said = [f"--crop {self.sensor_crop}"] if self.sensor_crop else []
        said += [f"--pool {self.pool}"] if self.pool > 1 else []
        said += [f"--filter {self.event_filter}"] if self.event_filter else []
        said += [f"--grid-us {self.grid_us}"] if self.grid_us else []
        said += [f"--window-us {self.window_us}"] if self.window_us else []
        return " ".join(said)

    @property
    def keywords(self) -> Seeing:
        """The same as keywords of ``DataSet.viewed`` and ``open_data``."""
        own: Seeing = {"crop": self.sensor_crop, "pool": self.pool, "window_us": self.window_us}
        if self.event_filter:
            own["filter"] = self.event_filter
        if self.grid_us:
            own["grid_us"] = self.grid_us
        return own

    @property
    def _crop(self) -> tuple[int, ...]:
        match = _CROP.fullmatch(self.sensor_crop)
        assert match is not None
        return tuple(int(size) for size in match.groups() if size is not None)

    @property
    def moves(self) -> bool:
        """Whether events are dropped, or go to other addresses or times."""
        return self.pool > 1 or bool(self.sensor_crop or self.event_filter or self.grid_us)

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
        """Go through the recordings with their events at the new places, some at a time."""
        for piece, _ in self.filtered(batch):
            yield piece.on_grid(self.grid_us) if self.grid_us else piece

    def filtered(self, batch: EventBatch) -> Iterator[tuple[EventBatch, list[FilterCost]]]:
        """Go through them, and say what each filter took."""
        chosen = filters_of(self.event_filter)
        for piece in self._placed(batch):
            costs = []
            for one in chosen:
                sight = Sight(piece.t, piece.unit, piece.start, *piece.shape[1:])
                keep, cost = one.keep(sight)
                piece = _those(piece, keep)
                costs.append(cost)
            yield piece, costs

    def costs(self, batch: EventBatch) -> list[tuple[str, FilterCost]]:
        """Return what each filter takes of recordings as they were before, counted anew."""
        names = [str(one) for one in filters_of(self.event_filter)]
        every = [costs for _, costs in self.filtered(batch)]
        rows = zip(*every, strict=True)
        sums = [FilterCost(*map(sum, zip(*row, strict=True))) for row in rows]
        return list(zip(names, sums, strict=True))

    def _placed(self, batch: EventBatch) -> Iterator[EventBatch]:
        sensor, new = self.shape(batch.shape), self.addresses(batch.shape)
        for piece in batch.pieces(len(batch), _AT_ONCE):
            unit = new[piece.unit]
            t, unit, start = _kept(piece, unit, unit >= 0)
            unit = unit.astype(unit_dtype(sensor))
            yield EventBatch(t, unit, start, piece.label, piece.duration, sensor, piece.source)


def _kept(
    piece: EventBatch, unit: NDArray[Any], keep: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Return (t, unit, start) of the events that are kept."""
    before = np.concatenate([np.zeros(1, np.int64), keep.cumsum()])
    return piece.t[keep], unit[keep], before[piece.start]


def _those(piece: EventBatch, keep: NDArray[np.bool_]) -> EventBatch:
    """Return recordings with the events that are kept."""
    t, unit, start = _kept(piece, piece.unit, keep)
    rest = piece.label, piece.duration, piece.shape, piece.source
    return EventBatch(t, unit, start, *rest)


WHOLE = SensorView()
"""Everything is seen."""
