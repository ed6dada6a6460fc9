"""MNIST and its relatives: IDX files, gzipped or not.

Format: big-endian uint32 magic 0x00000800 + number of dimensions (0x08 says
uint8), one uint32 a dimension, then the bytes in C order. Source: Y. LeCun,
C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.images import Images
from eventsnn.errors import DataError, UserError

_PREFIX = {"train": "train", "test": "t10k"}
# One compressed bit yields at most 258 bytes / 2 bits: the limit of deflate (RFC 1951).
_DEFLATE_LIMIT = 1032


def load(path: str | PathLike[str], split: str = "train") -> Images:
    """Read one half of MNIST from a folder of IDX files.

    Parameters
    ----------
    path : path
        Folder of ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the
        ``t10k`` pair; also ``train-images.idx3-ubyte``, each with or without ``.gz``.
        A plain file is preferred to a gzipped one of the same name.
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
    folder = Path(path)
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
    """Read one IDX file of bytes; a name that ends in ``.gz`` is decompressed.

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
    file = Path(path)
    try:
        size = file.stat().st_size
        if file.suffix != ".gz":
            with file.open("rb") as stream:
                return _read(stream, dimensions, size, file)
        with gzip.open(file, "rb") as stream:
            return _read(cast(BinaryIO, stream), dimensions, size * _DEFLATE_LIMIT, file)
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
    expected = 1
    for size in shape:
        expected *= size
    described = "x".join(map(str, shape))
    # Before anything is allocated: a header may promise more than any such file can hold.
    if expected + len(header) > most:
        raise DataError(
            f"{file}: the header promises {described} bytes, more than the file can hold; "
            "it is truncated, fetch it again"
        )
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
    names = [f"{stem}{dot}idx{dimensions}-ubyte" for dot in "-."]
    for name in [*names, *(f"{name}.gz" for name in names)]:
        if (folder / name).is_file():
            return folder / name
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the one that holds {names[0]}[.gz]")
    raise DataError(f"{folder}: holds no {names[0]}, gzipped or not; put it there")
