"""The way back, compiled: the same bits as ``reference_learning.py`` in float64."""

from __future__ import annotations

import math

import numpy as np

from eventsnn.kernels.compile import inlined, kernel
from eventsnn.rules.lee2016.forward import decay
from eventsnn.rules.lee2016.reference_learning import (
    BETA1,
    BETA2,
    EPSILON,
    LEAST,
    NOTHING,
    SMALLEST,
    STEEPEST,
)
from eventsnn.rules.lee2016.state import BACK_ADDS, UPDATES


@kernel
def _output_errors(net, work, rates, label):  # type: ignore[no-untyped-def]
    """Write the errors of the output, equations (11) and (12); return the loss."""
    p = net.size.size - 1
    count, delta = work.spikes[net.at[p] : net.at[p + 1]], work.delta[net.at[p] : net.at[p + 1]]
    threshold = net.threshold[net.group_at[p] : net.group_at[p + 1]]
    most, wrong, squares, loss = np.int64(0), np.int64(0), 0.0, 0.0
    for i in range(count.size):
        most = max(most, count[i])
    for i in range(count.size):
        e = (count[i] / most if most > 0 else 0.0) - (1.0 if i == label else 0.0)
        wrong += e != 0
        loss += e * e
        g = 1.0 / threshold[i]
        squares += g * g
    part = math.sqrt(wrong) if rates.share_error and wrong > 0 else 1.0
    mean = math.sqrt(squares / count.size)
    for i in range(count.size):
        e = (count[i] / most if most > 0 else 0.0) - (1.0 if i == label else 0.0)
        g = 1.0 / threshold[i]
        delta[i] = (g / mean if rates.normalise else g) * (e / part)
    return loss / 2


@kernel
def _error_of(net, work, p, sender):  # type: ignore[no-untyped-def]
    """Return what the errors above a unit come down to."""
    row, size = net.row_at[p] + sender, net.group[p + 1]
    back = 0.0
    for run in range(net.run_at[row], net.run_at[row + 1]):
        push = work.push[net.at[p + 1] + np.int64(net.run_target[run]) :][:size]
        weight = net.weight[net.weight_at[p] + np.int64(net.run_weight[run]) :][:size]
        for c in range(size):
            back += weight[c] * push[c]
    work.tally[BACK_ADDS, p + 1] += (net.run_at[row + 1] - net.run_at[row]) * size
    return back


@kernel
def _scale_errors(net, work, p):  # type: ignore[no-untyped-def]
    """Multiply the errors of population p by the scales of its weights."""
    base, size = net.at[p], net.group[p]
    scale = net.scale[net.group_at[p] : net.group_at[p + 1]]
    for first in range(0, net.size[p], size):
        for c in range(size):
            work.push[base + first + c] = scale[c] * work.delta[base + first + c]


@kernel
def _hidden_errors(net, work, rates, p):  # type: ignore[no-untyped-def]
    """Write the errors of the hidden population p, equation (12)."""
    base, size, n = net.at[p], net.group[p], work.n_active[p]
    delta, active = work.delta[base : net.at[p + 1]], work.active[base : net.at[p + 1]]
    threshold = net.threshold[net.group_at[p] : net.group_at[p + 1]]
    delta[:] = 0
    if n == 0:
        return
    squares = 0.0
    for k in range(n):
        g = 1.0 / threshold[active[k] % size]
        squares += g * g
    mean, wide = math.sqrt(squares / n), math.sqrt(net.size[p] / n)
    _scale_errors(net, work, p + 1)
    for k in range(n):
        i = np.int64(active[k])
        back, g = _error_of(net, work, p, i), 1.0 / threshold[i % size]
        delta[i] = g / mean * wide * back if rates.normalise else g * back


@inlined
def _cost_of(net, rates, c):  # type: ignore[no-untyped-def]
    """Return beta lambda exp(beta (sum of squares - 1)) of a map, equation (15)."""
    steep = rates.slope * (net.scale[c] * net.scale[c] * net.square[c] - 1.0)
    return rates.slope * rates.cost * math.exp(min(steep, STEEPEST))


