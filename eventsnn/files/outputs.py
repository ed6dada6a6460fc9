"""Where results go: asked before the work is done, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from eventsnn.errors import UserError

_OLD_S = 3600

PART = ".tmp"
"""Ending of a file that is being written."""


def check_output_file(what: str, path: Path, suffixes: tuple[str, ...] = ()) -> None:
    """Refuse a file that cannot be written; one that is there stays as it is.

    Parameters
    ----------
    what : str
        What the file is, for the message: "figure".
    suffixes : tuple of str
        Endings of the name, any where there are none.

    Raises
    ------
    UserError
        If the ending is another, the folder is missing or cannot be written, or a folder stands
        in its place.
    """
    if suffixes and path.suffix not in suffixes:
        raise UserError(f"{what} {path}: give a name that ends in {', '.join(suffixes)}")
    try:
        if path.is_dir():
            raise UserError(f"{what} {path}: is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise UserError(f"{what} {path}: there is no folder {path.parent}; make it first")
        # As it is written later: under a longer name that is then changed.
        probe = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PART}")
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        raise _refusal(what, path, error) from error


def check_output_folder(what: str, path: Path) -> None:
    """Refuse a folder that cannot be made or written; nothing is made.

    Raises
    ------
    UserError
        If a file stands in its place or above it, or the folder cannot be written.
    """
    try:
        place = path
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise UserError(f"{what} {path}: {place} is a file; give a folder")
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise _refusal(what, path, error) from error


def _refusal(what: str, path: Path, error: OSError) -> UserError:
    return UserError(
        f"{what} {path}: cannot be written: {error.strerror or error}; give another place"
    )


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name and rename it; OSError leaves nothing behind."""
    with written_whole(path) as file:
        file.write(data)


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file under a temporary name, and rename it at the end; as ``write_whole``."""
    part = new_part(path)
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        error.filename = str(path)  # not the temporary name, and where a disk is full not None
        raise
    finally:
        with contextlib.suppress(OSError):  # what cannot be written cannot be removed
            part.unlink(missing_ok=True)


def new_part(path: Path) -> Path:
    """Return a name beside a file, to write it under before it is renamed.

    What a process that was killed has left of the same file is removed. Whoever opens it does so
    with mode ``x``, not by mkstemp, whose files nobody else may read: who may is up to the umask.
    """
    _remove_old_parts(path)
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}{PART}")


def _remove_old_parts(path: Path) -> None:
    """Remove what a process that was killed while it wrote this file has left, an hour ago."""
    pattern = re.compile(re.escape(path.name) + r"\.[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError):  # a folder that cannot be listed
        for part in path.parent.iterdir():
            if pattern.fullmatch(part.name):
                with contextlib.suppress(OSError):  # somebody else's, or gone meanwhile
                    if time.time() - part.stat().st_mtime > _OLD_S:
                        part.unlink()
