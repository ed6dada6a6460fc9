"""Where things are kept between runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """Return the folder for what can be made anew; it need not exist.

    ``eventsnn`` in ``$XDG_CACHE_HOME`` (on Windows ``%LOCALAPPDATA%``), else in ``~/.cache``.

    Raises
    ------
    RuntimeError
        If this user has no home.
    """
    shared = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    # The XDG specification ignores a relative path, which means another folder in each folder.
    return (Path(shared) if Path(shared).is_absolute() else Path.home() / ".cache") / "eventsnn"
