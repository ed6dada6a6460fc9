"""A data set from one word on the command line: ``digits``, ``nmnist:PATH``, ``film:mnist:PATH``.

Each entry of SOURCES opens one kind; a new kind is one function and one line there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress
from eventsnn.data.digest import digest_of
from eventsnn.data.film_cache import film_cached
from eventsnn.data.identity import Identity, absolute_spec
from eventsnn.data.images import Images, read_stack, unlabelled
from eventsnn.data.split import held_out, only_in_one
from eventsnn.data.word import kind_and_rest, meant, path_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch

Data = EventBatch | Images
"""Recordings, or images as real vectors."""


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
    """

    spec: str
    train: Data
    test: Data
    note: str = ""
    emulated: bool = False

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

    @cached_property
    def identity(self) -> Identity:
        """What the data are, to be kept with what was learned from them: see ``Identity``.

        Computed once, from every event: about half a second for 60,000 recordings.
        """
        return Identity(
            self.spec,
            absolute_spec(self.spec, SOURCES),
            digest_of(_arrays("train", self.train) | _arrays("test", self.test)),
            sensor_of(self.train),
            self.n_classes,
            (len(self.train), len(self.test)),
            self.emulated,
        )


_MANY_CLASSES = 10_000


def sensor_of(data: Data) -> tuple[int, ...]:
    """Return the sensor (polarities, height, width), or (height, width) of images."""
    return data.shape if isinstance(data, EventBatch) else data.images.shape[1:]


def _arrays(half: str, data: Data) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]]
    if isinstance(data, Images):
        arrays = {"images": data.images, "labels": data.labels}
    else:
        arrays = {"sensor": np.array(data.shape, np.int64), "t": data.t, "unit": data.unit}
        arrays |= {"start": data.start, "label": data.label, "duration": data.duration}
    return {f"{half} {name}": array for name, array in arrays.items()}


def labels_of(data: Data) -> NDArray[np.int64]:
    """Return the class of each sample, int64 (n,)."""
    return data.label if isinstance(data, EventBatch) else data.labels


def inputs_of(data: Data) -> int:
    """Return how many inputs a network on these data needs."""
    return data.n_units if isinstance(data, EventBatch) else int(data.images[0].size)


def open_data(spec: str, *, limit: int | None = None, progress: Progress | None = None) -> DataSet:
    """Open a data set.

    Parameters
    ----------
    spec : str
        ``digits``, ``nmnist:PATH``, ``mnist:PATH``, ``film:mnist:PATH``, ``film:digits``,
        ``events:PATH`` or ``tonic:NAME:PATH``.
    limit : int, optional
        Keep the first ``limit`` samples of each half.
    progress : callable, optional
        Told (done, total) while recordings are read or filmed.

    Raises
    ------
    UserError
        If the word is unknown or the data cannot be read.

    Warns
    -----
    UserWarning
        If a class has recordings in one half only.
    """
    kind, rest = kind_and_rest(spec, SOURCES)
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise UserError(f"limit is {limit!r:.60}; give at least 1")
    data = SOURCES[kind](spec, rest, limit, progress)
    data = replace(data, train=first_of(data.train, limit), test=first_of(data.test, limit))
    missing = only_in_one(labels_of(data.train), labels_of(data.test))
    if missing:
        warnings.warn(f"data {spec!r}: {missing}", stacklevel=2)
    return data


def first_of(data: Data, limit: int | None) -> Data:
    """Return the first ``limit`` samples; all of them where it is None."""
    if limit is None or limit >= len(data):
        return data
    if isinstance(data, EventBatch):
        return data.part(0, limit)
    return _images(data, limit)


def _digits(spec: str, rest: str, limit: int | None, progress: Progress | None) -> DataSet:
    if rest:
        raise UserError(f"data {spec!r}: digits takes no path; give just digits")
    return _filmed(spec, *_digit_halves(), limit, progress)


def _digit_halves() -> tuple[Images, Images]:
    """scikit-learn's digits; every fifth is held out, as in every network trained so far."""
    from eventsnn.data.readers.digits import digit_images

    images, labels = digit_images()
    fifth = np.arange(len(images)) % 5 == 4
    source = "scikit-learn digits"
    return (
        Images(images[~fifth], labels[~fifth], source),
        Images(images[fifth], labels[fifth], source),
    )


