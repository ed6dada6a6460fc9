"""What the virtual camera's kernel works on: arrays, grouped by what they belong to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Lens(NamedTuple):
    """How much of each picture pixel falls onto each point of the fine grid, axis by axis."""

    rows: F32  # (h, fine rows)
    row_span: NDArray[np.int64]  # (h, 2): the fine rows [first, last) that are not 0
    columns: F32  # (w, fine columns)
    column_span: NDArray[np.int64]  # (w, 2)
    start_x: float  # place of fine point 0, in sensor pixels
    start_y: float
    phases: int  # fine points a pixel


class Path(NamedTuple):
    """Where the picture stands every `step_us`, in pixels, and how recordings differ in it."""

    x: F64  # (steps + 1,)
    y: F64
    step_us: float
    centre_jitter: float
    time_jitter_us: float


class Pixels(NamedTuple):
    """The light-sensitive cells; names and units as in `saccade.Camera`."""

    height: int
    width: int
    epsilon: np.float32
    slip: np.float32
    follow: np.float32  # share of its way to the light that a photoreceptor goes in a step
    leak_per_us: float  # spontaneous events of the whole sensor
    leak_on: float
    address: NDArray[np.int32]  # (height * pitch,): of a cell's unit within its polarity
    on: F32  # (height * pitch,) thresholds; pitch is the width of a plane
    off: F32
    dead: F32  # (height * pitch,) microseconds


class Work(NamedTuple):
    """State of the sensor and room for one picture: written before it is read."""

    strip: F32  # (h, fine columns): picture blurred along x
    fine: F32  # (fine rows, fine columns): blurred along both
    planes: F32  # (phases * phases, rows * pitch): log brightness
    x: F64  # (steps + 1,): path of this recording
    y: F64
    seen: F32  # (height * pitch,): log brightness after the photoreceptor
    before: F32  # the same one step earlier
    memory: F32  # what it was at the pixel's last event
    blind_until: F32  # microseconds
    flags: NDArray[np.uint8]  # cells to look at in this step; room for whole words
    words: NDArray[np.uint64]  # the same memory, eight flags a word


class Events(NamedTuple):
    """Room for the events of one recording."""

    t: NDArray[np.int32]
    unit: NDArray[np.int32]
