"""Recordings in whatever form a program has them, for a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.text import shown

Samples = DataSet | Data | EventStream | Sequence[EventStream]
"""Recordings, in any form; of a data set, one half."""


def samples_of(given: Samples, half: str) -> Data:
    """Return one batch of recordings (or pictures) from whatever form they have."""
    if isinstance(given, DataSet):
        return given.train if half == "train" else given.test
    if isinstance(given, EventBatch | Images):
        return given
    if isinstance(given, EventStream):
        return EventBatch.from_streams([given], given.source)
    if isinstance(given, np.ndarray) and given.dtype == object and given.ndim == 1:
        given = list(given)
    if isinstance(given, Sequence) and all(isinstance(one, EventStream) for one in given):
        return EventBatch.from_streams(list(given), "recordings")
    raise UserError(
        f"{shown(given)} holds no recordings; give a DataSet, an EventBatch, or EventStreams "
        "(EventStream.from_arrays makes one)"
    )


def halves_of(
    given: Samples, y: ArrayLike | None = None, test: Samples | None = None
) -> tuple[DataSet, bool]:
    """Return both halves, and whether the second one is for testing."""
    if isinstance(given, DataSet) and y is None and test is None:
        return given, True
    train = labelled(samples_of(given, "train"), y)
    other = train if test is None else samples_of(test, "test")
    name = given.spec if isinstance(given, DataSet) else train.source
    return DataSet(name or "recordings", train, other), test is not None


def labelled(data: Data, y: ArrayLike | None) -> Data:
    """Return samples with the classes ``y``."""
    if y is None:
        return data
    label = np.asarray(y)
    if label.shape != (len(data),):
        raise UserError(
            f"y has shape {label.shape}, there are {len(data)} recordings; give one each"
        )
    if isinstance(data, Images):
        return replace(data, labels=label)
    return replace(data, label=label)
