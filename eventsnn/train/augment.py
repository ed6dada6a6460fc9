"""Event augmentation: every recording is moved, turned, scaled and thinned as it is read.

The addresses of a chunk of recordings are mapped on the fly; no augmented copy of the
data set is kept. What leaves the sensor is removed. Times and polarities stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch


@dataclass(frozen=True)
class Augmentation:
    """How far recordings are changed; every amount is drawn anew for each recording.

    Attributes
    ----------
    shift : float
        Pixels, uniform in [-shift, shift] along x and y.
    rotate : float
        Degrees about the middle of the sensor, uniform in [-rotate, rotate].
    scale : float
        Share, the factor is uniform in [1 - scale, 1 + scale].
    drop : float
        Share of the events that is removed, each on its own.
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    drop: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        limits = {"shift": math.inf, "rotate": 180.0, "scale": 1.0, "drop": 1.0}
        for name, limit in limits.items():
            value = getattr(self, name)
            if not 0 <= value < limit:
                raise UserError(f"{name} is {value}; give at least 0 and less than {limit:g}")

    def __bool__(self) -> bool:
        """Return whether anything is changed at all."""
        return any((self.shift, self.rotate, self.scale, self.drop))


class _Part(NamedTuple):
    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]


def augment(
    batch: EventBatch,
    order: NDArray[np.int64],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> EventBatch:
    """Return the recordings ``order`` of ``batch``, changed at random.

    Parameters
    ----------
    batch : EventBatch
    order : int64 array (n,)
    augmentation : Augmentation
    rng : numpy.random.Generator
        A recording's changes depend on the generator and its place in ``order`` only.

    Returns
    -------
    EventBatch
        n recordings, in that order.
    """
    n = len(order)
    angle = np.radians(rng.uniform(-1, 1, n) * augmentation.rotate)
    factor = 1 + rng.uniform(-1, 1, n) * augmentation.scale
    move = rng.uniform(-1, 1, (n, 2)) * augmentation.shift
    keys = rng.integers(0, 1 << 63, n, dtype=np.uint64)
    warp = np.stack([factor * np.cos(angle), factor * np.sin(angle), move[:, 0], move[:, 1]], 1)
    source = _Part(batch.t, batch.unit, batch.start)
    room = int((batch.start[order + 1] - batch.start[order]).sum())
    out = _Part(np.empty(room, np.int32), np.empty(room, batch.unit.dtype), np.zeros(n + 1, int))
    _warp(source, order, (warp, keys, augmentation.drop), batch.shape, out)
    end = out.start[n]
    return replace(
        batch,
        t=out.t[:end],
        unit=out.unit[:end],
        start=out.start,
        label=np.asarray(batch.label[order]),
        duration=np.asarray(batch.duration[order]),
    )


@njit(cache=True, error_model="numpy", nogil=True)
def _warp(source, order, change, shape, out):  # type: ignore[no-untyped-def]
    """Map the addresses of each recording by its turn, scale and shift; drop some events."""
    warp, keys, drop = change
    _, height, width = shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    limit = np.uint64(drop * 2.0**53)
    n = 0
    for k in range(order.size):
        cos, sin, dx, dy = warp[k]
        state = keys[k]
        for i in range(source.start[order[k]], source.start[order[k] + 1]):
            if limit > 0:  # splitmix64, one draw an event
                state += np.uint64(0x9E3779B97F4A7C15)
                z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                if ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) < limit:
                    continue
            unit = np.int64(source.unit[i])
            x, y = unit % width - middle_x, unit // width % height - middle_y
            column = np.int64(np.floor(cos * x - sin * y + dx + middle_x + 0.5))
            row = np.int64(np.floor(sin * x + cos * y + dy + middle_y + 0.5))
            if 0 <= column < width and 0 <= row < height:
                out.t[n] = source.t[i]
                out.unit[n] = (unit // (width * height) * height + row) * width + column
                n += 1
        out.start[k + 1] = n
