"""Films of the virtual camera as one file: safetensors with t, unit, start, label, duration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from eventsnn.data.cache import Progress
from eventsnn.data.cache_file import Found, Writer, holds_emulated, read_file
from eventsnn.data.dataset import DataSet
from eventsnn.data.places import looked_for, place
from eventsnn.data.readers.reader import Reader
from eventsnn.data.split import held_out
from eventsnn.data.word import Word
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch
from eventsnn.files.outputs import check_output_file

_KEY = "film"


def write_film(
    path: str | os.PathLike[str], batches: Iterable[EventBatch], *, emulated: bool = False
) -> None:
    """Write recordings into one file, which appears when it is complete.

    Parameters
    ----------
    emulated : bool
        Whether the virtual event camera made them: results then say so.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    target = place(path)
    check_output_file("film", target)
    try:
        with Writer(target, emulated=emulated) as writer:
            for batch in batches:
                writer.append(batch)
            writer.finish(_KEY)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}") from error


def check_film_place(path: str | os.PathLike[str]) -> None:
    """Refuse a place where anything stands but a film that ``eventsnn film`` makes again.

    Raises
    ------
    UserError
        If the file cannot be written, or one is there that the virtual camera did not make.
    """
    target = place(path)
    check_output_file("film", target)
    try:
        if not target.exists() or (target.is_file() and holds_emulated(target, _KEY)):
            return
    except OSError as error:
        raise UserError(f"film {target}: cannot be read: {error.strerror}") from error
    raise UserError(
        f"film {target}: what stands there was not written by eventsnn film; give another name"
    )


def read_film(path: str | os.PathLike[str]) -> EventBatch:
    """Return the recordings of ``write_film``; see ``open_film``."""
    return open_film(path).batch


def open_film(path: str | os.PathLike[str]) -> Found:
    """Read what ``write_film`` wrote, or map it into memory where it is large.

    A large file must not be cut off or overwritten in place while it is in use: see
    ``data/cache_file.py``.

    Returns
    -------
    Found
        ``batch``, and ``emulated``: None where the file is of a version that did not say.

    Raises
    ------
    DataError
        If there is no such file, it is not one, or it has changed since it was written.
    """
    source = place(path)
    try:
        return read_file(source, _KEY, str(source), "make it anew with eventsnn film --out")
    except FileNotFoundError:
        raise DataError(
            f"{source}: no such file{looked_for(source)}; make one with eventsnn film --out"
        ) from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from error


class EventsFile(Reader):
    """``events:FILE``: one film or file of recordings; a fifth of each class is held out."""

    kind: ClassVar[str] = "events"
    forms: ClassVar[tuple[str, ...]] = ("events:FILE",)

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        found = open_film(word.path)
        batch, test = found.batch, held_out(found.batch.label)
        if not test.any():
            raise UserError(
                f"data {word.spec!r}: {len(batch)} recordings, no two of one class; a data set "
                "needs two of one class, to learn one and test the other"
            )
        made = "emulated: written by eventsnn film" if found.emulated else "recordings"
        if found.emulated is None:
            made += " of a file that does not say whether they are emulated"
        return DataSet(
            word.spec,
            batch.select(np.flatnonzero(~test)),
            batch.select(np.flatnonzero(test)),
            f"{made}; a fifth of each class is held out",
            emulated=bool(found.emulated),
        )
