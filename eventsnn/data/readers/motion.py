"""``motion``: synthetic recordings that only time tells apart, filmed by a virtual event camera.

A shape moves in one of 8 directions, turns right or left, or its rings grow or shrink; speeds,
sizes, places, angles and the sensor's noise are drawn. Each class has its opposite: the same
movements run backwards. Movements begin and end where nothing of them is left in the picture, after
whole crossings, turns or rings, so that **the counts of the pixels are drawn alike for a class and
its opposite**, and only the times of the events tell which it is.

The halves share neither shapes nor movements.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress, cached_batch
from eventsnn.data.camera.constants import Camera
from eventsnn.data.camera.moving import ANGLES, Motion, Retina, Seen, film_motion
from eventsnn.data.dataset import DataSet
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.threads import cores, in_threads

CLASSES = (
    "right", "down right", "down", "down left", "left", "up left", "up", "up right",
    "turns right", "turns left", "grows", "shrinks",
)  # fmt: skip
OPPOSITE = (4, 5, 6, 7, 0, 1, 2, 3, 9, 8, 11, 10)
"""Of each class: the one whose movements are the same, run backwards."""
RECORDINGS = {"train": 1104, "test": 300}

_VERSION = 2
_SEED = 39
_SIDES = 16, 1280
_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")
_STEP_PIXELS = 0.5
_LONGEST_S = 1.5
"""A movement is repeated as often as fits, once at least."""
_SPEEDS = 0.5, 1.0, 2.0
"""Widths of the smaller side a second."""
_NOISE_HZ = 0.3
_AT_ONCE = 48


def outlines(half: str) -> list[NDArray[np.float64]]:
    """Return the shapes of a half: float64 (256,) radii, the largest 1."""
    angle = 2.0 * math.pi * np.arange(ANGLES) / ANGLES
    if half == "train":
        found = [_polygon(angle, 3, 1.0), _polygon(angle, 4, 1.0), _polygon(angle, 4, 0.4),
                 _star(angle, 5, 0.35), _star(angle, 3, 0.5), _star(angle, 1, 0.6)]  # fmt: skip
    else:
        found = [_polygon(angle, 5, 0.7), _polygon(angle, 3, 0.55), _star(angle, 4, 0.4),
                 _star(angle, 2, 0.45)]  # fmt: skip
    return [radius / radius.max() for radius in found]


def _polygon(angle: NDArray[np.float64], corners: int, flat: float) -> NDArray[np.float64]:
    """Return a regular polygon, pressed to ``flat`` of its height."""
    pressed = np.arctan2(np.sin(angle) / flat, np.cos(angle))
    stretch = np.hypot(np.cos(angle), np.sin(angle) / flat)
    part = 2.0 * math.pi / corners
    radius: NDArray[np.float64] = 1.0 / np.cos((pressed % part) - part / 2) / stretch
    return radius


def _star(angle: NDArray[np.float64], arms: int, deep: float) -> NDArray[np.float64]:
    radius: NDArray[np.float64] = 1.0 + deep * np.cos(arms * angle)
    return radius


class MotionReader(Reader):
    """``motion``, 128 x 128 pixels, or ``motion:HEIGHTxWIDTH``."""

    kind: ClassVar[str] = "motion"
    forms: ClassVar[tuple[str, ...]] = ("motion", "motion:HEIGHTxWIDTH")
    path: ClassVar[bool] = False

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``; the first of a half are filmed alike, however many follow."""
        height, width = _sides(word)
        halves = []
        for half, most in RECORDINGS.items():
            n = min(limit or most, most)
            identity: dict[str, str | int] = {"kind": "motion", "half": half, "n": n}
            batch = cached_batch(
                identity | {"height": height, "width": width},
                {
                    "version": _VERSION,
                    "camera": hashlib.sha256(repr(Camera()).encode()).hexdigest(),
                },
                partial(_batches, half, n, (height, width), progress),
                source=f"{word.spec}: {half}",
                emulated=True,
            )
            halves.append(batch)
        names = ", ".join(f"{number} {name}" for number, name in enumerate(CLASSES))
        note = f"emulated: synthetic shapes that move before a virtual camera; classes: {names}"
        return DataSet(word.spec, halves[0], halves[1], note, emulated=True)


def _sides(word: Word) -> tuple[int, int]:
    match = _SIZE.fullmatch(word.rest) if word.rest else None
    if not word.rest and word.spec == "motion":
        return 128, 128
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in sides):
        raise UserError(
            f"data {word.spec!r}: give motion, or motion:HEIGHTxWIDTH with sides of {_SIDES[0]} to "
            f"{_SIDES[1]} pixels, such as motion:48x64"
        )
    return sides


