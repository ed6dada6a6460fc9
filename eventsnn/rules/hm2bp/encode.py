"""Samples as spike trains on the grid: Bernoulli trains of images, bins of recordings.

Nothing is emitted at step 0. The train of an image depends on the image and a key alone: it is
drawn once for all epochs, and kept nowhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, kernel, threaded
from eventsnn.kernels.vector import first_bit
from eventsnn.rules.hm2bp.trains import by_step

BITS = 24
"""Of a probability: it is rounded to a multiple of 2**-BITS."""

BRIGHTEST = 5.5
"""A white pixel spikes once in so many steps."""

TURN = 105_000.0
"""Microseconds of one of the three saccades of N-MNIST."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def chances() -> NDArray[np.uint32]:
    """Return the probability of a spike a step for each grey value, in units of 2**-BITS."""
    grey = np.arange(256) / 255
    found: NDArray[np.uint32] = np.round(grey / BRIGHTEST * 2**BITS).astype(np.uint32)
    return found


@inlined
def _mixed(x: Any) -> Any:
    """Scramble 64 bits (the SplitMix64 output function, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def _key_of(pixels: Any, key: Any) -> Any:
    """Return a key that depends on every pixel."""
    for k in range(len(pixels)):
        key = _mixed(key + _GOLDEN + np.uint64(pixels[k]))
    return key


@inlined
def _draw(state: Any, share: Any, words: Any) -> None:
    """Draw 64 steps a word: bits that are 1 with a probability of ``share`` / 2**BITS.

    Random words are joined by ``or`` and ``and``, from the lowest bit of the probability to the
    highest. Word b is made of the BITS random words behind b * BITS of the generator.
    """
    for b in range(len(words)):
        words[b] = np.uint64(0)
    for bit in range(BITS):
        one = (share >> bit) & 1
        for b in range(len(words)):
            drawn = _mixed(state + _GOLDEN * np.uint64(b * BITS + bit + 1))
            words[b] = (drawn | words[b]) if one else (drawn & words[b])


@threaded
def encode_image(pixels, key, chance, words, trains):  # type: ignore[no-untyped-def]
    """Draw a train a pixel: independent spikes at the steps 1 to T - 1.

    ``words`` (uint64, one for 64 steps) is room.
    """
    _, first, step, start = trains
    steps, n = len(first) - 1, 0
    state = _key_of(pixels, key)
    for j in range(len(pixels)):
        start[j] = n
        share = chance[pixels[j]]
        if not share:
            continue
        _draw(state, share, words)
        state += _GOLDEN * np.uint64(len(words) * BITS)
        words[0] &= ~np.uint64(1)
        if steps % 64:
            words[len(words) - 1] &= (np.uint64(1) << np.uint64(steps % 64)) - np.uint64(1)
        for b in range(len(words)):
            word = words[b]
            while word != 0:
                step[n] = 64 * b + int64(first_bit(word))
                n += 1
                word &= word - np.uint64(1)
    start[len(pixels)] = n
    by_step(trains)


@inlined
def _steady(x: float, y: float, t: float) -> Any:
    """Take the motion of the three saccades off a place (from 1), at t microseconds."""
    u = TURN
    if t <= u:
        return x - 3.5 * t / u, y - 7.0 * t / u
    if t <= 2 * u:
        return x - (3.5 + 3.5 * (t - u) / u), y - (7.0 - 7.0 * (t - u) / u)
    return x - (7.0 - 7.0 * (t - 2 * u) / u), y


@kernel
def _place(unit: Any, t: Any, shape: Any, steady: bool) -> Any:
    """Return the input that an event reaches; -1 where it left the sensor."""
    if not steady:
        return np.int64(unit)
    height, width = shape[1], shape[2]
    x, y = _steady(float(unit % width + 1), float(unit // width % height + 1), float(t))
    # Half away from zero; below 1/2 it is outside either way.
    column, row = math.floor(x + 0.5) - 1, math.floor(y + 0.5) - 1
    if not (0 <= column < width and 0 <= row < height):
        return np.int64(-1)
    return np.int64((unit // (width * height) * height + row) * width + column)


@threaded
def encode_recording(t, unit, grid, trains, last):  # type: ignore[no-untyped-def]
    """Put events into steps: step 1 + ceil(t / step_us); several of a unit in a bin are one.

    Parameters
    ----------
    t, unit : arrays of one recording, sorted by time
    grid : (step_us, shape of the sensor, whether the saccades are taken off)
    trains : Trains
    last : int32 array (n,)
        Room for the last step of each unit.

    Returns
    -------
    int
        The first event that is none of the sensor, or before the one before it; -1: all are good.
    """
    step_us, shape, steady = grid
    _, first, step, start = trains
    steps, before = len(first) - 1, 0
    for k in range(len(t)):
        if t[k] < before or unit[k] < 0 or unit[k] >= len(last):
            return k
        before = t[k]
    for again in range(2):
        last[:] = 0
        if again == 0:
            start[:] = 0
        for k in range(len(t)):
            j, s = _place(unit[k], t[k], shape, steady), 1 + (t[k] + step_us - 1) // step_us
            if j < 0 or s >= steps or last[j] == s:
                continue
            last[j] = s
            if again == 0:
                start[j + 1] += 1
            else:
                step[start[j]] = s
                start[j] += 1
        if again == 0:
            for j in range(1, len(start)):
                start[j] += start[j - 1]
    for j in range(len(start) - 1, 0, -1):
        start[j] = start[j - 1]
    start[0] = 0
    by_step(trains)
    return -1
