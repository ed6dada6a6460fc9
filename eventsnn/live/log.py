"""What a live run took in, written while it happens: ``replay:FILE`` gives the same bits again."""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path
from typing import IO

from eventsnn.errors import DataError, UserError
from eventsnn.files.outputs import check_output_file
from eventsnn.live.ordered import Ready
from eventsnn.live.packet import HEADER, IN_ONE, clock_at, event_array, head_of, packed

_SUMMED = 4096
EVERY_S = 1.0
"""Seconds after which at most what was written is handed to the system."""


class LiveLog:
    """A file of packets that grows; what ends it in the middle of one cuts that one alone.

    Parameters
    ----------
    path : Path
        Of a new file, or of a log that goes on.
    shape : (int, int, int)
        Polarities, height and width of the sensor.
    goes_on : bool
        Add to what is there, behind its last whole packet.

    Raises
    ------
    UserError
        If it cannot be written, or holds something and is not to go on.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], goes_on: bool = False) -> None:
        check_output_file("log", path)
        if path.exists() and path.stat().st_size and not goes_on:
            raise UserError(f"log {path}: is there already; give another name, or delete it")
        self.path, self.shape = path, shape
        try:
            self._file: IO[bytes] = path.open("ab")
            self._file.truncate(_whole_bytes(path))
        except OSError as error:
            raise UserError(f"log {path}: cannot be written: {error.strerror}") from error
        self._sequence, self._flushed = 0, time.perf_counter()

    def add(self, ready: Ready) -> None:
        """Write events, and until when nothing else came."""
        events = event_array(ready.t, ready.unit, self.shape)
        for first in range(0, len(events), IN_ONE):
            self._file.write(packed(events[first : first + IN_ONE], self._sequence))
            self._sequence += 1
        self._file.write(packed(clock_at(ready.until), self._sequence, clock=True))
        self._sequence += 1
        if time.perf_counter() - self._flushed > EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the system."""
        self._file.flush()
        self._flushed = time.perf_counter()

    def mark(self) -> tuple[int, int]:
        """Hand everything to the system; return where the log ends, and a sum of what is there."""
        if not self._file.closed:
            self.flush()
        end = self.path.stat().st_size
        return end, _sum_before(self.path, end)

    def close(self) -> None:
        """Write everything to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def _whole_bytes(path: Path) -> int:
    """Return where the last whole packet of a log ends: a run that was killed may have cut one.

    DataError if something else stands there: nothing is cut off then.
    """
    end, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while len(data := file.read(HEADER.size)) == HEADER.size:
            head = head_of(data)
            if head is None:
                raise DataError(f"log {path}: no packet begins at byte {end}; give another name")
            if end + HEADER.size + head.size > size:
                break
            end = file.seek(head.size, os.SEEK_CUR)
    return end


def check_marked(path: Path, end: int, total: int) -> None:
    """Refuse a log that is not the one in which ``LiveLog.mark`` was made."""
    if path.stat().st_size < end or _sum_before(path, end) != total:
        raise UserError(
            f"log {path}: is not that of the saved session; give that one, or another name"
        )


def _sum_before(path: Path, end: int) -> int:
    """Return a sum of the last bytes before a place."""
    with path.open("rb") as file:
        file.seek(max(0, end - _SUMMED))
        return zlib.crc32(file.read(min(end, _SUMMED)))
