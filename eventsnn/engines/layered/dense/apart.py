"""Where the neurons of a dense block stand in each of several recordings that run in turns."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel


class Apart(NamedTuple):
    """Where the neurons of a block stand in each recording: as in ``Block``, a row a recording.

    ``v`` is (n_recordings, width), ``ready`` of that shape, ``held`` (n_recordings, n_words).
    """

    v: NDArray[Any]
    ready: NDArray[np.int64]
    held: NDArray[np.uint64]

    @classmethod
    def rest(cls, recordings: int, width: int, dtype: Any) -> Apart:
        """Return all recordings at rest."""
        words = -(-width // 64)
        ready, held = np.full((recordings, width), -1), np.zeros((recordings, words), np.uint64)
        return cls(np.zeros((recordings, width), dtype), ready, held)

    @classmethod
    @cache
    def none(cls, dtype: Any) -> Apart:
        """Return no recordings."""
        return cls.rest(0, 0, dtype)


@kernel
def fetch(block, r, old, refractory):  # type: ignore[no-untyped-def]
    """Bring a block to where recording ``r`` stands; its potentials into half ``old``."""
    width = np.uint64(len(block.ready))
    for k in range(len(block.ready)):
        block.v[old * width + np.uint64(k)] = block.apart.v[r, k]
    if refractory == 0:
        return
    for k in range(len(block.ready)):
        block.ready[k] = block.apart.ready[r, k]
    for k in range(len(block.held)):
        block.held[k] = block.apart.held[r, k]


@kernel
def leave(block, r, old, refractory):  # type: ignore[no-untyped-def]
    """Note where recording ``r`` stands."""
    width = np.uint64(len(block.ready))
    for k in range(len(block.ready)):
        block.apart.v[r, k] = block.v[old * width + np.uint64(k)]
    if refractory == 0:
        return
    for k in range(len(block.ready)):
        block.apart.ready[r, k] = block.ready[k]
    for k in range(len(block.held)):
        block.apart.held[r, k] = block.held[k]
