"""Files in the cameras' own formats, as columns: read by the package faery, an extra.

This is the one file that knows it. A damaged file may make its decoder panic, which is no
``Exception``; here every failure becomes one ``DataError``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError

SUFFIXES = (".raw", ".dat", ".aedat4", ".es")
"""EVT2 and EVT3, DAT, AEDAT4, ES."""

_KEPT = (KeyboardInterrupt, SystemExit, MemoryError)


def read_camera_file(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns ``t`` (microseconds), ``x``, ``y`` and ``p`` of a file.

    Raises
    ------
    UserError
        Without the package faery.
    DataError
        For a file that holds no events, or that cannot be decoded.
    """
    try:
        import faery
    except ImportError as error:
        raise UserError(
            f"{path}: files of cameras are read by the package faery (LGPL-3.0); install it with "
            "pip install 'eventsnn[cameras]'"
        ) from error
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        events = faery.events_stream_from_file(path).to_array()
    except BaseException as error:
        if isinstance(error, _KEPT):
            raise
        told = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be decoded ({told:.120}); record it again") from None
    if not len(events):
        raise DataError(f"{path}: holds no events; give at least one")
    return {
        "t": events["t"].astype(np.int64),
        "x": events["x"].astype(np.int64),
        "y": events["y"].astype(np.int64),
        "p": events["on"].astype(np.int64),
    }
