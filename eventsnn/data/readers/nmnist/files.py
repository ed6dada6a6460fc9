"""Where N-MNIST recordings lie: the official folder tree or an official zip.

``Train/<label>/<index>.bin`` and ``Test/<label>/<index>.bin``, as ``tree.py`` reads
the names; upper and lower case are one.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from eventsnn.data.places import entries, kind_of, place
from eventsnn.data.readers.nmnist.tree import (
    CLASSES,
    HALVES,
    Read,
    Recording,
    Tree,
    is_hidden,
    is_recording,
)
from eventsnn.data.readers.nmnist.zips import Zip
from eventsnn.errors import DataError, UserError


class Folder:
    """One half of the data set, unpacked: a folder of the folders 0 to 9."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def recordings(self) -> list[Recording]:
        """Every recording, by number."""
        return self._tree.recordings(
            str(self.path), lambda name: str(self.path / name), f"{self.path.name}/"
        )

    @property
    def state(self) -> str:
        """Digest of every name, size and time of change, and of what is out of place."""
        tree = self._tree
        known = tree.files, sorted(tree.folders), tree.misplaced
        return hashlib.sha256(repr(known).encode()).hexdigest()

    @cached_property
    def _tree(self) -> Tree:
        tree = Tree()
        for entry in entries(self.path):
            if is_hidden(entry.name):
                tree.hidden += 1
            elif entry.is_dir():
                tree.add_folder([entry.name])
                self._add_class(tree, entry)
            else:
                tree.add([entry.name], 0)
        return tree

    def _add_class(self, tree: Tree, folder: os.DirEntry[str]) -> None:
        label, files = folder.name, tree.files
        for file in entries(Path(folder.path)):
            name = file.name
            if is_hidden(name):
                tree.hidden += 1
            elif file.is_dir():
                tree.add_folder([label, name])
            elif is_recording(name):
                # One of some 60,000: what lies right is not sorted out by Tree.add.
                found = _stat(file)
                files.append((label, name, found.st_size, found.st_mtime_ns))
            else:
                tree.other.append(f"{label}/{name}")

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


def locate(path: str | os.PathLike[str], split: str) -> Folder | Zip:
    """Find one half of N-MNIST: ``Train/`` or ``train.zip`` in a folder, or a zip itself.

    A folder is preferred to a zip. ``path`` may also be one half, ``Train/`` or ``train.zip``:
    the other one is then looked for beside it.

    Raises
    ------
    DataError
        If there is neither, or more than one.
    UserError
        If ``split`` is neither "train" nor "test".
    """
    if split not in HALVES:
        raise UserError(f"N-MNIST has no split {split!r}; give train or test")
    root = place(path).absolute()
    kind = kind_of(root)
    if kind == "folder":
        return _in_folder(root, split)
    if kind == "file":
        return _in_zip(root.resolve(), split)
    if kind:
        raise DataError(f"{root}: neither a folder nor a file; give a folder or a zip")
    raise DataError(f"{root}: no such folder or zip; give the one that holds {HALVES[split]}/")


def _in_zip(path: Path, split: str) -> Folder | Zip:
    found = Zip(path, split)
    half = path.stem.lower()
    if half not in HALVES or half == split or found.has_recordings:
        return found
    return _beside(path, split)


def _in_folder(root: Path, split: str) -> Folder | Zip:
    found = _half_in(root, split)
    if found is not None:
        return found
    here = entries(root)
    if any(entry.name in CLASSES and entry.is_dir() for entry in here):
        half = root.name.lower()
        if half == split:
            return Folder(root.resolve())
        if half in HALVES:
            return _beside(root, split)
        raise DataError(
            f"{root}: holds classes, but no Train/ or Test/ above them; put them into such a folder"
        )
    zips = [entry.name for entry in here if entry.name.lower().endswith(".zip")]
    more = f"; {zips[0]} is there: to read it, give {root / zips[0]}" if zips else ""
    raise DataError(
        f"{root}: holds neither {HALVES[split]}/ nor {split}.zip; put one of N-MNIST's own "
        f"there{more}"
    )


def _beside(path: Path, split: str) -> Folder | Zip:
    """Return the half that lies beside the other one."""
    found = _half_in(path.parent, split)
    if found is None:
        raise DataError(
            f"{path}: holds one half of N-MNIST only; put {HALVES[split]}/ or {split}.zip beside it"
        )
    return found


def _half_in(root: Path, split: str) -> Folder | Zip | None:
    """Return the folder or the zip of one half in a folder."""
    folders, zips = [], []
    for entry in entries(root):
        if entry.name.lower() == split and entry.is_dir():
            folders.append(entry.name)
        elif entry.name.lower() == f"{split}.zip" and entry.is_file():
            zips.append(entry.name)
    for found in (folders, zips):
        if len(found) > 1:
            raise DataError(f"{root}: holds {found[0]} and {found[1]}; leave one of them there")
    if folders:
        return Folder((root / folders[0]).resolve())
    return Zip((root / zips[0]).resolve(), split) if zips else None


def _stat(file: os.DirEntry[str]) -> os.stat_result:
    try:
        found = file.stat()
    except OSError as error:
        raise DataError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{file.path}: no regular file; take it away")
    return found
