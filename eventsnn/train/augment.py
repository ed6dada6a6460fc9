"""Event augmentation: every recording is moved, turned, scaled, bent and thinned as it is read.

The addresses of a chunk of recordings are mapped on the fly; no augmented copy of the data set is
kept. What leaves the sensor is removed. Times and polarities stay, unless times are jittered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch, Shape
from eventsnn.kernels.compile import allocating, kernel
from eventsnn.options import option, take
from eventsnn.threads import in_threads
from eventsnn.train.early import ends_of

NODE = 8
"""Pixels between the nodes of an elastic field."""

_NODE_SD = 0.48  # of a cubic B-spline surface through nodes of SD 1, averaged over pixels


@dataclass(frozen=True)
class Augmentation:
    """How far recordings are changed; every amount is drawn anew for each recording."""

    shift: float = option(
        0.0, "Move each recording by up to so much along x and y.", unit="pixels", least=0
    )
    rotate: float = option(
        0.0,
        "Turn it by up to so much about the middle of the sensor.",
        unit="degrees",
        least=0,
        below=180,
    )
    scale: float = option(
        0.0, "Scale it by a factor from 1 - scale to 1 + scale.", least=0, below=1
    )
    elastic: float = option(
        0.0,
        "Bend it by a smooth random field of this standard deviation (Simard, Steinkraus & Platt "
        f"2003), a cubic B-spline through nodes {NODE} pixels apart.",
        unit="pixels",
        least=0,
    )
    scatter: float = option(
        0.0, "Move each event by up to so much along x and y.", unit="pixels", least=0
    )
    jitter_us: float = option(
        0.0, "Move each event in time by up to so much.", unit="microseconds", least=0, most=1e9
    )
    drop: float = option(0.0, "Drop this share of its events, each on its own.", least=0, below=1)
    early_us: float = option(
        0.0,
        "Learn to answer early: end its events at a moment drawn from here to its own end, the "
        "logarithm uniform; 0: see all.",
        unit="microseconds",
        least=0,
        most=1e9,
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        take(self)

    def __bool__(self) -> bool:
        """Return whether anything is changed at all."""
        return any(getattr(self, f.name) for f in fields(self))


class _Part(NamedTuple):
    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]


class Warp(NamedTuple):
    """Where the pixels of recordings go.

    Attributes
    ----------
    turn : float64 array (n, 4)
        Cosine and sine of the angle, times the factor; the shift along x and y.
    nodes : float64 array (n, rows, columns, 2)
        Displacement at the nodes of a spline surface; no rows where nothing is bent.
    """

    turn: NDArray[np.float64]
    nodes: NDArray[np.float64]


class _Noise(NamedTuple):
    drop: float
    scatter: float


_STEP = 0x9E3779B97F4A7C15  # of a recording's counter, which each event draws from (splitmix64)


def _check_sides(augmentation: Augmentation, shape: Shape) -> None:
    """Refuse distances beyond the sensor: all events would leave it."""
    side = max(shape[1:])
    for name in ("shift", "elastic", "scatter"):
        value = getattr(augmentation, name)
        if value > side:
            raise UserError(
                f"{name} is {value:g} pixels, more than the sensor has on a side ({side}); "
                "give less"
            )


def augment(
    batch: EventBatch,
    order: NDArray[np.int64],
    augmentation: Augmentation,
    rng: np.random.Generator,
    threads: int = 1,
    own: slice | None = None,
) -> EventBatch:
    """Return the recordings ``order`` of ``batch``, changed at random.

    Parameters
    ----------
    batch : EventBatch
    order : int64 array (n,)
    augmentation : Augmentation
    rng : numpy.random.Generator
        A recording's changes depend on the generator and its place in ``order`` only.
    threads : int
    own : slice, optional
        Which of them are asked for.

    Returns
    -------
    EventBatch
        n of them, or fewer.
    """
    _check_sides(augmentation, batch.shape)
    n, (batch, order) = len(order), batch.at_hand(order)
    source = _Part(batch.t, batch.unit, batch.start)
    warp = warp_of(batch.shape, augmentation, n, rng)
    keys = rng.integers(0, 1 << 63, n, dtype=np.uint64)
    stop = ends_of(batch, order, augmentation.early_us, rng)
    noise = _Noise(augmentation.drop, augmentation.scatter)

    def work(rows: slice) -> _Part:
        wanted, count = order[rows], rows.stop - rows.start
        size = batch.start[wanted + 1] - batch.start[wanted]
        room = int((stop[rows] - batch.start[wanted]).sum())
        t, unit = np.empty(room, np.int32), np.empty(room, batch.unit.dtype)
        out = _Part(t, unit, np.zeros(count + 1, np.int64))
        places = places_of(batch.shape, Warp(*(drawn[rows] for drawn in warp)))
        _move(source, (wanted, stop[rows]), places, batch.shape[0], keys[rows], noise, out)
        if augmentation.jitter_us:
            # Beyond what the places drew.
            state = keys[rows] + np.uint64(_STEP) * (size + 1).astype(np.uint64)
            for k, (first, end) in enumerate(pairwise(out.start)):
                jitter = augmentation.jitter_us, batch.duration[wanted[k]]
                _shake(out.t[first:end], out.unit[first:end], state[k], *jitter)
        return _Part(t[: out.start[-1]], unit[: out.start[-1]], out.start)

    first, last = (0, n) if own is None else (own.start, own.stop)
    ends = np.linspace(first, last, max(1, min(threads, last - first)) + 1).astype(int).tolist()
    parts = in_threads(work, [slice(a, b) for a, b in pairwise(ends)], threads)
    sizes = np.concatenate([np.diff(part.start) for part in parts])
    return batch.with_events(
        t=np.concatenate([part.t for part in parts]),
        unit=np.concatenate([part.unit for part in parts]),
        start=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        label=np.asarray(batch.label[order[first:last]]),
        duration=np.asarray(batch.duration[order[first:last]]),
    )


def warp_of(shape: Shape, augmentation: Augmentation, n: int, rng: np.random.Generator) -> Warp:
    """Draw where the pixels of n recordings go."""
    angle = np.radians(rng.uniform(-1, 1, n) * augmentation.rotate)
    factor = 1 + rng.uniform(-1, 1, n) * augmentation.scale
    move = rng.uniform(-1, 1, (n, 2)) * augmentation.shift
    turn = np.stack([factor * np.cos(angle), factor * np.sin(angle), move[:, 0], move[:, 1]], 1)
    if not augmentation.elastic:
        return Warp(turn, np.zeros((n, 0, 0, 2)))
    grid = (_spline(side).shape[1] for side in shape[1:])
    nodes = rng.standard_normal((n, *grid, 2)) * (augmentation.elastic / _NODE_SD)
    return Warp(turn, nodes)


def places_of(shape: Shape, warp: Warp) -> NDArray[np.float32]:
    """Return where each recording's pixels go, float32 (n, height, width, 2): x and y."""
    out = np.empty((len(warp.turn), *shape[1:], 2), np.float32)
    _turn(warp.turn, out)
    if warp.nodes.size:
        rows, columns = (_spline(side) for side in shape[1:])
        _bend(warp.nodes, rows, columns, out)
    return out


