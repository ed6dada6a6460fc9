"""Images as Poisson spike trains: a pixel's rate is its share of a total rate.

Nothing is kept: the trains of a presentation are drawn event by event from a key, the same on
any number of threads. Times are whole microseconds. ``drawn`` is the definition, ``next_event``
the same compiled.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


def splitmix(x: int) -> int:
    """Scramble 64 bits (the SplitMix64 output function, Steele et al. 2014)."""
    x = (x + _STEP) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def splitmixes(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return ``splitmix`` of each number."""
    x = x + np.uint64(_STEP)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def uniform(key: int, number: int) -> float:
    """Return the number of a key's sequence, uniform in [0, 1), 53 random bits."""
    return (splitmix((key + number) & _MASK) >> 11) * 2.0**-53


class PoissonTrains(NamedTuple):
    """Events of a presentation: times in microseconds, int64, and units."""

    t: NDArray[np.int64]
    unit: NDArray[np.int64]


def drawn(pixels: NDArray[np.uint8], rate_hz: float, duration_us: int, key: int) -> PoissonTrains:
    """Return the trains of an image (n_pixels,); a black one has no events."""
    place = np.repeat(np.arange(pixels.size), pixels)
    t, times, units, number = 0.0, list[int](), list[int](), 0
    while place.size:
        t += -math.log(1.0 - uniform(key, number)) * (1e6 / rate_hz)
        if t >= duration_us:
            break
        times.append(int(t))
        units.append(int(place[int(uniform(key, number + 1) * place.size)]))
        number += 2
    return PoissonTrains(np.array(times, np.int64), np.array(units, np.int64))


def first_of_crop(events: int, crop: int, key: int) -> int:
    """Return where so many consecutive events begin, at random; 0 where there are no more."""
    return int(uniform(key, 0) * (events - crop + 1)) if 0 < crop < events else 0


@kernel
def mix(x):  # type: ignore[no-untyped-def]
    """Scramble 64 bits; see ``splitmix``."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def random_at(key, number):  # type: ignore[no-untyped-def]
    """Return a number of a sequence; see ``uniform``."""
    return np.float64(mix(key + np.uint64(number)) >> np.uint64(11)) * 2.0**-53


@kernel
def lay_out(pixels, place):  # type: ignore[no-untyped-def]
    """Write each pixel's number as often as its grey value says; return how many there are."""
    n = np.int64(0)
    for i in range(pixels.size):
        end = n + np.int64(pixels[i])
        for k in range(n, end):
            place[k] = i
        n = end
    return n


@kernel
def next_time(key, number, mean):  # type: ignore[no-untyped-def]
    """Return how long it takes to the next event."""
    return -np.log(1.0 - random_at(key, number)) * mean
