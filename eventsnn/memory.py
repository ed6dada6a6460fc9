"""What fits into memory: asked before something large is made, not found out afterwards."""

from __future__ import annotations

import os
from functools import cache

from eventsnn.errors import UserError

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SMALLEST = 1 << 28


@cache
def room_bytes() -> int:
    """Return the memory of this machine, or of the container that this process is in, in bytes."""
    room = _physical_bytes()
    for path in _LIMITS:
        try:
            with open(path, encoding="ascii") as file:  # noqa: PTH123 - no path of a user
                limit = file.read().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if limit.isdigit():
            room = min(room, int(limit))
    return max(room, _SMALLEST)


def check_room(n_bytes: int, what: str, kind: type[UserError] = UserError) -> None:
    """Refuse what would not fit into memory.

    Parameters
    ----------
    n_bytes : int
        Bytes that are about to be allocated; any size, also beyond 64 bits.
    what : str
        What needs them and what makes them so many: the message begins with it.
    kind : type of UserError
        The error that is raised.
    """
    if n_bytes > room_bytes():
        raise kind(
            f"{what} needs {_said(n_bytes)} of memory, this machine has {_said(room_bytes())}; "
            "make it smaller"
        )


def _said(n_bytes: int) -> str:
    """Return a size as people read it: 3 MiB, 730 GiB, 1.2e+30 GiB."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n_bytes >= size:
            count = n_bytes // size
            return f"{count} {unit}" if count < 10**9 else f"more than 10^9 {unit}"
    return f"{n_bytes} bytes"


def _physical_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        # Not told on this system: refuse only what no machine of today holds.
        return 1 << 42
