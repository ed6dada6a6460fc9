"""What came in and waits for the network: bounded, and every event that is lost is counted."""

from __future__ import annotations

import time
from collections import deque
from threading import Condition
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

POLICIES = ("wait", "oldest", "thin")
"""When it is full: the source waits; the oldest events go; every second one that waits goes."""


class Arrived(NamedTuple):
    """Events that came in together.

    Attributes
    ----------
    events : array (n,) of ``packet.EVENT``
    clock : bool
        The one event is a time before which nothing else comes.
    sender : int
    at : float
        When, in seconds of ``time.perf_counter``.
    """

    events: NDArray[np.void]
    clock: bool
    sender: int
    at: float


class Inbox:
    """A queue between a source and a session, each in its own thread.

    Parameters
    ----------
    room : int
        Most events that wait.
    policy : one of ``POLICIES``

    Attributes
    ----------
    dropped : int
        Events that were left out because there was no room.
    waiting : int
        Events that wait.
    """

    def __init__(self, room: int, policy: str) -> None:
        self.room, self.policy = room, policy
        self.dropped = self.waiting = 0
        self._arrived: deque[Arrived] = deque()
        self._condition, self._closed = Condition(), False

    def put(self, events: NDArray[np.void], clock: bool = False, sender: int = 0) -> None:
        """Add events, as the policy has it."""
        with self._condition:
            while (
                self.policy == "wait"
                and self.waiting
                and self.waiting + len(events) > self.room
                and not self._closed
            ):
                self._condition.wait()
            self._arrived.append(Arrived(events, clock, sender, time.perf_counter()))
            self.waiting += len(events)
            if self.policy != "wait" and self.waiting > self.room:
                self._make_room()
            self._condition.notify_all()

    def take(self, timeout_s: float) -> list[Arrived]:
        """Return all that waits; nothing after ``timeout_s`` without any, or at the end."""
        with self._condition:
            if not self._arrived and not self._closed:
                self._condition.wait(timeout_s)
            found = list(self._arrived)
            self._arrived.clear()
            self.waiting = 0
            self._condition.notify_all()
            return found

    def close(self) -> None:
        """Nothing more comes."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    @property
    def closed(self) -> bool:
        """Whether nothing more comes and nothing waits."""
        return self._closed and not self._arrived

    def _make_room(self) -> None:
        before = self._events()
        if self.policy == "oldest":
            while self.waiting > self.room and len(self._arrived) > 1:
                self.waiting -= len(self._arrived.popleft().events)
            if self.waiting > self.room:  # one packet is more than the room
                one = self._arrived.pop()
                self._arrived.append(one._replace(events=one.events[-self.room :]))
                self.waiting = self.room
        else:
            while self.waiting > self.room:
                halved = [a if a.clock else a._replace(events=a.events[::2]) for a in self._arrived]
                kept = sum(len(a.events) for a in halved)
                if kept == self.waiting:  # single events: the oldest go
                    halved, kept = halved[1:], kept - len(halved[0].events)
                self._arrived, self.waiting = deque(halved), kept
        self.dropped += before - self._events()

    def _events(self) -> int:
        """Return the events that wait; a clock is none, though it takes room."""
        return sum(len(one.events) for one in self._arrived if not one.clock)
