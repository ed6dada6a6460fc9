"""Vector registers: how wide they are, and arrays that begin where one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE = 64
"""Bytes of a vector register, and of a cache line."""


def aligned(
    n: int, dtype: Any, make: Callable[[int, Any], NDArray[Any]] = np.zeros
) -> NDArray[Any]:
    """Return n numbers that begin at a cache line: zeros, or with ``np.empty`` anything."""
    raw = make(n * np.dtype(dtype).itemsize + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + n * np.dtype(dtype).itemsize].view(dtype)
