"""What the reverse walk of a dense connection into spiking neurons costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.dense.backward import blocks_of
from eventsnn.engines.layered.layer import Cost, Passage
from eventsnn.engines.layered.walk import growth_by
from eventsnn.neurons.neuron import Neuron


def uncounted(neuron: Neuron) -> str | None:
    """Return why the walk into these neurons cannot be counted, None if it can."""
    membrane = neuron.membrane
    if membrane is None or not membrane.refractory_us:
        return None
    return (
        "its target has a refractory time; what the reverse walk costs then depends on its "
        "errors, not on spikes alone"
    )


def of_walk(work: Passage, ends: tuple[int, int], tau_us: float) -> Cost:
    """Count the walk of a piece; ``ends`` are the numbers of senders and targets."""
    n_in, n_out = ends
    came, jumps, length = work.came, work.spikes, growth_by(tau_us).length
    if jumps is None:
        raise TypeError("measure: a spiking layer is counted from its spikes")
    each = np.diff(jumps.start)
    walked = _walked(came, jumps, n_out, length)
    errors, decays = np.zeros(len(each), np.int64), walked.scaled * n_in
    walks = [came] if work.below else []
    for walk in [*walks, *([] if work.close is None else [work.close])]:
        errors += np.diff(walk.start) * n_out
        decays += _scaled_back(walk, jumps, length) * n_out
    return Cost(each, errors, each * n_in, walked.traces, decays)


class _Walked(NamedTuple):
    """Additions into traces, and how often traces were scaled back, a recording."""

    traces: NDArray[np.int64]
    scaled: NDArray[np.int64]


def _walked(came: Deliveries, jumps: Train, n_units: int, length: int) -> _Walked:
    """Count the traces: a block of neurons adds up the deliveries before its last jump."""
    n = len(came.start) - 1
    rows = np.repeat(np.arange(n), np.diff(jumps.start))
    adds, scaled = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for block in blocks_of(n_units):
        inside = (jumps.unit >= block.start) & (jumps.unit < block.stop)
        last = np.full(n, -1, np.int64)
        np.maximum.at(last, rows[inside], jumps.t[inside])
        for r in np.flatnonzero(last >= 0):
            here = came.t[came.start[r] : came.start[r + 1]]
            adds[r] += np.searchsorted(here, last[r], side="right")
        scaled += np.maximum(last, 0) // length
    return _Walked(adds, scaled)


def _scaled_back(came: Deliveries, jumps: Train, length: int) -> NDArray[np.int64]:
    """Count how often adjoints are scaled back, from the last jump to the first delivery."""
    n = len(came.start) - 1
    out = np.zeros(n, np.int64)
    some = np.flatnonzero((np.diff(came.start) > 0) & (np.diff(jumps.start) > 0))
    newest, oldest = jumps.t[jumps.start[some + 1] - 1], came.t[came.start[some]]
    out[some] = np.maximum(newest // length - oldest // length, 0)
    return out
