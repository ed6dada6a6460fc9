"""Any data set of the library tonic by its name: NMNIST, DVSGesture, SHD, ...

tonic finds, downloads and reads the files; ``data/readers/tonic/samples.py`` says in what
order and how its samples become events.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import hashlib
import inspect
import os
import socket
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tarfile import TarError
from typing import Any
from zipfile import BadZipFile

from eventsnn.data.cache import Progress, cached_batch
from eventsnn.data.places import place
from eventsnn.data.readers.tonic.samples import BROKEN, Samples
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, Shape

# Their samples are streams with pictures, boxes, poses or depth: no classes to learn.
_NO_CLASSES = {"DAVISDATA", "DSEC", "EBSSA", "MVSEC", "NERDD", "TUMVIE", "VPR"} | {
    "ThreeET_Eyetracking"
}
_NETWORK_TIMEOUT_S = 30.0


def names() -> list[str]:
    """Return the names of tonic's data sets that have classes."""
    return sorted(set(_tonic().__all__) - _NO_CLASSES)


def known(name: str) -> str:
    """Return how tonic writes the name of a data set: case and hyphens do not matter.

    Raises
    ------
    UserError
        If there is none, or it has no classes: it says what was probably meant, or the names. If
        tonic is not installed.
    """
    every: dict[str, str] = {_plain(one): one for one in _tonic().__all__}
    found = every.get(_plain(name))
    if found in _NO_CLASSES:
        raise UserError(
            f"tonic's {found} has no classes to learn; choose one of {', '.join(names())}"
        )
    if found is not None:
        return found
    close = difflib.get_close_matches(_plain(name), every, n=3, cutoff=0.6)
    near = [every[match] for match in close if every[match] not in _NO_CLASSES]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UserError(f"tonic has no data set {name!r}; {hint}known are {', '.join(names())}")


def _tonic() -> Any:
    """Import tonic's data sets; tonic is GPL-3.0 and no part of a plain installation."""
    try:
        return import_module("tonic.datasets")
    except ImportError as error:
        missing = (error.name or "tonic").partition(".")[0]
        raise UserError(
            f"data sets of tonic need the package {missing}, which is not installed; "
            "install it with pip install 'eventsnn[tonic]' (tonic is GPL-3.0), or give "
            "folder:PATH, which reads recordings without it"
        ) from error


@functools.cache
def _version() -> str:
    return version("tonic")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def load(
    name: str,
    path: str | os.PathLike[str],
    split: str = "train",
    *,
    limit: int | None = None,
    shape: Shape | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> EventBatch:
    """Read one half of a tonic data set, downloading it where it is missing.

    Parameters
    ----------
    name : str
        As in ``tonic.datasets``; case and hyphens do not matter.
    path : path
        Where tonic keeps its data sets: the files lie in ``path/NAME``.
    split : str
        "train" or "test"; also "valid" for SSC, "all" for sets without halves.
    limit : int, optional
        Read only so many recordings, evenly spread so that all classes take part.
    shape : (int, int, int), optional
        Polarities, height and width, in place of tonic's ``sensor_size``.
    cache : bool
        Whether to keep the decoded recordings for later starts.
    progress : callable, optional
        Called with (recordings done, recordings in all) while recordings are read.

    Returns
    -------
    EventBatch

    Raises
    ------
    UserError
        If the name, the split or the limit is not one, or the set has no classes.
    DataError
        If files are missing and cannot be downloaded, or a recording is not valid.
    """
    name = known(name)
    if limit is not None and limit < 1:
        raise UserError(f"limit {limit}: give at least 1 recording")
    folder = place(path).resolve()
    with _quiet_tonic():
        dataset = _opened(name, folder, split)
    samples = Samples(dataset, name, split, shape, limit)
    return cached_batch(
        {"kind": f"tonic-{name}", "path": str(folder), "split": split, "limit": limit or 0},
        {
            "files": _state(Path(dataset.location_on_system)),
            "shape": str(samples.shape),
            "tonic": _version(),
        },
        partial(samples.batches, progress),
        source=f"tonic {name} {split}",
        cache=cache,
    )


def _opened(name: str, folder: Path, split: str) -> Any:
    """Construct tonic's data set, which downloads what is missing."""
    kind = getattr(_tonic(), name)
    arguments = inspect.signature(kind).parameters
    options: dict[str, Any] = {}
    splits = ["train", "test"]
    if "split" in arguments:
        splits.append("valid")
        options["split"] = split
    elif "train" in arguments:
        options["train"] = split == "train"
    else:
        splits.append("all")
    if split not in splits:
        raise UserError(f"tonic's {name} has no split {split!r}; give {' or '.join(splits)}")
    if "single_digits" in arguments:
        options["single_digits"] = True
    # In two steps, to have at hand what tonic was looking for when it fails.
    dataset = kind.__new__(kind)
    try:
        dataset.__init__(str(folder), **options)
    except (OSError, RuntimeError, ImportError, BadZipFile, TarError, SystemExit) as error:
        raise DataError(_what_to_do(dataset, name, folder, error)) from error
    except BROKEN as error:
        raise DataError(f"{folder}: no valid {name} ({error!r:.150}); fetch it again") from error
    return dataset


def _what_to_do(dataset: Any, name: str, folder: Path, error: BaseException) -> str:
    place = getattr(dataset, "location_on_system", folder / name)
    files = [
        str(getattr(dataset, attribute))
        for attribute in ("filename", "images_file", "labels_file")
        if getattr(dataset, attribute, None)
    ]
    reason = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        reason = "tonic wants it to be fetched by hand"
    link = getattr(dataset, "url", None) or getattr(dataset, "base_url", None)
    origin = f" from {link}" if link else ""
    return (
        f"{place}: {name} is not complete there and cannot be downloaded ({reason:.100}); "
        f"fetch {' and '.join(files) or name}{origin} where there is a network, put it into that "
        "folder and unpack it there"
    )


def _state(folder: Path) -> str:
    """Digest of every file's name, size and time of change below a folder."""
    digest = hashlib.sha256()
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(parent, file)
            try:
                stat = path.stat()
            except OSError as error:
                raise DataError(f"{path}: cannot be read ({error.strerror})") from error
            digest.update(os.fsencode(f"{path}\n{stat.st_size} {stat.st_mtime_ns}\n"))
    return digest.hexdigest()


@contextlib.contextmanager
def _quiet_tonic() -> Iterator[None]:
    """Keep tonic's messages off standard output, and its downloads from hanging."""
    # tonic uses np.lib.recfunctions without importing it.
    import numpy.lib.recfunctions  # noqa: F401

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_S)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(before)
