"""CIFAR-10: the binary version, or JPEG-coded pictures in ``.npz`` files.

A record of the binary version is one byte for the class, then 32 x 32 bytes of red, of green and
of blue. Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.data.places import kind_of, looked_for, place
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word
from eventsnn.errors import DataError
from eventsnn.files.arrays import read_npz
from eventsnn.files.unpack import check_file, said

SHAPE = (3, 32, 32)
CLASSES = 10

_RECORD = 1 + 3 * 32 * 32
_MOST_RECORDS = 1_000_000
_BINARY = {
    "train": [f"data_batch_{k}.bin" for k in range(1, 6)],
    "test": ["test_batch.bin"],
}
_JPEG = {"train": "cifar10_jpeg_train.npz", "test": "cifar10_jpeg_test.npz"}
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, EOFError, struct.error)
"""What Pillow raises at pictures that are none."""


def read_binary(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read one file of the binary version: uint8 (n, 3, 32, 32) and classes (n,).

    Raises
    ------
    DataError
        If the file cannot be read, or is no whole number of records.
    """
    size = check_file(path)
    if size == 0 or size % _RECORD or size > _RECORD * _MOST_RECORDS:
        raise DataError(
            f"{path}: {size} bytes; the binary version of CIFAR-10 has {_RECORD} a picture, "
            "fetch it again"
        )
    try:
        records = np.fromfile(path, np.uint8).reshape(-1, _RECORD)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({said(error)})") from error
    return records[:, 1:].reshape(-1, *SHAPE), _classes(records[:, 0], path)


def read_jpeg(
    path: Path, limit: int | None = None, progress: Progress | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read JPEG-coded pictures: uint8 (n, 3, 32, 32) and classes (n,), one of each in turn.

    Parameters
    ----------
    path : Path
        An ``.npz`` of ``bytes`` (uint8, JPEG files end to end), ``start`` (n + 1), ``label`` (n,).
    limit : int, optional
        Read the first of that order only.

    Raises
    ------
    DataError
        If arrays are missing or do not fit each other, or a picture cannot be read.
    """
    arrays = read_npz(path)
    raw, start, label = (_array(arrays, name, path) for name in ("bytes", "start", "label"))
    if raw.dtype != np.uint8 or len(start) != len(label) + 1 or not len(label):
        raise DataError(
            f"{path}: {len(start)} starts and {len(label)} labels for bytes of {raw.dtype}; give "
            "uint8, a start more than labels, and at least one"
        )
    if start[0] < 0 or start[-1] > len(raw) or (np.diff(start.astype(np.int64)) < 0).any():
        raise DataError(f"{path}: start does not rise from 0 to {len(raw)}; fetch it again")
    classes = _classes(label, path)
    order = in_turn(classes)[:limit]
    images = np.empty((len(order), *SHAPE), np.uint8)
    for k, i in enumerate(order.tolist()):
        images[k] = _picture(raw[start[i] : start[i + 1]].tobytes(), f"{path}: picture {i}")
        if progress is not None and (k + 1) % 1000 == 0:
            progress(k + 1, len(order))
    return images, classes[order]


def _classes(label: NDArray[Any], path: Path) -> NDArray[np.int64]:
    """Return labels as int64 (n,); DataError where one is no class of CIFAR-10."""
    wrong = np.flatnonzero((label < 0) | (label >= CLASSES))
    if wrong.size:
        i = int(wrong[0])
        raise DataError(f"{path}: picture {i} has the class {label[i]}; CIFAR-10 has 0 to 9")
    return label.astype(np.int64)


def in_turn(label: NDArray[Any]) -> NDArray[np.int64]:
    """Return an order in which the first of each class comes first, then the second of each."""
    by_class = np.argsort(label, kind="stable")
    sorted_label = label[by_class]
    first = np.searchsorted(sorted_label, sorted_label)
    return by_class[np.lexsort((sorted_label, np.arange(len(label)) - first))]


def _array(arrays: dict[str, NDArray[Any]], name: str, path: Path) -> NDArray[Any]:
    found = arrays.get(name)
    if found is None or found.ndim != 1 or found.dtype.kind not in "iu":
        raise DataError(f"{path}: no whole numbers {name} (n,); give bytes, start and label")
    return found


def _picture(raw: bytes, where: str) -> NDArray[np.uint8]:
    """Decode one JPEG; its size is known before its pixels are."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(raw), formats=("JPEG",)) as picture:
            size = picture.size
            if size == (SHAPE[2], SHAPE[1]):
                return np.asarray(picture.convert("RGB"), np.uint8).transpose(2, 0, 1)
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise DataError(f"{where}: no readable JPEG ({said(error)}); fetch it again") from error
    raise DataError(f"{where}: {size[0]} x {size[1]} pixels; CIFAR-10 has 32 x 32")


def _half(folder: Path, split: str, limit: int | None, progress: Progress | None) -> Images:
    """Read one half; the binary version where its first file is there."""
    if kind_of(folder / _BINARY[split][0]):
        files = [folder / name for name in _BINARY[split]]
        parts = [read_binary(file) for file in files]
        images, label = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        return Images(images, label, str(folder))
    file = folder / _JPEG[split]
    return Images(*read_jpeg(file, limit, progress), str(file))


class Cifar10(Reader):
    """``cifar10:PATH``: pictures in colours as real vectors."""

    kind: ClassVar[str] = "cifar10"
    forms: ClassVar[tuple[str, ...]] = ("cifar10:PATH",)

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        folder = place(word.path)
        if kind_of(folder) != "folder":
            raise DataError(
                f"{folder}: no such folder{looked_for(folder)}; give the one that holds "
                f"{_BINARY['train'][0]} or {_JPEG['train']}"
            )
        halves = [_half(folder, split, limit, progress) for split in ("train", "test")]
        coded = not all(kind_of(folder / _BINARY[split][0]) for split in ("train", "test"))
        what = "JPEG-coded CIFAR-10, not the original pixels" if coded else "CIFAR-10"
        return DataSet(word.spec, halves[0], halves[1], f"{what}: real vectors, no events")
