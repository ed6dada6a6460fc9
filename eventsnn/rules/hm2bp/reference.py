"""HM2-BP in plain numpy, float64: the definition (Jin, Zhang & Li, NeurIPS 2018).

Trains are bool arrays (n, T). Numbers of equations are those of the paper; the constants for
silent neurons, the revival and the dead zone are those of the authors' program.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.hm2bp.layers import (
    SILENT_RATIO,
    SILENT_SIDE,
    SILENT_SPSP,
    WEIGHT_SCALE,
    GridLayer,
    Steps,
)
from eventsnn.topology.topology import Topology

Floats = NDArray[np.float64]
Spiking = NDArray[np.bool_]
"""Trains, bool (n, T)."""


class SynapseList(NamedTuple):
    """All synapses of a connection, one after another: sender, target, place of the weight."""

    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    weight: NDArray[np.int64]


class Grading(NamedTuple):
    """How outputs are graded.

    Attributes
    ----------
    target, others : float
        Spikes wanted of the true class and of the others.
    margin : float
        Differences up to it are no error.
    side_effect, lateral_factor : bool
        False leaves the factor out.
    """

    target: float = 35.0
    others: float = 5.0
    margin: float = 5.0
    side_effect: bool = True
    lateral_factor: bool = True


def synapses_of(topology: Topology) -> SynapseList:
    """List the synapses, sender by sender."""
    found = [topology.fan_out(j) for j in range(topology.n_in)]
    pre = np.repeat(np.arange(topology.n_in), [len(posts) for posts, _ in found])
    posts, weights = (np.concatenate([pair[k] for pair in found]) for k in (0, 1))
    return SynapseList(pre, posts, weights)


def run(layer: GridLayer, weights: Floats, x: Spiking, inward: Floats | None = None) -> Spiking:
    """Run a layer over the trains of the layer below; spec: ``neurons/stepped_lif.py``."""
    keep, decay, gain, limit = layer.neuron.constants
    synapses, flat = synapses_of(layer.topology), np.asarray(weights, np.float64).reshape(-1)
    n, steps = layer.topology.n_out, x.shape[1]
    v, current, held = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    y = np.zeros((n, steps), np.bool_)
    for t in range(1, steps):
        v, current = v * keep, current * decay
        on = x[synapses.pre, t - 1]
        current += np.bincount(synapses.post[on], flat[synapses.weight[on]], n)
        if inward is not None:
            current += y[:, t - 1] @ np.asarray(inward, np.float64)
        v += current * gain
        v[held > 0] = 0.0
        held[held > 0] -= 1
        y[:, t] = v > limit
        v[y[:, t]], held[y[:, t]] = 0.0, int(layer.neuron.refractory_steps)
    return y


def spsp_table(y: Spiking, steps: Steps) -> Floats:
    """Return K (n, T): the S-PSP of one input spike at each step on each neuron (eq. 8, 9)."""
    mem, syn, lag, window = steps
    table, t = np.zeros(y.shape), np.arange(y.shape[1])
    for i, train in enumerate(y):
        last_reset = 1
        for fired in np.flatnonzero(train).tolist():
            since = fired - last_reset
            n = fired - t - lag
            within = np.minimum(n, since)
            psp = (np.exp(-within / mem) - np.exp(-within / syn)) / (1 - syn / mem)
            valid = (t >= max(1, fired - window)) & (n >= 0)
            table[i] += np.where(valid, np.exp(-np.maximum(n - since, 0) / syn) * psp, 0.0)
            last_reset = fired + lag
    return table


def spsp(synapses: SynapseList, x: Spiking, y: Spiking, steps: Steps) -> Floats:
    """Return e of every synapse (eq. 9)."""
    table, e = spsp_table(y, steps), np.empty(len(synapses.pre))
    for first in range(0, len(e), 4096):
        part = slice(first, first + 4096)
        e[part] = (table[synapses.post[part]] * x[synapses.pre[part]]).sum(1)
    o_post, o_pre = y.sum(1)[synapses.post], x.sum(1)[synapses.pre]
    e[(o_post == 0) & (o_pre > 0)] = SILENT_SPSP
    return e


def graded(
    y: Spiking, label: int, weight: float, layer: GridLayer, how: Grading
) -> tuple[Floats, Floats, Spiking, float]:
    """Grade the outputs (eq. 1): errors, lateral factors, trains to go back from, cost.

    A silent true class fires at regular steps for the rest of the way back.
    """
    counts = y.sum(1).astype(np.float64)
    wanted = np.full(len(y), how.others)
    wanted[label] = how.target
    error = np.where(np.abs(counts - wanted) > how.margin, counts - wanted, 0.0) * weight
    lateral = np.ones(len(y))
    if layer.inhibition and how.lateral_factor:
        lateral = lateral_factors(y, label, layer)
    if not counts[label]:
        y, every = y.copy(), int(y.shape[1] // how.target)
        y[label, every::every] = True
    off = y.sum(1) - wanted
    cost = float((off[np.abs(off) > how.margin] ** 2).sum())
    return error, lateral, y, cost


def lateral_factors(y: Spiking, label: int, layer: GridLayer) -> Floats:
    """Return what each output's own count adds to itself by way of one other output."""
    n, counts = len(y), y.sum(1)
    sender, target = (a.reshape(-1) for a in np.indices((n, n)))
    pairs = SynapseList(sender, target, np.arange(n * n))
    e = spsp(pairs, y, y, layer.steps).reshape(n, n)  # [sender, target]
    silent = (counts[:, None] == 0) | (counts[None, :] == 0)
    ratio = np.where(silent, 1.0, e / np.maximum(counts, 1)[:, None])
    active = ((counts > 0) | (np.arange(n) == label)) / layer.neuron.threshold
    pair = ratio * ratio.T * active[None, :]
    np.fill_diagonal(pair, 0.0)
    back: Floats = layer.inhibition**2 * pair.sum(1) * active
    return 1 / (1 - back)


