"""MNIST and its relatives: IDX files, gzipped or not.

Format: big-endian uint32 magic 0x00000800 + number of dimensions (0x08 says
uint8), one uint32 a dimension, then the bytes in C order. Source: Y. LeCun,
C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.data.places import entries, kind_of, looked_for, place
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word
from eventsnn.errors import DataError, UserError
from eventsnn.files.unpack import DEFLATE_LIMIT, check_file, check_growth

_PREFIX = {"train": "train", "test": "t10k"}
_GZIP_MAGIC = b"\x1f\x8b"


def load(path: str | PathLike[str], split: str = "train") -> Images:
    """Read one half of MNIST from a folder of IDX files.

    Parameters
    ----------
    path : path
        Folder of ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the
        ``t10k`` pair; also ``train-images.idx3-ubyte``, each with or without ``.gz``,
        in upper or lower case. A plain name is preferred to one that ends in ``.gz``.
    split : "train" or "test"

    Returns
    -------
    Images
        uint8 (n, height, width) and labels (n,), in the order of the file.

    Raises
    ------
    DataError
        If a file is missing, is not IDX, or is shorter or longer than its header says.
    UserError
        If ``split`` is neither.
    """
    if split not in _PREFIX:
        raise UserError(f"MNIST has no split {split!r}; give train or test")
    folder = place(path)
    images_file = _find(folder, f"{_PREFIX[split]}-images", 3)
    labels_file = _find(folder, f"{_PREFIX[split]}-labels", 1)
    images, labels = read_idx(images_file, 3), read_idx(labels_file, 1)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_file}: {len(labels)} labels for the {len(images)} images of "
            f"{images_file.name}; give files of one set"
        )
    return Images(images, labels.astype(np.int64), str(images_file))


def read_idx(path: str | PathLike[str], dimensions: int) -> NDArray[np.uint8]:
    """Read one IDX file of bytes, gzipped or not: its first bytes say which, not its name.

    Parameters
    ----------
    dimensions : int
        How many the file must have: 3 for images, 1 for labels.

    Returns
    -------
    uint8 array of the shape that the header gives.

    Raises
    ------
    DataError
        If the file cannot be read, or its magic number or length is wrong.
    """
    file = place(path)
    size = check_file(file)
    try:
        with file.open("rb") as plain:
            packed = plain.read(2) == _GZIP_MAGIC
            plain.seek(0)
            if not packed:
                return _read(plain, dimensions, size, file)
            with gzip.GzipFile(fileobj=plain) as stream:
                most = size * DEFLATE_LIMIT
                return _read(cast(BinaryIO, stream), dimensions, most, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{file}: broken gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from error


def _read(stream: BinaryIO, dimensions: int, most: int, file: Path) -> NDArray[np.uint8]:
    header = stream.read(4 + 4 * dimensions)
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{file}: ends within its header, after {len(header)} bytes")
    magic, *shape = struct.unpack(f">{1 + dimensions}I", header)
    if magic != 0x800 + dimensions:
        raise DataError(
            f"{file}: magic number {magic:#010x}, not {0x800 + dimensions:#010x}: no IDX file of "
            f"bytes in {dimensions} dimensions; check that images and labels are not swapped"
        )
    expected = math.prod(shape)
    described = "x".join(map(str, shape))
    # Before anything is allocated: a header may promise more than any such file can hold.
    if expected + len(header) > most or math.prod(size or 1 for size in shape) >> 62:
        raise DataError(
            f"{file}: the header promises {described} bytes, more than the file can hold; "
            "it is truncated, fetch it again"
        )
    check_growth(expected, file.stat().st_size, str(file))
    data = stream.read(expected)
    if len(data) < expected:
        raise DataError(
            f"{file}: {len(data)} bytes of data where the header promises {described}; "
            "it is truncated, fetch it again"
        )
    if stream.read(1):
        raise DataError(
            f"{file}: bytes follow the {described} that the header promises; fetch it again"
        )
    return np.frombuffer(data, np.uint8).reshape(shape).copy()


def _find(folder: Path, stem: str, dimensions: int) -> Path:
    """Return the file of a stem; upper and lower case are one."""
    names = [f"{stem}{dot}idx{dimensions}-ubyte" for dot in "-."]
    match kind_of(folder):
        case "folder":
            here = entries(folder)
        case "":
            raise DataError(
                f"{folder}: no such folder{looked_for(folder)}; give the one that holds "
                f"{names[0]}[.gz]"
            )
        case _:
            raise DataError(f"{folder}: no folder; give the one that holds {names[0]}[.gz]")
    for name in [*names, *(f"{name}.gz" for name in names)]:
        found = [entry.name for entry in here if entry.name.lower() == name and entry.is_file()]
        if len(found) > 1:
            raise DataError(f"{folder}: holds {found[0]} and {found[1]}; leave one of them there")
        if found:
            return folder / found[0]
    raise DataError(f"{folder}: holds no {names[0]}, gzipped or not; put it there")


class Mnist(Reader):
    """``mnist:PATH``: pictures as real vectors."""

    kind: ClassVar[str] = "mnist"
    forms: ClassVar[tuple[str, ...]] = ("mnist:PATH",)
    pictures: ClassVar[bool] = True

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        return DataSet(word.spec, *self.images(word), "real vectors in [0, 1], no events")

    def images(self, word: Word) -> tuple[Images, Images]:
        """See ``Reader``."""
        path = word.path
        return load(path, "train"), load(path, "test")
