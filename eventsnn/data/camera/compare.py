"""How close the virtual camera's films come to real recordings of the same pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.data.camera.saccade import Camera, film
from eventsnn.errors import DataError
from eventsnn.events import EventBatch

SACCADE_CUTS_US = (105_000, 210_000)
"""Where N-MNIST's second and third saccade start (G. Orchard et al. 2015)."""

SMOOTH_PIXELS = 0.7
"""Count maps are smoothed by this Gaussian, so that half a pixel is half a miss."""

BIN_US = 10_000
"""Width of the bins in which rates are compared."""


def compare_with_real(
    images: ArrayLike, recordings: EventBatch, camera: Camera | None = None, seed: int = 0
) -> dict[str, Any]:
    """Film the pictures of real recordings and return `compare` of the two.

    Parameters
    ----------
    images : uint8 or float array (n, h, w)
        Picture i is what ``recordings[i]`` shows.
    recordings : EventBatch
        Real ones, from a sensor of the camera's shape.
    """
    camera = Camera() if camera is None else camera
    return compare(recordings, film(images, camera, seed=seed))


def compare(real: EventBatch, filmed: EventBatch) -> dict[str, Any]:
    """Compare recordings with films of the same pictures, one to one.

    Returns
    -------
    dict
        ``recordings``: how many. ``map_correlation``: mean over recordings of the
        correlation of `count_maps`; ``map_correlation_min``: its smallest.
        ``count_ratio``: filmed over real mean number of events; ``count_correlation``: over
        recordings. ``rate_difference``: sum over `BIN_US` bins of |filmed - real| events over
        the sum of the real ones. ``real`` and ``filmed``: what `describe` says of each.

    Raises
    ------
    DataError
        If the sensors or the numbers of recordings differ, or there is none.
    """
    if real.shape != filmed.shape or len(real) != len(filmed) or not len(real):
        raise DataError(
            f"{real.source}: {len(real)} recordings of {real.shape} against {len(filmed)} films "
            f"of {filmed.shape}; compare at least one, as many pictures as recordings, and "
            "with the camera of the same sensor"
        )
    correlation = [
        float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
        for a, b in zip(_smooth_maps(real), _smooth_maps(filmed), strict=True)
    ]
    counts = [np.diff(batch.start) for batch in (real, filmed)]
    rate = [
        _rate(batch, int(max(real.duration.max(), filmed.duration.max())))
        for batch in (real, filmed)
    ]
    return {
        "recordings": len(real),
        "map_correlation": float(np.mean(correlation)),
        "map_correlation_min": float(np.min(correlation)),
        "count_ratio": float(counts[1].mean() / counts[0].mean()),
        "count_correlation": float(np.corrcoef(counts[0], counts[1])[0, 1])
        if len(real) > 1
        else 1.0,
        "rate_difference": float(np.abs(rate[1] - rate[0]).sum() / rate[0].sum()),
        "real": describe(real),
        "filmed": describe(filmed),
    }


def describe(batch: EventBatch) -> dict[str, Any]:
    """Return the figures by which recordings of saccades are known.

    Returns
    -------
    dict
        ``events`` and ``events_std``: mean and standard deviation over recordings.
        ``on_over_off``: ON events over OFF events. ``events_per_saccade``: mean of each.
        ``pixel_interval_us``: median time between successive events of a pixel, whatever
        their polarity.
    """
    counts = np.diff(batch.start)
    on = int((batch.unit >= batch.n_units // 2).sum())
    saccades = np.bincount(np.searchsorted(SACCADE_CUTS_US, batch.t, side="right"), minlength=3)
    intervals = pixel_intervals(batch)
    return {
        "events": float(counts.mean()),
        "events_std": float(counts.std()),
        "on_over_off": on / max(len(batch.t) - on, 1),
        "events_per_saccade": [float(n) for n in saccades / len(batch)],
        "pixel_interval_us": float(np.median(intervals)) if intervals.size else float("nan"),
    }


def count_maps(batch: EventBatch, index: int) -> NDArray[np.float64]:
    """Return the events of one recording, counted: (saccade, polarity, y, x)."""
    events = slice(batch.start[index], batch.start[index + 1])
    saccade = np.searchsorted(SACCADE_CUTS_US, batch.t[events], side="right")
    address = saccade * batch.n_units + batch.unit[events]
    counts = np.bincount(address, minlength=3 * batch.n_units)
    return counts.reshape(3, *batch.shape).astype(np.float64)


def pixel_intervals(batch: EventBatch) -> NDArray[np.int64]:
    """Return the microseconds between successive events of a pixel, of all recordings."""
    pixels = batch.n_units // batch.shape[0]
    recording = np.repeat(np.arange(len(batch)), np.diff(batch.start))
    cell = recording * pixels + batch.unit % pixels
    order = np.lexsort((batch.t, cell))
    gaps = np.diff(np.asarray(batch.t, np.int64)[order])
    return np.asarray(gaps[np.diff(cell[order]) == 0])


def _smooth_maps(batch: EventBatch) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    maps = np.stack([count_maps(batch, i) for i in range(len(batch))])
    return np.asarray(gaussian_filter(maps, (0, 0, 0, SMOOTH_PIXELS, SMOOTH_PIXELS)))


def _rate(batch: EventBatch, duration_us: int) -> NDArray[np.float64]:
    """Return events a recording in every bin of `BIN_US`."""
    bins = np.bincount(batch.t // BIN_US, minlength=-(-duration_us // BIN_US))
    return bins / len(batch)
