"""The way back of the rule in plain Python: the definition of ``learning.py``."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import NamedTuple

from eventsnn.rules.lee2016.reference import LayerSynapses, Reference

STEEPEST = 20.0
"""Largest exponent of the cost of weights."""

LEAST = 0.5
"""Share of its weights that a neuron keeps at least, whatever they cost."""

SMALLEST = 2.0**-10
"""Scale below which the weights of a neuron are multiplied by it."""

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Of Adam."""

NOTHING = 1e-30
"""Moments of Adam that are not larger are 0; so small numbers take a processor a hundred times as
long."""


class StepRates(NamedTuple):
    """Numbers of an epoch.

    Attributes
    ----------
    weight, threshold : float
        Learning rates.
    cost, slope : float
        lambda and beta of equation (15).
    sigma : float
    normalise, share_error : bool
    """

    weight: float
    threshold: float
    cost: float
    slope: float
    sigma: float
    normalise: bool = True
    share_error: bool = True


def total(values: list[float]) -> float:
    """Add in the order of the list (``sum`` compensates since Python 3.12)."""
    return list(accumulate(values, initial=0.0))[-1]


def errors(net: Reference, label: int, rates: StepRates) -> list[list[float]]:
    """Return the error of each unit, a population each (the input has none), equation (12)."""
    last = len(net.synapses)
    found: list[list[float]] = [[] for _ in net.units]
    found[last] = _output_errors(net, label, rates)
    for p in range(last - 1, 0, -1):
        found[p] = _hidden_errors(net, p, found[p + 1], rates)
    return found


def _output_errors(net: Reference, label: int, rates: StepRates) -> list[float]:
    count, own = net.units[-1].count, net.synapses[-1]
    most = max(count)
    e = [(n / most if most else 0.0) - (i == label) for i, n in enumerate(count)]
    wrong = len([x for x in e if x != 0])
    if rates.share_error and wrong:
        e = [x / math.sqrt(wrong) for x in e]
    gains = [1.0 / v for v in own.threshold]
    mean = math.sqrt(total([g * g for g in gains]) / len(gains))
    return [(g / mean if rates.normalise else g) * x for g, x in zip(gains, e, strict=True)]


def _hidden_errors(net: Reference, p: int, above: list[float], rates: StepRates) -> list[float]:
    units, own, up = net.units[p], net.synapses[p - 1], net.synapses[p]
    found, maps, size = [0.0] * len(units.v), len(own.threshold), len(up.scale)
    if not units.active:
        return found
    gains = {i: 1.0 / own.threshold[i % maps] for i in units.active}
    mean = math.sqrt(total([gains[i] * gains[i] for i in units.active]) / len(units.active))
    wide = math.sqrt(len(units.v) / len(units.active))
    for i in units.active:
        back = 0.0
        for run in net.runs[p][i]:
            for c in range(size):
                back += up.weight[run.weight + c] * (up.scale[c] * above[run.target + c])
        found[i] = gains[i] / mean * wide * back if rates.normalise else gains[i] * back
    return found


class Shares(NamedTuple):
    """Factors of equation (13) on the updates of weights and of thresholds."""

    weight: float
    threshold: float


def _shares(net: Reference, layer: int, rates: StepRates) -> Shares:
    """Return sqrt(N / m) and sqrt(N / (m M)); m is the mean of active synapses a neuron."""
    below, own = net.units[layer], net.synapses[layer]
    if not rates.normalise or not below.active:
        return Shares(1.0, 1.0)
    fan_in = len(own.weight) // len(own.scale)
    m = fan_in * len(below.active) / len(below.v)
    n = len(net.units[layer + 1].v)
    return Shares(math.sqrt(n / m), math.sqrt(n / (m * fan_in)))


