"""NIR files (HDF5), read without trust: plain numbers and texts, within what the file can hold.

Links to other files and to other places of the file, data kept outside of it, unknown filters,
depths and sizes that no graph has are refused. Nothing is unpickled.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from eventsnn.errors import DataError, UserError
from eventsnn.exchange.nir.heaps import check_heaps
from eventsnn.files.unpack import DEFLATE_LIMIT, check_file
from eventsnn.memory import check_room
from eventsnn.text import named

Raw = dict[str, Any]
"""A group: its arrays, numbers, texts and groups by name."""

_DEEPEST, _MOST = 12, 200_000
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_ERRORS = (OSError, RuntimeError, ValueError, TypeError, LookupError, OverflowError, MemoryError)
_SPARE = 1 << 20


def h5py() -> Any:
    """Return the package that reads and writes HDF5; UserError where it is not installed."""
    try:
        import h5py
    except ImportError as error:
        raise UserError(
            "nir: the package h5py is missing; install it with: pip install 'eventsnn[nir]'"
        ) from error
    return h5py


def read_raw(path: Path) -> Raw:
    """Return the group ``node`` of a file, and what is below it.

    Raises
    ------
    DataError
        If it is no such file, or holds anything that no graph needs.
    """
    library = h5py()
    size = check_file(path)
    try:
        check_heaps(path)
        with library.File(path, "r") as file:
            return _Walk(library, str(path), size).file(file)
    except DataError:
        raise
    except (*_ERRORS, UnicodeError) as error:
        told = named(str(error) or type(error).__name__)
        raise DataError(f"{path}: no readable NIR file ({told}); write it anew") from error


class _Walk:
    """A walk through a file, which counts what it meets."""

    def __init__(self, library: Any, path: str, size: int) -> None:
        self.library, self.path, self.size = library, path, size
        self.met = 0
        self.bytes = 0

    def file(self, file: Any) -> Raw:
        """Return the group ``node``."""
        if "node" not in file:
            raise DataError(f"{self.path}: holds no group 'node'; give a file that nir.write wrote")
        found = self._thing(file, "node", "node", 0)
        if not isinstance(found, dict):
            raise DataError(f"{self.path}: node is no group; give a file that nir.write wrote")
        return found

    def _thing(self, group: Any, name: str, where: str, depth: int) -> Any:
        self.met += 1
        if self.met > _MOST or depth > _DEEPEST:
            raise DataError(
                f"{self.path}: {named(where)}: more than {_MOST:,} things, or {_DEEPEST} groups "
                "in each other; no graph has so many"
            )
        link = group.get(name, getlink=True)
        if not isinstance(link, self.library.HardLink):
            raise DataError(
                f"{self.path}: {named(where)} is a link ({type(link).__name__}); write its "
                "content in its place"
            )
        thing = group[name]
        if isinstance(thing, self.library.Group):
            return {k: self._thing(thing, k, f"{where}/{k}", depth + 1) for k in thing}
        if isinstance(thing, self.library.Dataset):
            return self._values(thing, where)
        raise DataError(f"{self.path}: {named(where)} is neither group nor data; leave it out")

    def _values(self, data: Any, where: str) -> Any:
        """Return the numbers or the text of a data set."""
        place = f"{self.path}: {named(where)}"
        if data.is_virtual or data.external:
            raise DataError(f"{place}: kept outside of the file; write it into it")
        filters = data.id.get_create_plist()
        for k in range(filters.get_nfilters()):
            if filters.get_filter(k)[0] not in _FILTERS:
                raise DataError(f"{place}: packed by an unknown filter; write it with gzip")
        if data.shape is None:
            raise DataError(f"{place}: holds nothing; give its numbers")
        text = self.library.check_string_dtype(data.dtype) is not None
        if not text and data.dtype.kind not in "iufb":
            raise DataError(f"{place}: has dtype {named(data.dtype)}; give numbers or text")
        claimed = math.prod(data.shape) * data.dtype.itemsize
        self.bytes += claimed
        if claimed > self.size * DEFLATE_LIMIT + _SPARE:
            raise DataError(f"{place}: promises {claimed:,} bytes, more than the file can hold")
        check_room(4 * self.bytes, f"{place}: it", DataError)
        value = data[()]
        if not text:
            return value
        return _text(value) if data.shape == () else [_texts(row) for row in value]


def _texts(value: Any) -> Any:
    return [_text(one) for one in value] if isinstance(value, np.ndarray) else _text(value)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
