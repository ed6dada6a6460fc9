"""What rows of several papers do with samples: vectors, errors in percent, the right kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.events import EventBatch


def images_of(data: Data) -> Images:
    """Return the data as images, or refuse recordings."""
    if not isinstance(data, Images):
        raise UserError(f"{data.source}: recordings; this row takes images")
    return data


def recordings_of(data: Data) -> EventBatch:
    """Return the data as recordings, or refuse images."""
    if not isinstance(data, EventBatch):
        raise UserError(f"{data.source}: real vectors; this row takes recordings")
    return data


def vectors(data: Data) -> NDArray[np.float32]:
    """Return images as vectors in [0, 1], float32 (n, pixels)."""
    return images_of(data).images.reshape(len(data), -1) * np.float32(1 / 255)


def percent(accuracy: float) -> float:
    """Return the error in percent; rounded, for whole samples leave no more digits."""
    return round(100 * (1 - accuracy), 4)
