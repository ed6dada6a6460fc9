"""Images and recordings as spikes on a grid of steps.

A pixel speaks in each step with the probability of its intensity, drawn anew each time (Wu et al.
2018, 3.2). What is drawn depends on a sample's key, the pixel and the step alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, threaded
from eventsnn.rules.grid.lists import turned_over

_STEP = 0x9E3779B97F4A7C15
"""Of the counter (splitmix64): 2**64 over the golden ratio."""


class SentSpikes(NamedTuple):
    """The spikes of a population in some samples: step by step, units of a step in order.

    Attributes
    ----------
    at : int32 array (n_samples, steps + 1)
        First spike of each step, in the sample's row of ``unit``.
    unit : int32 array (n_samples, room)
    """

    at: NDArray[np.int32]
    unit: NDArray[np.int32]


class UnitSpikes(NamedTuple):
    """The same spikes unit by unit, steps of a unit in order.

    Attributes
    ----------
    start : int32 array (n_samples, n + 1)
        First spike of each unit, in the sample's row of ``step``.
    step : int32 array (n_samples, room)
    """

    start: NDArray[np.int32]
    step: NDArray[np.int32]


def spikes_room(samples: int, steps: int, units: int, spikes: int) -> tuple[SentSpikes, UnitSpikes]:
    """Return room for so many spikes a sample, in both orders."""
    shape = samples, spikes + 1  # a kernel writes before it knows whether there is a spike
    return (
        SentSpikes(np.zeros((samples, steps + 1), np.int32), np.zeros(shape, np.int32)),
        UnitSpikes(np.zeros((samples, units + 1), np.int32), np.zeros(shape, np.int32)),
    )


@inlined
def _bits(state: Any) -> Any:
    """Return 64 random bits of a counter (splitmix64)."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@threaded
def draw(pixels, order, keys, sent, lit):  # type: ignore[no-untyped-def]
    """Draw the spikes of the images ``order``; ``pixels`` are uint8 (n, units).

    A pixel of 255 speaks in every step, one of p in p / 255 of them. ``lit`` is room, int32
    (units,).
    """
    units = np.uint64(pixels.shape[1])
    for b in range(len(order)):
        image, unit = pixels[order[b]], sent.unit[b]
        some, n = np.int64(0), np.int64(0)
        for j in range(len(image)):
            lit[some] = j
            some += np.int64(image[j] > 0)
        for t in range(sent.at.shape[1] - 1):
            sent.at[b, t] = n
            first = keys[b] + np.uint64(t) * units * np.uint64(_STEP)
            for i in range(some):
                pixel = np.uint64(lit[i])
                # Compared with 32 bits: p / 255 of 2**32, and all of them for 255.
                below = np.uint64(image[pixel]) * np.uint64(0x1010101)
                below += np.uint64(image[pixel] == 255)
                unit[n] = lit[i]
                bits = _bits(first + pixel * np.uint64(_STEP)) >> np.uint64(32)
                n += np.int64(bits < below)
        sent.at[b, sent.at.shape[1] - 1] = n


@threaded
def cut(events, order, width, once, by_unit):  # type: ignore[no-untyped-def]
    """Sort the events of recordings into steps, unit by unit.

    ``width`` is (steps, microseconds of a step); 0 of these: an equal part of each recording.
    Events behind the last step are left out. ``once``: a unit speaks once a step at most.
    """
    steps, microseconds = width
    for b in range(len(order)):
        i = order[b]
        first, last, start = events.start[i], events.start[i + 1], by_unit.start[b]
        step = by_unit.step[b]
        span = np.int64(events.duration[i]) if microseconds == 0 else microseconds * steps
        start[:] = 0
        for e in range(first, last):
            inside = np.int64(events.t[e]) < span
            start[np.int64(events.unit[e]) + 1] += np.int32(inside)
        for j in range(len(start) - 1):
            start[j + 1] += start[j]
        for e in range(first, last):
            t = np.int64(events.t[e])
            if t < span:
                of = np.int64(events.unit[e])
                step[start[of]] = t // microseconds if microseconds > 0 else t * steps // span
                start[of] += 1
        # Each start has become the next unit's: moved back, and repeated steps dropped.
        kept, begin = 0, 0
        for j in range(len(start) - 1):
            end, start[j] = start[j], kept
            for k in range(begin, end):
                if not once or k == begin or step[k] != step[k - 1]:
                    step[kept] = step[k]
                    kept += 1
            begin = end
        start[len(start) - 1] = kept


@threaded
def by_step(by_unit, sent):  # type: ignore[no-untyped-def]
    """Sort spikes that stand unit by unit into steps."""
    for b in range(sent.at.shape[0]):
        turned_over(by_unit.start[b], by_unit.step[b], sent.at[b], sent.unit[b])


@threaded
def by_unit(sent, units):  # type: ignore[no-untyped-def]
    """Sort spikes that stand step by step into units."""
    for b in range(sent.at.shape[0]):
        turned_over(sent.at[b], sent.unit[b], units.start[b], units.step[b])
