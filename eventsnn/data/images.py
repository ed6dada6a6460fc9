"""Images: a stack of grey pictures with their classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError


@dataclass(frozen=True, eq=False)
class Images:
    """Grey images of one size.

    Attributes
    ----------
    images : uint8 array (n, height, width)
        0 is black, 255 white.
    labels : int64 array (n,)
        Classes, counted from 0.

    Raises
    ------
    DataError
        If there is no image, a dtype or a dimension is wrong, a label negative, or
        the number of labels differs from the number of images.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    source: str = field(default="images", repr=False)

    def __post_init__(self) -> None:
        """Check both arrays against each other."""
        images, labels = np.asarray(self.images), np.asarray(self.labels)
        if images.ndim != 3 or images.dtype != np.uint8 or not images.size:
            raise DataError(
                f"{self.source}: images of dtype {images.dtype} and shape {images.shape}; "
                "give at least one, as uint8 (n, height, width)"
            )
        if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
            raise DataError(
                f"{self.source}: labels of dtype {labels.dtype} and shape {labels.shape} for "
                f"{len(images)} images; give one whole number an image"
            )
        negative = np.flatnonzero(labels < 0)
        if negative.size:
            i = int(negative[0])
            raise DataError(f"{self.source}: label {i} is {labels[i]}; classes count from 0")
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels.astype(np.int64))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)
