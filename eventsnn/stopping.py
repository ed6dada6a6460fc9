"""Ctrl-C: the first one stops in order, a second one at once; both end with exit code 130."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""Exit code of Ctrl-C: 128 + SIGINT."""


class _Stop:
    pressed = 0
    told = False  # the line about the first one is written


def said() -> None:
    """Note that the line about the stop is written: a second Ctrl-C adds none."""
    _Stop.told = True


@contextmanager
def two_stage_stop() -> Iterator[None]:
    """Let the first Ctrl-C raise KeyboardInterrupt, and a second one end the process.

    Once it was pressed that stays so beyond the block, until the interpreter has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # ignored, or the caller's own
        yield
        return
    signal.signal(signal.SIGINT, _pressed)
    try:
        yield
    finally:
        if not _Stop.pressed:
            signal.signal(signal.SIGINT, before)


def _pressed(number: int, frame: FrameType | None) -> None:
    _Stop.pressed += 1
    if _Stop.pressed == 1:
        raise KeyboardInterrupt
    if not _Stop.told and sys.stderr is not None:  # closed, its number may be that of any file
        line = "error: stopped at once; what was saved before is whole\n"
        with suppress(OSError):  # nobody reads it
            os.write(2, line.encode())
    os._exit(INTERRUPTED)


class SoftStop:
    """The first Ctrl-C from ``begin`` to ``end`` is noted, not raised; a second one ends at once.

    Attributes
    ----------
    asked : bool
        Whether it came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def begin(self) -> None:
        """Note Ctrl-C from now on, unless signals are somebody else's."""
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before in (_pressed, signal.default_int_handler):
                self._before = before
                signal.signal(signal.SIGINT, self._note)

    def end(self) -> None:
        """Leave Ctrl-C to whom it was before."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            _pressed(number, frame)
        self.asked = True
        _Stop.pressed = max(_Stop.pressed, 1)