def inhibited_traces(net: Reference, p: int, end: float, sigma: float) -> list[float]:
    """Return a_i - sigma sum of kappa a_j of each neuron at ``end``, equation (9)."""
    a, size, sums = net.traces(p, end), net.groups[p - 1], dict[int, float]()
    strength = sigma * net.neurons[p - 1].inhibition
    for i in net.units[p].active:
        sums[i // size] = sums.get(i // size, 0.0) + a[i]
    return [own - strength * (sums.get(i // size, 0.0) - own) for i, own in enumerate(a)]


def costs(own: LayerSynapses, rates: StepRates) -> list[float]:
    """Return beta lambda exp(beta (sum of squares - 1)) of each map, equation (15)."""
    out = []
    for scale, square in zip(own.scale, own.square, strict=True):
        steep = rates.slope * (scale * scale * square - 1.0)
        out.append(rates.slope * rates.cost * math.exp(min(steep, STEEPEST)))
    return out


def learn(net: Reference, label: int, end: float, rates: StepRates) -> None:
    """Update what the presentation that ends at ``end`` teaches, by plain gradient descent."""
    found = errors(net, label, rates)
    for layer, learned in enumerate(net.learned):
        if not learned:
            continue
        if layer + 1 < len(net.synapses):
            _shrink(net.synapses[layer], rates)
        _descend(net, layer, found[layer + 1], end, rates)
        _move_thresholds(net, layer, found[layer + 1], end, rates)


def _shrink(own: LayerSynapses, rates: StepRates) -> None:
    """Let the weights of every neuron of a hidden layer decay."""
    for c, cost in enumerate(costs(own, rates)):
        own.scale[c] *= max(1.0 - rates.weight * cost, LEAST)
        if own.scale[c] < SMALLEST:
            maps = len(own.scale)
            own.square[c] *= own.scale[c] * own.scale[c]
            for k in range(c, len(own.weight), maps):
                own.weight[k] *= own.scale[c]
            own.scale[c] = 1.0


def _descend(net: Reference, layer: int, error: list[float], end: float, rates: StepRates) -> None:
    """Move the weights of active synapses, equation (13)."""
    own, size, x = net.synapses[layer], net.groups[layer], net.traces(layer, end)
    rate = rates.weight * _shares(net, layer, rates).weight
    for sender in net.units[layer].active:
        for run in net.runs[layer][sender]:
            for c in range(size):
                step = -(rate * error[run.target + c]) / own.scale[c] * x[sender]
                w = own.weight[run.weight + c]
                own.weight[run.weight + c] = w + step
                own.square[c] += step * (w + w + step)


def threshold_steps(
    net: Reference, layer: int, error: list[float], end: float, rates: StepRates
) -> list[tuple[int, float]]:
    """Return (map, step before the rate) of each neuron that learns: active ones, all outputs."""
    share = _shares(net, layer, rates).threshold
    traces = inhibited_traces(net, layer + 1, end, rates.sigma)
    units, size = net.units[layer + 1], net.groups[layer]
    learning = units.active if layer + 1 < len(net.synapses) else range(len(units.v))
    return [(i % size, share * error[i] * traces[i]) for i in learning]


def _move_thresholds(
    net: Reference, layer: int, error: list[float], end: float, rates: StepRates
) -> None:
    own = net.synapses[layer]
    for c, step in threshold_steps(net, layer, error, end, rates):
        own.threshold[c] = max(own.threshold[c] + rates.threshold * step, own.floor)


class Moments:
    """Means and mean squares of the gradients of a layer, for Adam."""

    def __init__(self, own: LayerSynapses) -> None:
        self.weight = [[0.0] * len(own.weight) for _ in range(2)]
        self.threshold = [[0.0] * len(own.threshold) for _ in range(2)]


def learn_by_adam(
    net: Reference, label: int, end: float, rates: StepRates, state: tuple[list[Moments], int]
) -> None:
    """Update by Adam; ``state`` has the moments of each layer, and the number of the update.

    What weights cost is no part of the gradient that Adam takes: it would move a weight that
    nothing else moves as fast as any other.
    """
    found, (moments, step) = errors(net, label, rates), state
    fixes = 1.0 / (1.0 - BETA1**step), 1.0 / (1.0 - BETA2**step)
    for layer, learned in enumerate(net.learned):
        if not learned:
            continue
        own, error = net.synapses[layer], found[layer + 1]
        gradient = _gradient(net, layer, error, end, rates)
        if layer + 1 < len(net.synapses):
            kept = [max(1.0 - rates.weight * cost, LEAST) for cost in costs(own, rates)]
            own.weight = [w * kept[k % len(kept)] for k, w in enumerate(own.weight)]
        slope = [0.0] * len(own.threshold)
        for c, one in threshold_steps(net, layer, error, end, rates):
            slope[c] -= one
        both = moments[layer]
        own.weight = _adam(own.weight, gradient, both.weight, rates.weight, fixes)
        own.recount()
        moved = _adam(own.threshold, slope, both.threshold, rates.threshold, fixes)
        own.threshold = [max(v, own.floor) for v in moved]


def _gradient(
    net: Reference, layer: int, error: list[float], end: float, rates: StepRates
) -> list[float]:
    size, x = net.groups[layer], net.traces(layer, end)
    share, out = _shares(net, layer, rates).weight, [0.0] * len(net.synapses[layer].weight)
    for sender in net.units[layer].active:
        for run in net.runs[layer][sender]:
            for c in range(size):
                out[run.weight + c] += share * error[run.target + c] * x[sender]
    return out


def _adam(
    values: list[float],
    gradient: list[float],
    moments: list[list[float]],
    rate: float,
    fixes: tuple[float, float],
) -> list[float]:
    """Return the values after a step of Adam; the moments move."""
    first, second = moments
    out = []
    for k, (value, g) in enumerate(zip(values, gradient, strict=True)):
        first[k] = BETA1 * first[k] + (1.0 - BETA1) * g
        second[k] = BETA2 * second[k] + (1.0 - BETA2) * (g * g)
        first[k] = first[k] if abs(first[k]) > NOTHING else 0.0
        second[k] = second[k] if second[k] > NOTHING else 0.0
        step = first[k] * fixes[0] / (math.sqrt(second[k] * fixes[1]) + EPSILON)
        out.append(value - rate * step)
    return out
