"""A data set from one word: ``digits``, ``nmnist:PATH``, ``film:mnist:PATH``."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Unpack

from eventsnn.data.cache import Progress
from eventsnn.data.dataset import DataSet, first_of, labels_of
from eventsnn.data.images import Images, read_stack, unlabelled
from eventsnn.data.readers import readers
from eventsnn.data.split import only_in_one
from eventsnn.data.view import Seeing, SensorView
from eventsnn.data.word import meant, word_of
from eventsnn.errors import UserError


def open_data(
    spec: str,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    **seeing: Unpack[Seeing],
) -> DataSet:
    """Open a data set.

    Parameters
    ----------
    spec : str
        ``digits``, ``nmnist:PATH``, ``mnist:PATH``, ``cifar10:PATH``, ``film:mnist:PATH``,
        ``film:digits``, ``events:PATH`` or ``tonic:NAME:PATH``, or the word of another reader.
    limit : int, optional
        Keep the first ``limit`` samples of each half, before they are cut into windows.
    progress : callable, optional
        Told (done, total) while recordings are read or filmed.
    **seeing
        What is seen of recordings, as ``DataSet.viewed`` has it: ``crop``, ``pool``, ``window_us``,
        ``filter``, ``grid_us``.

    Raises
    ------
    UserError
        If the word is unknown or the data cannot be read.

    Warns
    -----
    UserWarning
        If a class has recordings in one half only.

    Examples
    --------
    >>> import eventsnn as es
    >>> data = es.open_data("digits", limit=3)
    >>> data.train.shape, len(data.train), data.n_classes
    ((2, 34, 34), 3, 10)
    """
    known = readers()
    forms = [form for reader in known.values() for form in reader.forms]
    if not isinstance(spec, str):
        raise UserError(f"data {spec!r:.60}: give a word, one of {', '.join(forms)}")
    kind = spec.partition(":")[0]
    if kind not in known:
        raise UserError(f"data {spec!r}: unknown kind {kind!r}; {meant(spec, known, forms)}")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise UserError(f"limit is {limit!r:.60}; give at least 1")
    SensorView.of(seeing)  # refused before data are read
    word = word_of(spec, known[kind].names, known[kind].path)
    data = known[kind]().open(word, limit, progress)
    train, test = first_of(data.train, limit), first_of(data.test, limit)
    data = replace(data, train=train, test=test, absolute=word.absolute)
    data = data.viewed(**seeing)
    missing = only_in_one(labels_of(data.train), labels_of(data.test))
    if missing:
        warnings.warn(f"data {spec!r}: {missing}", stacklevel=2)
    return data


def absolute_of(spec: str) -> str:
    """Return a data set's word with an absolute path; "" where no reader knows it."""
    reader = readers().get(spec.partition(":")[0])
    return word_of(spec, reader.names, reader.path).absolute if reader else ""


def open_images(spec: str, split: str) -> Images:
    """Open a stack of grey images: ``digits``, ``mnist:PATH``, or a ``.npy`` or ``.npz`` file.

    A stack in a file is uint8 (n, height, width); it has no labels (-1).
    """
    known = {kind: reader for kind, reader in readers().items() if reader.pictures}
    kind = spec.partition(":")[0]
    if kind in known:
        train, test = known[kind]().images(word_of(spec, known[kind].names))
        return train if split == "train" else test
    if spec.lower().endswith((".npy", ".npz")):
        return unlabelled(read_stack(spec), spec)
    forms = [form for reader in known.values() for form in reader.forms]
    forms.append("a .npy or .npz file")
    raise UserError(f"images {spec!r}: {meant(spec, known, forms)}")


def checked_split(split: str) -> str:
    """Return the name of a half; UserError where it is none."""
    if split not in ("train", "test"):
        raise UserError(f"split {split!r}; give train or test")
    return split
