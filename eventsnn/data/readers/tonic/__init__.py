"""Data sets that tonic reads."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import DataSet
from eventsnn.data.readers.reader import Reader
from eventsnn.data.readers.tonic import datasets
from eventsnn.data.word import Word


class Tonic(Reader):
    """``tonic:NAME:PATH``."""

    kind: ClassVar[str] = "tonic"
    forms: ClassVar[tuple[str, ...]] = ("tonic:NAME:PATH",)
    names: ClassVar[int] = 2

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        name = "".join(word.names[1:2])
        datasets.known(name)
        path = word.path
        train = datasets.load(name, path, "train", limit=limit, progress=progress)
        test = datasets.load(name, path, "test", limit=limit, progress=progress)
        return DataSet(word.spec, train, test)
