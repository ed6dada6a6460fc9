"""N-MNIST: MNIST filmed by an event camera, read from its own files.

Format, 5 bytes an event: x, y, then 24 bits big-endian whose highest is the polarity
and whose other 23 are microseconds since the start of the recording. Source:
G. Orchard, A. Jayawant, G. Cohen, N. Thakor, "Converting static image datasets to
spiking neuromorphic datasets using saccades", Front. Neurosci. 9:437 (2015).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress, cached_batch
from eventsnn.data.images import Images
from eventsnn.data.places import place
from eventsnn.data.readers.nmnist.files import Folder, locate
from eventsnn.data.readers.nmnist.tree import MOST_BYTES, Recording
from eventsnn.data.readers.nmnist.zips import Zip
from eventsnn.errors import DataError
from eventsnn.events import EventBatch, Shape
from eventsnn.files.unpack import check_file
from eventsnn.kernels.compile import allocating

SHAPE: Shape = (2, 34, 34)
"""Polarities, height and width of N-MNIST's sensor."""

_EVENT_BYTES = 5
_BLOCK_BYTES = 1 << 23

_SIZE = np.int32(SHAPE[1])
_PIXELS = np.int32(SHAPE[1] * SHAPE[2])


class _Events(NamedTuple):
    t: NDArray[np.int32]
    unit: NDArray[np.uint16]


