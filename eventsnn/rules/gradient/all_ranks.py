"""What ranks know together of a batch that they share out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.ranks.ranks import Ranks
from eventsnn.rules.gradient.chunk import Chunk, Trace


def together(ranks: Ranks, trace: Trace) -> Trace:
    """Return outputs of the recordings of all ranks, and all of their spikes."""
    if ranks.size == 1:
        return trace
    outputs, sizes = trace.outputs, [len(spoke) for spoke in trace.spoke]
    message = [np.ascontiguousarray(outputs).reshape(-1), np.concatenate(trace.spoke)]
    found = ranks.gathered(message)
    every = np.concatenate([one[0] for one in found]).reshape(-1, outputs.shape[1])
    spoke = np.sum([one[1] for one in found], 0, dtype=np.int64)
    return Trace(every, np.split(spoke, np.cumsum(sizes[:-1])), trace.record)


def probabilities(ranks: Ranks, chunk: Chunk, classes: int, threads: int) -> NDArray[np.float64]:
    """Return what teachers say of the recordings of all ranks, float64 (n, classes)."""
    own = np.zeros((0, classes))
    if chunk.teaching is not None and len(chunk.batch):
        own = chunk.teaching.probabilities(chunk.batch, threads)
    if ranks.size == 1:
        return own
    found = ranks.gathered([np.ascontiguousarray(own, np.float64).reshape(-1)])
    return np.concatenate([one[0] for one in found]).reshape(-1, classes)
