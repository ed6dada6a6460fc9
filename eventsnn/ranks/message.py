"""Arrays as one row of bytes, and back: no object is pickled, so none has to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

KINDS = tuple(
    np.dtype(kind)
    for kind in (
        *(np.bool_, np.uint8, np.int8, np.uint16, np.int16),
        *(np.uint32, np.int32, np.uint64, np.int64, np.float32, np.float64),
    )
)
"""What a message may hold, by their numbers in its head."""

LINE = 64
"""Every array begins at a whole multiple of so many bytes."""


def size_of(arrays: Sequence[NDArray[Any]]) -> int:
    """Return the bytes of a message."""
    return _head(len(arrays)) + sum(_up(array.nbytes) for array in arrays)


def write(arrays: Sequence[NDArray[Any]], out: Bytes) -> None:
    """Write arrays in one dimension into ``size_of`` them bytes."""
    head = out[: 8 * (1 + 2 * len(arrays))].view(np.int64)
    head[0], at = len(arrays), _head(len(arrays))
    for k, array in enumerate(arrays):
        head[1 + 2 * k], head[2 + 2 * k] = KINDS.index(array.dtype), array.size
        out[at : at + array.nbytes].view(array.dtype)[:] = array
        at += _up(array.nbytes)


def read(data: Bytes) -> list[NDArray[Any]]:
    """Return the arrays of a message, as views of its bytes."""
    count = int(data[:8].view(np.int64)[0])
    head, at = data[8 : 8 * (1 + 2 * count)].view(np.int64), _head(count)
    found = []
    for kind, size in head.reshape(count, 2).tolist():
        end = at + KINDS[kind].itemsize * size
        found.append(data[at:end].view(KINDS[kind]))
        at += _up(end - at)
    return found


def _head(count: int) -> int:
    return _up(8 * (1 + 2 * count))


def _up(size: int) -> int:
    return -(-size // LINE) * LINE
