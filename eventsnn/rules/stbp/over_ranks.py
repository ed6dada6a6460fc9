"""Samples of a block that ranks share out: what each found goes to all, in the order of samples.

A rank adds the rows of its own targets alone, but at the spikes of all samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eventsnn.ranks.ranks import Message, Ranks
from eventsnn.rules.stbp import walk
from eventsnn.rules.stbp.encode import UnitSpikes
from eventsnn.rules.stbp.plan import GridPlan


def parts_of(plan: GridPlan, n: int, takers: int) -> list[list[slice]]:
    """Return the samples of a batch block by block, in each those of every taker, in order.

    Takers are the threads of all ranks.
    """
    each = min(plan.together, -(-n // takers))
    parts = [slice(k, min(k + each, n)) for k in range(0, n, each)]
    return [parts[k : k + takers] for k in range(0, len(parts), takers)]


def rates_of_all(ranks: Ranks, own: Sequence[NDArray[np.float64]], classes: int) -> walk.Arrays:
    """Return the rates of the samples of a block, an array (n, classes) a part."""
    if ranks.size == 1:
        return [*own]
    every = ranks.gathered([rates.reshape(-1) for rates in own])
    return [rates.reshape(-1, classes) for message in every for rates in message]


def found_by_all(
    ranks: Ranks, plan: GridPlan, own: Sequence[walk.PartWalked], counts: list[walk.GridCounts]
) -> tuple[list[walk.PartWalked], list[walk.GridCounts]]:
    """Return what was found in the samples of a block, and counted, part after part."""
    if ranks.size == 1:
        return [*own], counts
    message: Message = []
    for one, count in zip(own, counts, strict=True):
        message += _flat(plan, one)
        message += [count.spikes, count.adds.reshape(-1)]
    found, counted = list[walk.PartWalked](), list[walk.GridCounts]()
    each = 3 * len(plan.layers) + 2
    for arrays in ranks.gathered(message):
        for k in range(0, len(arrays), each):
            *some, spikes, adds = arrays[k : k + each]
            found.append(_shaped(plan, some))
            counted.append(walk.GridCounts(spikes, adds.reshape(3, -1)))
    return found, counted


def _flat(plan: GridPlan, found: walk.PartWalked) -> Message:
    """Return three arrays a layer: where spikes begin, the spikes, errors."""
    message: Message = []
    for (first, spikes), errors in zip(found.below, found.errors, strict=True):
        # A kernel reads a place behind the last spike.
        most = int(first[:, -1].max(initial=0)) + 1
        message += [first.reshape(-1), spikes[:, :most].reshape(-1), errors.reshape(-1)]
    return message


def _shaped(plan: GridPlan, arrays: Message) -> walk.PartWalked:
    """Return what ``_flat`` was given."""
    below: list[UnitSpikes] = []
    errors: walk.Arrays = []
    for k, layer in enumerate(plan.layers):
        first, spikes, by_potential = arrays[3 * k : 3 * k + 3]
        shaped = by_potential.reshape(-1, plan.steps, layer.size)
        rows = len(shaped), -1
        below.append(UnitSpikes(first.reshape(rows), spikes.reshape(rows)))
        errors.append(shaped)
    return walk.PartWalked(below, errors)
