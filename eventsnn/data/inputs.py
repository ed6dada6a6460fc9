"""Inputs to simulate: one file, or some recordings of a data set."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import NamedTuple

from eventsnn.data.cache import Progress
from eventsnn.data.classes import numbered_as
from eventsnn.data.dataset import Data
from eventsnn.data.event_arrays import events_or_images
from eventsnn.data.images import unlabelled
from eventsnn.data.own_sensor import OwnSensor, warn_of_clocks
from eventsnn.data.places import kind_of, looked_for, place
from eventsnn.data.readers import readers
from eventsnn.data.source import open_data
from eventsnn.data.view import WHOLE, SensorView
from eventsnn.data.viewed import seen
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch
from eventsnn.events.checked import checked_shape
from eventsnn.events.fields import event_fields


class Inputs(NamedTuple):
    """Chosen samples of ``data``, which ``word`` opened, and what to call them."""

    word: str
    data: Data
    chosen: list[int]
    names: list[str]


class LearnedFrom(NamedTuple):
    """What a model learned from: the sensor as it was recorded, and its classes by number."""

    recorded: tuple[int, ...]
    classes: tuple[str, ...]


def open_inputs(
    word: str,
    shape: tuple[int, ...],
    *,
    index: list[int] | None = None,
    split: str = "test",
    progress: Progress | None = None,
    view: SensorView = WHOLE,
    learned: LearnedFrom | None = None,
) -> Inputs:
    """Open a recording, an array or a data set.

    Parameters
    ----------
    word : str
        A ``.bin`` file (N-MNIST's format), a ``.npy`` file (events as a structured array
        with the fields t, x, y, p, or grey images uint8 (n, h, w)), an ``.npz`` file (such an
        array, or one a field), or a data set as ``open_data`` takes it.
    shape : tuple of int
        What the model takes: the sensor (polarities, height, width), or (height, width).
    index : list of int, optional
        Which recordings; the first five otherwise.
    split : "train" or "test"
        Which half of a data set.
    view : SensorView, optional
        What the model sees of recordings.
    learned : LearnedFrom, optional
        From what the model learned.
    """
    recorded, classes = learned or (None, ())
    if word.partition(":")[0] in readers():
        halves = open_data(word, progress=progress, **view.keywords)
        halves = numbered_as(halves, classes, "the network")
        data = halves.train if split == "train" else halves.test
    else:
        data = _seen(word, shape, view, recorded)
    chosen = list(range(min(5, len(data)))) if index is None else index
    for i in chosen:
        if not 0 <= i < len(data):
            raise UserError(f"index {i}: {word} has the inputs 0 to {len(data) - 1}")
    name = word if len(data) == 1 else word + " " + split
    return Inputs(word, data, chosen, [name if len(data) == 1 else f"{name} {i}" for i in chosen])


def _seen(
    word: str, shape: tuple[int, ...], view: SensorView, recorded: tuple[int, ...] | None
) -> Data:
    """Return what a model of the sensor ``shape`` sees of a file."""
    if recorded is None:
        if view.sensor_crop:
            raise UserError(
                f"input {word!r}: {view}: one file does not say of which sensor that is a part; "
                "give a data set, such as folder:PATH"
            )
        recorded = (shape[0], *(side * view.pool for side in shape[1:])) if view else shape
    data = _file(word, place(word), recorded)
    return seen(data, view) if view and isinstance(data, EventBatch) else data


def _file(word: str, path: Path, shape: tuple[int, ...]) -> Data:
    kind, suffix = kind_of(path), path.suffix.lower()
    if kind == "folder":
        raise UserError(
            f"input {word!r}: a folder; give a {_endings()} file in it, or say what "
            f"data set it is, such as nmnist:{word}"
        )
    for reader in readers().values() if kind == "file" else ():
        if suffix in reader.suffixes:
            return reader().file(path, shape)
    if kind == "file" and suffix in (".npy", ".npz"):
        return _arrays(path, shape)
    if kind:
        raise UserError(
            f"input {word!r}: no {_endings()} file; give one, or a data set such as events:{word}"
        )
    close = difflib.get_close_matches(word.partition(":")[0].lower(), readers(), n=1, cutoff=0.7)
    hint = f" such as {close[0]}" if close else " such as digits or nmnist:PATH"
    raise UserError(f"input {word!r}: no such file{looked_for(path)}, and not a data set{hint}")


def _endings() -> str:
    """Return the endings of files that are read, for messages."""
    found = sorted({".npy", ".npz"}.union(*(reader.suffixes for reader in readers().values())))
    return f"{', '.join(found[:-1])} or {found[-1]}"


def _arrays(path: Path, shape: tuple[int, ...]) -> Data:
    array = events_or_images(path)
    if array.dtype.names is None and array.ndim == 2 and array.shape[1] in (3, 4):
        event_fields(array, (1, 2, 2), str(path))  # refuses it: columns without names
    if array.dtype.names is None:
        return unlabelled(array, str(path))
    if len(shape) != 3:
        raise UserError(f"{path}: holds events, but the model takes images of {shape}")
    sensor = checked_shape(shape, str(path))
    columns = event_fields(array, (1, *sensor[1:]), str(path))
    stream = OwnSensor.near(path).stream(columns, sensor, str(path))
    if not len(stream):
        raise DataError(f"{path}: holds no events; give at least one")
    warn_of_clocks([stream], str(path))
    return EventBatch.from_streams([stream], str(path))
