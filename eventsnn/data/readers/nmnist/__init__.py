"""N-MNIST: folders, zips and single recordings."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.readers.nmnist import recordings
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word
from eventsnn.events import EventBatch, EventStream


class NMnist(Reader):
    """``nmnist:PATH``: the official folder or zips; ``.bin``: one recording."""

    kind: ClassVar[str] = "nmnist"
    forms: ClassVar[tuple[str, ...]] = ("nmnist:PATH",)
    suffixes: ClassVar[tuple[str, ...]] = (".bin",)

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        path = word.path
        train, test = (recordings.load(path, half, progress=progress) for half in ("train", "test"))
        return DataSet(word.spec, train, test)

    def file(self, path: Path, shape: tuple[int, ...]) -> Data:
        """See ``Reader``."""
        t, unit = recordings.read(path)
        units = unit.astype(np.int32)
        stream = EventStream(t.astype(np.int64), units, recordings.SHAPE, source=str(path))
        return EventBatch.from_streams([stream], str(path))
