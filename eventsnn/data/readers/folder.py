"""Own recordings in folders named by class: no Python is needed to learn from them.

::

    gestures/train/wave/0001.npy      gestures/wave/0001.npy
    gestures/train/turn/0001.csv  or  gestures/turn/0001.csv
    gestures/test/wave/0002.npz       gestures/sensor.toml

Without ``train`` and ``test`` a fifth of each class is held out. Classes are numbered by their
names: as they stand where all are numbers, else in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data import camera_file, hdf5_file
from eventsnn.data.cache import Progress
from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.event_arrays import events_or_images
from eventsnn.data.own_sensor import SENSOR_FILE, OwnSensor, warn_of_clocks
from eventsnn.data.places import entries, kind_of, looked_for
from eventsnn.data.readers.nmnist import recordings
from eventsnn.data.readers.reader import Reader
from eventsnn.data.split import held_out
from eventsnn.data.word import Word
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.events.checked import Shape
from eventsnn.events.fields import event_fields
from eventsnn.files.unpack import read_text
from eventsnn.text import named, shown

Columns = dict[str, NDArray[Any]]
"""``t``, ``x``, ``y``, and ``p`` where there are polarities."""

_LONGEST_TABLE = 1 << 31
"""Bytes: some 100 million events. A table is read whole."""


def _csv(path: Path) -> Columns:
    """Read columns whose names stand in the first line."""
    lines = read_text(path, _LONGEST_TABLE).splitlines()
    header = [name.strip() for name in lines[0].split(",")] if lines else []
    if not header or not all(header) or len(set(header)) != len(header):
        raise DataError(f"{path}: the first line is {shown(lines[:1])}; name columns t,x,y,p there")
    rows = np.zeros((0, len(header)))
    try:
        if any(line.strip() for line in lines[1:]):
            rows = np.loadtxt(lines[1:], delimiter=",", ndmin=2).reshape(-1, len(header))
    except ValueError as error:
        raise DataError(f"{path}: is no table of {len(header)} columns ({error!s:.120})") from error
    events = np.empty(len(rows), [(name, np.float64) for name in header])
    for k, name in enumerate(header):
        events[name] = rows[:, k]
    return event_fields(events, (1, 2, 2), str(path))


def _arrays(path: Path) -> Columns:
    """Read a structured array, or an array a column."""
    return event_fields(events_or_images(path), (1, 2, 2), str(path))


def _bin(path: Path) -> Columns:
    """Read a recording in N-MNIST's format."""
    t, unit = recordings.read(path)
    p, y, x = np.unravel_index(unit.astype(np.int64), recordings.SHAPE)
    return {"t": t, "x": x, "y": y, "p": p}


READERS: dict[str, Callable[[Path], Columns]] = {
    ".npy": _arrays,
    ".npz": _arrays,
    ".bin": _bin,
    ".csv": _csv,
    **dict.fromkeys(camera_file.SUFFIXES, camera_file.read_camera_file),
    **dict.fromkeys(hdf5_file.SUFFIXES, hdf5_file.read_hdf5_file),
}
"""What is read, by the ending of a file."""


class OfClass(NamedTuple):
    """A recording of a class, and the half whose folder it lies in (empty: none has one)."""

    path: Path
    name: str
    half: str


class Folders(Reader):
    """``folder:PATH``: see the head of this file."""

    kind: ClassVar[str] = "folder"
    forms: ClassVar[tuple[str, ...]] = ("folder:PATH",)
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)
    own: ClassVar[bool] = True

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        root = Path(word.path)
        if kind_of(root) != "folder":
            raise UserError(f"data {word.spec!r}: no such folder{looked_for(root)}")
        found = _recordings(root)
        numbers = numbers_of({one.name for one in found}, root)
        columns = []
        for k, one in enumerate(found):
            columns.append(READERS[one.path.suffix.lower()](one.path))
            if progress is not None:
                progress(k + 1, len(found))
        own = OwnSensor.of(root)
        size, told = _size(own, columns, found)
        streams = [
            _stream(one, events, own, (2, *size), numbers[one.name])
            for one, events in zip(found, columns, strict=True)
        ]
        _check_alike(found, columns)
        warn_of_clocks(streams, word.spec)
        names = ", ".join(f"{number} {named(name)}" for name, number in numbers.items())
        note = f"{told}; classes: {names if len(names) < 200 else len(numbers)}"
        halves = _halves(found, streams, str(root))
        return DataSet(word.spec, *halves, note, classes=names_of(numbers))

    def file(self, path: Path, shape: tuple[int, ...]) -> Data:
        """See ``Reader``."""
        return recording_of(path, _csv, shape)


