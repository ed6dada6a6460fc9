"""Packets on standard input: ``-``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO

import numpy as np

from eventsnn.errors import DataError, UserError
from eventsnn.live.packet import EVENT, HEADER, head_of
from eventsnn.live.sources.source import Burst, Source, SourceOptions


class StdinSource(Source):
    """Packets of ``live.packet`` one after the other; nothing is lost: whoever writes waits."""

    kind = "stdin"
    form = "- (standard input)"
    policy = "wait"

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.counts = {"cut": 0}

    @classmethod
    def open(cls, where: str, options: SourceOptions) -> StdinSource:
        """Read standard input."""
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("source -: standard input is a terminal; pipe packets into it")
        return cls(sys.stdin.buffer)

    def pieces(self) -> Iterator[Burst | None]:
        """Go through the packets; one that is cut at the end is counted."""
        yield from packets_of(self.stream, "standard input", self.counts)

    def close(self) -> None:
        """Leave it as it is."""


def packets_of(stream: IO[bytes], name: str, counts: dict[str, int]) -> Iterator[Burst]:
    """Go through packets; DataError with the place of bytes that begin none."""
    at = 0
    while data := stream.read(HEADER.size):
        head = head_of(data)
        if head is None:
            if len(data) < HEADER.size:
                counts["cut"] += 1
                return
            raise DataError(
                f"{name}: no packet begins at byte {at} ({data[:4]!r}); give packets of "
                "eventsnn.live.packet, as eventsnn send and --log write them"
            )
        rest = stream.read(head.size)
        whole = len(rest) // EVENT.itemsize
        counts["cut"] += int(whole < head.events)
        if whole and (whole == head.events or not head.clock):
            yield Burst(np.frombuffer(rest, EVENT, count=whole), head.clock)
        at += HEADER.size + head.size
