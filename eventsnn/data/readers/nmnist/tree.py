"""What the names in N-MNIST's tree mean: ``<label>/<index>.bin`` below ``Train/`` or ``Test/``.

Recording ``index`` films the MNIST image ``index - 1`` of its half, so a number stands once
in a half. Recordings are ordered by number, whatever the order of a file system or of a zip.
Nothing is left out in silence: hidden files (also macOS's ``__MACOSX``) and files of another
ending are passed over and counted in one warning; anything else out of place is an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from eventsnn.errors import DataError

HALVES = {"train": "Train", "test": "Test"}
"""Folder of each half; read in any case."""

CLASSES = tuple("0123456789")
"""Folders of a half."""

MOST_BYTES = 1 << 26
"""Of a recording: 23 bits hold 8.4 s; a file of this length would carry 1.6 events a us."""


class Recording(NamedTuple):
    """One file of the tree."""

    number: int
    """In its name: it films MNIST image ``number - 1``."""
    label: int
    name: str
    """Path in the source, ``Train/0/00002.bin``."""
    size: int
    """Bytes."""


Read = Callable[[Recording, memoryview], int]
"""Fills the view with a recording's bytes and returns how many there were."""


@dataclass
class Tree:
    """What one half holds, sorted out by ``add``.

    Attributes
    ----------
    files : list of (folder, file, bytes, time)
        Files in the folders of the half that end in ``.bin``, in any case. The time is that of
        the last change in nanoseconds, 0 in a zip.
    names : dict
        Paths in the source of (folder, file), where they are not just these.
    folders : set of str
        Folders of the half: its classes.
    misplaced : list of str
        Names, below the half, of recordings in no class and of folders in a class.
    other : list of str
        Names of files of another ending.
    hidden : int
        Number of hidden files.
    """

    files: list[tuple[str, str, int, int]] = field(default_factory=list)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    misplaced: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    hidden: int = 0

    def add(self, parts: list[str], size: int, name: str = "") -> None:
        """Sort out one visible file; ``parts`` are the names below the half."""
        if len(parts) > 1:
            self.folders.add(parts[0])
        if len(parts) > 2:
            self.misplaced.append("/".join(parts[:2]) + "/")
        elif not is_recording(parts[-1]):
            self.other.append("/".join(parts))
        elif len(parts) == 1:
            self.misplaced.append(parts[0])
        else:
            self.files.append((parts[0], parts[1], size, 0))
            self.names[parts[0], parts[1]] = name

    def add_folder(self, parts: list[str]) -> None:
        """Sort out one visible folder."""
        self.folders.add(parts[0])
        if len(parts) > 1:
            self.misplaced.append("/".join(parts[:2]) + "/")

    def recordings(
        self, source: str, where: Callable[[str], str], start: str = ""
    ) -> list[Recording]:
        """Return every recording, by number; warn of what is passed over.

        Parameters
        ----------
        source : str
            The half, for messages.
        where : callable
            Gives the place of a name below the half, for messages.
        start : str
            What goes before folder and file where ``names`` has nothing.

        Raises
        ------
        DataError
            If anything is out of place, or there is no recording.
        """
        if self.misplaced:
            raise _misplaced(min(self.misplaced), where)
        labels = {folder: _label(folder, where(folder)) for folder in sorted(self.folders)}
        if not self.files:
            raise DataError(
                f"{source}: holds no recordings; put N-MNIST's <label>/<index>.bin there"
            )
        empty = sorted(self.folders - {folder for folder, *_ in self.files})
        if empty:
            raise DataError(
                f"{where(empty[0])}: holds no recordings; fetch class {empty[0]} again, or remove "
                "the folder"
            )
        found = [
            Recording(
                _number(file, folder, where),
                labels[folder],
                self.names.get((folder, file)) or f"{start}{folder}/{file}",
                size,
            )
            for folder, file, size, _ in self.files
        ]
        found.sort()
        _check_numbers(found, source)
        self._tell(source)
        return found

    def _tell(self, source: str) -> None:
        """Warn of what is passed over."""
        passed = [f"{self.hidden} hidden"] if self.hidden else []
        if self.other:
            passed.append(f"{len(self.other)} that are no .bin ({min(self.other)})")
        if passed:
            # The place of the warning is this file's: Python then says it once a process.
            warnings.warn(f"{source}: files passed over: {' and '.join(passed)}", stacklevel=1)


def is_recording(name: str) -> bool:
    """Tell whether a file of this name is meant as a recording."""
    return name[-4:].lower() == ".bin"


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder of this name is the business of an operating system."""
    return name[:1] == "." or name == "__MACOSX"


def depth_of_half(folders: list[str]) -> int:
    """Return the place of ``Train`` or ``Test`` among the folders of a path, or -1."""
    for i, folder in enumerate(folders):
        if folder.lower() in HALVES:
            return i
    return -1


def depth_shared(paths: list[list[str]]) -> int:
    """Return how many leading folders, but for classes, the paths of all files share."""
    depth, first = 0, min(paths, key=len)
    while depth < len(first) - 1 and first[depth] not in CLASSES:
        if any(path[depth] != first[depth] for path in paths):
            break
        depth += 1
    return depth


def _misplaced(name: str, where: Callable[[str], str]) -> DataError:
    place = where(name.rstrip("/"))
    if name.endswith("/"):
        folder = name.partition("/")[0]
        return DataError(
            f"{place}: a folder inside the class {folder!r}; move its recordings up into "
            f"{folder}/, or take it away"
        )
    return DataError(
        f"{place}: a recording in no class; put it into the folder of its class, 0 to 9"
    )


def _label(folder: str, where: str) -> int:
    if folder in CLASSES:
        return int(folder)
    raise DataError(
        f"{where}: folder {folder!r} is no class of N-MNIST; name it 0 to 9, or take it away"
    )


def _number(file: str, folder: str, where: Callable[[str], str]) -> int:
    stem = file[:-4]
    if stem.isascii() and stem.isdigit() and len(stem) < 20 and 0 < int(stem) < 1 << 31:
        return int(stem)
    raise DataError(
        f"{where(f'{folder}/{file}')}: {file!r} is no number from 1; name it like 00001.bin"
    )


def _check_numbers(found: list[Recording], source: str) -> None:
    for first, second in pairwise(found):
        if first.number != second.number:
            continue
        if first.label == second.label:
            raise DataError(
                f"{source}: {first.name} and {second.name} are the same recording; remove one"
            )
        raise DataError(
            f"{source}: {first.name} and {second.name} have one number, which stands for one "
            "image; only one class can be right, remove the other"
        )
