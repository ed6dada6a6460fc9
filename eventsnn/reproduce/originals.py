"""Data sets of published figures, and how each is known."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import DataSet, labels_of, sensor_of
from eventsnn.events import EventBatch
from eventsnn.reproduce.need import Original

_MNIST_DIGEST = "1e35582d42a90940"
# Images of each class in MNIST's halves, and so N-MNIST's recordings.
_OF_A_CLASS = (
    (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
)


def digest_of_data(data: DataSet) -> str:
    """Return a digest of every event or pixel and its label: 16 hexadecimal letters."""
    found = hashlib.sha256()
    for half in (data.train, data.test):
        if isinstance(half, EventBatch):
            arrays = [half.t, half.unit, half.start, half.label, half.duration]
        else:
            arrays = [half.images, half.labels]
        for array in arrays:
            found.update(array.tobytes())
    return found.hexdigest()[:16]


def is_mnist(data: DataSet) -> bool:
    """Return whether data are MNIST's images, all of them in its order."""
    return digest_of_data(data) == _MNIST_DIGEST


def is_n_mnist(data: DataSet) -> bool:
    """Return whether data are all 70,000 recordings of N-MNIST.

    They are known by the sensor, by the number of recordings of each class in each half, and
    by what their reader says: not emulated.
    """
    halves = (data.train, data.test)
    return (
        not data.emulated
        and all(sensor_of(half) == (2, 34, 34) for half in halves)
        and all(
            _counts(labels_of(half)) == counts
            for half, counts in zip(halves, _OF_A_CLASS, strict=True)
        )
    )


def _counts(labels: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(np.unique_counts(labels).counts.tolist())


MNIST = Original("MNIST", is_mnist)
"""On other images nothing is compared."""

N_MNIST = Original("N-MNIST", is_n_mnist, shown=True)
"""On other recordings, real or emulated, figures are shown and judged by nothing."""
