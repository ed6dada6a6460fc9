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
    """Add what the sample in a runner took on the way forward."""
    tally[INPUT, 0] += runner.input.spikes
    for k, layer in enumerate(runner.layers):
        tally[SPIKES, k] += runner.trains[k + 1].spikes
        tally[FORWARD, k] += fanned(runner, k)
        if layer.layer.recurrent or layer.layer.inhibition:
            tally[INWARD, k] += runner.trains[k + 1].spikes * layer.n_out


def count_learned(runner: SampleRunner, tally: NDArray[np.int64]) -> None:
    """Add what it took on the way back, and what it changed."""
    for k in range(runner.lowest, len(runner.layers)):
        layer = runner.layers[k]
        tally[SWEPT, k] += layer.steps * layer.n_out
        tally[GATHERED, k] += fanned(runner, k)
        if layer.layer.learns:
            tally[SIDE, k] += _active(runner, k)
            tally[UPDATES, k] += layer.rows * layer.length
        if k > runner.lowest:
            tally[DOWN, k] += len(layer.wires.place) * layer.length


def fanned(runner: SampleRunner, k: int) -> int:
    """Return the synapses that the spikes below layer k went through."""
    layer, below = runner.layers[k], runner.trains[k]
    # Spikes at the last step reach nobody.
    late = below.unit[below.first[-2] : below.first[-1]]
    if layer.dense:
        return (below.spikes - len(late)) * layer.length
    fans = np.diff(layer.wires.start)
    return int((below.counts @ fans - fans[late].sum()) * layer.length)


def _active(runner: SampleRunner, k: int) -> int:
    """Return the synapses whose sender spiked."""
    layer, counts = runner.layers[k], runner.trains[k].counts
    if layer.dense:
        return int(np.count_nonzero(counts)) * layer.length
    return int((counts > 0) @ np.diff(layer.wires.start)) * layer.length


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
