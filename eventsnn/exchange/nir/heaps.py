"""Heaps of texts in an HDF5 file, walked before the library does, which may never come to an end.

A heap is ``GCOL``, version 1, three zeros, its size (8 bytes); then objects: number (2 bytes),
references (2), zeros (4), size (8), and their bytes up to a multiple of 8. Number 0 is what is
free; its size counts its head (HDF5 file format specification, III.E).
"""

from __future__ import annotations

import mmap
from pathlib import Path

from eventsnn.errors import DataError

_SIGN, _HEAD = b"GCOL\x01\x00\x00\x00", 16


def check_heaps(path: Path) -> None:
    """Refuse a file with a heap whose objects do not follow each other to its end.

    Raises
    ------
    DataError
        That names the file.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_SIGN)
        while start >= 0:
            if not _walks(data, start):
                raise DataError(f"{path}: its texts are broken (byte {start}); write it anew")
            start = data.find(_SIGN, start + 1)


def _walks(data: mmap.mmap, start: int) -> bool:
    """Tell whether one can walk through a heap to its end."""
    end = start + int.from_bytes(data[start + 8 : start + 16], "little")
    at = start + _HEAD
    if end > len(data) or end <= at:
        return False
    while at + _HEAD <= end:
        number = int.from_bytes(data[at : at + 2], "little")
        size = int.from_bytes(data[at + 8 : at + 16], "little")
        step = size if number == 0 else _HEAD + -(-size // 8) * 8
        if step < _HEAD or at + step > end:
            return False
        at += step
    return True
