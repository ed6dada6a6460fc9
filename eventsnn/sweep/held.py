"""Locks between workers: of the study, of its journal, of each trial.

They are those of run folders (``train/run_folder.py``): the operating system's, which end with
the process that holds them, however it ends.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from eventsnn.train.run_folder import FolderTaken, hold

PATIENCE_S = 60.0
"""How long a lock is waited for that is held for moments."""

_LONGEST_PAUSE_S = 0.05


def try_hold(folder: Path) -> ExitStack | None:
    """Hold a folder until the result is closed, or the process ends; None: another one does.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    stack = ExitStack()
    try:
        stack.enter_context(hold(folder))
    except FolderTaken:
        return None
    return stack


def wait_to_hold(folder: Path, patience_s: float = PATIENCE_S) -> ExitStack:
    """Hold a folder as soon as it is free.

    Raises
    ------
    FolderTaken
        If it is still held after ``patience_s``.
    UserError
        If it cannot be written.
    """
    until, pause = time.monotonic() + patience_s, 0.001
    while True:
        held = try_hold(folder)
        if held is not None:
            return held
        if time.monotonic() > until:
            raise FolderTaken(
                f"{folder}: is held by another worker for more than {patience_s:g} s; end a "
                f"worker that hangs, or, where the file system has no locks, remove what is in it"
            )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