@cache
def _spline(side: int) -> NDArray[np.float64]:
    """Return the weight of each node for each pixel of a side, float64 (side, n_nodes)."""
    place = np.arange(side) / NODE
    out = np.zeros((side, int(place[-1]) + 4))
    u, first = place % 1, place.astype(int)
    weights = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    for k, weight in enumerate(weights):
        out[np.arange(side), first + k] = weight / 6
    return out


@allocating
def _turn(turn, out):  # type: ignore[no-untyped-def]
    """Turn, scale and shift about the middle of the sensor."""
    n, height, width, _ = out.shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    for k in range(n):
        cos, sin, dx, dy = turn[k]
        for row in range(height):
            for column in range(width):
                x, y = column - middle_x, row - middle_y
                out[k, row, column, 0] = cos * x - sin * y + dx + middle_x
                out[k, row, column, 1] = sin * x + cos * y + dy + middle_y


@allocating
def _bend(nodes, rows, columns, out):  # type: ignore[no-untyped-def]
    """Add the displacement of a spline surface, its rows first, then its columns."""
    n, height, width, _ = out.shape
    line = np.empty((columns.shape[1], 2))
    for k in range(n):
        for row in range(height):
            line[:] = 0
            for a in range(row // NODE, row // NODE + 4):
                for b in range(len(line)):
                    line[b, 0] += rows[row, a] * nodes[k, a, b, 0]
                    line[b, 1] += rows[row, a] * nodes[k, a, b, 1]
            for column in range(width):
                for b in range(column // NODE, column // NODE + 4):
                    out[k, row, column, 0] += columns[column, b] * line[b, 0]
                    out[k, row, column, 1] += columns[column, b] * line[b, 1]


@kernel
def _random(state):  # type: ignore[no-untyped-def]
    """Return 64 random bits (splitmix64) of a counter."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@allocating
def _move(source, wanted, places, planes, keys, noise, out):  # type: ignore[no-untyped-def]
    """Move the events of each recording, up to its end in ``wanted``, to new places; drop some."""
    order, end = wanted
    _, height, width, _ = places.shape
    sensor, step, mask = height * width, np.uint64(_STEP), np.uint64(0x1FFFFF)
    limit = np.uint64(noise.drop * 2.0**21)
    spread = noise.scatter * 2.0**-20
    # Tables, since a division an event would cost more than all the rest.
    address = np.arange(planes * sensor)
    pixel, plane = address % sensor, address // sensor * sensor
    right, bottom, n = np.uint64(width), np.uint64(height), np.uint64(0)
    for k in range(order.size):
        place = places[k].reshape((sensor, 2))
        state = keys[k]
        for i in range(np.uint64(source.start[order[k]]), np.uint64(end[k])):
            state += step
            bits = _random(state)
            unit = np.uint64(source.unit[i])
            from_x, from_y = place[pixel[unit], 0], place[pixel[unit], 1]
            x = from_x + (np.float64(bits & mask) * spread - noise.scatter)
            y = from_y + (np.float64((bits >> np.uint64(21)) & mask) * spread - noise.scatter)
            column, row = math.floor(x + 0.5), math.floor(y + 0.5)
            kept = (bits >> np.uint64(43)) >= limit
            out.t[n] = source.t[i]
            out.unit[n] = plane[unit] + row * width + column
            inside = (np.uint64(column) < right) & (np.uint64(row) < bottom)
            n += np.uint64(kept & inside)
        out.start[k + 1] = n


@allocating
def _shake(t, unit, state, jitter, duration):  # type: ignore[no-untyped-def]
    """Jitter the times of one recording and sort it again; times stay within the recording."""
    for i in range(len(t)):
        state += np.uint64(_STEP)
        by = np.float64(_random(state) >> np.uint64(11)) * 2.0**-52 - 1.0
        moved = np.int64(t[i]) + np.int64(np.floor(by * jitter + 0.5))
        t[i] = min(max(moved, 0), duration - 1)
    by_time = np.argsort(t, kind="mergesort")
    t[:] = t[by_time]
    unit[:] = unit[by_time]
