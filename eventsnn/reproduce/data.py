"""The data of a paper's rows, each kind opened once, when the first row asks for it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

from eventsnn.data.cache import Progress
from eventsnn.data.film_cache import film_cached
from eventsnn.data.images import Images
from eventsnn.data.source import DataSet, open_data, open_images
from eventsnn.errors import UserError
from eventsnn.events import EventBatch

KINDS = {
    "images": "--data mnist:PATH",
    "film": "--data mnist:PATH",
    "recordings": "--data nmnist:PATH",
}
"""Kinds of data that a row may ask for, and the words that bring them: images as they are,
the same before the virtual event camera, and real recordings."""

MNIST = "1e35582d42a90940"
"""Digest of MNIST; published figures are compared with nothing else."""

INPUTS, CLASSES, SHARE = 784, 10, 10


class Shelf:
    """Data sets by kind.

    Parameters
    ----------
    words : sequence of str
        ``mnist:PATH`` or ``digits`` (the default), and ``nmnist:PATH``.
    quick : bool
        Keep a tenth of the images.
    progress : callable, optional
        Told (done, total) while recordings are read or filmed.
    """

    def __init__(
        self, words: Sequence[str], quick: bool = False, progress: Progress | None = None
    ) -> None:
        self.quick, self.progress = quick, progress
        self.words = {"images": "digits"} | {_kind(word): word for word in words}
        self._lock = threading.RLock()
        self._open: dict[str, DataSet] = {}
        self._digest: dict[str, str] = {}
        self._whole = [open_images(self.words["images"], half) for half in ("train", "test")]
        _check(self.words["images"], self._whole)

    def has(self, kind: str) -> bool:
        """Return whether rows on this kind of data can be run."""
        return kind in self.words or kind == "film"

    @property
    def is_mnist(self) -> bool:
        """Whether the images are MNIST's, all of them: the published figures apply."""
        return self.digest("images") == MNIST

    @property
    def note(self) -> str:
        """What the images are, where the published figures do not apply to them."""
        if self.is_mnist:
            return ""
        what = "a tenth of the images" if self.quick else f"{self.words['images']} is not MNIST"
        return f"{what}: the published figures do not apply and are not compared"

    def digest(self, kind: str) -> str:
        """Return a digest of what ``open`` gives; films are told by what was filmed."""
        if kind == "film":
            return f"film of {self.digest('images')}"
        with self._lock:
            if kind not in self._digest:
                self._digest[kind] = _digest(self.open(kind))
            return self._digest[kind]

    def open(self, kind: str) -> DataSet:
        """Return a data set; the first call reads or films it."""
        with self._lock:
            if kind not in self._open:
                self._open[kind] = self._read(kind)
            return self._open[kind]

    def _read(self, kind: str) -> DataSet:
        if kind == "recordings":
            return open_data(self.words[kind], progress=self.progress)
        word, share = self.words["images"], SHARE if self.quick else 1
        train, test = (
            Images(
                half.images[: len(half) // share], half.labels[: len(half) // share], half.source
            )
            for half in self._whole
        )
        if kind == "images":
            return DataSet(word, train, test)
        return DataSet(
            word if word == "digits" else f"film:{word}",
            film_cached(train, 0, self.progress),
            film_cached(test, len(self._whole[0]), self.progress),
            f"emulated: {word} before the virtual event camera",
            emulated=True,
        )


def _kind(word: str) -> str:
    kinds = {"mnist": "images", "digits": "images", "nmnist": "recordings"}
    kind = kinds.get(word.partition(":")[0])
    if kind is None:
        raise UserError(
            f"data {word!r}: give mnist:PATH (or digits), and nmnist:PATH for real recordings"
        )
    return kind


def _check(word: str, halves: list[Images]) -> None:
    inputs = {int(half.images[0].size) for half in halves}
    classes = 1 + max(int(half.labels.max()) for half in halves)
    if inputs != {INPUTS} or classes != CLASSES:
        sizes = " and ".join(str(n) for n in sorted(inputs))
        raise UserError(
            f"data {word!r}: {sizes} inputs and {classes} classes; the network of the paper takes "
            f"{INPUTS} and {CLASSES}, as MNIST has"
        )


def _digest(data: DataSet) -> str:
    found = hashlib.sha256()
    for half in (data.train, data.test):
        if isinstance(half, EventBatch):
            arrays = [half.t, half.unit, half.start, half.label, half.duration]
        else:
            arrays = [half.images, half.labels]
        for array in arrays:
            found.update(array.tobytes())
    return found.hexdigest()[:16]
