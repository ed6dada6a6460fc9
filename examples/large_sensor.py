"""Recordings of a large sensor, in a file: edges that move to the right, or to the left.

With no argument they are small; ten of 10 million events at 1280 x 720 take about a minute:

    python examples/large_sensor.py large.events --size 720x1280 --events 10_000_000
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import eventsnn as es
from eventsnn.data.readers.film_file import write_film

EDGES, NOISE, DURATION_US, AT_ONCE = 60, 0.1, 4_000_000, 500_000


def recording(number: int, size: tuple[int, int], events: int) -> es.EventBatch:
    """Return one recording, made a piece at a time; odd ones move to the left."""
    rng = np.random.default_rng([7, number])
    height, width = size
    label = number % 2
    left = rng.uniform(0, width, EDGES)  # where each edge begins, and its middle row
    middle = rng.uniform(0, height, EDGES)
    speed = (1 - 2 * label) * rng.uniform(0.2, 0.5, EDGES) * width / 1e6  # pixels a microsecond
    times = np.empty(events, np.int32)
    units = np.empty(events, np.int32)
    cuts = [*range(0, events, AT_ONCE), events]
    for first, last in itertools.pairwise(cuts):
        begin, end = (DURATION_US * place // events for place in (first, last))
        t = np.sort(rng.integers(begin, end, last - first))
        edge = rng.integers(0, EDGES, len(t))
        dark = rng.random(len(t)) < 0.5  # the dark rim follows the bright one
        x = left[edge] + speed[edge] * t - np.sign(speed[edge]) * 0.02 * width * dark
        y = middle[edge] + rng.normal(0, height / 20, len(t))
        astray = rng.random(len(t)) < NOISE
        x[astray], y[astray] = rng.uniform(0, width, len(t))[astray], 0
        y[astray] = rng.uniform(0, height, len(t))[astray]
        x, y = np.floor(x % width).astype(np.int64), np.floor(y % height).astype(np.int64)
        times[first:last], units[first:last] = t, (dark * height + y) * width + x
    start, label, duration = (np.array(a) for a in ([0, events], [label], [DURATION_US]))
    return es.EventBatch(times, units, start, label, duration, (2, height, width))


def recordings(n: int, size: tuple[int, int], events: int) -> Iterator[es.EventBatch]:
    """Make one after the other: none waits in memory."""
    return (recording(number, size, events) for number in range(n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--size", default="60x80", help="height x width")
    parser.add_argument("--events", default=5_000, type=int, help="of a recording")
    parser.add_argument("--recordings", default=10, type=int)
    asked = parser.parse_args()
    height, width = (int(side) for side in asked.size.split("x"))
    made = recordings(asked.recordings, (height, width), asked.events)
    if asked.out is None:
        print(*(batch[0] for batch in made), sep="\n")
        return
    write_film(asked.out, made)
    print(f"{asked.out}: {asked.recordings} recordings, {asked.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
