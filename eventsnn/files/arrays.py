"""Arrays from files of others: ``.npy``, ``.npz`` and safetensors, read without trust.

    array = read_npy(path)                      # one array
    arrays = read_npz(path, ("start", "target"))    # named arrays, all there or an error
    found = read_arrays(path)                   # an array, or a dict of arrays: by its content
    arrays, metadata = read_safetensors(path)

The header is read first: what it claims is compared with what the file holds and with the
memory of this machine, before anything is allocated. Nothing is unpickled. Whatever is wrong
is a ``DataError`` in one line that names the file and the member; no other error leaves here.
What the values mean (dtype, shape, ranges) is the caller's to check; ``want`` says a shape
that is refused before the values are read.
"""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from eventsnn.errors import DataError
from eventsnn.files.unpack import UNPACK_ERRORS, check_file, check_member, opened_zip, said
from eventsnn.memory import check_room

Arrays = dict[str, NDArray[Any]]

_HEADER_ERRORS = (*UNPACK_ERRORS, SyntaxError, TypeError, AttributeError, tokenize.TokenError)
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# Differs in the encoding of field names only, which does not matter for its size.
_READERS[3, 0] = npy.read_array_header_2_0
_ZIP_MAGIC = b"PK"


def read_npy(path: str | os.PathLike[str], want: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Read an array that ``numpy.save`` wrote.

    Parameters
    ----------
    path : path
    want : tuple of int, optional
        The shape that it must have.

    Raises
    ------
    DataError
        If there is no such file, or it is not exactly one array of plain values.
    """
    file = Path(path)
    size = check_file(file)
    try:
        with file.open("rb") as stream:
            head = stream.read(len(npy.MAGIC_PREFIX))
            if head[: len(_ZIP_MAGIC)] == _ZIP_MAGIC:
                raise DataError(f"{file}: an .npz of several arrays; give an .npy of one")
            stream.seek(0)
            return _array(stream, size, str(file), want)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from error


def read_npz(path: str | os.PathLike[str], names: Collection[str] = ()) -> Arrays:
    """Read the arrays of a ``.npz`` file that ``numpy.savez`` wrote.

    Parameters
    ----------
    path : path
    names : collection of str
        Arrays that must be there; others are refused. Empty: all that are there.

    Raises
    ------
    DataError
        If there is no such file, it is no such zip, a member is broken or no array, a name is
        there twice, missing, or unknown.
    """
    file = Path(path)
    arrays: Arrays = {}
    with opened_zip(file) as archive:
        members = {_name(info, file): info for info in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise DataError(f"{file}: holds an array of one name twice; save it anew")
        missing = [name for name in names if name not in members]
        unknown = [name for name in members if names and name not in names]
        if missing or unknown:
            raise DataError(
                f"{file}: holds {_some(members)}; it must hold {', '.join(names)} and no others"
            )
        for info in members.values():
            check_member(archive, info)
        total = sum(info.file_size for info in members.values())
        check_room(total, f"{file}: unpacked, it", DataError)
        for name, info in members.items():
            where = f"{file}:{name}"
            try:
                with archive.open(info) as stream:
                    arrays[name] = _array(stream, info.file_size, where, None)
            except UNPACK_ERRORS as error:
                if isinstance(error, DataError):
                    raise
                raise DataError(f"{where}: broken zip member ({said(error)})") from error
    return arrays


def read_arrays(path: str | os.PathLike[str]) -> NDArray[Any] | Arrays:
    """Read an ``.npy`` or ``.npz`` file, whatever its name ends in."""
    file = Path(path)
    check_file(file)
    try:
        with file.open("rb") as stream:
            packed = stream.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from error
    return read_npz(file) if packed else read_npy(file)


def read_safetensors(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, str]]:
    """Read all arrays (copies) and the metadata of a safetensors file.

    Raises
    ------
    DataError
        If there is no such file, or it is none of safetensors, or of types numpy has not.
    """
    file = Path(path)
    check_room(check_file(file), f"{file}: it", DataError)
    try:
        with safe_open(file, "np") as source:
            metadata = dict(source.metadata() or {})
            arrays = {name: np.array(source.get_tensor(name)) for name in source.keys()}  # noqa: SIM118
    except (SafetensorError, *_HEADER_ERRORS) as error:
        raise DataError(f"{file}: no readable safetensors file ({said(error)})") from error
    return arrays, metadata


def _array(stream: IO[bytes], size: int, where: str, want: tuple[int, ...] | None) -> NDArray[Any]:
    """Read one array of a stream that holds ``size`` bytes."""
    try:
        version = npy.read_magic(stream)
        if version not in _READERS:
            raise ValueError(f"version {version[0]}.{version[1]} of the format is unknown")
        shape, _, dtype = _READERS[version](stream)
        used = stream.tell()
    except _HEADER_ERRORS as error:
        raise DataError(
            f"{where}: not a .npy array ({said(error)}); save one with numpy.save"
        ) from error
    _check_header(shape, dtype, size - used, where)
    if want is not None and shape != want:
        raise DataError(f"{where}: has shape {_shown(shape)}; give {want}")
    try:
        stream.seek(0)
        array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
        # At the end of a zip member its checksum is compared.
        rest = stream.read(1)
    except _HEADER_ERRORS as error:
        raise DataError(f"{where}: broken ({said(error)}); save it anew") from error
    if rest:
        raise DataError(f"{where}: more follows the array; save one array a file")
    return array


def _check_header(shape: Any, dtype: np.dtype[Any], left: int, where: str) -> None:
    if dtype.hasobject:
        raise DataError(
            f"{where}: holds pickled Python objects, which are never loaded; save plain numbers"
        )
    if dtype.itemsize == 0 or any(type(side) is not int or side < 0 for side in shape):
        raise DataError(f"{where}: an array of {dtype} and shape {_shown(shape)} is none")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != left:
        raise DataError(
            f"{where}: the header promises {_count(claimed)} bytes of data (shape {_shown(shape)}, "
            f"{dtype}), the file holds {left}; it is broken, save it anew"
        )
    check_room(claimed, f"{where}: it", DataError)


def _name(info: zipfile.ZipInfo, file: Path) -> str:
    if not info.filename.endswith(".npy"):
        raise DataError(
            f"{file}: holds {info.filename[:100]!r}, which is no .npy array; save the file with "
            "numpy.savez"
        )
    return info.filename.removesuffix(".npy")


def _some(names: Collection[str]) -> str:
    listed = [f"{name:.40}" for name in names]
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")


def _shown(shape: Any) -> str:
    text = str(shape)
    return text if len(text) <= 80 else text[:77] + "..."


def _count(n: int) -> str:
    return str(n) if n < 10**20 else "more than 10^20"