class LayerBack(NamedTuple):
    """What the way back through a layer found.

    Attributes
    ----------
    e : float64 array (n_synapses,)
    side : float64 array (n_out,)
        kappa.
    gradient : float64 array, of the shape of the weights
    below : float64 array (n_in,)
        Derivatives by the counts of the layer below.
    """

    e: Floats
    side: Floats
    gradient: Floats
    below: Floats


def backward(
    layer: GridLayer,
    weights: Floats,
    trains: tuple[Spiking, Spiking],
    error: Floats,
    lateral: Floats | None = None,
    side_effect: bool = True,
) -> LayerBack:
    """Go back through a layer; ``trains`` are those below and its own (eq. 15, 17, 22, 23, 25)."""
    synapses, (x, y) = synapses_of(layer.topology), trains
    pre, post, place = synapses
    flat = np.asarray(weights, np.float64).reshape(-1)
    o_in, o_out = x.sum(1)[pre], y.sum(1)[post]
    e, n = spsp(synapses, x, y, layer.steps), layer.topology.n_out
    delta = error / layer.divisor
    ratio = np.full(len(e), SILENT_RATIO)
    if layer.ratio:
        both = (o_in > 0) & (o_out > 0)
        ratio[both] = e[both] / o_in[both]
    n_in = layer.topology.n_in
    below = np.bincount(pre, delta[post] * flat[place] * ratio, n_in).astype(np.float64)
    own = np.where(o_out > 0, e / np.maximum(o_out, 1), SILENT_SIDE)
    side = np.bincount(post, flat[place] * own, n).astype(np.float64) / layer.neuron.threshold
    factor = delta * (1 + side * side_effect) * (1.0 if lateral is None else lateral)
    gradient = np.bincount(place, factor[post] * e, flat.size).astype(np.float64)
    return LayerBack(e, side, gradient.reshape(layer.weight_shape), below)


def regulariser(weights: Floats, strength: float, beta: float) -> Floats:
    """Return the gradient of the weight regulariser; the mean is over a neuron's senders."""
    scaled = np.asarray(weights, np.float64) / WEIGHT_SCALE
    found: Floats = strength * beta * scaled * np.exp(beta * ((scaled**2).mean(0) - 1))
    return found


def adam(
    weights: Floats, gradient: Floats, moments: tuple[Floats, Floats], step: int, rate: float
) -> tuple[Floats, tuple[Floats, Floats]]:
    """Make step number ``step``, from 1, of Adam (Kingma & Ba 2015)."""
    mean = 0.9 * moments[0] + 0.1 * gradient
    square = 0.999 * moments[1] + 0.001 * gradient**2
    move = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights - rate * move, (mean, square)


def boosted(
    weights: Floats, labels: NDArray[np.int64], wrong: NDArray[np.bool_], seen: Any = slice(None)
) -> Floats:
    """Return sample weights after an epoch: wrong ones grow by the error of their class."""
    out = weights.copy()
    for label in np.unique(labels[seen]):
        own = np.zeros(len(labels), np.bool_)
        own[seen] = labels[seen] == label
        share = weights[own & wrong].sum() / weights[own].sum()
        out[own & wrong] *= np.exp(share / 20)
    return out
