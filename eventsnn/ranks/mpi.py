"""Ranks over MPI (mpi4py): the one file that knows it, imported where MPI started the process."""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.ranks.message import LINE, Bytes, read, size_of, write
from eventsnn.ranks.ranks import Message, Ranks

_MOMENT_S = 1.0
"""How long an error waits for the same one of the others."""

_SPIN_S = 0.01
"""How long ``wait`` asks without a pause: what it waits for may need the core."""

_SHARED = "/dev/shm"
"""Where Linux keeps memory that processes share."""

_CORES = 1 << 13
"""Numbers of cores that a system has, at most."""


class MPIRanks(Ranks):
    """The processes of ``mpiexec``.

    Parameters
    ----------
    share : bool
        Whether those of one machine hand over messages in memory that they share.

    Attributes
    ----------
    sent_bytes, messages : int
        What left this rank for others so far, and in how many calls of MPI.
    """

    def __init__(self, share: bool = True) -> None:
        self._all = MPI.COMM_WORLD.Dup()
        self.rank, self.size = self._all.rank, self._all.size
        self._beside = self._all.Split_type(MPI.COMM_TYPE_SHARED)
        self.sent_bytes = self.messages = 0
        self._rooms: tuple[Any, ...] = (MessageRoom(), MessageRoom(), MessageRoom())
        if share and self._beside.size == self.size:
            self._rooms = (SharedRooms(self._all), SharedRooms(self._all))

    def exchanged(self, messages: Sequence[Message]) -> list[Message]:
        """See ``Ranks``; ``Alltoallv``, within a machine through memory that all share."""
        own = np.array([size_of(message) for message in messages], np.int64)
        own[self.rank] = 0  # its own stays where it is
        every = np.empty((self.size, self.size), np.int64)
        self._all.Allgather(own, every)
        coming, places = every[:, self.rank], np.cumsum(own) - own
        if len(self._rooms) == 2:
            rooms = self._rooms[0].of(every.sum(1))
            self._write(messages, places, rooms[self.rank])
            self._rooms[0].written()
            begin = (np.cumsum(every, 1) - every)[:, self.rank]
        else:
            sent, found = self._rooms[0].of(own.sum()), self._rooms[1].of(coming.sum())
            self._write(messages, places, sent)
            begin = np.cumsum(coming) - coming
            self._all.Alltoallv(_parts(sent, own, places), _parts(found, coming, begin))
            rooms = [found] * self.size
        self._count(int(own.sum()))
        return [
            messages[k] if k == self.rank else read(rooms[k][begin[k] : begin[k] + coming[k]])
            for k in range(self.size)
        ]

    def _write(self, messages: Sequence[Message], places: NDArray[np.int64], room: Bytes) -> None:
        for k, message in enumerate(messages):
            if k != self.rank:
                write(message, room[places[k] :])

    def gathered(self, message: Message) -> list[Message]:
        """See ``Ranks``; ``Allgatherv``, within a machine through memory that all share."""
        sizes = np.empty(self.size, np.int64)
        self._all.Allgather(np.array([size_of(message)], np.int64), sizes)
        self._count(int(sizes[self.rank]) * (self.size - 1))
        if len(self._rooms) == 2:
            rooms = self._rooms[1].of(sizes)
            write(message, rooms[self.rank])
            self._rooms[1].written()
            return [read(room) for room in rooms]
        begin, found = np.cumsum(sizes) - sizes, self._rooms[2].of(sizes.sum())
        write(message, found[begin[self.rank] :])
        self._all.Allgatherv(MPI.IN_PLACE, _parts(found, sizes, begin))
        return [read(found[a : a + n]) for a, n in zip(begin, sizes, strict=True)]

    def _count(self, sent: int) -> None:
        self.sent_bytes += sent
        self.messages += 2

    def wait(self) -> None:
        """See ``Ranks``."""
        self._all_here(math.inf)

    def threads(self) -> int:
        """Return the cores of this machine that a rank has to itself.

        Ranks that are bound to cores have those; others share all that any of them may use.
        """
        own = np.zeros(_CORES, np.uint8)
        own[[core for core in _may_use() if core < _CORES]] = 1
        every = np.empty((self._beside.size, _CORES), np.uint8)
        self._beside.Allgather(own, every)
        cores = int(every.max(0).sum())
        return max(1, min(int(own.sum()), cores // self._beside.size))

    def all_failed(self) -> bool:
        """See ``Ranks``; those that fail alone do so one after the other, each in one line."""
        if self._all_here(_MOMENT_S * (1 + self.rank / 8)):
            return True
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        return False

    def _all_here(self, most_s: float) -> bool:
        """Return whether all ranks come here within so many seconds."""
        here, began = self._all.Ibarrier(), time.monotonic()
        while not here.Test():
            waited = time.monotonic() - began
            if waited > most_s:
                return False
            time.sleep(0.001 if waited > _SPIN_S else 0)
        return True

    def abort(self, code: int) -> None:
        """See ``Ranks``."""
        self._all.Abort(code)


class MessageRoom:
    """Memory for messages, which is kept: fresh memory costs as much as what is written there."""

    def __init__(self) -> None:
        self._kept = np.empty(LINE, np.uint8)

    def of(self, size: int) -> Bytes:
        """Return room for so many bytes."""
        if len(self._kept) < size + LINE:
            self._kept = np.empty(_roomy(int(size)) + LINE, np.uint8)
        first = -self._kept.ctypes.data % LINE
        return self._kept[first : first + size]


class SharedRooms:
    """Memory that the ranks of a machine share, a part of it each; only its own rank writes there.

    Who asks for it anew has read what was there before, and all ask at the same time.
    """

    def __init__(self, ranks: Any) -> None:
        self._ranks, self._window = ranks, None
        self._parts: list[Bytes] = []

    def of(self, sizes: NDArray[np.int64]) -> list[Bytes]:
        """Return the part of each rank, of so many bytes."""
        most = int(sizes.max())
        if not self._parts or len(self._parts[0]) < most:
            if self._window is not None:
                self._window.Unlock_all()
                self._window.Free()
            room = _roomy(most)
            self._check_room(room * self._ranks.size)
            window: Any = MPI.Win.Allocate_shared(room, 1, comm=self._ranks)
            window.Lock_all()
            self._window = window
            raw = [window.Shared_query(rank)[0] for rank in range(self._ranks.size)]
            self._parts = [np.frombuffer(part, np.uint8, room) for part in raw]
        return [part[:n] for part, n in zip(self._parts, sizes, strict=True)]

    def _check_room(self, size: int) -> None:
        """Refuse what the system's shared memory does not hold: writing there would end a rank."""
        free = shutil.disk_usage(_SHARED).free if Path(_SHARED).is_dir() else size
        every = np.empty(self._ranks.size, np.int64)
        self._ranks.Allgather(np.array([free], np.int64), every)
        if every.min() < size:
            raise UserError(
                f"{_SHARED}: {every.min() >> 20} MiB are free, and ranks need {size >> 20} MiB "
                "there; make it larger (of a container: --shm-size), or start fewer ranks"
            )

    def written(self) -> None:
        """Wait until all have written."""
        window: Any = self._window
        window.Sync()
        self._ranks.Barrier()
        window.Sync()


def _roomy(size: int) -> int:
    """Return a size that grows rarely."""
    return max(1 << 16, 1 << (size - 1).bit_length()) if size else 1 << 16


def _parts(room: Bytes, sizes: NDArray[np.int64], places: NDArray[np.int64]) -> list[Any]:
    return [room, sizes.tolist(), places.tolist(), MPI.BYTE]


def _may_use() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))
