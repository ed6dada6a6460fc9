"""scikit-learn's handwritten digits, enlarged to MNIST's format: pictures without a download.

The 1,797 pictures (8x8, grey 0 to 16; E. Alpaydin, C. Kaynak, "Optical Recognition of
Handwritten Digits", UCI, 1998) come with scikit-learn itself. Enlarged 2.5 times they fill
the 20x20 box that MNIST's digits fill, in the middle of 28x28. They stay what they are: a
small and easy data set in MNIST's format, not MNIST.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import DataSet
from eventsnn.data.film_cache import filmed
from eventsnn.data.images import Images
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import Word
from eventsnn.errors import UserError

SIZE = 28
_FILE = "sklearn/datasets/data/digits.csv.gz"
_ENLARGE = 2.5
_PAPER, _INK = 0.33, 0.8
"""Grey shares below and above which an enlarged pixel is all paper and all ink.

Interpolation leaves the strokes wide and soft; with these two their width, and the share of
the picture that is ink, come close to MNIST's (0.131 of full ink on average)."""


def digit_images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return every digit as a picture in MNIST's format.

    Returns
    -------
    images : uint8 array (1797, 28, 28)
        Grey, 0 (paper) to 255 (ink), centred by the centre of mass of the ink.
    labels : int64 array (1797,)
        0 to 9.
    """
    small, labels = _scikit_learn()
    enlarge = _enlarging()
    grey = enlarge @ (small.reshape(-1, 8, 8) / 16.0) @ enlarge.T
    grey = np.clip((grey - _PAPER) / (_INK - _PAPER), 0.0, 1.0)
    images = np.zeros((len(grey), SIZE, SIZE), np.uint8)
    box, digits = grey.shape[1], np.rint(grey * 255).astype(np.uint8)
    margins = (_margins(digits.sum(axis, np.int64)) for axis in (2, 1))
    for image, digit, top, left in zip(images, digits, *margins, strict=True):
        image[top : top + box, left : left + box] = digit
    return images, labels.astype(np.int64)


def _scikit_learn() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scikit-learn's pictures, 64 pixels each from 0 to 16, and their classes.

    As its ``load_digits`` reads them from the same file, but in a fiftieth of a second: to import
    all of scikit-learn takes a second.
    """
    file = Path(str(distribution("scikit-learn").locate_file(_FILE)))
    if not file.is_file():  # another version may keep it elsewhere
        from sklearn.datasets import load_digits

        small, labels = load_digits(return_X_y=True)
        return small, labels
    rows = np.loadtxt(file, delimiter=",")
    return rows[:, :-1], rows[:, -1].astype(np.int64)


def _enlarging() -> NDArray[np.float64]:
    """Return the matrix that enlarges a column of 8 pixels by cubic splines."""
    from scipy.ndimage import zoom

    enlarged = partial(zoom, zoom=_ENLARGE, order=3, mode="grid-constant", grid_mode=True)
    return np.stack([enlarged(pixel) for pixel in np.eye(8)], axis=1)


def _margins(ink: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each box starts so that the mean of its ink falls onto the centre."""
    box = ink.shape[1]
    mean: NDArray[np.float64] = (np.arange(box) * ink).sum(1) / ink.sum(1)
    margin: NDArray[np.float64] = np.clip(np.rint((SIZE - 1) / 2 - mean), 0, SIZE - box)
    return margin.astype(np.int64)


def digit_halves() -> tuple[Images, Images]:
    """Return both halves; every fifth is held out, as in every network trained so far."""
    images, labels = digit_images()
    fifth = np.arange(len(images)) % 5 == 4
    source = "scikit-learn digits"
    return (
        Images(images[~fifth], labels[~fifth], source),
        Images(images[fifth], labels[fifth], source),
    )


class Digits(Reader):
    """``digits``: these pictures before the virtual event camera."""

    kind: ClassVar[str] = "digits"
    forms: ClassVar[tuple[str, ...]] = ("digits",)
    pictures: ClassVar[bool] = True

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        return filmed(word.spec, *self.images(word), limit, progress)

    def images(self, word: Word) -> tuple[Images, Images]:
        """See ``Reader``."""
        if word.rest:
            raise UserError(f"data {word.spec!r}: digits takes no path; give just digits")
        return digit_halves()
