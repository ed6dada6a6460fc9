"""Operations of a sample, counted layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.hm2bp.sample import SampleRunner

INPUT, SPIKES, FORWARD, INWARD, SWEPT, GATHERED, SIDE, DOWN, UPDATES, ROWS = range(10)
"""Rows of a tally.

Spikes of the input, in the first column, and of a layer; additions of weights at events from
below, and from itself; steps of the S-PSP sweep, one a neuron; rows of it added at events;
products of the side effect; products of errors that go down; weights changed.
"""


def count_forward(runner: SampleRunner, tally: NDArray[np.int64]) -> None:
    """Add what the samples took on the way forward that a runner saw."""
    below, own, fanned, _ = runner.seen.T
    tally[INPUT, 0] += below[0]
    tally[SPIKES] += own
    for k, layer in enumerate(runner.layers):
        tally[FORWARD, k] += fanned[k] * layer.length
        if layer.layer.recurrent or layer.layer.inhibition:
            tally[INWARD, k] += own[k] * layer.n_out


def count_learned(runner: SampleRunner, samples: int, tally: NDArray[np.int64]) -> None:
    """Add what they took on the way back, and what they changed."""
    _, _, fanned, active = runner.seen.T
    for k in range(runner.lowest, len(runner.layers)):
        layer = runner.layers[k]
        tally[SWEPT, k] += samples * layer.steps * layer.n_out
        tally[GATHERED, k] += fanned[k] * layer.length
        if layer.layer.learns:
            tally[SIDE, k] += active[k] * layer.length
            tally[UPDATES, k] += samples * layer.rows * layer.length
        if k > runner.lowest:
            tally[DOWN, k] += samples * len(layer.wires.place) * layer.length


def costs_of(tally: NDArray[np.int64], samples: int) -> dict[str, Any]:
    """Return means a sample learned, a number a layer each."""
    mean = tally / max(samples, 1)

    def row(*numbers: int) -> list[float]:
        return [float(n) for n in mean[list(numbers)].sum(0)]

    return {
        "spikes_per_recording": [row(INPUT)[0], *row(SPIKES)],
        "operations_per_recording": row(FORWARD, INWARD),
        "backward_operations_per_recording": row(GATHERED, SIDE, DOWN),
        "weight_updates_per_recording": row(UPDATES),
        "s_psp_steps_per_recording": row(SWEPT),
        "s_psp_additions_per_recording": row(GATHERED),
        "side_effect_per_recording": row(SIDE),
    }
