"""Recordings in whatever form a program has them, for a classifier."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.text import shown
from eventsnn.train.trainer import Listener

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
    if isinstance(given, Sequence) and all(isinstance(one, EventStream) for one in given):
        return EventBatch.from_streams(list(given), "recordings")
    raise UserError(
        f"{shown(given)} holds no recordings; give a DataSet, an EventBatch, or EventStreams "
        "(EventStream.from_arrays makes one)"
    )


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


class Lines(Listener):
    """Prints a line an epoch."""

    def __init__(self, tested: bool) -> None:
        self.tested = tested

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Print what was learned."""
        test = f", test {row['test_accuracy']:.2%}" if self.tested else ""
        sys.stderr.write(
            f"epoch {row['epoch']}: {row['seconds']:.1f} s, learning "
            f"{row['accuracy_while_learning']:.2%}{test}\n"
        )
