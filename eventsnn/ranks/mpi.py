"""Ranks over MPI (mpi4py): the one file that knows it, imported where MPI started the process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from mpi4py import MPI

from eventsnn.ranks.message import LINE, Bytes, read, size_of, write
from eventsnn.ranks.ranks import Message, Ranks

_MOMENT_S = 1.0
"""How long an error waits for the same one of the others."""

_CORES = 1 << 13
"""Numbers of cores that a system has, at most."""


class MPIRanks(Ranks):
    """The processes of ``mpiexec``.

    Attributes
    ----------
    sent_bytes, messages : int
        What left this rank for others so far, and in how many calls of MPI.
    """

    def __init__(self) -> None:
        self._all = MPI.COMM_WORLD.Dup()
        self.rank, self.size = self._all.rank, self._all.size
        self._beside = self._all.Split_type(MPI.COMM_TYPE_SHARED)
        self.sent_bytes = self.messages = 0

    def exchanged(self, messages: Sequence[Message]) -> list[Message]:
        """See ``Ranks``; ``Alltoall`` of the sizes, then ``Alltoallv``."""
        sizes = np.array([size_of(message) for message in messages], np.int64)
        sizes[self.rank] = 0  # its own stays where it is
        coming = np.empty_like(sizes)
        self._all.Alltoall(sizes, coming)
        places, room = _places(sizes)
        for k, message in enumerate(messages):
            if k != self.rank:
                write(message, room[places[k] : places[k] + sizes[k]])
        begin, found = _places(coming)
        self._all.Alltoallv(
            [room, sizes.tolist(), places.tolist(), MPI.BYTE],
            [found, coming.tolist(), begin.tolist(), MPI.BYTE],
        )
        self._count(int(sizes.sum()))
        return [
            messages[k] if k == self.rank else read(found[begin[k] : begin[k] + coming[k]])
            for k in range(self.size)
        ]

    def gathered(self, message: Message) -> list[Message]:
        """See ``Ranks``; ``Allgather`` of the sizes, then ``Allgatherv``."""
        size = np.array([size_of(message)], np.int64)
        sizes = np.empty(self.size, np.int64)
        self._all.Allgather(size, sizes)
        begin, found = _places(sizes)
        write(message, found[begin[self.rank] : begin[self.rank] + sizes[self.rank]])
        parts = [found, sizes.tolist(), begin.tolist(), MPI.BYTE]
        self._all.Allgatherv(MPI.IN_PLACE, parts)
        self._count(int(size[0]) * (self.size - 1))
        return [read(found[a : a + n]) for a, n in zip(begin, sizes, strict=True)]

    def _count(self, sent: int) -> None:
        self.sent_bytes += sent
        self.messages += 2

    def wait(self) -> None:
        """See ``Ranks``."""
        self._all.Barrier()

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
        here, until = self._all.Ibarrier(), time.monotonic() + _MOMENT_S * (1 + self.rank / 8)
        while not here.Test():
            if time.monotonic() > until:
                sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
                return False
            time.sleep(0.01)
        return True

    def abort(self, code: int) -> None:
        """See ``Ranks``."""
        self._all.Abort(code)


def _places(sizes: Any) -> tuple[Any, Bytes]:
    """Return where parts of some sizes begin, and room for all of them."""
    ends = np.cumsum(sizes)
    raw = np.empty(int(ends[-1]) + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return ends - sizes, raw[first : first + int(ends[-1])]


def _may_use() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))
