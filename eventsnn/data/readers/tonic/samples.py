"""Samples of a tonic data set as EventStreams; ``data/readers/tonic/datasets.py`` opens the set.

What tonic leaves open is settled so that the same files always give the same batch:

- Recordings are ordered by the path of their file, or by class where tonic keeps no
  paths; some of its readers follow the order of the file system.
- A set without halves of its own (CIFAR10DVS, NCALTECH101, ASLDVS) is cut: of every
  class each tenth recording is "test", the others "train"; "all" gives both.
- Times count from the stimulus where the set does; where a set's times are a
  camera's clock, from the recording's first event.
- Names of classes become their number in sorted order.
- A sensor of one polarity has no use for the ``p`` (always 1) that tonic adds.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from tarfile import TarError
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream, Shape
from eventsnn.events.checked import check_order, checked_shape, whole_numbers
from eventsnn.files.unpack import UNPACK_ERRORS

_TIMES_FROM_STIMULUS = {"NCALTECH101", "NMNIST", "NTIDIGITS18", "SHD", "SMNIST", "SSC"}
# With duplicated spikes tonic gives times 2t, 2t + 1, 2t, 2t + 1 for two spikes at t.
_UNSORTED = {"SMNIST"}
# tonic knows no size: this is what the bytes of its file format can address.
_SHAPES: dict[str, Shape] = {"NCALTECH101": (2, 240, 256)}

BROKEN = (
    *UNPACK_ERRORS,
    *(AttributeError, TypeError, AssertionError, SyntaxError, BufferError, TarError, TokenError),
)
"""What tonic, and the packages it reads with, raise at files that are broken."""

_FIELDS = ("t", "x", "y", "p")
_MOST_LABEL = (1 << 31) - 1
_TEST_EVERY = 10
_BLOCK_EVENTS = 1 << 22


class Samples:
    """The recordings of one split of an opened tonic data set.

    Parameters
    ----------
    dataset : tonic data set
    name, split : str
        As in ``data/readers/tonic/datasets.py``.
    shape : (int, int, int) or None
        Polarities, height and width; by default what tonic says.
    limit : int or None
        How many recordings to keep, evenly spread so that all classes take part.

    Raises
    ------
    DataError
        If the split holds no recordings.
    UserError
        If neither ``shape`` nor tonic gives the sensor's size.
    """

    def __init__(
        self, dataset: Any, name: str, split: str, shape: Shape | None, limit: int | None
    ) -> None:
        self.shape: Shape = checked_shape(shape or _shape(dataset, name), f"tonic {name}")
        self._dataset, self._name = dataset, name
        order = _order(dataset)
        if not _has_halves(dataset) and split != "all":
            order = _half(order, dataset, split)
        if not len(order):
            raise DataError(
                f"{dataset.location_on_system}: no recordings of {name} for the split {split}; "
                "fetch them again"
            )
        kept = min(limit or len(order), len(order))
        self._order = order[np.arange(kept) * len(order) // kept].tolist()
        classes = sorted({t for t in getattr(dataset, "targets", ()) if isinstance(t, str)})
        self._classes = {label: number for number, label in enumerate(classes)}

    def batches(self, progress: Progress | None) -> Iterator[EventBatch]:
        """Give the recordings as consecutive batches of about _BLOCK_EVENTS events."""
        streams: list[EventStream] = []
        events = 0
        for done, index in enumerate(self._order, 1):
            streams.append(self._read(index))
            events += len(streams[-1])
            if events >= _BLOCK_EVENTS or done == len(self._order):
                yield EventBatch.from_streams(streams)
                streams, events = [], 0
            if progress is not None:
                progress(done, len(self._order))

    def _read(self, index: int) -> EventStream:
        paths = getattr(self._dataset, "data", ())
        named = isinstance(paths, list) and index < len(paths) and isinstance(paths[index], str)
        source = str(paths[index]) if named else f"tonic {self._name} recording {index}"
        try:
            events, target = self._dataset[index]
        except ImportError as error:
            raise UserError(
                f"tonic needs the package {error.name} to read {self._name}; install it"
            ) from error
        except BROKEN as error:
            raise DataError(
                f"{source}: tonic cannot read it ({error!r:.150}); fetch it again"
            ) from error
        return self._stream(events, self._label(target, source), source)

    def _stream(self, events: Any, label: int, source: str) -> EventStream:
        if not isinstance(events, np.ndarray) or events.dtype.names is None:
            raise DataError(
                f"{source}: tonic gives {type(events).__name__}, not one array of events; "
                "such data sets cannot be used here"
            )
        # ASLDVS comes as columns (n, 1).
        events = events.reshape(-1)
        if not len(events):
            raise DataError(f"{source}: holds no events; remove it or fetch it again")
        if "t" in events.dtype.names:
            events = self._timed(events, source)
        fields = [f for f in _FIELDS if f in events.dtype.names and (f != "p" or self.shape[0] > 1)]
        return EventStream.from_structured(events[fields], self.shape, label=label, source=source)

    def _timed(self, events: NDArray[Any], source: str) -> NDArray[Any]:
        """Return events in order, whose times are int64 and count from where they should."""
        t = whole_numbers(events["t"], "t", np.int64, source)
        if self._name in _UNSORTED:
            order = np.argsort(t, kind="stable")
            events, t = events[order], t[order]
        if self._name not in _TIMES_FROM_STIMULUS:
            # Before the clock's start is subtracted, so that a message has the file's own times.
            check_order(t, source)
            t = t - t[0]
        dtype = events.dtype
        kinds = [(f, np.dtype(np.int64) if f == "t" else dtype[f]) for f in dtype.names or ()]
        made = np.empty(len(t), kinds)
        for name in dtype.names or ():
            made[name] = t if name == "t" else events[name]
        return made

    def _label(self, target: Any, source: str) -> int:
        if isinstance(target, str) and target in self._classes:
            return self._classes[target]
        scalar = target[()] if isinstance(target, np.ndarray) and target.ndim == 0 else target
        whole = isinstance(scalar, int | np.integer) and not isinstance(scalar, bool)
        if whole and 0 <= scalar <= _MOST_LABEL:
            return int(scalar)
        raise DataError(
            f"{source}: its target is {target!r:.60}, not a class; such data sets cannot be "
            "used here"
        )


def _shape(dataset: Any, name: str) -> Shape:
    if name in _SHAPES:
        return _SHAPES[name]
    if dataset.sensor_size is None:
        raise UserError(f"tonic gives no sensor size for {name}; pass shape=")
    width, height, polarities = dataset.sensor_size
    return polarities, height, width


def _order(dataset: Any) -> NDArray[np.int64]:
    """Return tonic's indices in an order that depends on the data only."""
    n = len(dataset)
    paths, targets = getattr(dataset, "data", ()), getattr(dataset, "targets", ())
    if n and isinstance(paths, list) and len(paths) == n and isinstance(paths[0], str):
        return np.array(sorted(range(n), key=paths.__getitem__))
    if isinstance(targets, list) and len(targets) == n:
        try:
            return np.array(sorted(range(n), key=targets.__getitem__), np.int64)
        except TypeError as error:
            raise DataError(
                f"{dataset.location_on_system}: its targets are no classes ({error!s:.100}); such "
                "data sets cannot be used here"
            ) from error
    return np.arange(n)


def _has_halves(dataset: Any) -> bool:
    arguments = inspect.signature(type(dataset)).parameters
    return "train" in arguments or "split" in arguments


def _half(order: NDArray[np.int64], dataset: Any, split: str) -> NDArray[np.int64]:
    seen: Counter[Any] = Counter()
    is_test = np.zeros(len(order), bool)
    for place, index in enumerate(order):
        seen[dataset.targets[index]] += 1
        is_test[place] = seen[dataset.targets[index]] % _TEST_EVERY == 0
    half: NDArray[np.int64] = order[is_test == (split == "test")]
    return half
