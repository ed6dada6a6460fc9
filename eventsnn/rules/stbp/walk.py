"""Samples through a network and back, block by block.

A block is what threads take at once, each some samples that follow one another. Gradients of a
block are summed by columns, sample after sample: no bit depends on how many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from operator import call
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.data.images import Images
from eventsnn.rules.grid.fan import turned
from eventsnn.rules.stbp import backward, encode, forward
from eventsnn.rules.stbp.backward import PRINTED
from eventsnn.rules.stbp.plan import GridLane, GridPlan, LayerPlan, LayerRoom
from eventsnn.threads import in_threads

Arrays = list[NDArray[Any]]
Grade = Callable[[NDArray[np.float64], slice], NDArray[np.float64]]
"""Takes the rates of some samples and their places; returns derivatives by these rates."""


class CutEvents(NamedTuple):
    """Fields of recordings that ``encode.cut`` reads."""

    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    duration: NDArray[Any]


class GridSample(NamedTuple):
    """Samples to run.

    Attributes
    ----------
    data : EventBatch or Images
    order : int64 array (n,)
    keys : uint64 array (n,)
        Of what is drawn for images.
    step_us : int
    once : bool
    """

    data: Data
    order: NDArray[np.int64]
    keys: NDArray[np.uint64]
    step_us: int
    once: bool


class KernelWeights(NamedTuple):
    """What a spike adds of weights, as kernels read it.

    Attributes
    ----------
    forward : list of float arrays (n_weights,)
        In the order of joined runs.
    biases : list of float arrays (n,)
        Of every neuron.
    back : list of float arrays (n_weights,)
        As errors of the layer below ask for them; empty where nobody does.
    """

    forward: Arrays
    biases: Arrays
    back: Arrays


class GridCounts(NamedTuple):
    """What was counted: spikes (n_populations,), additions (forward, gradients, errors; n_layers).

    The errors of ``adds`` are multiply-adds.
    """

    spikes: NDArray[np.int64]
    adds: NDArray[np.int64]


def tally(plan: GridPlan) -> GridCounts:
    """Return counts of nothing."""
    n = len(plan.layers)
    return GridCounts(np.zeros(n + 1, np.int64), np.zeros((3, n), np.int64))


def added(total: GridCounts, counts: list[GridCounts]) -> None:
    """Add counts to a total, in place."""
    for count in counts:
        for into, some in zip(total, count, strict=True):
            into += some


def weighed(plan: GridPlan, weights: Arrays, biases: Arrays, back: bool = True) -> KernelWeights:
    """Return weights, of any shape, as kernels read them; no ``biases`` are zeros."""
    found = KernelWeights([], [], [])
    for k, (layer, w) in enumerate(zip(plan.layers, weights, strict=True)):
        flat = np.ascontiguousarray(w, plan.real).reshape(-1)
        flat = flat * plan.real(layer.share) if layer.share != 1 else flat
        bundles = layer.bundles if back else None
        length, n = layer.runs.length, layer.size
        bias = np.asarray(biases[k] if biases else np.zeros(length), plan.real)
        found.forward.append(layer.joined.ordered(flat))
        found.biases.append(np.tile(bias, n // length))
        if bundles and plan.walk != "records":
            flat = turned(flat, bundles, length)
        found.back.append(flat if bundles else flat[:0])
    return found


def encoded(lane: GridLane, sample: GridSample, part: slice, learns: bool) -> None:
    """Write the input's spikes of some samples into a lane, unit by unit if it ``learns``."""
    order, plan, many = sample.order[part], lane.plan, part.stop - part.start
    sent, units = _first(lane.sent, many), _first(lane.units, many)
    if isinstance(sample.data, Images):
        lane.grow(plan.n_in * plan.steps)
        sent, units = _first(lane.sent, many), _first(lane.units, many)
        pixels = sample.data.images.reshape(len(sample.data), -1)
        encode.draw(pixels, order, sample.keys[part], sent, lane.lit)
        if learns:
            encode.by_unit(sent, units)
        return
    data = sample.data
    lane.grow(int((data.start[order + 1] - data.start[order]).max(initial=0)))
    sent, units = _first(lane.sent, many), _first(lane.units, many)
    events = CutEvents(data.t, data.unit, data.start, data.duration)
    encode.cut(events, order, (plan.steps, sample.step_us), sample.once, units)
    encode.by_step(units, sent)


