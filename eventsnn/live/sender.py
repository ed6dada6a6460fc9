"""Send a recording as datagrams, at its own pace or faster."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import numpy as np

from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.live.packet import clock_at, event_array, packed
from eventsnn.live.sources.udp import address

A_PACKET = 100
"""Events of a datagram: it fits into one frame of a network (1,500 bytes)."""

_STEP_US = 1000


def send(
    stream: EventStream,
    to: str,
    *,
    speed: float = 1.0,
    each: int = A_PACKET,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Send the events of a recording to ``udp://HOST:PORT``; return the number of datagrams.

    Parameters
    ----------
    stream : EventStream
    to : str
        ``udp://HOST:PORT``, where ``eventsnn live`` listens.
    speed : float
        1 at the pace of its times, 2 twice as fast, 0 without a pause.
    each : int
        Most events of a datagram.
    stopped : callable, optional
        Asked between datagrams whether to end.

    Raises
    ------
    UserError
        For an address that is none, or that cannot be sent to.
    """
    kind, _, rest = to.partition(":")
    if kind != "udp":
        raise UserError(f"send: {to}; give udp://HOST:PORT")
    host, port = address(rest, "send")
    if not 0 <= speed < float("inf"):
        raise UserError(f"send: speed is {speed}; give a number of at least 0")
    events = event_array(stream.t, stream.unit, stream.shape)
    cuts = np.flatnonzero(np.diff(stream.t // _STEP_US)) + 1
    sequence, began = 0, time.perf_counter()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(*found[:3]) as out:
            out.connect(found[4])
            for part in np.split(events, cuts):
                if speed and len(part):
                    due = began + (int(part["t"][0]) - int(stream.t[0])) * 1e-6 / speed
                    time.sleep(max(0.0, due - time.perf_counter()))
                for first in range(0, len(part), each):
                    if stopped():
                        return sequence
                    out.send(packed(part[first : first + each], sequence))
                    sequence += 1
            out.send(packed(clock_at(stream.duration), sequence, clock=True))
    except OSError as error:
        raise UserError(f"send: {to}: {error.strerror or error}; is anybody listening?") from error
    return sequence + 1
