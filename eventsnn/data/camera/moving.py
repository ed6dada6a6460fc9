"""An event camera that stands still before one dark shape that moves, turns, or grows in rings.

A shape is its outline: a radius at each of 256 angles, of largest value 1. A pixel sees the light
that the shape leaves, blurred by a pixel, and sends an event whenever the logarithm of what it
sees has moved by its own threshold. Only pixels near the shape are looked at.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel, threaded

ANGLES = 256
"""Of an outline's table."""
RINGS = 1.0
"""Dark rings a factor of two in size, of a shape that grows or shrinks."""


class Motion(NamedTuple):
    """Where a shape stands at each step.

    Attributes
    ----------
    outline : float64 array (256,)
        Radius at each angle, at most 1.
    x, y : float64 array (steps + 1,)
        Its centre, in pixels from the centre of the top left one.
    angle : float64 array (steps + 1,)
        How far it is turned, in turns; positive turns go right (clockwise on the screen).
    phase : float64 array (steps + 1,)
        How far rings have grown, in rings.
    size, least : float
        Largest and smallest radius in pixels.
    ink : float
        Share of the light that it takes away, below 1.
    rings : bool
        Whether it is filled with rings (then its rim stands still) or all dark.
    step_us : float
        Between two steps.
    """

    outline: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    angle: NDArray[np.float64]
    phase: NDArray[np.float64]
    size: float
    least: float
    ink: float
    rings: bool
    step_us: float


class Retina(NamedTuple):
    """Thresholds of pixels, float32 (height, width), the lowest, and the light that ink sends."""

    on: NDArray[np.float32]
    off: NDArray[np.float32]
    lowest: float
    epsilon: float


class Seen(NamedTuple):
    """How dark pixels are, what they saw at their last event, float64 (height, width); room."""

    dark: NDArray[np.float64]
    memory: NDArray[np.float64]
    t: NDArray[np.int64]
    unit: NDArray[np.int32]


@kernel
def _coverage(dx: float, dy: float, step: int, motion: Motion) -> Any:
    """Return how dark a pixel is, 0 to 1, that stands (dx, dy) from the centre."""
    r = math.sqrt(dx * dx + dy * dy)
    if r > motion.size + 1.0:
        return 0.0
    if r < motion.least - 1.0 and not motion.rings:
        return 1.0
    turns = math.atan2(dy, dx) / (2.0 * math.pi) - motion.angle[step]
    place = (turns - math.floor(turns)) * ANGLES
    low = int(place) % ANGLES
    share = place - math.floor(place)
    radius = motion.outline[low] * (1.0 - share) + motion.outline[(low + 1) % ANGLES] * share
    dark = min(max(0.5 * (1.0 + motion.size * radius - r), 0.0), 1.0)
    if motion.rings and dark > 0.0:
        # Rings closer to each other than pixels would flicker: they fade to grey in the middle.
        around = math.log2(max(r, 0.5) / radius) * RINGS - motion.phase[step]
        fine = min(r / (4.0 * RINGS), 1.0)
        dark *= 0.5 + 0.5 * fine * math.sin(2.0 * math.pi * around)
    return dark


@kernel
def _look(
    box: tuple[int, int, int, int], step: int, motion: Motion, retina: Retina, seen: Seen, n: int
) -> int:
    """Step the pixels of rows and columns ``box``; return the events so far."""
    height, width = seen.dark.shape
    t0 = (step - 1) * motion.step_us
    for row in range(box[0], box[1]):
        for column in range(box[2], box[3]):
            dark = _coverage(column - motion.x[step], row - motion.y[step], step, motion)
            was = seen.dark[row, column]
            if dark == was:
                continue
            seen.dark[row, column] = dark
            before = math.log(1.0 - motion.ink * was + retina.epsilon)
            light = math.log(1.0 - motion.ink * dark + retina.epsilon)
            rises = dark < was
            threshold = retina.on[row, column] if rises else retina.off[row, column]
            sign = 1.0 if rises else -1.0
            while sign * (light - seen.memory[row, column]) >= threshold:
                seen.memory[row, column] += sign * threshold
                share = (seen.memory[row, column] - before) / (light - before)
                t = t0 + motion.step_us * min(max(share, 0.0), 1.0)
                seen.t[n] = max(math.ceil(t) - 1, 0)
                seen.unit[n] = (int(rises) * height + row) * width + column
                n += 1
    return n


@kernel
def _box(step: int, motion: Motion, height: int, width: int) -> Any:
    """Return rows and columns that the shape touches at a step or the one before."""
    reach = motion.size + 2.0
    top = min(motion.y[step], motion.y[step - 1]) - reach
    bottom = max(motion.y[step], motion.y[step - 1]) + reach
    left = min(motion.x[step], motion.x[step - 1]) - reach
    right = max(motion.x[step], motion.x[step - 1]) + reach
    rows = max(int(top), 0), min(int(bottom) + 1, height)
    columns = max(int(left), 0), min(int(right) + 1, width)
    return rows[0], rows[1], columns[0], columns[1]


@threaded
def film_motion(motion: Motion, retina: Retina, seen: Seen) -> Any:
    """Film a motion into the front of ``seen.t`` and ``seen.unit``, step after step.

    Returns the number of events, or -1 where there is not room for them. A pixel sends at most
    ``log((1 + epsilon) / epsilon) / threshold`` events a step.
    """
    height, width = seen.dark.shape
    most = 1 + int(math.log((1.0 + retina.epsilon) / retina.epsilon) / retina.lowest)
    for row in range(height):
        for column in range(width):
            dark = _coverage(column - motion.x[0], row - motion.y[0], 0, motion)
            seen.dark[row, column] = dark
            seen.memory[row, column] = math.log(1.0 - motion.ink * dark + retina.epsilon)
    n: Any = np.int64(0)
    for step in range(1, motion.x.size):
        box = _box(step, motion, height, width)
        cells = max(box[1] - box[0], 0) * max(box[3] - box[2], 0)
        if n + most * cells > seen.t.size:
            return -1
        n = _look(box, step, motion, retina, seen, n)
    return n
