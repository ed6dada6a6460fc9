"""Places that a user names: the file system is asked once, and answers with one clear error.

A name may hold anything: a path that is no UTF-8 is a path like any other, one that the file
system cannot be asked for is an error of one line.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

from eventsnn.errors import DataError

Kind = Literal["file", "folder", "special", ""]
"""What stands at a place; nothing where there is none."""


def place(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` filled in; DataError where no file system can be asked for it."""
    try:
        os.fsencode(path)
        found = Path(path).expanduser()
    except (UnicodeEncodeError, RuntimeError) as error:
        raise DataError(f"{os.fspath(path)!r}: no path of this machine ({error})") from error
    if "\0" in str(found):
        raise DataError(f"{str(found)!r}: a path cannot hold the letter NUL; give another")
    return found


def kind_of(path: Path) -> Kind:
    """Return what stands at a place; DataError where that cannot be told."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read ({reason})") from error
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "special"


def looked_for(path: Path) -> str:
    """Return where a relative path was looked for, for the middle of a message."""
    return "" if path.is_absolute() else f" (looked for {path.absolute()})"


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds, in order of names."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from error
