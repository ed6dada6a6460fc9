"""Events as bytes: datagrams, standard input and logs have this one form.

::

    offset  bytes  what
    0       4      "EVNN"
    4       1      version, 1
    5       1      0; 1: no events came before the one time that follows (a clock)
    6       2      number of events, unsigned
    8       4      sequence number, unsigned, one more each packet; begins anew after 2**32 - 1
    12      13 n   events: x, y (2 bytes each), p (1), t (8, microseconds), unsigned

All numbers are little-endian. A datagram holds one packet.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC = b"EVNN"
VERSION = 1
HEADER = struct.Struct("<4sBBHI")
EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "u1"), ("t", "<u8")])
SEQUENCES = 1 << 32

IN_ONE = 5000
"""Most events of a packet, so that it fits into one datagram (65,507 bytes)."""


class Packet(NamedTuple):
    """What one packet says.

    Attributes
    ----------
    sequence : int
    events : array (n,) of EVENT
    clock : bool
        True where the one event is none: nothing happened before its time.
    """

    sequence: int
    events: NDArray[np.void]
    clock: bool = False


class Head(NamedTuple):
    """The first bytes of a packet, checked."""

    clock: bool
    events: int
    sequence: int

    @property
    def size(self) -> int:
        """Bytes of the events that follow."""
        return self.events * EVENT.itemsize


def head_of(data: bytes) -> Head | None:
    """Return what the first bytes say; None where they are no head of a packet."""
    if len(data) < HEADER.size:
        return None
    magic, version, clock, count, sequence = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or clock > 1 or (clock and count != 1):
        return None
    return Head(bool(clock), count, sequence)


def unpacked(data: bytes) -> Packet | None:
    """Return the packet of some bytes; None where they are none."""
    head = head_of(data)
    if head is None or len(data) != HEADER.size + head.size:
        return None
    return Packet(head.sequence, np.frombuffer(data, EVENT, offset=HEADER.size), head.clock)


def packed(events: NDArray[np.void], sequence: int, clock: bool = False) -> bytes:
    """Return the bytes of a packet; ``events`` (n,) of EVENT, at most 65,535."""
    head = HEADER.pack(MAGIC, VERSION, int(clock), len(events), sequence % SEQUENCES)
    return head + np.ascontiguousarray(events, EVENT).tobytes()


def event_array(
    t: NDArray[np.int64], unit: NDArray[np.int32], shape: tuple[int, int, int]
) -> NDArray[np.void]:
    """Return events (n,) of EVENT from times and units of a sensor (polarities, height, width)."""
    out = np.empty(len(t), EVENT)
    out["p"], out["y"], out["x"] = np.unravel_index(unit.astype(np.int64), shape)
    out["t"] = t
    return out


def clock_at(t_us: int) -> NDArray[np.void]:
    """Return the one event of a clock packet."""
    out = np.zeros(1, EVENT)
    out["t"] = t_us
    return out
