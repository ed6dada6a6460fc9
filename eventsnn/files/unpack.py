"""Packed files from outside, read with bounds: a zip or gzip may claim or hold far more than it is.

    with opened_zip(path) as archive:
        for info in archive.infolist():
            data = read_member(archive, info, most=1 << 20)

``read_bounded`` does the same for any stream (``gzip.open``, a file). Whatever is wrong is a
``DataError`` that names the file and the member.
"""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from eventsnn.errors import DataError
from eventsnn.memory import check_room

DEFLATE_LIMIT = 1032
"""One packed byte gives at most so many: a match of 258 bytes takes 2 bits (RFC 1951)."""

LONGEST_TEXT = 1 << 24
"""Bytes of a text from outside."""

UNPACK_ERRORS = (
    *(OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError),
    # Encrypted members, unknown methods and versions; names and headers that cannot be decoded.
    *(RuntimeError, ValueError, LookupError, struct.error, OverflowError, MemoryError),
)
"""What the standard library raises at packed files that are broken or of a kind it cannot read."""

_GROWTH = 100
_SMALL_BYTES = 1 << 26

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_file(path: Path) -> int:
    """Return the bytes of a file; DataError where it is none that can be read to its end."""
    try:
        found = path.stat()
    except FileNotFoundError:
        looked = "" if path.is_absolute() else f" (looked for {path.absolute()})"
        raise DataError(f"{path}: no such file{looked}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path!s}: cannot be read ({said(error)})") from error
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{path}: a folder, not a file; give a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: not a regular file; give one")
    return found.st_size


def read_text(path: Path, most: int = LONGEST_TEXT) -> str:
    """Return a text that people or programs wrote: options, prices, results, networks.

    ``most`` is how many bytes it may have.

    Raises
    ------
    DataError
        If it is no file, a pipe or a device (which may never end), longer than such texts are, or
        no UTF-8.
    """
    size = check_file(path)
    if size > most:
        raise DataError(f"{path}: {size} bytes; such a file has at most {most}")
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark first
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({said(error)})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text in UTF-8 (byte {error.start})") from error


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip to read.

    Raises
    ------
    DataError
        If it is no zip, or its directory is broken.
    """
    check_file(path)
    try:
        archive = zipfile.ZipFile(path)
    except UNPACK_ERRORS as error:
        raise DataError(f"{path}: no readable zip ({said(error)}); fetch it again") from error
    with archive:
        yield archive


def check_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int | None = None) -> None:
    """Refuse a member that cannot be read, or that would unpack to more than ``most`` bytes.

    Parameters
    ----------
    most : int, optional
        Bytes that such a member may hold; by default what fits into memory.
    """
    where = f"{archive.filename}:{info.filename}"
    if info.flag_bits & 1:
        raise DataError(f"{where}: is encrypted; unpack the zip with its password first")
    if info.compress_type not in _METHODS:
        raise DataError(
            f"{where}: packed with method {info.compress_type}, which cannot be read here; pack it "
            "anew with deflate"
        )
    packs = 1 if info.compress_type == zipfile.ZIP_STORED else DEFLATE_LIMIT
    if info.file_size > info.compress_size * packs:
        raise DataError(
            f"{where}: claims {info.file_size} bytes, more than its {info.compress_size} packed "
            "ones can hold; it is broken, fetch it again"
        )
    if most is not None and info.file_size > most:
        raise DataError(
            f"{where}: unpacks to {info.file_size} bytes, expected at most {most}; check what it is"
        )
    check_room(info.file_size, f"{where}: unpacked, it", DataError)


def check_growth(unpacked: int, packed: int, where: str) -> None:
    """Refuse what unpacks to far more than it is: over 64 MiB, and over 100 times as much."""
    if unpacked > max(_SMALL_BYTES, _GROWTH * packed):
        raise DataError(
            f"{where}: {packed} bytes that unpack to {unpacked}, which no recordings or pictures "
            "do; check what it is"
        )


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int | None = None) -> bytes:
    """Return the bytes of a member, whose checksum is compared.

    Raises
    ------
    DataError
        As ``check_member``, and if the member is broken.
    """
    check_member(archive, info, most)
    where = f"{archive.filename}:{info.filename}"
    try:
        with archive.open(info) as stream:
            data = stream.read()
    except UNPACK_ERRORS as error:
        raise DataError(f"{where}: broken zip member ({said(error)}); fetch it again") from error
    if len(data) != info.file_size:
        raise DataError(
            f"{where}: {len(data)} bytes, its zip says {info.file_size}; fetch it again"
        )
    return data


def read_bounded(stream: IO[bytes], most: int, where: str) -> bytes:
    """Return what is left in a stream; DataError where that is more than ``most`` bytes.

    Never more than ``most`` bytes and one are unpacked.
    """
    try:
        data = stream.read(most + 1)
    except UNPACK_ERRORS as error:
        raise DataError(f"{where}: broken ({said(error)}); fetch it again") from error
    if len(data) > most:
        raise DataError(f"{where}: unpacks to more than {most} bytes; check what it is")
    return data


def said(error: BaseException) -> str:
    """Return an error of the standard library in one line, for the middle of a message."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
