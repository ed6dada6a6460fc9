"""Films of the virtual camera as one file: safetensors with t, unit, start, label, duration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from eventsnn.data.cache_file import Writer, read_batch
from eventsnn.data.places import looked_for
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch
from eventsnn.outputs import check_output_file

_KEY = "film"


def write_film(path: str | os.PathLike[str], batches: Iterable[EventBatch]) -> None:
    """Write recordings into one file, which appears when it is complete."""
    target = Path(path)
    check_output_file("film", target)
    try:
        with Writer(target) as writer:
            for batch in batches:
                writer.append(batch)
            writer.finish(_KEY)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}") from error


def read_film(path: str | os.PathLike[str]) -> EventBatch:
    """Map the recordings of ``write_film`` into memory.

    Raises
    ------
    DataError
        If there is no such file, or it is not one.
    """
    source = Path(path)
    try:
        return read_batch(source, _KEY, str(source))
    except FileNotFoundError:
        raise DataError(
            f"{source}: no such file{looked_for(source)}; make one with eventsnn film --out"
        ) from None
    except DataError:
        raise DataError(
            f"{source}: not a complete film; make it anew with eventsnn film --out"
        ) from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from error