@kernel
def _shrink(net, rates, p):  # type: ignore[no-untyped-def]
    """Let the weights of every neuron of a hidden layer decay."""
    size, first = net.group[p], net.group_at[p]
    for c in range(size):
        at = first + c
        net.scale[at] *= max(1.0 - rates.weight * _cost_of(net, rates, at), LEAST)
        if net.scale[at] < SMALLEST:
            net.square[at] *= net.scale[at] * net.scale[at]
            for k in range(net.weight_at[p - 1] + c, net.weight_at[p], size):
                net.weight[k] *= net.scale[at]
            net.scale[at] = 1.0


@inlined
def _active_share(net, work, p):  # type: ignore[no-untyped-def]
    """Return m, the mean of active synapses of a neuron of population p."""
    return net.fan_in[p - 1] * work.n_active[p - 1] / net.size[p - 1]


@kernel
def _weight_share(net, work, rates, p):  # type: ignore[no-untyped-def]
    """Return sqrt(N / m) of equation (13)."""
    if not rates.normalise or work.n_active[p - 1] == 0:
        return 1.0
    return math.sqrt(net.size[p] / _active_share(net, work, p))


@kernel
def trace_at(work, i, end):  # type: ignore[no-untyped-def]
    """Return the trace of a unit at ``end``."""
    return work.trace[i] * decay(work, end - work.last[i])


@inlined
def _move_row(row, square, step, x):  # type: ignore[no-untyped-def]
    """Move the weights of a sender to a group, and what their squares add up to."""
    for c in range(row.size):
        w, by = row[c], step[c] * x
        row[c] = w + by
        square[c] += by * (w + w + by)


@inlined
def _add_row(gradient, error, x):  # type: ignore[no-untyped-def]
    """Add to the gradient of the weights of a sender to a group."""
    for c in range(gradient.size):
        gradient[c] += error[c] * x


@kernel
def _descend(net, work, rates, moments, p, end):  # type: ignore[no-untyped-def]
    """Move the weights of active synapses, equation (13); with Adam, sum their gradient."""
    size, base, real = net.group[p], net.at[p], net.weight.dtype.type
    share = _weight_share(net, work, rates, p)
    scale = net.scale[net.group_at[p] : net.group_at[p + 1]]
    square = net.square[net.group_at[p] : net.group_at[p + 1]]
    rate = rates.weight * share
    for first in range(0, net.size[p], size):
        for c in range(size):
            i = base + first + c
            work.step[i] = (
                share * work.delta[i] if rates.adam else -(rate * work.delta[i]) / scale[c]
            )
    for k in range(work.n_active[p - 1]):
        sender = np.int64(work.active[net.at[p - 1] + k])
        x, row = real(trace_at(work, net.at[p - 1] + sender, end)), net.row_at[p - 1] + sender
        for run in range(net.run_at[row], net.run_at[row + 1]):
            at = net.weight_at[p - 1] + np.int64(net.run_weight[run])
            step = work.step[base + np.int64(net.run_target[run]) :][:size]
            if rates.adam:
                _add_row(moments.gradient[at : at + size], step, x)
            else:
                _move_row(net.weight[at : at + size], square, step, x)
        work.tally[UPDATES, p] += (net.run_at[row + 1] - net.run_at[row]) * size