def decode(
    raw: bytes | NDArray[np.uint8], source: str
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Decode the bytes of one recording.

    Parameters
    ----------
    raw : bytes or uint8 array (5 n,)
    source : str
        Name of the recording in messages.

    Returns
    -------
    t : int32 array (n,)
        Microseconds, non-decreasing.
    unit : uint16 array (n,)
        C-order index into SHAPE.

    Raises
    ------
    DataError
        If there are no whole events, or one lies outside the sensor or before its
        predecessor.
    """
    # A copy, since numba would compile the decoder a second time for read-only bytes.
    data = np.frombuffer(raw, np.uint8).copy()
    _check_length(len(data), source)
    events = _Events(np.empty(len(data) // 5, np.int32), np.empty(len(data) // 5, np.uint16))
    if _decode(data, np.array([0, len(events.t)]), events) >= 0:
        raise _first_wrong_event(data, source)
    return events.t, events.unit


def read(path: str | os.PathLike[str]) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Read the file of one recording; as ``decode``, which says what is refused."""
    file = place(path)
    _check_length(check_file(file), str(file))
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from error
    return decode(raw, str(file))


def load(
    path: str | os.PathLike[str],
    split: str = "train",
    *,
    cache: bool = True,
    progress: Progress | None = None,
) -> EventBatch:
    """Read one half of N-MNIST, in the order of the recordings' numbers.

    Parameters
    ----------
    path : path
        Folder that holds ``Train/`` and ``Test/``, or ``train.zip`` and ``test.zip``
        (not unpacked), or the path of one such zip.
    split : "train" or "test"
    cache : bool
        Whether to keep the decoded recordings for later starts (``data/cache.py``).
    progress : callable, optional
        Called with (recordings done, recordings in all) while files are decoded; not
        called where the cache is current.

    Returns
    -------
    EventBatch
        Labels are the folders' numbers; a duration ends with the last event.

    Raises
    ------
    DataError
        If a folder, a file or an event is not what it should be, or a recording is
        empty: it names the file, and the event and its value where there is one.
    """
    files = locate(path, split)
    return cached_batch(
        {"kind": "nmnist", "path": str(files.path), "split": split},
        {"files": files.state},
        partial(_batches, files, progress),
        source=str(files.path),
        cache=cache,
    )


def recording_names(path: str | os.PathLike[str], split: str = "train") -> list[str]:
    """Return the names (``Train/0/00002.bin``) in the order of ``load``."""
    return [recording.name for recording in locate(path, split).recordings]


def indices(path: str | os.PathLike[str], split: str = "train") -> NDArray[np.int64]:
    """Return the recordings' numbers, int64 (n,), in the order of ``load``.

    Recording ``index`` films image ``index - 1`` of MNIST's same half.
    """
    return np.array([recording.number for recording in locate(path, split).recordings], np.int64)


def images_behind(
    images: Images, path: str | os.PathLike[str], split: str = "train"
) -> NDArray[np.uint8]:
    """Return the images that the recordings film, uint8 (n, height, width), in their order.

    Raises
    ------
    DataError
        If ``images`` are fewer than a recording's number: they are not MNIST's same half.
    """
    number = indices(path, split)
    if number.max() > len(images):
        raise DataError(
            f"{images.source}: has {len(images)} images, but recording {number.max()} of the half "
            f"{split} films image {number.max() - 1}; give the whole of MNIST"
        )
    behind: NDArray[np.uint8] = images.images[number - 1]
    return behind


def _batches(files: Folder | Zip, progress: Progress | None) -> Iterator[EventBatch]:
    done = 0
    with files.opened() as read:
        for group in _groups(files):
            sizes = np.array([recording.size for recording in group])
            ends = np.cumsum(sizes)
            raw = np.empty(ends[-1], np.uint8)
            view = memoryview(raw.data)
            for recording, end in zip(group, ends.tolist(), strict=True):
                got = read(recording, view[end - recording.size : end])
                if got != recording.size:
                    raise DataError(
                        f"{files.where(recording)}: {got} of {recording.size} bytes; it changed "
                        "while being read, read it again"
                    )
            yield _batch(raw, group, files)
            done += len(group)
            if progress is not None:
                progress(done, len(files.recordings))


def _groups(files: Folder | Zip) -> Iterator[list[Recording]]:
    """Cut the recordings into groups of about _BLOCK_BYTES, checking every length."""
    group: list[Recording] = []
    size = 0
    for recording in files.recordings:
        _check_length(recording.size, partial(files.where, recording))
        if group and size + recording.size > _BLOCK_BYTES:
            yield group
            group, size = [], 0
        group.append(recording)
        size += recording.size
    yield group


def _batch(raw: NDArray[np.uint8], group: list[Recording], files: Folder | Zip) -> EventBatch:
    sizes = np.array([recording.size for recording in group], np.int64) // _EVENT_BYTES
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    events = _Events(np.empty(start[-1], np.int32), np.empty(start[-1], np.uint16))
    wrong = _decode(raw, start, events)
    if wrong >= 0:
        first, last = start[wrong : wrong + 2] * _EVENT_BYTES
        raise _first_wrong_event(raw[first:last], files.where(group[wrong]))
    label = np.array([recording.label for recording in group], np.int64)
    duration = events.t[start[1:] - 1].astype(np.int64) + 1
    return EventBatch(*events, start, label, duration, SHAPE, str(files.path))


@allocating
def _decode(raw, start, events):  # type: ignore[no-untyped-def]
    """Decode recordings end to end; return the first wrong one's number, or -1."""
    for recording in range(len(start) - 1):
        before = np.int32(0)
        wrong = np.int32(0)
        for i in range(start[recording], start[recording + 1]):
            x = np.int32(raw[5 * i])
            y = np.int32(raw[5 * i + 1])
            high = np.int32(raw[5 * i + 2])
            t = (
                ((high & np.int32(127)) << np.int32(16))
                | (np.int32(raw[5 * i + 3]) << np.int32(8))
                | np.int32(raw[5 * i + 4])
            )
            wrong |= np.int32((x >= _SIZE) | (y >= _SIZE) | (t < before))
            events.t[i] = t
            events.unit[i] = (high >> np.int32(7)) * _PIXELS + y * _SIZE + x
            before = t
        if wrong != 0:
            return recording
    return -1


def _first_wrong_event(raw: NDArray[np.uint8], source: str) -> DataError:
    """Say what is wrong with a recording that ``_decode`` refused."""
    before = 0
    for i, (x, y, high, middle, low) in enumerate(raw.reshape(-1, _EVENT_BYTES).tolist()):
        for name, value in (("x", x), ("y", y)):
            if value >= SHAPE[1]:
                return DataError(
                    f"{source}: {name} of event {i} is {value}, outside the sensor of "
                    f"{SHAPE[2]}x{SHAPE[1]}; this is no N-MNIST recording, fetch it again"
                )
        t = (high % 128) * 65536 + middle * 256 + low
        if t < before:
            return DataError(
                f"{source}: event {i} at {t} us comes after event {i - 1} at {before} us; "
                "the file is damaged, fetch it again"
            )
        before = t
    return DataError(f"{source}: refused by the decoder; fetch it again")


def _check_length(n_bytes: int, source: object) -> None:
    if 0 < n_bytes <= MOST_BYTES and n_bytes % _EVENT_BYTES == 0:
        return
    where = source() if callable(source) else source
    if n_bytes == 0:
        raise DataError(f"{where}: holds no events; remove it or fetch it again")
    if n_bytes > MOST_BYTES:
        raise DataError(f"{where}: {n_bytes} bytes is no N-MNIST recording; fetch it again")
    whole = n_bytes // _EVENT_BYTES
    cut = f"after event {whole - 1}" if whole else "within event 0"
    raise DataError(
        f"{where}: {n_bytes} bytes are no whole number of 5-byte events; it is truncated {cut}, "
        "fetch it again"
    )