def _nmnist(spec: str, rest: str, limit: int | None, progress: Progress | None) -> DataSet:
    from eventsnn.data.readers.nmnist import recordings as nmnist

    path = path_of(spec, rest)
    train, test = (nmnist.load(path, half, progress=progress) for half in ("train", "test"))
    return DataSet(spec, train, test)


def open_images(spec: str, split: str) -> Images:
    """Open a stack of grey images: ``digits``, ``mnist:PATH``, or a ``.npy`` or ``.npz`` file.

    A stack in a file is uint8 (n, height, width); it has no labels (-1).
    """
    kind, _, rest = spec.partition(":")
    if spec == "digits":
        halves = _digit_halves()
    elif kind == "mnist":
        halves = _mnist_halves(path_of(spec, rest))
    elif spec.lower().endswith((".npy", ".npz")):
        return unlabelled(read_stack(spec), spec)
    else:
        forms = ("digits", "mnist:PATH", "a .npy or .npz file")
        raise UserError(f"images {spec!r}: {meant(spec, ('digits', 'mnist'), forms)}")
    return halves[0] if split == "train" else halves[1]


def _mnist(spec: str, rest: str, limit: int | None, progress: Progress | None) -> DataSet:
    train, test = _mnist_halves(path_of(spec, rest))
    return DataSet(spec, train, test, "real vectors in [0, 1], no events")


def _mnist_halves(path: str) -> tuple[Images, Images]:
    from eventsnn.data.readers import mnist

    return mnist.load(path, "train"), mnist.load(path, "test")


def _film(spec: str, rest: str, limit: int | None, progress: Progress | None) -> DataSet:
    kind, _, path = rest.partition(":")
    if kind == "digits" and not path:
        return _filmed(spec, *_digit_halves(), limit, progress)
    if kind == "mnist":
        return _filmed(spec, *_mnist_halves(path_of(spec, path)), limit, progress)
    raise UserError(f"data {spec!r}: can film digits or mnist:PATH; give film:mnist:PATH")


def _filmed(
    spec: str, train: Images, test: Images, limit: int | None, progress: Progress | None
) -> DataSet:
    note = f"emulated: {train.source} before the virtual event camera"
    return DataSet(
        spec,
        film_cached(_images(train, limit), 0, progress),
        film_cached(_images(test, limit), len(train), progress),
        note,
        emulated=True,
    )


def _images(images: Images, limit: int | None) -> Images:
    return Images(images.images[:limit], images.labels[:limit], images.source)


def _events(spec: str, rest: str, limit: int | None, progress: Progress | None) -> DataSet:
    from eventsnn.data.readers.film_file import open_film

    found = open_film(path_of(spec, rest))
    batch, test = found.batch, held_out(found.batch.label)
    if not test.any():
        raise UserError(
            f"data {spec!r}: {len(batch)} recordings, no two of one class; a data set needs two of "
            "one class, to learn one and test the other"
        )
    made = "emulated: written by eventsnn film" if found.emulated else "recordings"
    if found.emulated is None:
        made += " of a file that does not say whether they are emulated"
    return DataSet(
        spec,
        batch.select(np.flatnonzero(~test)),
        batch.select(np.flatnonzero(test)),
        f"{made}; a fifth of each class is held out",
        emulated=bool(found.emulated),
    )


def _tonic(spec: str, rest: str, limit: int | None, progress: Progress | None) -> DataSet:
    from eventsnn.data.readers.tonic import datasets as tonic

    name, _, path = rest.partition(":")
    tonic.known(name)
    if not path:
        raise UserError(f"data {spec!r}: the path is missing; give tonic:{name}:PATH")
    train = tonic.load(name, path, "train", limit=limit, progress=progress)
    test = tonic.load(name, path, "test", limit=limit, progress=progress)
    return DataSet(spec, train, test)


_Open = Callable[[str, str, int | None, Progress | None], DataSet]

SOURCES: dict[str, _Open] = {
    "digits": _digits,
    "nmnist": _nmnist,
    "mnist": _mnist,
    "film": _film,
    "events": _events,
    "tonic": _tonic,
}


def checked_split(split: str) -> str:
    """Return the name of a half; UserError where it is none."""
    if split not in ("train", "test"):
        raise UserError(f"split {split!r}; give train or test")
    return split