@kernel
def _sum_traces(net, work, p, end):  # type: ignore[no-untyped-def]
    """Sum the traces of each group."""
    base, size = net.at[p], net.group[p]
    work.sums[base : base + net.size[p] // size] = 0
    for k in range(work.n_active[p]):
        i = np.int64(work.active[base + k])
        work.sums[base + i // size] += trace_at(work, base + i, end)


@kernel
def _move_thresholds(net, work, rates, moments, p, end):  # type: ignore[no-untyped-def]
    """Move the thresholds of active neurons, of all outputs; with Adam, sum their gradient."""
    base, size, last = net.at[p], net.group[p], p + 1 == net.size.size
    share = 1.0
    if rates.normalise and work.n_active[p - 1] > 0:
        m = _active_share(net, work, p)
        share = math.sqrt(net.size[p] / (m * net.fan_in[p - 1]))
    strength = rates.sigma * net.kappa[p]
    _sum_traces(net, work, p, end)
    for k in range(net.size[p] if last else work.n_active[p]):
        i = k if last else np.int64(work.active[base + k])
        own = trace_at(work, base + i, end)
        step = share * work.delta[base + i] * (own - strength * (work.sums[base + i // size] - own))
        c = net.group_at[p] + i % size
        if rates.adam:
            moments.slope[c] -= step
        else:
            net.threshold[c] = max(net.threshold[c] + rates.threshold * step, net.floor[p])


@inlined
def _adam(value, gradient, mean, square, numbers):  # type: ignore[no-untyped-def]
    """Move values by a step of Adam, and forget the gradient."""
    rate, fix1, fix2 = numbers
    real = value.dtype.type
    keep1, keep2, epsilon = real(BETA1), real(BETA2), real(EPSILON)
    take1, take2 = real(1.0 - BETA1), real(1.0 - BETA2)
    nothing, zero = real(NOTHING), real(0)
    for k in range(value.size):
        g = gradient[k]
        gradient[k] = zero
        m = keep1 * mean[k] + take1 * g
        s = keep2 * square[k] + take2 * (g * g)
        m = m if abs(m) > nothing else zero
        s = s if s > nothing else zero
        mean[k], square[k] = m, s
        value[k] -= rate * (m * fix1 / (np.sqrt(s * fix2) + epsilon))


@kernel
def _adam_weights(net, work, rates, moments, p, fixes):  # type: ignore[no-untyped-def]
    """Move all weights of a layer by Adam, a row after the other."""
    size, real, hidden = net.group[p], net.weight.dtype.type, p + 1 < net.size.size
    square = net.square[net.group_at[p] : net.group_at[p + 1]]
    kept = work.push[net.at[p] : net.at[p] + size]
    for c in range(size):
        cost = _cost_of(net, rates, net.group_at[p] + c) if hidden else 0.0
        kept[c] = max(1.0 - rates.weight * cost, LEAST)
    square[:] = 0
    numbers = (real(rates.weight), real(fixes[0]), real(fixes[1]))
    for at in range(net.weight_at[p - 1], net.weight_at[p], size):
        weight, gradient = net.weight[at : at + size], moments.gradient[at : at + size]
        mean, spread = moments.mean[at : at + size], moments.square[at : at + size]
        for c in range(size):
            weight[c] *= kept[c]
        _adam(weight, gradient, mean, spread, numbers)
        for c in range(size):
            square[c] += weight[c] * weight[c]
    work.tally[UPDATES, p] += net.weight_at[p] - net.weight_at[p - 1]


@kernel
def _adam_thresholds(net, rates, moments, p, fixes):  # type: ignore[no-untyped-def]
    """Move the thresholds of a layer by Adam."""
    first, last, real = net.group_at[p], net.group_at[p + 1], net.weight.dtype.type
    threshold = net.threshold[first:last]
    numbers = (real(rates.threshold), real(fixes[0]), real(fixes[1]))
    slope, mean = moments.slope[first:last], moments.slope_mean[first:last]
    _adam(threshold, slope, mean, moments.slope_square[first:last], numbers)
    for c in range(threshold.size):
        threshold[c] = max(threshold[c], net.floor[p])


@kernel
def learn_sample(net, work, rates, moments, label, end, step):  # type: ignore[no-untyped-def]
    """Update what a presentation teaches; ``step`` counts updates from 1. Return the loss."""
    loss = _output_errors(net, work, rates, label)
    for p in range(net.size.size - 2, 0, -1):
        _hidden_errors(net, work, rates, p)
    power = np.float64(step)  # a whole one is multiplied out, to other bits
    fixes = (1.0 / (1.0 - BETA1**power), 1.0 / (1.0 - BETA2**power))
    for p in range(1, net.size.size):
        if not net.learned[p - 1]:
            continue
        if p + 1 < net.size.size and not rates.adam:
            _shrink(net, rates, p)
        _descend(net, work, rates, moments, p, end)
        if rates.adam:
            _adam_weights(net, work, rates, moments, p, fixes)
        _move_thresholds(net, work, rates, moments, p, end)
        if rates.adam:
            _adam_thresholds(net, rates, moments, p, fixes)
    return loss
