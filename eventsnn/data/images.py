"""Images: a stack of pictures, grey or in colours, with their classes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.places import place
from eventsnn.errors import DataError
from eventsnn.events.checked import INT32_MAX, as_array
from eventsnn.files.arrays import read_arrays


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one size.

    Attributes
    ----------
    images : uint8 array (n, height, width), or (n, colours, height, width)
        0 is black, 255 white (or all of a colour). Colours come first, as polarities do.
    labels : int64 array (n,)
        Classes, counted from 0; -1 where unknown.

    Raises
    ------
    DataError
        If there is no image, a dtype or a dimension is wrong, a label no class, or
        the number of labels differs from the number of images.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    source: str = field(default="images", repr=False)

    def __post_init__(self) -> None:
        """Check both arrays against each other."""
        images = as_array(self.images, "images", self.source)
        labels = as_array(self.labels, "labels", self.source)
        if images.ndim not in (3, 4) or images.dtype != np.uint8 or not images.size:
            raise DataError(
                f"{self.source}: images of dtype {images.dtype} and shape {images.shape}; "
                "give at least one, as uint8 (n, height, width) or (n, colours, height, width)"
            )
        if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
            raise DataError(
                f"{self.source}: labels of dtype {labels.dtype} and shape {labels.shape} for "
                f"{len(images)} images; give one whole number an image"
            )
        wrong = np.flatnonzero((labels < -1) | (labels > INT32_MAX))
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"{self.source}: label {i} is {labels[i]}; classes count from 0, to {INT32_MAX} "
                "(-1 is unknown)"
            )
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels.astype(np.int64))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)


def unlabelled(images: NDArray[Any], source: str) -> Images:
    """Return images whose classes are unknown."""
    return Images(images, np.full(images.shape[:1], -1, np.int64), source)


def read_stack(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read the array of an ``.npy`` file, or the only one of an ``.npz`` file.

    Raises
    ------
    DataError
        If there is no such file, it is broken, or it holds more than one array.
    """
    found = read_arrays(place(path))
    if isinstance(found, np.ndarray):
        return found
    if len(found) != 1:
        names = ", ".join(sorted(found))
        raise DataError(f"{path}: holds {len(found)} arrays ({names:.80}); give a file of one")
    return next(iter(found.values()))
