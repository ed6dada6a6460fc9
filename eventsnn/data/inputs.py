"""Inputs to simulate: one file, or some recordings of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from eventsnn.data.cache import Progress
from eventsnn.data.images import Images
from eventsnn.data.source import SOURCES, Data, open_data, read_npy
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream


class Inputs(NamedTuple):
    """Chosen samples of ``data``, which ``word`` opened, and what to call them."""

    word: str
    data: Data
    chosen: list[int]
    names: list[str]


def open_inputs(
    word: str,
    shape: tuple[int, ...],
    *,
    index: list[int] | None = None,
    split: str = "test",
    progress: Progress | None = None,
) -> Inputs:
    """Open a recording, an array or a data set.

    Parameters
    ----------
    word : str
        A ``.bin`` file (N-MNIST's format), a ``.npy`` file (events as a structured array
        with the fields t, x, y, p, or grey images uint8 (n, h, w)), or a data set as
        ``open_data`` takes it.
    shape : tuple of int
        What the model takes: the sensor (polarities, height, width), or (height, width).
    index : list of int, optional
        Which recordings; the first five otherwise.
    split : "train" or "test"
        Which half of a data set.
    """
    path = Path(word)
    if word.partition(":")[0] in SOURCES:
        halves = open_data(word, progress=progress)
        data = halves.train if split == "train" else halves.test
    elif not path.is_file():
        raise UserError(
            f"input {word!r}: no such file, and not a data set such as digits or nmnist:PATH"
        )
    elif path.suffix == ".bin":
        data = _bin(path)
    elif path.suffix == ".npy":
        data = _npy(path, shape)
    else:
        raise UserError(f"input {word!r}: give a .bin or .npy file, or a data set")
    chosen = list(range(min(5, len(data)))) if index is None else index
    for i in chosen:
        if not 0 <= i < len(data):
            raise UserError(f"index {i}: {word} has the inputs 0 to {len(data) - 1}")
    name = word if len(data) == 1 else word + " " + split
    return Inputs(word, data, chosen, [name if len(data) == 1 else f"{name} {i}" for i in chosen])


def _bin(path: Path) -> EventBatch:
    from eventsnn.data import nmnist

    t, unit = nmnist.decode(path.read_bytes(), str(path))
    stream = EventStream(t.astype(np.int64), unit.astype(np.int32), nmnist.SHAPE, source=str(path))
    return EventBatch.from_streams([stream], str(path))


def _npy(path: Path, shape: tuple[int, ...]) -> Data:
    array = read_npy(path)
    if array.dtype.names is None:
        return Images(array, np.zeros(array.shape[:1], np.int64), str(path))
    if len(shape) != 3:
        raise UserError(f"{path}: holds events, but the model takes images of {shape}")
    stream = EventStream.from_structured(array, shape, source=str(path))
    if not len(stream):
        raise DataError(f"{path}: holds no events; give at least one")
    return EventBatch.from_streams([stream], str(path))
