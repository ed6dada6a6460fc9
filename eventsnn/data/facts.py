"""What recipes may know of data before anything is learned: how long, how many, how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsnn.data.dataset import DataSet, sensor_of
from eventsnn.data.images import Images
from eventsnn.events.checked import sensor_text

_FIRST = 256


@dataclass(frozen=True)
class Facts:
    """Facts of a training half, medians over its first 256 recordings.

    Attributes
    ----------
    sensor : tuple of int
        (polarities, height, width); of images what they have.
    events : float
        Of a recording; 0 where there are none: images.
    duration_us : float
        Of a recording; 0 of images.
    longest_us : float
        The longest of these recordings; 0 of images.
    classes : int
    recordings : int
        Of the training half.
    """

    sensor: tuple[int, ...]
    events: float
    duration_us: float
    longest_us: float
    classes: int
    recordings: int

    @property
    def times_usual(self) -> float:
        """How many times as long as filmed digits recordings last, for what should follow that.

        1 where they are about as long, up to half as much more, or shorter; and for images.
        """
        ratio = self.duration_us / USUAL.duration_us
        return ratio if ratio > 1.5 else 1.0

    @property
    def of_digits(self) -> bool:
        """Whether they are such as N-MNIST's: its sensor, and three saccades long."""
        alike = 0.7 < self.duration_us / USUAL.duration_us < 1.5
        return alike and self.sensor == USUAL.sensor

    @property
    def images(self) -> bool:
        """Whether there are no events."""
        return not self.duration_us

    def __str__(self) -> str:
        """Return one line for people."""
        if self.images:
            return f"{self.recordings:,} images of {sensor_text(self.sensor)}"
        return (
            f"{self.recordings:,} recordings of {sensor_text(self.sensor)}, median "
            f"{self.duration_us / 1e6:.2g} s and {self.events:,.0f} events"
        )


USUAL = Facts((2, 34, 34), 4_000.0, 320_000.0, 320_000.0, 10, 60_000)
"""Of filmed digits, for which the declared recipes are; what is taken before data are known."""

USUAL_IMAGES = Facts((28, 28), 0.0, 0.0, 0.0, 10, 60_000)


def facts_of(data: DataSet) -> Facts:
    """Return the facts of a data set's training half."""
    if not len(data.train):  # refused where it is learned from
        return USUAL
    train = data.train
    if isinstance(train, Images):
        return Facts(sensor_of(train), 0.0, 0.0, 0.0, data.n_classes, len(train))
    few = slice(0, min(_FIRST, len(train)))
    events = np.diff(train.start[: few.stop + 1])
    return Facts(
        sensor_of(train),
        float(np.median(events)),
        float(np.median(train.duration[few])),
        float(train.duration[few].max()),
        data.n_classes,
        len(train),
    )


BATCH_EVENTS = 1 << 24
"""Events of a minibatch at most, unless one recording has more: its memory goes by events."""


def batch_for(facts: Facts, usual: int) -> int:
    """Return how many recordings an update has, where so many are usual."""
    fits = int(BATCH_EVENTS // max(facts.events, 1.0))
    return max(min(usual, fits), 1)


_MOVES = ("shift", "elastic", "scatter")
_TURNS = ("rotate", "scale", *_MOVES)
_LINE = 8


def augmentation_for(facts: Facts, usual: dict[str, Any]) -> dict[str, Any]:
    """Return an augmentation that suits the sensor, made of that of filmed digits.

    What is told in pixels grows with the smaller side; a line of channels is neither moved nor
    turned.
    """
    side = min(facts.sensor[-2:])
    if side < _LINE:
        return {name: value for name, value in usual.items() if name not in _TURNS}
    times = side / USUAL.sensor[-1]
    if times <= 1.5:
        return usual
    return usual | {name: round(usual[name] * times, 1) for name in _MOVES if name in usual}
