"""Datagrams of events: ``udp://HOST:PORT``."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from eventsnn.errors import UserError
from eventsnn.live.packet import SEQUENCES, unpacked
from eventsnn.live.sources.source import Burst, Source, SourceOptions
from eventsnn.text import named

_BUFFER = 1 << 22
_WAIT_S = 0.2
_LARGEST = 1 << 16
_REMEMBERED = 1024
"""Sequence numbers that are known again: of packets that come twice, or late."""
_SENDERS = 64
"""Addresses that are; of more, the first is forgotten."""


class Sender:
    """The sequence numbers of one address.

    Attributes
    ----------
    number : int
        Of the address, in the order in which they came.
    lost : int
        Numbers that never came, so far.
    """

    def __init__(self, number: int, first: int) -> None:
        self.number, self.lost, self._next = number, 0, first
        self._missing: dict[int, None] = {}

    def fresh(self, sequence: int) -> bool:
        """Return whether a packet did not come before, and note those that are missing."""
        ahead = (sequence - self._next) % SEQUENCES
        if ahead >= SEQUENCES // 2:  # an earlier one
            if sequence not in self._missing:
                return False
            del self._missing[sequence]
            self.lost -= 1
            return True
        self.lost += ahead
        for k in range(max(0, ahead - _REMEMBERED), ahead):
            self._missing[(self._next + k) % SEQUENCES] = None
        while len(self._missing) > _REMEMBERED:
            del self._missing[next(iter(self._missing))]
        self._next = (sequence + 1) % SEQUENCES
        return True


class UdpSource(Source):
    """Listens on one address; each datagram is one packet of ``live.packet``.

    ``malformed`` datagrams are counted and ignored, as are ``repeated`` ones; ``lost`` are
    the numbers that never came (they may still come: then they count no more). Each address
    that sends counts for itself: a sender that begins anew, on another port, is another one.
    """

    kind = "udp"
    form = "udp://HOST:PORT"
    policy = "oldest"

    def __init__(self, listening: socket.socket) -> None:
        self.socket = listening
        self.counts = {"malformed": 0, "repeated": 0, "lost": 0}
        self._senders: dict[Any, Sender] = {}
        self._seen = 0

    @classmethod
    def open(cls, where: str, options: SourceOptions) -> UdpSource:
        """Listen on ``//HOST:PORT``."""
        host, port = address(where, "source udp")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            listening = socket.socket(*found[:3])
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            listening.settimeout(_WAIT_S)
            listening.bind(found[4])
        except OSError as error:
            raise UserError(
                f"source udp://{host}:{port}: {error.strerror or error}; give a free port of "
                "this machine, such as udp://127.0.0.1:7777"
            ) from error
        return cls(listening)

    @property
    def port(self) -> int:
        """The port that it listens on: of port 0 the system chooses one."""
        return int(self.socket.getsockname()[1])

    def pieces(self) -> Iterator[Burst | None]:
        """Go through the packets as they come."""
        while True:
            try:
                data, sender = self.socket.recvfrom(_LARGEST)
            except TimeoutError:
                yield None
                continue
            except OSError:  # it was closed
                return
            packet = unpacked(data)
            if packet is None:
                self.counts["malformed"] += 1
            elif self._fresh(sender, packet.sequence):
                yield Burst(packet.events, packet.clock, self._senders[sender].number)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def _fresh(self, sender: Any, sequence: int) -> bool:
        """Return whether a packet of a sender did not come before, and count."""
        if sender not in self._senders:
            self._senders[sender] = Sender(self._seen, sequence)
            self._seen += 1
        if len(self._senders) > _SENDERS:
            del self._senders[next(iter(self._senders))]
        known = self._senders[sender]
        before = known.lost
        fresh = known.fresh(sequence)
        self.counts["lost"] += known.lost - before
        self.counts["repeated"] += not fresh
        return fresh


def address(where: str, what: str) -> tuple[str, int]:
    """Return host and port of ``//HOST:PORT``; UserError where it is none."""
    host, colon, port = where.removeprefix("//").rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UserError(
            f"{what}: {named(where)}; give udp://HOST:PORT, such as udp://127.0.0.1:7777"
        )
    return host.strip("[]"), int(port)
