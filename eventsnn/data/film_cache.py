"""Images filmed when a data set is opened: once, and kept in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from eventsnn.data.cache import Progress, cached_batch
from eventsnn.data.dataset import DataSet, first_of
from eventsnn.data.images import Images
from eventsnn.events import EventBatch
from eventsnn.threads import cores

FILM_SEED = 34
"""Seed of the virtual camera for data sets that are filmed when they are opened."""


def filmed(
    spec: str, train: Images, test: Images, limit: int | None, progress: Progress | None
) -> DataSet:
    """Film both halves with the default camera; ``limit`` pictures of each."""
    few: Any = [first_of(half, limit) for half in (train, test)]
    return DataSet(
        spec,
        film_cached(few[0], 0, progress),
        film_cached(few[1], len(train), progress),
        f"emulated: {train.source} before the virtual event camera",
        emulated=True,
    )


def film_cached(images: Images, first_index: int, progress: Progress | None) -> EventBatch:
    """Film images with the default camera, or open the film made of them before."""
    from eventsnn.data.camera.saccade import Camera, film

    camera = Camera()
    digest = hashlib.sha256(images.images.tobytes() + images.labels.tobytes()).hexdigest()
    identity: dict[str, str | int] = {
        "kind": "film",
        "images": digest,
        "first_index": first_index,
        "seed": FILM_SEED,
    }
    state: dict[str, str | int] = {
        "camera": hashlib.sha256(repr(camera).encode()).hexdigest(),
        "version": _film_version(),
        "shape": str(images.images.shape),  # of which the bytes say nothing
    }
    return cached_batch(
        identity,
        state,
        lambda: _film_pieces(images, first_index, progress, partial(film, camera=camera)),
        source=f"film of {images.source}",
        emulated=True,
    )


def _film_pieces(
    images: Images, first_index: int, progress: Progress | None, film: Callable[..., EventBatch]
) -> Any:
    """Film a thousand images at a time, so that no film lies in memory as a whole."""
    n = len(images)
    for start in range(0, n, 1000):
        piece = slice(start, min(start + 1000, n))

        def tell(done: int, _: int, start: int = start) -> None:
            if progress is not None:
                progress(start + done, n)

        yield film(
            images.images[piece],
            seed=FILM_SEED,
            labels=images.labels[piece],
            first_index=first_index + start,
            threads=cores(),
            progress=tell,
        )


def _film_version() -> str:
    """Digest of the camera's own source: another camera never serves from an old cache."""
    from eventsnn.data.camera import constants as saccade_camera
    from eventsnn.data.camera import kernel as saccade_kernel
    from eventsnn.data.camera import saccade

    digest = hashlib.sha256()
    for module in (saccade, saccade_camera, saccade_kernel):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
