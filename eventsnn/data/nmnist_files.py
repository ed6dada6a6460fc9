"""Where N-MNIST recordings lie: the official folder tree or an official zip.

``Train/<label>/<index>.bin`` and ``Test/<label>/<index>.bin``; recording ``index``
films the MNIST image ``index - 1`` of that half. Recordings are ordered by number,
whatever the order of the file system or of the zip. Hidden files, files that do not
end in ``.bin``, and macOS's ``__MACOSX`` are not recordings; anything else out of
place is an error.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from eventsnn.errors import DataError, UserError

_SPLITS = {"train": "Train", "test": "Test"}


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


class Folder:
    """One half of the data set, unpacked: a folder of the folders 0 to 9."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def recordings(self) -> list[Recording]:
        """Every recording, by number."""
        found = []
        for folder, file, size, _ in self._files:
            place = self.path / folder
            label, number = _label(folder, str(place)), _number(file, str(place / file))
            found.append(Recording(number, label, f"{self.path.name}/{folder}/{file}", size))
        return _ordered(found, self.path)

    @property
    def state(self) -> str:
        """Digest of every name, size and time of change."""
        return hashlib.sha256(repr(self._files).encode()).hexdigest()

    @cached_property
    def _files(self) -> list[tuple[str, str, int, int]]:
        """Label folder, name, bytes and time of change of every file, sorted."""
        found = []
        for folder in self._entries(self.path):
            if folder.is_dir() and not folder.name.startswith("."):
                for file in self._entries(Path(folder.path)):
                    if _is_recording(file.name):
                        stat = file.stat()
                        found.append((folder.name, file.name, stat.st_size, stat.st_mtime_ns))
        return sorted(found)

    def where(self, recording: Recording) -> str:
        """Return the path of a recording, for messages."""
        return str(self.path.parent / recording.name)

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Give a function that reads recordings."""
        yield self._read

    def _read(self, recording: Recording, into: memoryview) -> int:
        path = self.where(recording)
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - Path.open costs more
                return file.readinto(into) or 0
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error

    @staticmethod
    def _entries(path: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(path) as entries:
                return list(entries)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


class Zip:
    """One half of the data set in its official zip, read without unpacking."""

    def __init__(self, path: Path, split: str) -> None:
        self.path = path
        self._split = split

    @cached_property
    def recordings(self) -> list[Recording]:
        """Every recording of the split, by number."""
        found = []
        with self._archive() as archive:
            for member in archive.infolist():
                parts = member.filename.split("/")
                if len(parts) < 3 or parts[-3].lower() != self._split or parts[0] == "__MACOSX":
                    continue
                if _is_recording(parts[-1]):
                    where = f"{self.path}:{member.filename}"
                    label, number = _label(parts[-2], where), _number(parts[-1], where)
                    found.append(Recording(number, label, member.filename, member.file_size))
        return _ordered(found, self.path)

    @property
    def state(self) -> str:
        """Size and time of change of the zip."""
        try:
            stat = self.path.stat()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error
        return f"{stat.st_size} {stat.st_mtime_ns}"

    def where(self, recording: Recording) -> str:
        """Return the place of a recording, for messages."""
        return f"{self.path}:{recording.name}"

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Give a function that reads recordings; the zip is closed afterwards."""
        with self._archive() as archive:

            def read(recording: Recording, into: memoryview) -> int:
                try:
                    with archive.open(recording.name) as member:
                        data = member.read(len(into))
                        # The checksum is compared where the member ends.
                        rest = member.read(1)
                except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
                    raise DataError(
                        f"{self.where(recording)}: broken zip member ({error}); fetch it again"
                    ) from error
                into[: len(data)] = data
                return len(data) + len(rest)

            yield read

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        try:
            archive = zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, ValueError, EOFError) as error:
            raise DataError(f"{self.path}: no readable zip ({error}); fetch it again") from error
        with archive:
            yield archive


def locate(path: str | os.PathLike[str], split: str) -> Folder | Zip:
    """Find one half of N-MNIST: ``Train/`` or ``train.zip`` in a folder, or a zip itself.

    Raises
    ------
    DataError
        If there is neither.
    UserError
        If ``split`` is neither "train" nor "test".
    """
    if split not in _SPLITS:
        raise UserError(f"N-MNIST has no split {split!r}; give train or test")
    root = Path(path).expanduser().absolute()
    if root.is_file():
        return Zip(root.resolve(), split)
    name = _SPLITS[split]
    for folder in (name, split):
        if (root / folder).is_dir():
            return Folder((root / folder).resolve())
    for archive in (f"{split}.zip", f"{name}.zip"):
        if (root / archive).is_file():
            return Zip((root / archive).resolve(), split)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder or zip; give the one that holds {name}/")
    raise DataError(
        f"{root}: holds neither {name}/ nor {split}.zip; put one of N-MNIST's own there"
    )


def _is_recording(name: str) -> bool:
    """Tell whether a file of this name is meant as a recording."""
    return name.endswith(".bin") and not name.startswith(".")


def _label(folder: str, where: str) -> int:
    if len(folder) == 1 and folder in "0123456789":
        return int(folder)
    raise DataError(f"{where}: folder {folder!r} is no class of N-MNIST; name it 0 to 9")


def _number(name: str, where: str) -> int:
    stem = name.removesuffix(".bin")
    if stem.isascii() and stem.isdigit() and 0 < int(stem) < 1 << 31:
        return int(stem)
    raise DataError(f"{where}: {name!r} is no number from 1; name it like 00001.bin")


def _ordered(found: list[Recording], path: Path) -> list[Recording]:
    if not found:
        raise DataError(f"{path}: holds no recordings; put N-MNIST's <label>/<index>.bin there")
    found.sort()
    for first, second in pairwise(found):
        if first[:2] == second[:2]:
            raise DataError(
                f"{path}: {first.name} and {second.name} are the same recording; remove one"
            )
    return found
