"""N-MNIST recordings in a zip, read without unpacking it onto the disk."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from eventsnn.data.readers.nmnist.tree import (
    HALVES,
    MOST_BYTES,
    Read,
    Recording,
    Tree,
    depth_of_half,
    depth_shared,
    is_hidden,
    is_recording,
)
from eventsnn.errors import DataError
from eventsnn.files.unpack import UNPACK_ERRORS, check_growth, check_member, opened_zip, said


class Zip:
    """One half of the data set in a zip: its official one, or one that holds both halves.

    The members may lie below ``Train/`` or ``Test/`` (with any folders above); in a zip that is
    called ``train.zip`` or ``test.zip`` without them; or in such a zip inside this one.
    """

    def __init__(self, path: Path, split: str) -> None:
        self.path = path
        self._split = split

    @cached_property
    def recordings(self) -> list[Recording]:
        """Every recording of the split, by number."""
        tree, top, _ = self._found
        if not tree.files and not tree.misplaced:
            raise DataError(
                f"{self.path}: holds no recordings of the half {self._split}; put "
                f"{HALVES[self._split]}/<label>/<index>.bin there"
            )
        return tree.recordings(
            f"{self.path}:{top}".rstrip(":/"), lambda name: f"{self.path}:{top}{name}"
        )

    @property
    def state(self) -> str:
        """Size and time of change of the zip."""
        try:
            found = self.path.stat()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error
        return f"{found.st_size} {found.st_mtime_ns}"

    @property
    def has_recordings(self) -> bool:
        """Whether there is anything of this half."""
        tree, *_ = self._found
        return bool(tree.files or tree.misplaced)

    def where(self, recording: Recording) -> str:
        """Return the place of a recording, for messages."""
        return f"{self.path}:{recording.name}"

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Give a function that reads recordings; the zip is closed afterwards."""
        total = sum(recording.size for recording in self.recordings)
        check_growth(total, self.path.stat().st_size, str(self.path))
        with self._archive() as archive:

            def read(recording: Recording, into: memoryview) -> int:
                info = archive.getinfo(recording.name)
                check_member(archive, info, MOST_BYTES)
                try:
                    with archive.open(info) as member:
                        data = member.read(len(into))
                        # The checksum is compared where the member ends.
                        rest = member.read(1)
                except UNPACK_ERRORS as error:
                    raise DataError(
                        f"{self.where(recording)}: broken zip member ({said(error)}); "
                        "fetch it again"
                    ) from error
                into[: len(data)] = data
                return len(data) + len(rest)

            yield read

    @cached_property
    def _found(self) -> tuple[Tree, str, str]:
        """What the zip holds of this half, its folder, and the zip within that holds that."""
        with opened_zip(self.path) as archive:
            members = _members(archive)
            inner = _inner(members, self._split, self.path)
            if inner is None:
                return *_sorted_out(members, self._split, str(self.path)), ""
            with self._unpacked(archive, inner) as unpacked:
                members = _members(unpacked)
                tree, top = _sorted_out(members, self._split, str(unpacked.filename))
        return tree, top, inner.filename

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        """Open the zip, or the ``Train.zip`` or ``Test.zip`` in it."""
        *_, inner = self._found
        with opened_zip(self.path) as archive:
            if not inner:
                yield archive
                return
            with self._unpacked(archive, archive.getinfo(inner)) as unpacked:
                yield unpacked

    @contextmanager
    def _unpacked(
        self, archive: zipfile.ZipFile, inner: zipfile.ZipInfo
    ) -> Iterator[zipfile.ZipFile]:
        """Open a zip in a zip, from a file that is deleted when it is closed."""
        where = f"{self.path}:{inner.filename}"
        check_growth(inner.file_size, self.path.stat().st_size, where)
        check_member(archive, inner)
        with tempfile.TemporaryFile() as file:
            try:
                with archive.open(inner) as packed:
                    shutil.copyfileobj(packed, file, 1 << 20)
                unpacked = zipfile.ZipFile(file)
            except UNPACK_ERRORS as error:
                raise DataError(
                    f"{where}: no readable zip ({said(error)}); fetch it again"
                ) from error
            unpacked.filename = where
            with unpacked:
                yield unpacked


class _Member(NamedTuple):
    """A file or folder of a zip."""

    info: zipfile.ZipInfo
    parts: list[str]
    depth: int
    """Where ``Train`` or ``Test`` stands among the parts, or -1."""
    hidden: bool

    @property
    def is_recording(self) -> bool:
        return not self.hidden and not self.is_folder and is_recording(self.parts[-1])

    @property
    def is_folder(self) -> bool:
        return self.info.filename[-1] in "/\\"

    def half(self) -> str:
        """Return the half that the folders say, in small letters, or nothing."""
        return self.parts[self.depth].lower() if self.depth >= 0 else ""


def _members(archive: zipfile.ZipFile) -> list[_Member]:
    found = []
    for info in archive.infolist():
        # Some programs of Windows write names with backslashes.
        parts = info.filename.replace("\\", "/").split("/")
        is_folder = not parts[-1]
        parts = [part for part in parts if part not in ("", ".")]
        if parts:
            depth = depth_of_half(parts if is_folder else parts[:-1])
            found.append(_Member(info, parts, depth, any(map(is_hidden, parts))))
    return found


def _inner(members: list[_Member], split: str, path: Path) -> zipfile.ZipInfo | None:
    """Return the zip of one half in a zip that holds no recordings of its own."""
    visible = [member for member in members if not member.hidden and not member.is_folder]
    found = [m.info for m in visible if m.parts[-1].lower() == f"{split}.zip"]
    if not found or any(member.is_recording for member in visible):
        return None
    if len(found) > 1:
        raise DataError(
            f"{path}: holds {found[0].filename} and {found[1].filename}; leave one of them in it"
        )
    return found[0]


def _sorted_out(members: list[_Member], split: str, place: str) -> tuple[Tree, str]:
    """Return what a zip holds of one half, and the folder that holds it, ``N-MNIST/Train/``."""
    tree = Tree()
    top = _top([member for member in members if member.is_recording], split, place)
    if top is None:
        return tree, ""
    for member in members:
        if member.hidden:
            is_file = not member.is_folder
            tree.hidden += is_file and member.half() in ("", split)
        elif member.parts[: len(top)] == top and len(member.parts) > len(top):
            below = member.parts[len(top) :]
            if member.is_folder:
                tree.add_folder(below)
            else:
                tree.add(below, member.info.file_size, member.info.filename)
    return tree, "".join(f"{part}/" for part in top)


def _top(recordings: list[_Member], split: str, place: str) -> list[str] | None:
    """Return the folder of a half, which may be the zip itself; None where there is no such."""
    if not recordings:
        return None
    outside = [member for member in recordings if member.depth < 0]
    if len(outside) == len(recordings):
        named = place.replace(":", "/").rpartition("/")[2].lower().removesuffix(".zip")
        if named in HALVES:
            paths = [member.parts for member in recordings]
            return paths[0][: depth_shared(paths)] if named == split else None
    if outside:
        raise DataError(
            f"{place}: holds {outside[0].info.filename} with no Train/ or Test/ above it; put it "
            "there, or call a zip of one half train.zip or test.zip"
        )
    tops = {tuple(m.parts[: m.depth + 1]): m for m in recordings if m.half() == split}
    if len(tops) > 1:
        first, second = ("/".join(top) for top in list(tops)[:2])
        raise DataError(f"{place}: holds {first}/ and {second}/; leave one of them in it")
    return list(next(iter(tops))) if tops else None
