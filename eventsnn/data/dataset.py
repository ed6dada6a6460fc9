"""A data set: recordings, or images as real vectors, in two halves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.class_names import check_names
from eventsnn.data.digest import digest_of
from eventsnn.data.identity import Identity
from eventsnn.data.images import Images
from eventsnn.data.view import WHOLE, Seeing, SensorView
from eventsnn.data.viewed import seen
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream, Shape
from eventsnn.events.checked import sensor_text
from eventsnn.text import shown

Data = EventBatch | Images
"""Recordings, or images as real vectors."""


class AsRecorded(NamedTuple):
    """What recordings were before a network sees a part of them.

    ``recordings`` and ``events`` count the training and the test half, which are ``halves``.
    """

    sensor: Shape
    recordings: tuple[int, int]
    events: tuple[int, int]
    halves: tuple[EventBatch, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """The two halves of a data set.

    Attributes
    ----------
    spec : str
        The word that opened it.
    train, test : EventBatch or Images
    note : str
        What the data are, where that is not plain: emulated recordings say so here.
    emulated : bool
        Whether the virtual event camera made the recordings.
    absolute : str
        The word with an absolute path; "" where no word opens them.
    view : SensorView
    recorded : AsRecorded or None
        What they were before they were ``viewed``; None where all of them is seen.
    classes : tuple of str
        The name of each class, by its number; empty where classes are numbers alone.

    Examples
    --------
    >>> import eventsnn as es
    >>> def blink(label):
    ...     return es.EventStream([5], [label], (1, 1, 2), label)
    >>> data = es.DataSet.from_streams("blinks", [blink(0), blink(1)], [blink(1)])
    >>> data.n_inputs, data.n_classes, len(data.train)
    (2, 2, 2)
    """

    spec: str
    train: Data
    test: Data
    note: str = ""
    emulated: bool = False
    absolute: str = ""
    view: SensorView = WHOLE
    recorded: AsRecorded | None = None
    classes: tuple[str, ...] = ()

    @classmethod
    def from_streams(
        cls,
        name: str,
        train: Sequence[EventStream] | EventBatch,
        test: Sequence[EventStream] | EventBatch,
        *,
        note: str = "",
        emulated: bool = False,
        classes: Sequence[str] = (),
    ) -> DataSet:
        """Make a data set of one's own recordings.

        Parameters
        ----------
        name : str
            What it is called in messages and results.
        train, test : sequence of EventStream, or EventBatch
            Recordings of one sensor, each with its label.
        note, emulated
            See the class.
        classes : sequence of str
            The name of each class, by its number; a checkpoint keeps them.

        Raises
        ------
        DataError, UserError
            If a half is empty, sensors differ, or a label has no name among ``classes``.

        Examples
        --------
        >>> from eventsnn import DataSet, EventStream
        >>> def blink(label):
        ...     return EventStream([5], [label], (1, 1, 2), label)
        >>> DataSet.from_streams("blinks", [blink(0), blink(1)], [blink(1)])
        <DataSet blinks, 2 + 1 recordings, 1x2x1, 2 classes>
        """
        if not isinstance(name, str) or not name:
            raise UserError(f"data: the name is {shown(name)}; give text")
        halves = [
            half
            if isinstance(half, EventBatch)
            else EventBatch.from_streams([*half], f"{name} {k}")
            for k, half in (("train", train), ("test", test))
        ]
        shapes = [half.shape for half in halves]
        if shapes[0] != shapes[1]:
            raise DataError(
                f"data {name!r}: the sensor of the training half is {shapes[0]}, of the test half "
                f"{shapes[1]}; give both the same"
            )
        made = cls(name, halves[0], halves[1], note, emulated, classes=tuple(classes))
        check_names(made.spec, made.classes, made.n_classes if classes else 0)
        return made

    def viewed(self, **seeing: Unpack[Seeing]) -> DataSet:
        """Return the data as a network shall see them: cropped, pooled, filtered, ..., then cut.

        Parameters
        ----------
        crop : str
            ``"260x260"``: height and width of the middle of the sensor; ``"260x260+0+86"``: below
            row 0 and to the right of column 86. Events elsewhere are left out.
        pool : int
            Squares of so many by so many pixels become one. No event is lost.
        window_us : int
            Recordings become windows of so many microseconds, labelled as they are, with an answer
            each. Windows share the events: nothing is copied.
        filter : str
            ``"refractory:2000"``, ``"every:2"`` or ``"neighbour:5000"``, with ``+`` between.
        grid_us : int
            Times are rounded down to steps of so many microseconds: ``EventStream.on_grid``.

        Raises
        ------
        UserError
            Of images, of data that are viewed already, and of a crop beyond the sensor.

        Examples
        --------
        >>> import eventsnn as es
        >>> es.open_data("digits", limit=2).viewed(crop="28x28", pool=2, window_us=100_000)
        <DataSet digits, 8 + 8 recordings, 14x14x2, 10 classes>
        """
        view = SensorView.of(seeing)
        if not view:
            return self
        halves = self.train, self.test
        if self.view:
            raise UserError(f"data {self.spec!r}: seen with {self.view} already; give all at once")
        batches = [half for half in halves if isinstance(half, EventBatch)]
        if len(batches) < 2:
            raise UserError(f"data {self.spec!r}: real vectors have no {view}; leave it out")
        names = [f"{self.absolute} {half}" if self.absolute else "" for half in ("train", "test")]
        train, test = (
            seen(half, view, name, self.emulated) for half, name in zip(batches, names, strict=True)
        )
        first, second = ((len(b), int(b.start[-1] - b.start[0])) for b in batches)
        counts, events = zip(first, second, strict=True)
        before = AsRecorded(batches[0].shape, counts, events, tuple(batches))
        note = f"{self.note}; " * bool(self.note) + f"seen with {view}"
        return replace(self, train=train, test=test, note=note, view=view, recorded=before)

    def __repr__(self) -> str:
        """Return one line of facts."""
        return (
            f"<DataSet {self.spec}, {len(self.train):,} + {len(self.test):,} "
            f"{'recordings' if isinstance(self.train, EventBatch) else 'pictures'}, "
            f"{_sensor_text(self.train)}, {self.n_classes} classes>"
        )

    def __iter__(self) -> Iterator[Data]:
        """Return both halves: ``train, test = open_data("digits")``."""
        return iter((self.train, self.test))

    @property
    def n_inputs(self) -> int:
        """Inputs of a network on these data."""
        return inputs_of(self.train)

    @property
    def n_classes(self) -> int:
        """Highest label plus one; 0 where nothing is labelled.

        Raises
        ------
        UserError
            If a label is beyond any count of classes: above 10,000 and above the number of
            recordings.
        """
        halves = {"training": self.train, "test": self.test}
        most = max(_MANY_CLASSES, len(self.train) + len(self.test))
        for name, half in halves.items():
            label = labels_of(half)
            if label.size and label.max() >= most:
                i = int(label.argmax())
                raise UserError(
                    f"data {self.spec!r}: recording {i} of the {name} half has the label "
                    f"{label[i]}, more than there are recordings; number the classes from 0"
                )
        return 1 + max(int(labels_of(half).max(initial=-1)) for half in halves.values())

    @property
    def recorded_sensor(self) -> tuple[int, ...]:
        """The sensor before a part of it is seen, as ``sensor_of`` has it."""
        return sensor_of(self.train) if self.recorded is None else self.recorded.sensor

    @cached_property
    def identity(self) -> Identity:
        """What the data are, to be kept with what was learned from them: see ``Identity``.

        Computed once, from every event: about half a second for 60,000 recordings.
        """
        return Identity(
            self.spec,
            self.absolute,
            digest_of(_arrays("train", self.train) | _arrays("test", self.test)),
            sensor_of(self.train),
            self.n_classes,
            (len(self.train), len(self.test)),
            self.emulated,
            self.classes,
        )


_MANY_CLASSES = 10_000


def _sensor_text(data: Data) -> str:
    if isinstance(data, EventBatch):
        return sensor_text(data.shape)
    return "x".join(map(str, data.images.shape[1:]))


def sensor_of(data: Data) -> tuple[int, ...]:
    """Return the sensor (polarities, height, width); of images (height, width), colours first."""
    return data.shape if isinstance(data, EventBatch) else data.images.shape[1:]


def _arrays(half: str, data: Data) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]]
    if isinstance(data, Images):
        arrays = {"images": data.images, "labels": data.labels}
    else:
        arrays = {"sensor": np.array(data.shape, np.int64)} | data.arrays()
    return {f"{half} {name}": array for name, array in arrays.items()}


def labels_of(data: Data) -> NDArray[np.int64]:
    """Return the class of each sample, int64 (n,)."""
    return data.label if isinstance(data, EventBatch) else data.labels


def inputs_of(data: Data) -> int:
    """Return how many inputs a network on these data needs."""
    return data.n_units if isinstance(data, EventBatch) else int(data.images[0].size)


def first_of(data: Data, limit: int | None) -> Data:
    """Return the first ``limit`` samples; all of them where it is None."""
    if limit is None or limit >= len(data):
        return data
    if isinstance(data, EventBatch):
        return data.part(0, limit)
    return Images(data.images[:limit], data.labels[:limit], data.source)


def some_of(data: Data, numbers: NDArray[np.int64]) -> Data:
    """Return the samples of these numbers."""
    if isinstance(data, EventBatch):
        return data.select(numbers)
    return Images(data.images[numbers], data.labels[numbers], data.source)
