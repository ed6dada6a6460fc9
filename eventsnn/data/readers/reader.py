"""What every reader answers: a data set from a word, pictures to film, one file alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.images import Images
from eventsnn.data.word import Word


class Reader(ABC):
    """A format of recordings or pictures.

    Class attributes
    ----------------
    kind : str
        The word before the first colon: ``nmnist`` of ``nmnist:PATH``.
    forms : tuple of str
        How words of the kind look, for messages; a path is ``PATH`` or ``FILE``.
    names : int
        Words before the path: 2 for ``tonic:NAME:PATH``.
    path : bool
        Whether what follows is a path; else it is kept as it was given.
    suffixes : tuple of str
        Of single files that ``file`` reads, in lower case: ``(".bin",)``.
    pictures : bool
        Whether ``images`` gives some, so that ``film:`` can film them.
    own : bool
        Whether they are recordings of one's own, in numbers that one makes by hand.
    """

    kind: ClassVar[str]
    forms: ClassVar[tuple[str, ...]]
    names: ClassVar[int] = 1
    path: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = ()
    pictures: ClassVar[bool] = False
    own: ClassVar[bool] = False

    @abstractmethod
    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """Read both halves.

        Parameters
        ----------
        word : Word
            Of this kind.
        limit : int or None
            No more than so many samples of each half are asked for; more may be returned.
        progress : callable or None
            Told (done, total) while recordings are read or filmed.

        Raises
        ------
        UserError, DataError
            If the word has no sense, or the data cannot be read: it names the file, the place and
            the value.
        """

    def images(self, word: Word) -> tuple[Images, Images]:
        """Return the pictures of both halves, of a reader that has ``pictures``."""
        raise NotImplementedError(f"{self.kind} has no pictures")

    def file(self, path: Path, shape: tuple[int, ...]) -> Data:
        """Read one file that ends in one of ``suffixes``; ``shape`` is the network's input."""
        raise NotImplementedError(f"{self.kind} reads no single files")
