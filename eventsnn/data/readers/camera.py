"""Recordings in the cameras' own formats, in folders named by class: ``camera:PATH``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from eventsnn.data.cache import Progress
from eventsnn.data.camera_file import SUFFIXES, read_camera_file
from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.readers.folder import Folders, recording_of
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word


class CameraFiles(Reader):
    """EVT2, EVT3, DAT, AEDAT4 and ES; in folders they may stand beside others."""

    kind: ClassVar[str] = "camera"
    forms: ClassVar[tuple[str, ...]] = ("camera:PATH",)
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    own: ClassVar[bool] = True

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        return Folders().open(word, limit, progress)

    def file(self, path: Path, shape: tuple[int, ...]) -> Data:
        """See ``Reader``."""
        return recording_of(path, read_camera_file, shape)
