"""The way back through a block of a layer: S-PSP, side effect, errors below, gradient, update."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, kernel
from eventsnn.rules.hm2bp.forward import RunWires
from eventsnn.rules.hm2bp.gather import EventRows, gather_spsp
from eventsnn.rules.hm2bp.layers import SILENT_SIDE, SILENT_SPSP
from eventsnn.rules.hm2bp.spsp import Curves, Sweep
from eventsnn.rules.hm2bp.trains import Trains
from eventsnn.rules.hm2bp.update import regularise, update_rows

_LANES = 16
"""Partial sums of an error that goes down: one sum alone would wait for each of its additions."""


class SampleWay(NamedTuple):
    """A sample's way through a layer, as the way back reads it.

    Attributes
    ----------
    own, below : Trains
    rows : EventRows
        Of ``below``; of a dense layer ``list_pairs`` filled it.
    error : float32 array (n_out,)
        Derivatives of the loss by the counts.
    lateral : float32 array (n_out,)
        Lateral factors.
    """

    own: Trains
    below: Trains
    rows: EventRows
    error: NDArray[np.float32]
    lateral: NDArray[np.float32]


class LayerShape(NamedTuple):
    """What a layer is to the kernels.

    Attributes
    ----------
    wires : RunWires
    curves : Curves
    threshold, divisor : float32
    whole : bool
        Whether each neuron sees every row of weights.
    learns, ratio, side_effect, down : bool
        Weights change; the effect ratio goes down; the side effect counts; errors go down.
    """

    wires: RunWires
    curves: Curves
    threshold: np.float32
    divisor: np.float32
    whole: bool
    learns: bool
    ratio: bool
    side_effect: bool
    down: bool


class Desk(NamedTuple):
    """Room of a block; float32, a number a neuron place by place where nothing else is said.

    Attributes
    ----------
    sweep : Sweep
    e : float32 array (n_runs, width)
        S-PSP of each synapse whose sender spiked; of a dense layer, the gradient after that.
    gradient : float32 array (rows, width), or of no rows
        Of layers that are not dense.
    delta, factor, share, silent, side
        Errors; factors of S-PSP in the gradient; one over the spikes, 0 of silent ones; 1 of
        silent ones; kappa.
    below : float32 array (n_in,)
        The block's part of the derivatives by the counts below.
    lanes : float32 array
    """

    sweep: Sweep
    e: NDArray[np.float32]
    gradient: NDArray[np.float32]
    delta: NDArray[np.float32]
    factor: NDArray[np.float32]
    share: NDArray[np.float32]
    silent: NDArray[np.float32]
    side: NDArray[np.float32]
    below: NDArray[np.float32]
    lanes: NDArray[np.float32]


@kernel
def _look(passed: Any, shape: Any, columns: Any, desk: Any) -> None:
    """Note errors and counts of the block's neurons."""
    start = passed.own.start
    low, high, length = columns
    width, one, none = high - low, np.float32(1), np.float32(0)
    for k in range(len(desk.e[0]) * (len(passed.error) // length)):
        j = (k // width) * length + low + k % width
        n = start[j + 1] - start[j]
        desk.delta[k] = passed.error[j] / shape.divisor
        desk.factor[k] = desk.delta[k] * passed.lateral[j]
        desk.share[k] = one / np.float32(n) if n else none
        desk.silent[k] = none if n else one


@kernel
def _side_effect(passed: Any, shape: Any, learning: Any, columns: Any, desk: Any) -> None:
    """Sum w e / o of neurons that spiked, and half the weights of silent ones (eq. 17, 25)."""
    wires, start, side = shape.wires, passed.below.start, desk.side
    low, high, _ = columns
    width, sums = high - low, learning.sums[low:high]
    side[:] = 0
    for j in range(len(start) - 1):
        for r in range(wires.start[j], wires.start[j + 1] if start[j + 1] > start[j] else 0):
            first, row = wires.place[r] * width, desk.e[r]
            weight, into = learning.weights[wires.row[r], low:high], side[first : first + width]
            for i in range(width):
                into[i] += weight[i] * row[i]
    half = np.float32(SILENT_SIDE)
    for k in range(len(side)):
        side[k] *= desk.share[k]
    if shape.whole:
        for first in range(0, len(side) // width * width, width):
            into, silent = side[first : first + width], desk.silent[first : first + width]
            for i in range(width):
                into[i] += silent[i] * half * sums[i]
    else:
        for r in range(len(wires.place)):
            first, weight = wires.place[r] * width, learning.weights[wires.row[r], low:high]
            into, silent = side[first : first + width], desk.silent[first : first + width]
            for i in range(width):
                into[i] += silent[i] * half * weight[i]
    for k in range(len(side)):
        side[k] /= shape.threshold
        if shape.side_effect:
            desk.factor[k] *= np.float32(1) + side[k]


@inlined
def _add_products(lanes: Any, delta: Any, parts: Any, plain: bool, share: Any) -> None:
    """Add delta w r to the partial sums; ``parts``: (weights, e, silent)."""
    weight, e, silent = parts
    one, whole = np.float32(1), len(weight) // _LANES * _LANES
    for at in range(0, whole, _LANES):
        for q in range(_LANES):
            k = np.uint64(at + q)
            lanes[q] += delta[k] * weight[k] * (one if plain else e[k] * share + silent[k])
    for i in range(whole, len(weight)):
        lanes[i - whole] += delta[i] * weight[i] * (one if plain else e[i] * share + silent[i])


@kernel
def _go_down(passed: Any, shape: Any, weights: Any, columns: Any, desk: Any) -> None:
    """Sum delta w r over the block's neurons, for each sender (eq. 22, 25)."""
    wires, start, lanes = shape.wires, passed.below.start, desk.lanes
    low, high, _ = columns
    width = high - low
    one = np.float32(1)
    for j in range(len(start) - 1):
        n = start[j + 1] - start[j]
        plain, share = not shape.ratio or n == 0, one / np.float32(max(n, 1))
        lanes[:] = 0
        for r in range(wires.start[j], wires.start[j + 1]):
            first = wires.place[r] * width
            parts = weights[wires.row[r], low:high], desk.e[r], desk.silent[first : first + width]
            _add_products(lanes, desk.delta[first : first + width], parts, plain, share)
        total = np.float32(0)
        for i in range(_LANES):
            total += lanes[i]
        desk.below[j] = total


@kernel
def _gradient(passed: Any, shape: Any, columns: Any, desk: Any) -> None:
    """Sum factor e over places (eq. 23)."""
    wires, start = shape.wires, passed.below.start
    factor, silent, width = desk.factor, desk.silent, columns.high - columns.low
    dull = np.float32(SILENT_SPSP)
    desk.gradient[:] = 0
    for j in range(len(start) - 1):
        for r in range(wires.start[j], wires.start[j + 1] if start[j + 1] > start[j] else 0):
            first, row = wires.place[r] * width, desk.e[r]
            own, mute = factor[first : first + width], silent[first : first + width]
            into = desk.gradient[wires.row[r]]
            for i in range(width):
                into[i] += own[i] * (row[i] + dull * mute[i])


@kernel
def learn_block(passed: Any, shape: Any, held: Any, stepping: Any, columns: Any, desk: Any) -> None:
    """Go back through a block and change its weights.

    Parameters
    ----------
    passed : SampleWay
    shape : LayerShape
    held : (LearnedLayer, Columns)
        Weights, and which of their columns the block's are.
    stepping : Stepping
    columns : Columns
    desk : Desk
    """
    learning, own = held
    _look(passed, shape, columns, desk)
    dense = len(desk.gradient) == 0
    room = desk.sweep, passed.rows, desk.e
    gather_spsp(passed.own, passed.below, shape.wires, (shape.curves, columns, dense), room)
    if shape.down:
        _go_down(passed, shape, learning.weights, own, desk)
    if shape.learns:
        _side_effect(passed, shape, learning, own, desk)
        regularise(learning, stepping, own.low, own.high)
        gradient = desk.e if dense else desk.gradient
        if not dense:
            _gradient(passed, shape, columns, desk)
        found = gradient, desk.factor, desk.silent, dense
        update_rows(learning, found, passed.below.start, stepping, own)
