"""The file of the cache, and of films: a batch of recordings in the safetensors format.

8 bytes with the length of the JSON header, the header padded with blanks to a fixed
length (so that it can be written last), then the arrays, little-endian and without
gaps: ``t``, ``unit``, ``padding`` to 8 bytes, ``start``, ``label``, ``duration``, as
in EventBatch. Any safetensors library reads it.

The header keeps a digest of everything else, which is compared when the file is opened, and
whether the virtual event camera made the recordings. A small file is then read; a large one is
mapped into memory. **A mapped file must not be cut off or overwritten in place** (``cp`` onto
it, ``>``) while it is in use: the system ends the process that reads what is no longer there
(SIGBUS). To replace it, write another file and rename it, as ``Writer`` does: who has the old
one open keeps it.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
import tempfile
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.digest import Summed, digest_of_sums, sums_of
from eventsnn.errors import DataError
from eventsnn.events import EventBatch, Shape, unit_dtype
from eventsnn.events.batch_checked import Arrays
from eventsnn.files.outputs import new_part

HEADER_BYTES = 1024
"""Length of the JSON header with its 8-byte prefix; a multiple of 8 keeps arrays aligned."""

MAPPED_BYTES = 1 << 27
"""Length of a file from which on it is mapped, not read."""

_NAMES = {"int32": "I32", "uint16": "U16", "int64": "I64", "uint8": "U8"}


class _Layout(NamedTuple):
    """What decides where every array lies."""

    key: str
    shape: Shape
    n_events: int
    n_recordings: int
    emulated: bool | None
    """None in the files of older versions, which say nothing."""
    digest: str = ""

    def signed(self, sums: list[int]) -> _Layout:
        """Return the same with the digest of itself and of the sums of the arrays' bytes."""
        told = f"{self.key}\n{self.shape}\n{self.n_events}\n{self.n_recordings}\n{self.emulated}\n"
        return self._replace(digest=digest_of_sums(told, sums))

    def tensors(self) -> dict[str, tuple[np.dtype[Any], int]]:
        """Return the dtype and length of every array, in the order of the file."""
        unit = np.dtype(unit_dtype(self.shape))
        used = self.n_events * (4 + unit.itemsize)
        int64 = np.dtype(np.int64)
        return {
            "t": (np.dtype(np.int32), self.n_events),
            "unit": (unit, self.n_events),
            "padding": (np.dtype(np.uint8), -used % 8),
            "start": (int64, self.n_recordings + 1),
            "label": (int64, self.n_recordings),
            "duration": (int64, self.n_recordings),
        }

    def header(self) -> bytes:
        """Return the first HEADER_BYTES bytes of the file."""
        shape = ",".join(map(str, self.shape))
        about = {"key": self.key, "sensor": shape}
        if self.digest:
            about |= {"emulated": str(int(bool(self.emulated))), "digest": self.digest}
        entries: dict[str, Any] = {"__metadata__": about}
        offset = 0
        for name, (dtype, count) in self.tensors().items():
            end = offset + count * dtype.itemsize
            entries[name] = {
                "dtype": _NAMES[dtype.name],
                "shape": [count],
                "data_offsets": [offset, end],
            }
            offset = end
        text = json.dumps(entries).encode().ljust(HEADER_BYTES - 8)
        return len(text).to_bytes(8, "little") + text

    def file_bytes(self) -> int:
        """Return the length of the whole file."""
        return HEADER_BYTES + sum(dtype.itemsize * n for dtype, n in self.tensors().values())


class Writer:
    """Writes batches one after the other into one file, which appears when complete.

    A context manager: leaving it by an exception, or without ``finish``, leaves
    nothing behind. Every method raises OSError where the file system does.

    Parameters
    ----------
    path : Path
    emulated : bool
        Whether the virtual event camera made what is written.
    """

    def __init__(self, path: Path, *, emulated: bool = False) -> None:
        self._path, self._emulated, self._summed = path, emulated, Summed()
        self._temporary = new_part(path)
        self._t = self._temporary.open("xb")
        self._shape: Shape | None = None
        # Lengths are known only at the end, so the addresses wait in a file of their own.
        try:
            self._unit = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
            self._t.write(bytes(HEADER_BYTES))
        except OSError:
            self.__exit__(None, None, None)
            raise
        self._sizes: list[NDArray[np.int64]] = []
        self._labels: list[NDArray[np.int64]] = []
        self._durations: list[NDArray[np.int64]] = []

    def __enter__(self) -> Writer:
        """Return the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close both temporary files and delete what ``finish`` has not renamed."""
        for file in (self._t, getattr(self, "_unit", None)):
            if file is not None:
                try:
                    file.close()
                except OSError:
                    # Bytes that no longer fit the disk belong to a file that is deleted here.
                    continue
        self._temporary.unlink(missing_ok=True)

    def append(self, batch: EventBatch) -> None:
        """Add recordings after those already written; all must be of one sensor."""
        if self._shape is None:
            self._shape = batch.shape
        elif self._shape != batch.shape:
            raise DataError(
                f"{batch.source}: sensor {batch.shape} after {self._shape}; "
                "a batch holds recordings of one"
            )
        self._write(_raw(batch.t, np.dtype(np.int32)))
        self._unit.write(_raw(batch.unit, np.dtype(unit_dtype(batch.shape))))
        self._sizes.append(np.diff(batch.start))
        self._labels.append(np.asarray(batch.label))
        self._durations.append(np.asarray(batch.duration))

    def finish(self, key: str) -> None:
        """Write what is left, put the file on the disk, and give it its name."""
        if self._shape is None:
            raise DataError(f"{self._path.name}: no recordings; give at least one")
        start = np.concatenate([np.zeros(1, np.int64), *self._sizes]).cumsum()
        layout = _Layout(key, self._shape, int(start[-1]), len(start) - 1, self._emulated)
        self._unit.seek(0)
        while piece := self._unit.read(1 << 20):
            self._write(piece)
        self._write(bytes(layout.tensors()["padding"][1]))
        for array in (start, np.concatenate(self._labels), np.concatenate(self._durations)):
            self._write(_raw(array, np.dtype(np.int64)))
        layout = layout.signed(self._summed.sums)
        self._t.seek(0)
        self._t.write(layout.header())
        self._t.flush()
        # Without it a power cut may leave the name on a file of zeros.
        os.fsync(self._t.fileno())
        self._t.close()
        self._temporary.replace(self._path)

    def _write(self, raw: memoryview | bytes) -> None:
        self._summed.add(raw)
        self._t.write(raw)


