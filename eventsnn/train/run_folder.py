"""The folder of a run: one run at a time writes into it, and what a killed one left is removed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from eventsnn.errors import UserError
from eventsnn.train.checkpoint import BEST_FILE, FILE, JSON_FILE
from eventsnn.train.metrics import FILE as METRICS_FILE

LOCK = ".lock"
NOTE = ".lock.json"
_WRITTEN = (FILE, BEST_FILE, JSON_FILE, METRICS_FILE)
_PART = re.compile(rf"({'|'.join(map(re.escape, _WRITTEN))})\.[0-9a-f]{{8}}\.tmp")
_UNAVAILABLE = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL}


class FolderTaken(UserError):
    """Another process holds the folder, and lives as far as can be told."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder until the block, or the process, ends.

    The lock is the operating system's, on the file ``.lock``, and dies with the process. Where
    the file system has no locks, a note of the host and the process stands for it.

    Raises
    ------
    FolderTaken
        If another run holds the folder.
    UserError
        If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / LOCK
        if lock.exists() and not lock.is_file():  # to open a pipe would wait without end
            raise UserError(f"{lock}: is no file; remove it, or give another --out")
        file = lock.open("ab")
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written: {error.strerror}; give another --out"
        ) from error
    with file:
        locked = _locked(file)
        if locked is None:
            with _noted(folder):
                yield
            return
        if not locked:
            raise _taken(folder)
        remove_parts(folder)
        yield


def remove_parts(folder: Path) -> None:
    """Remove unfinished files of a run that was killed; only who holds the folder may.

    Other files there may be anybody's, unfinished or not.
    """
    for path in folder.iterdir():
        if _PART.fullmatch(path.name):
            path.unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Remove what a run wrote, before another takes its place; only who holds the folder may."""
    for name in _WRITTEN:
        (folder / name).unlink(missing_ok=True)


def _taken(folder: Path) -> FolderTaken:
    return FolderTaken(
        f"{folder}: another run is writing there; wait until it has ended, or give another --out"
    )


def _locked(file: IO[bytes]) -> bool | None:
    """Lock an open file: whether it worked, None where the file system has no locks."""
    for lock in _locks():
        try:
            lock(file.fileno())
        except OSError as error:
            if error.errno not in _UNAVAILABLE:
                return False
        else:
            return True
    return None


def _locks() -> list[Callable[[int], None]]:
    """Return the ways of this system to lock a file descriptor without waiting."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        return [lambda fd: msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)]  # type: ignore[attr-defined]
    how = fcntl.LOCK_EX | fcntl.LOCK_NB
    return [lambda fd: fcntl.flock(fd, how), lambda fd: fcntl.lockf(fd, how)]


@contextmanager
def _noted(folder: Path) -> Iterator[None]:
    """Hold a folder by a note of host and process."""
    note, mine = folder / NOTE, f"{socket.gethostname()} {os.getpid()}"
    for _ in range(2):
        with contextlib.suppress(FileExistsError):
            with note.open("x") as file:
                file.write(mine)
            break
        host, _, process = note.read_text(errors="replace").partition(" ")
        if host == socket.gethostname() and process.isdigit() and not _lives(int(process)):
            note.unlink(missing_ok=True)
            continue
        raise FolderTaken(
            f"{folder}: another run is writing there (process {process} on {host}); wait until "
            f"it has ended, give another --out, or, if it was killed, remove {note.name} there"
        )
    else:
        raise _taken(folder)
    try:
        remove_parts(folder)
        yield
    finally:
        note.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    if sys.platform == "win32":  # where a signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
