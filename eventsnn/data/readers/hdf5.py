"""Recordings in HDF5 files, in folders named by class: ``hdf5:PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.hdf5_file import SUFFIXES, read_hdf5_file
from eventsnn.data.readers.folder import Folders, recording_of
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word


class HDF5Files(Reader):
    """A table of events, or a group of columns, a file."""

    kind: ClassVar[str] = "hdf5"
    forms: ClassVar[tuple[str, ...]] = ("hdf5:PATH",)
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    own: ClassVar[bool] = True

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        return Folders().open(word, limit, progress)

    def file(self, path: Path, shape: tuple[int, ...]) -> Data:
        """See ``Reader``."""
        return recording_of(path, read_hdf5_file, shape)