class Found(NamedTuple):
    """What a file holds."""

    batch: EventBatch
    emulated: bool | None
    """Whether the virtual event camera made it; None where an older version wrote the file."""


class _Place(NamedTuple):
    """Which file, and what to do where it is wrong."""

    path: Path
    remedy: str

    def wrong(self, what: str) -> DataError:
        return DataError(f"{self.path}: {what}; {self.remedy}")


def read_batch(path: Path, key: str, source: str) -> EventBatch:
    """Return the recordings of a file of ``Writer``; see ``read_file``."""
    return read_file(path, key, source).batch


def read_file(path: Path, key: str, source: str, remedy: str = "delete it") -> Found:
    """Read a file of ``Writer``, or map it into memory where it is large.

    The arrays may be written to without changing the file: numba would compile every
    kernel a second time for read-only arrays.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DataError
        If the file is not exactly what ``Writer`` writes under this key: its length, its
        digest and every event are checked.
    OSError
        If it cannot be read.
    """
    place = _Place(path, remedy)
    _check_regular(path, place)
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
        layout = _layout(head, place)
        size = os.fstat(file.fileno()).st_size
        if head != layout.header() or layout.key != key or size != layout.file_bytes():
            raise place.wrong("not a complete file of these recordings")
        raw = _raw_of(file, size, place)
    arrays, offset = dict[str, NDArray[Any]](), 0
    for name, (dtype, count) in layout.tensors().items():
        arrays[name] = np.frombuffer(raw, dtype.newbyteorder("<"), count, offset)
        offset += count * dtype.itemsize
    del arrays["padding"]
    if layout.digest and layout.signed(sums_of(raw)).digest != layout.digest:
        raise place.wrong("has changed since it was written (its digest is another)")
    try:
        batch = EventBatch(*Arrays(**arrays), layout.shape, source)
    except DataError as error:
        raise place.wrong(str(error).removeprefix(f"{source}: ")) from error
    return Found(batch, layout.emulated)


def holds_emulated(path: Path, key: str) -> bool:
    """Tell from its header whether a file is one of ``Writer``, of emulated recordings.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    try:
        _check_regular(path, _Place(path, ""))
    except DataError:
        return False
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    try:
        layout = _layout(head, _Place(path, ""))
    except DataError:
        return False
    return head == layout.header() and layout.key == key and bool(layout.emulated)


def _check_regular(path: Path, place: _Place) -> None:
    """Refuse what cannot be mapped: a pipe would be waited for without end."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # of a folder the system says so itself
        raise place.wrong("not a regular file")


def _raw_of(file: BufferedReader, size: int, place: _Place) -> memoryview:
    """Return what follows the header, read or mapped."""
    if size >= MAPPED_BYTES:
        return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY))[HEADER_BYTES:]
    raw = np.empty(size - HEADER_BYTES, np.uint8)
    if file.readinto(raw.data) != len(raw):
        raise place.wrong(f"ends before its {size} bytes")
    return raw.data


def _layout(head: bytes, place: _Place) -> _Layout:
    """Take the lengths from a header; the caller compares the rest with what they imply."""
    try:
        entries = json.loads(head[8:])
        about = entries["__metadata__"]
        sensor = [int(size) for size in about["sensor"].split(",")]
        (n_events,), (n_recordings,) = entries["t"]["shape"], entries["label"]["shape"]
        layout = _Layout(
            str(about["key"]),
            (sensor[0], sensor[1], sensor[2]),
            int(n_events),
            int(n_recordings),
            about["emulated"] == "1" if "digest" in about else None,
            str(about.get("digest", "")),
        )
    except (
        *(ValueError, LookupError, TypeError, AttributeError),
        *(ArithmeticError, RecursionError),
    ) as error:
        raise place.wrong(f"not a file of recordings ({error!r:.100})") from error
    if min(*layout.shape, layout.n_recordings) < 1 or layout.n_events < 0:
        raise place.wrong("a file of no recordings")
    return layout


def _raw(array: NDArray[Any], dtype: np.dtype[Any]) -> memoryview:
    return np.ascontiguousarray(array, dtype.newbyteorder("<")).view(np.uint8).data
