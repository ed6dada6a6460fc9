"""Numbers that follow from words alone: the same in every process, version and order of work."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def hashed(*words: Any) -> int:
    """Return a whole number below 2^53 that follows from words and numbers.

    Examples
    --------
    >>> hashed("a study", 7, "seed") == hashed("a study", 7, "seed") != hashed("a study", 8, "seed")
    True
    """
    digest = hashlib.sha256(json.dumps(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def share(*words: Any) -> float:
    """Return a number from 0 to below 1, all equally likely, that follows from words."""
    return hashed(*words) / (1 << 53)