def run(lane: GridLane, by: KernelWeights, many: int, count: GridCounts) -> NDArray[np.float64]:
    """Run the first ``many`` samples of a lane; return the spikes of each output, (many, n)."""
    sent = _first(lane.sent, many)
    count.spikes[0] += int(sent.at[:, -1].sum())
    for k, (layer, room) in enumerate(zip(lane.plan.layers, lane.layers, strict=True)):
        u = room.u[:many]
        forward.drive(layer.joined, sent, by.forward[k], by.biases[k], u)
        count.adds[0, k] += _adds(layer, sent)
        sent = _first(room.sent, many)
        forward.sweep(u, layer.forward, (room.left, room.words, room.bytes), sent)
        count.spikes[k + 1] += int(sent.at[:, -1].sum())
    fired = [np.bincount(s.unit[i, : s.at[i, -1]], minlength=layer.size) for s in (sent,)
             for i in range(many)]  # fmt: skip
    return np.array(fired, np.float64).reshape(many, layer.size)


def walk_back(
    lane: GridLane, by: KernelWeights, by_rate: NDArray[np.float64], count: GridCounts
) -> None:
    """Walk the samples of a lane back, from the derivatives by the rates of the outputs."""
    plan, many = lane.plan, len(by_rate)
    rooms = [(room.u[:many], room.h[:many], room.e[:many]) for room in lane.layers]
    rooms[-1][2][:] = (by_rate / plan.steps)[:, None, :]
    threshold = [float(layer.forward[2]) for layer in plan.layers]
    plan.surrogate.fill(rooms[-1][0].reshape(-1), threshold[-1], rooms[-1][1].reshape(-1))
    for k in reversed(range(len(plan.layers))):
        layer, room, (u, h, e) = plan.layers[k], lane.layers[k], rooms[k]
        lif = (*layer.forward, *layer.slopes, plan.carried)
        backward.turn_back(u, h, e, room.left, lif)
        if layer.bundles is not None:
            below, slopes, errors = rooms[k - 1]
            plan.surrogate.fill(below.reshape(-1), threshold[k - 1], slopes.reshape(-1))
            args = layer.runs, layer.bundles, by.back[k], e, slopes, errors
            if plan.walk == "records":
                adds = backward.send_down_records(*args)
            else:
                adds = backward.send_down(*args, room.down)
            count.adds[2, k] += adds
        if plan.carried == PRINTED:
            backward.print_leak(u, e, layer.forward)
        sent = _first(lane.sent if k == 0 else lane.layers[k - 1].sent, many)
        count.adds[1, k] += _adds(layer, sent)
        if k:
            encode.by_unit(sent, _first(lane.layers[k - 1].units, many))


class PartWalked(NamedTuple):
    """What the gradients of some samples are made of.

    Attributes
    ----------
    below : list of UnitSpikes
        What each layer received.
    errors : list of float arrays (n_samples, steps, n)
        By the potentials of each layer.
    """

    below: list[encode.UnitSpikes]
    errors: Arrays


def walked(lane: GridLane, many: int) -> PartWalked:
    """Return what the first samples of a lane left; the lane holds it."""
    below: list[GridLane | LayerRoom] = [lane, *lane.layers[:-1]]
    return PartWalked(
        [_first(b.units, many) for b in below], [room.e[:many] for room in lane.layers]
    )


def add_gradients(
    plan: GridPlan,
    found: list[PartWalked],
    gradients: Arrays,
    biases: Arrays,
    how: tuple[Callable[[int], slice], int],
) -> None:
    """Add what was found, sample after sample, to flat gradients in the order of joined runs.

    ``how`` is which columns of so many are taken, and by how many threads; biases take all.
    """
    tasks, (columns, threads) = list[Callable[[], None]](), how
    for k, layer in enumerate(plan.layers):
        for span in _columns(columns(layer.runs.length), threads):
            tasks.append(partial(_add_columns, k, layer, found, (span, gradients[k])))
        if biases:
            tasks.append(partial(_add_biases, k, found, biases[k]))
    in_threads(call, tasks, threads)


def _add_columns(k: int, layer: LayerPlan, found: list[PartWalked], to: Any) -> None:
    for one in found:
        backward.add_rows(layer.joined, one.below[k], one.errors[k], *to)


def _add_biases(k: int, found: list[PartWalked], gradient: NDArray[Any]) -> None:
    for one in found:
        backward.add_biases(one.errors[k], gradient)


def _columns(own: slice, threads: int) -> list[tuple[int, int]]:
    """Return the columns that each task takes: of narrow layers all."""
    length = own.stop - own.start
    parts = min(threads, max(1, length // 16))
    edges = [own.start + length * k // parts for k in range(parts + 1)]
    return list(pairwise(edges))


def _first(spikes: Any, many: int) -> Any:
    return type(spikes)(*(array[:many] for array in spikes))


def _adds(layer: LayerPlan, sent: encode.SentSpikes) -> int:
    """Return the synaptic additions of some spikes."""
    if layer.runs.whole:
        return int(sent.at[:, -1].sum()) * layer.size
    synapses = layer.runs.synapses
    return sum(int(synapses[u[: a[-1]]].sum()) for a, u in zip(*sent, strict=True))