def recording_of(path: Path, read: Callable[[Path], Columns], shape: tuple[int, ...]) -> EventBatch:
    """Return one file as a recording of a sensor; a sensor.toml near it says more."""
    if len(shape) != 3:
        raise UserError(f"{path}: holds events, but the model takes images of {shape}")
    stream = OwnSensor.near(path).stream(read(path), shape, str(path))
    warn_of_clocks([stream], str(path))
    return EventBatch.from_streams([stream], str(path))


def _visible(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in entries(folder) if not entry.name.startswith((".", "__"))]


def _recordings(root: Path) -> list[OfClass]:
    """Return every recording, by half, class and name."""
    folders = [path for path in _visible(root) if kind_of(path) == "folder"]
    halves = {path.name.lower(): path for path in folders}
    if not {"train", "test"} <= set(halves):
        return _of_classes(root, "")
    others = [path.name for path in folders if path.name.lower() not in ("train", "test")]
    if others:
        raise UserError(
            f"{root}: has the folders train and test, and {named(others[0])} beside them; put "
            "classes into both"
        )
    return _of_classes(halves["train"], "train") + _of_classes(halves["test"], "test")


def _of_classes(root: Path, half: str) -> list[OfClass]:
    found = []
    for path in _visible(root):
        kind = kind_of(path)
        if kind == "file" and path.name != SENSOR_FILE:
            raise UserError(
                f"{path}: lies beside the classes; put a recording into the folder of its class"
            )
        found += _of_class(path, half) if kind == "folder" else []
    if not found:
        endings = ", ".join(READERS)
        raise UserError(f"{root}: holds no recordings; put files ({endings}) into a folder a class")
    return found


def _of_class(folder: Path, half: str) -> list[OfClass]:
    paths = _visible(folder)
    for path in paths:
        if path.suffix.lower() not in READERS or kind_of(path) != "file":
            raise UserError(f"{path}: is no recording; give files that end in {', '.join(READERS)}")
    if not paths:
        raise UserError(f"{folder}: is a class without recordings; put some there, or remove it")
    return [OfClass(path, folder.name, half) for path in paths]


def numbers_of(names: set[str], root: Path) -> dict[str, int]:
    """Return the number of each class: its own where all are numbers, else by the alphabet."""
    if all(name.isascii() and name.isdigit() and len(name) < 6 for name in names):
        numbers = {name: int(name) for name in sorted(names, key=int)}
        if len(set(numbers.values())) < len(numbers):
            raise UserError(f"{root}: two classes have one number; name the folders otherwise")
        return numbers
    return {name: number for number, name in enumerate(sorted(names))}


def names_of(numbers: dict[str, int]) -> tuple[str, ...]:
    """Return the name of each class by its number; none where the names are numbers."""
    return () if all(name.isdigit() for name in numbers) else tuple(numbers)


def _size(
    own: OwnSensor, columns: list[Columns], found: list[OfClass]
) -> tuple[tuple[int, int], str]:
    """Return height and width of the sensor, and what to say of them."""
    if own.size is not None:
        return own.size, f"sensor of {own.size[0]} x {own.size[1]}"
    most = [0, 0]
    for one, events in zip(found, columns, strict=True):
        for k, name in enumerate("yx"):
            top = float(events[name].max(initial=0))
            if not 0 <= top < 1 << 15:
                raise DataError(f"{one.path}: {name} goes up to {top:g}; is it a place?")
            most[k] = max(most[k], int(top))
    height, width = most[0] + 1, most[1] + 1
    return (height, width), f"sensor of {height} x {width}, the largest places of any event"


def _check_alike(found: list[OfClass], columns: list[Columns]) -> None:
    """Refuse polarities in some files only: the others' events would all be darker."""
    without = [one.path for one, events in zip(found, columns, strict=True) if "p" not in events]
    if without and len(without) < len(found):
        raise DataError(
            f"{without[0]}: has no polarities, as {len(without)} of {len(found)} files; give all "
            "files p, or none"
        )


def _stream(one: OfClass, events: Columns, own: OwnSensor, shape: Shape, label: int) -> EventStream:
    if not len(events["t"]):
        raise DataError(f"{one.path}: holds no events; remove it")
    return own.stream(events, shape, str(one.path), label)


def _halves(
    found: list[OfClass], streams: list[EventStream], root: str
) -> tuple[EventBatch, EventBatch]:
    """Return both halves; a fifth of each class is held out where no folders say them."""
    if found[0].half:
        halves = [[s for f, s in zip(found, streams, strict=True) if f.half == half]
                  for half in ("train", "test")]  # fmt: skip
        train, test = (EventBatch.from_streams(half, root) for half in halves)
        return train, test
    whole = EventBatch.from_streams(streams, root)
    out = held_out(whole.label)
    if not out.any():
        raise UserError(f"{root}: every class has one recording; give two at least, to test with")
    return whole.select(np.flatnonzero(~out)), whole.select(np.flatnonzero(out))
