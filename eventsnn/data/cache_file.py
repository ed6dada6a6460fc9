"""The cache's file: a batch of recordings in the safetensors format, memory-mapped.

8 bytes with the length of the JSON header, the header padded with blanks to a fixed
length (so that it can be written last), then the arrays, little-endian and without
gaps: ``t``, ``unit``, ``padding`` to 8 bytes, ``start``, ``label``, ``duration``, as
in EventBatch. Any safetensors library reads it.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events import EventBatch, Shape, unit_dtype

HEADER_BYTES = 1024
"""Length of the JSON header with its 8-byte prefix; a multiple of 8 keeps arrays aligned."""

TEMPORARY = ".tmp"
"""Ending of a file that is being written."""

_NAMES = {"int32": "I32", "uint16": "U16", "int64": "I64", "uint8": "U8"}


class _Layout(NamedTuple):
    """What decides where every array lies."""

    key: str
    shape: Shape
    n_events: int
    n_recordings: int

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
        entries: dict[str, Any] = {"__metadata__": {"key": self.key, "sensor": shape}}
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
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        handle, name = tempfile.mkstemp(TEMPORARY, path.stem + "-", path.parent)
        self._temporary = Path(name)
        self._t = os.fdopen(handle, "wb")
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
        self._t.write(_raw(batch.t, np.dtype(np.int32)))
        self._unit.write(_raw(batch.unit, np.dtype(unit_dtype(batch.shape))))
        self._sizes.append(np.diff(batch.start))
        self._labels.append(np.asarray(batch.label))
        self._durations.append(np.asarray(batch.duration))

    def finish(self, key: str) -> None:
        """Write what is left, put the file on the disk, and give it its name."""
        if self._shape is None:
            raise DataError(f"{self._path.name}: no recordings; give at least one")
        start = np.concatenate([np.zeros(1, np.int64), *self._sizes]).cumsum()
        layout = _Layout(key, self._shape, int(start[-1]), len(start) - 1)
        self._unit.seek(0)
        shutil.copyfileobj(self._unit, self._t, 1 << 20)
        self._t.write(bytes(layout.tensors()["padding"][1]))
        for array in (start, np.concatenate(self._labels), np.concatenate(self._durations)):
            self._t.write(_raw(array, np.dtype(np.int64)))
        self._t.seek(0)
        self._t.write(layout.header())
        self._t.flush()
        # Without it a power cut may leave the name on a file of zeros.
        os.fsync(self._t.fileno())
        self._t.close()
        self._temporary.replace(self._path)


def read_batch(path: Path, key: str, source: str) -> EventBatch:
    """Map a file of ``Writer`` into memory.

    The arrays may be written to without changing the file (a private mapping): numba
    would compile every kernel a second time for read-only arrays.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DataError
        If the file is not exactly what ``Writer`` writes under this key.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
        layout = _layout(head, path)
        size = os.fstat(file.fileno()).st_size
        if head != layout.header() or layout.key != key or size != layout.file_bytes():
            raise DataError(f"{path}: no complete cache of this source; delete it")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    arrays: dict[str, NDArray[Any]] = {}
    offset = HEADER_BYTES
    for name, (dtype, count) in layout.tensors().items():
        arrays[name] = np.frombuffer(mapped, dtype.newbyteorder("<"), count, offset)
        offset += count * dtype.itemsize
    del arrays["padding"]
    batch = EventBatch(**arrays, shape=layout.shape, source=source)
    _check(batch, path)
    return batch


def _layout(head: bytes, path: Path) -> _Layout:
    """Take the lengths from a header; the caller compares the rest with what they imply."""
    try:
        entries = json.loads(head[8:])
        sensor = [int(size) for size in entries["__metadata__"]["sensor"].split(",")]
        (n_events,), (n_recordings,) = entries["t"]["shape"], entries["label"]["shape"]
        layout = _Layout(
            str(entries["__metadata__"]["key"]),
            (sensor[0], sensor[1], sensor[2]),
            int(n_events),
            int(n_recordings),
        )
    except (
        *(ValueError, LookupError, TypeError, AttributeError),
        *(ArithmeticError, RecursionError),
    ) as error:
        raise DataError(f"{path}: no cache file ({error!r}); delete it") from error
    if min(*layout.shape, layout.n_recordings) < 1 or layout.n_events < 0:
        raise DataError(f"{path}: a cache file of nothing ({layout}); delete it")
    return layout


def _check(batch: EventBatch, path: Path) -> None:
    """Refuse what would lead a kernel out of its arrays."""
    start = batch.start
    if start[0] != 0 or start[-1] != len(batch.t) or (start[1:] < start[:-1]).any():
        raise DataError(f"{path}: its recordings do not lie end to end; delete it")
    if batch.label.min() < -1 or batch.duration.min() < 0:
        raise DataError(f"{path}: has a negative label or duration; delete it")
    if len(batch.unit) and not 0 <= batch.unit.min() <= batch.unit.max() < math.prod(batch.shape):
        raise DataError(f"{path}: holds events outside the sensor; delete it")


def _raw(array: NDArray[Any], dtype: np.dtype[Any]) -> memoryview:
    return np.ascontiguousarray(array, dtype.newbyteorder("<")).view(np.uint8).data
