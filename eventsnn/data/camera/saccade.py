"""The virtual event camera: films any grey picture the way N-MNIST was filmed.

A picture stands before a small event camera that moves in three quick saccades, a triangle.
Where the picture's edges pass, the brightness of a pixel changes, and whenever the logarithm
of that brightness has moved by a threshold since the pixel's last event, the pixel sends
another one: ON (polarity 1) if it grew brighter, OFF (polarity 0) if darker. A digit is dark
on a light ground, as in N-MNIST.

Method: G. Orchard et al., "Converting static image datasets to spiking neuromorphic datasets
using saccades", Frontiers in Neuroscience 9:437, 2015. The constants of `Camera` were fitted
to half of 600 real N-MNIST recordings and checked on the other half; `compare`
measures how close the films come. What this camera makes is emulated, not N-MNIST.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.data.camera import kernel, parts
from eventsnn.data.camera.constants import CUT_SIGMAS, Camera
from eventsnn.errors import DataError
from eventsnn.events import EventBatch, unit_dtype
from eventsnn.given import check_no_mask
from eventsnn.threads import in_threads

__all__ = ["Camera", "film"]

_PHASES = 6
"""Fine points a pixel and axis, between which the log brightness is taken as linear."""


def film(
    images: ArrayLike,
    camera: Camera | None = None,
    *,
    seed: int,
    labels: ArrayLike | None = None,
    first_index: int = 0,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> EventBatch:
    """Film pictures, one recording each.

    Parameters
    ----------
    images : uint8 array (n, h, w), or float array with values in [0, 1]
        Grey: 0 is the ground (light), the largest value full ink (dark).
    camera : Camera, optional
        The default films as N-MNIST was filmed.
    seed : int
        Of the noise and the jitter, 0 to 2**63 - 1.
    labels : whole numbers (n,), optional
        Classes; -1 (unknown) if absent.
    first_index : int
        Number of the first picture. Recording i depends on ``seed``, ``first_index + i`` and
        its picture, on nothing else: a stack may be filmed in parts and in any order.
    threads : int
        Changes no event.
    progress : callable, optional
        Called as ``progress(done, n)`` after every recording, by the thread that filmed it.

    Returns
    -------
    EventBatch
        Recording i films ``images[i]``; events sorted by (t, unit), none dropped.

    Raises
    ------
    DataError
        If the pictures, the labels or a number are not as described: it names the value.

    Examples
    --------
    >>> import numpy as np
    >>> from eventsnn import film
    >>> bar = np.zeros((1, 28, 28), np.uint8)
    >>> bar[0, 4:24, 12:16] = 255
    >>> film(bar, seed=0).shape
    (2, 34, 34)
    """
    camera = Camera() if camera is None else camera
    stack = _checked_images(images)
    classes = _checked_labels(labels, len(stack))
    for name, value in (("seed", seed), ("first_index", first_index)):
        if not 0 <= value < 1 << 63:
            raise DataError(f"film: {name} is {value}; give 0 to 2**63 - 1")
    if threads < 1:
        raise DataError(f"film: threads is {threads}; give at least 1")
    ends = np.linspace(0, len(stack), min(threads, len(stack)) + 1).astype(int).tolist()
    told = _Told(len(stack), progress)

    def work(share: slice) -> list[_Film]:
        return _films(stack[share], camera, seed, first_index + share.start, told)

    shares = in_threads(work, [slice(a, b) for a, b in pairwise(ends)], threads)
    films = [film for share in shares for film in share]
    sizes = np.array([len(t) for t, _ in films], np.int64)
    return EventBatch(
        np.concatenate([t for t, _ in films]),
        np.concatenate([unit for _, unit in films]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        classes,
        np.full(len(stack), math.ceil(camera.steps * camera.step_us), np.int64),
        camera.shape,
        "virtual event camera",
    )


_Film = tuple[NDArray[np.int32], NDArray[Any]]


class _Told:
    """Counts the recordings of all threads for a listener."""

    def __init__(self, n: int, progress: Callable[[int, int], None] | None) -> None:
        self.done, self.n, self.progress, self.lock = 0, n, progress, Lock()

    def one(self) -> None:
        """Count another."""
        with self.lock:
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.n)


def _films(
    stack: NDArray[Any], camera: Camera, seed: int, first_index: int, told: _Told
) -> list[_Film]:
    scene = _scene(camera, stack.shape[1], stack.shape[2])
    events = _room(4 * camera.height * camera.width)
    dtype = unit_dtype(camera.shape)
    films = []
    for i, image in enumerate(stack):
        grey = np.array(image, np.float32, order="C")
        if image.dtype == np.uint8:
            grey /= np.float32(255)
        key = np.uint64(kernel.recording_key(np.uint64(seed), np.uint64(first_index + i)))
        while (n := kernel.film_one(grey, key, *scene, events)) < 0:
            events = _room(2 * len(events.t))
        films.append((events.t[:n].copy(), events.unit[:n].astype(dtype)))
        told.one()
    return films


def _room(events: int) -> parts.Events:
    return parts.Events(np.empty(events, np.int32), np.empty(events, np.int32))


def _scene(
    camera: Camera, h: int, w: int
) -> tuple[parts.Lens, parts.Path, parts.Pixels, parts.Work]:
    """Describe to the kernel all that pictures of size (h, w) have in common."""
    x, y = camera.position(np.arange(camera.steps + 1) * camera.step_us)
    rows, row_span, start_y, n_rows = _footprint(h, camera.height, camera.centre_y, y, camera)
    columns, column_span, start_x, pitch = _footprint(w, camera.width, camera.centre_x, x, camera)
    fine = (n_rows * _PHASES, pitch * _PHASES)
    state = np.empty((4, camera.height * pitch), np.float32)
    words = np.empty(-(-camera.height * pitch // 8), np.uint64)
    return (
        parts.Lens(rows, row_span, columns, column_span, start_x, start_y, _PHASES),
        _path(camera, x, y),
        _pixels(camera, pitch),
        parts.Work(
            np.empty((h, fine[1]), np.float32),
            np.empty(fine, np.float32),
            np.empty((_PHASES**2, n_rows * pitch), np.float32),
            np.empty(x.size),
            np.empty(x.size),
            state[0],
            state[1],
            state[2],
            state[3],
            words.view(np.uint8),
            words,
        ),
    )


def _path(camera: Camera, x: NDArray[np.float64], y: NDArray[np.float64]) -> parts.Path:
    """Group the path; floats, because numba would compile the kernel anew for whole numbers."""
    jitter = (float(camera.centre_jitter), float(camera.time_jitter_us))
    return parts.Path(x, y, float(camera.step_us), *jitter)


def _pixels(camera: Camera, pitch: int) -> parts.Pixels:
    """Draw every cell's own thresholds and dead time: the sensor's fixed pattern."""
    rng = np.random.default_rng(camera.pattern_seed)
    normal = np.clip(rng.standard_normal((3, camera.height, camera.width)), -CUT_SIGMAS, CUT_SIGMAS)
    # Cells between the sensor's width and the pitch never fire.
    cells = np.full((3, camera.height, pitch), np.inf, np.float32)
    spread = np.exp(camera.threshold_spread * normal[:2])
    cells[0, :, : camera.width] = camera.threshold_on * spread[0]
    cells[1, :, : camera.width] = camera.threshold_off * spread[1]
    cells[2, :, : camera.width] = camera.dead_us + camera.dead_spread_us * normal[2]
    row, column = np.divmod(np.arange(camera.height * pitch, dtype=np.int32), np.int32(pitch))
    follow = -math.expm1(-camera.step_us / camera.cutoff_us) if camera.cutoff_us > 0 else 1.0
    return parts.Pixels(
        camera.height,
        camera.width,
        np.float32(camera.epsilon),
        np.float32(camera.slip),
        np.float32(follow),
        camera.leak_hz * 1e-6 * camera.height * camera.width,
        float(camera.leak_on),
        row * np.int32(camera.width) + column,
        *cells.reshape(3, -1),
    )


def _footprint(
    n: int, cells: int, centre: float, moves: NDArray[np.float64], camera: Camera
) -> tuple[NDArray[np.float32], NDArray[np.int64], float, int]:
    """Return how much of each picture pixel falls onto each point of the fine grid, one axis.

    A picture pixel is a square of ``scale`` pixels blurred by a Gaussian, so its weight along
    an axis is a difference of two error functions.

    Returns
    -------
    weights : float32 array (n, fine points)
    span : int64 array (n, 2)
        The fine points [first, last) where the weights are not 0.
    start : float
        Place of fine point 0, in sensor pixels.
    room : int
        Whole sensor pixels that the grid covers.
    """
    from scipy.special import erf

    reach = CUT_SIGMAS * camera.centre_jitter + 1
    start = -float(moves.max()) - reach
    room = cells + math.ceil(float(np.ptp(moves)) + 2 * reach) + 2
    fine = start + np.arange(room * _PHASES) / _PHASES
    edges = centre + (np.arange(n + 1) - n / 2) * camera.scale
    below = erf((edges[:, np.newaxis] - fine) / (camera.blur * math.sqrt(2))) / 2
    weights = np.diff(below, axis=0).astype(np.float32)
    weights[weights < np.float32(1e-6)] = 0
    reached = weights > 0
    first = reached.argmax(1)
    last = np.where(reached.any(1), reached.shape[1] - reached[:, ::-1].argmax(1), first)
    return weights, np.stack([first, last], 1).astype(np.int64), start, room


def _checked_images(images: ArrayLike) -> NDArray[Any]:
    check_no_mask(images, "film: images", DataError)
    stack = np.asarray(images)
    if stack.ndim != 3 or 0 in stack.shape:
        raise DataError(
            f"film: images have shape {stack.shape}; give (n, height, width), "
            "a single picture as image[None]"
        )
    if stack.dtype == np.uint8:
        return stack
    if stack.dtype.kind != "f":
        raise DataError(
            f"film: images have dtype {stack.dtype}; give uint8 (0 to 255) or floats (0 to 1)"
        )
    for i, image in enumerate(stack):
        wrong = np.argwhere(~((image >= 0) & (image <= 1)))
        if wrong.size:
            y, x = wrong[0]
            raise DataError(
                f"film: image {i} is {image[y, x]} at row {y}, column {x}; "
                "give greys from 0 to 1, or uint8"
            )
    return stack


def _checked_labels(labels: ArrayLike | None, n: int) -> NDArray[np.int64]:
    if labels is None:
        return np.full(n, -1, np.int64)
    check_no_mask(labels, "film: labels", DataError)
    classes = np.asarray(labels)
    if classes.shape != (n,) or classes.dtype.kind not in "iu":
        raise DataError(
            f"film: labels have shape {classes.shape} and dtype {classes.dtype}; "
            f"give {n} whole numbers, one an image"
        )
    return classes.astype(np.int64)