def _batches(
    half: str, n: int, sides: tuple[int, int], progress: Progress | None
) -> Iterator[EventBatch]:
    retina = _retina(sides)
    for start in range(0, n, _AT_ONCE):
        numbers = list(range(start, min(start + _AT_ONCE, n)))
        streams = in_threads(partial(recording, half, retina=retina), numbers, cores())
        yield EventBatch.from_streams(streams, "motion")
        if progress is not None:
            progress(numbers[-1] + 1, n)


def _retina(sides: tuple[int, int]) -> Retina:
    """Return the sensor: thresholds spread as the fitted camera's do, always the same."""
    camera = Camera()
    spread = np.random.default_rng([_SEED, 2]).normal(0.0, camera.threshold_spread, (2, *sides))
    own = np.exp(np.clip(spread, -3 * camera.threshold_spread, 3 * camera.threshold_spread))
    on = (own[0] * camera.threshold_on).astype(np.float32)
    off = (own[1] * camera.threshold_off).astype(np.float32)
    return Retina(on, off, float(min(on.min(), off.min())), camera.epsilon)


def recording(half: str, number: int, *, retina: Retina) -> EventStream:
    """Film recording ``number`` of a half: its class is ``number % 12``."""
    rng = np.random.default_rng([_SEED, int(half == "test"), number])
    height, width = retina.on.shape
    label = number % len(CLASSES)
    shapes = outlines(half)
    motion = _motion(label, shapes[int(rng.integers(len(shapes)))], (height, width), rng)
    room = 1 << 15
    while True:
        seen = Seen(
            np.empty((height, width)), np.empty((height, width)),
            np.empty(room, np.int64), np.empty(room, np.int32),
        )  # fmt: skip
        n = film_motion(motion, retina, seen)
        if n >= 0:
            break
        room *= 4
    duration = math.ceil((len(motion.x) - 1) * motion.step_us)
    noise = rng.poisson(_NOISE_HZ * height * width * duration * 1e-6)
    t = np.concatenate([seen.t[:n], rng.integers(0, duration, noise)])
    unit = np.concatenate(
        [seen.unit[:n], rng.integers(0, 2 * height * width, noise).astype(np.int32)]
    )
    order = np.lexsort((unit, t))
    return EventStream(
        t[order], unit[order], (2, height, width), label=label, duration=duration, source="motion"
    )


def _motion(
    label: int, outline: NDArray[np.float64], sides: tuple[int, int], rng: np.random.Generator
) -> Motion:
    """Draw a movement of a class; that of its opposite is drawn alike and runs backwards."""
    least = min(sides)
    speed = least * rng.choice(_SPEEDS) * rng.uniform(0.8, 1.25)  # pixels a second
    ink, turned, phase = rng.uniform(0.4, 0.8), rng.random(), rng.random()
    if label < 8:
        size = least * rng.uniform(0.1, 0.18)
        x, y = _crossings(label, size, speed, sides, rng)
        still = np.zeros(len(x))
        step_us = 1e6 * _STEP_PIXELS / speed
        around, least_px = turned + still, size * float(outline.min())
        return Motion(outline, x, y, around, still, size, least_px, ink, False, step_us)
    turns, sign = label < 10, 1.0 if label in (8, 10) else -1.0
    size = least * (rng.uniform(0.2, 0.32) if turns else rng.uniform(0.3, 0.45))
    centre = [side / 2 - 0.5 + 0.15 * least * rng.uniform(-1, 1) for side in sides]
    # The rim goes around at the speed that was drawn; a ring is slower, since it has many.
    one_s = (2 * math.pi if turns else 0.8) * size / speed
    whole = max(round(_LONGEST_S / one_s), 1)
    steps = whole * math.ceil((2 * math.pi if turns else 0.8) * size / _STEP_PIXELS)
    still, grown = np.zeros(steps + 1), sign * whole * np.arange(steps + 1) / steps
    angle = turned + (grown if turns else still)
    rings = still if turns else phase + grown
    y, x = (side + still for side in centre)
    step_us, least_px = 1e6 * one_s * whole / steps, size * float(outline.min())
    return Motion(outline, x, y, angle, rings, size, least_px, ink, not turns, step_us)


def _crossings(
    label: int, size: float, speed: float, sides: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places along whole ways from beyond one rim to beyond the other."""
    height, width = sides
    along = np.array([math.cos(label * math.pi / 4), math.sin(label * math.pi / 4)])
    reach = 0.5 * (abs(along[0]) * width + abs(along[1]) * height) + size + 4.0
    steps = math.ceil(2 * reach / _STEP_PIXELS)
    way = np.linspace(-reach, reach, steps + 1)
    passes = max(round(_LONGEST_S * speed / (2 * reach)), 1)
    xs, ys = [], []
    for _ in range(passes):
        aside = 0.25 * min(sides) * rng.uniform(-1, 1)
        xs.append(width / 2 - 0.5 + way * along[0] - aside * along[1])
        ys.append(height / 2 - 0.5 + way * along[1] + aside * along[0])
    return np.concatenate(xs), np.concatenate(ys)
