"""A cache of decoded recordings: one memory-mapped file a source.

A reader says what its source *is* (``identity``: kind, path, split), what the source
holds at this moment (``state``: a digest of sizes and times of change), and how to
produce the recordings as a few batches, one after the other. They are written as
they come, so neither the first nor a later start holds them all in memory. A changed
source makes another file name; the older files of that source are then deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from eventsnn.data.cache_file import Writer, read_batch
from eventsnn.errors import DataError
from eventsnn.events import EventBatch
from eventsnn.files.folders import user_cache
from eventsnn.files.outputs import PART

Produce = Callable[[], Iterable[EventBatch]]
"""Gives the recordings as consecutive batches of one sensor; may be called twice."""

Progress = Callable[[int, int], None]
"""Told how many recordings are done, of how many."""

_FORMAT = "2"
_ABANDONED_S = 3600.0


class _UnwritableError(Exception):
    """The cache's folder or disk refuses a file."""


def cached_batch(
    identity: Mapping[str, str | int],
    state: Mapping[str, str | int],
    produce: Produce,
    *,
    source: str,
    cache: bool = True,
    emulated: bool = False,
) -> EventBatch:
    """Return the recordings of a source, from its cache file where that is current.

    Parameters
    ----------
    identity : mapping
        What stays the same while the source changes: kind, resolved path, split.
    state : mapping
        What changes with the source: digest of sizes and times, the reader's version.
    produce : callable
        Reads the source; called only where there is no current cache file.
    source : str
        Name of the batch in error messages.
    cache : bool
        Whether to read and write a cache file at all.
    emulated : bool
        Whether the virtual event camera made the recordings; the file says so.

    Returns
    -------
    EventBatch
        Memory-mapped from the cache; in memory where ``cache`` is off.

    Raises
    ------
    DataError
        Whatever ``produce`` raises, or if it gives no recording.

    Warns
    -----
    UserWarning
        If a cache file is damaged (it is rebuilt), or none can be written (the source
        is then read straight).
    """
    if not cache:
        return _joined(produce(), source)
    folder = cache_folder()
    family = f"{identity.get('kind', 'batch')}-{_digest(identity)[:16]}"
    key = _digest({"format": _FORMAT, "identity": dict(identity), "state": dict(state)})
    path = folder / f"{family}-{key[:16]}.safetensors"
    batch = _read_or_warn(path, key, source)
    if batch is not None:
        return batch
    try:
        _write(path, key, produce, emulated)
        batch = _read_or_warn(path, key, source)
    except _UnwritableError as error:
        warnings.warn(
            f"no cache can be kept in {folder} ({error}), so every start reads the recordings "
            "anew; set EVENTSNN_CACHE to a folder with room",
            stacklevel=2,
        )
    if batch is None:
        return _joined(produce(), source)
    _delete_older(folder, family, path)
    return batch


def cache_folder() -> Path:
    """Return the folder of the cache files; it need not exist.

    ``$EVENTSNN_CACHE``, else ``eventsnn`` in ``$XDG_CACHE_HOME`` (on Windows
    ``%LOCALAPPDATA%``), else in ``~/.cache``.
    """
    own = os.environ.get("EVENTSNN_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    return user_cache()


def _read_or_warn(path: Path, key: str, source: str) -> EventBatch | None:
    try:
        return read_batch(path, key, source)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (DataError, OSError, ValueError) as error:
        warnings.warn(f"unusable cache, read anew from its source: {error}", stacklevel=3)
        return None


def _write(path: Path, key: str, produce: Produce, emulated: bool) -> None:
    with _refusals():
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = Writer(path, emulated=emulated)
    with writer:
        # Errors of the source itself must not pass for errors of the cache's disk.
        for batch in produce():
            with _refusals():
                writer.append(batch)
        with _refusals():
            writer.finish(key)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _UnwritableError(error.strerror or str(error)) from error


def _delete_older(folder: Path, family: str, current: Path) -> None:
    # What cannot be deleted (another process on Windows has it mapped) goes next time.
    with suppress(OSError):
        for path in folder.glob(f"{family}-*"):
            if path == current:
                continue
            being_written = (
                path.suffix == PART and time.time() - path.stat().st_mtime < _ABANDONED_S
            )
            if not being_written:
                path.unlink(missing_ok=True)


def _joined(batches: Iterable[EventBatch], source: str) -> EventBatch:
    parts = list(batches)
    if not parts:
        raise DataError(f"{source}: no recordings; give at least one")
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise DataError(
            f"{source}: the sensors differ ({sorted(shapes)}); a batch holds recordings of one"
        )
    sizes = [np.diff(part.start) for part in parts]
    return EventBatch(
        np.concatenate([part.t for part in parts]),
        np.concatenate([part.unit for part in parts]),
        np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum(),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.duration for part in parts]),
        parts[0].shape,
        source,
    )


def _digest(material: Mapping[str, object]) -> str:
    text = json.dumps(material, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
