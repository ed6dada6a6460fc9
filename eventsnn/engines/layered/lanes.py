"""Vector registers: how wide they are, and arrays that begin where one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.vector import LINE as LINE

TILE = 16
"""Inputs whose gradients are turned round in one go, from columns of a block to rows of weights."""


def aligned(
    n: int, dtype: Any, make: Callable[[int, Any], NDArray[Any]] = np.zeros
) -> NDArray[Any]:
    """Return n numbers that begin at a cache line: zeros, or with ``np.empty`` anything."""
    raw = make(n * np.dtype(dtype).itemsize + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + n * np.dtype(dtype).itemsize].view(dtype)
