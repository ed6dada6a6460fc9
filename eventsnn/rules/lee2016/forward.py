"""How a spike is delivered, compiled: the same bits as ``reference.py`` in float64."""

from __future__ import annotations

import numpy as np

from eventsnn.kernels.compile import inlined, kernel
from eventsnn.neurons.decay_kernel import decay_at
from eventsnn.neurons.neuron import FINE
from eventsnn.rules.lee2016.state import ADDS, SPIKES

TAU = 2 * FINE
"""Where the time constant stands behind the decay table."""


@inlined
def decay(work, dt):  # type: ignore[no-untyped-def]
    """Return exp(-dt / tau)."""
    return decay_at(work.decays, 0, TAU, dt)


@kernel
def rest(net, work):  # type: ignore[no-untyped-def]
    """Begin a presentation."""
    work.v[:] = 0
    work.clock[:] = 0
    work.hit[:] = -np.inf
    work.n_fired[:] = 0
    work.cursor[:] = 0
    for p in range(net.size.size):
        for k in range(work.n_active[p]):
            i = net.at[p] + work.active[net.at[p] + k]
            work.trace[i] = work.last[i] = 0.0
            work.spikes[i] = 0
        work.n_active[p] = 0


@inlined
def note(net, work, p, unit, t):  # type: ignore[no-untyped-def]
    """Count a spike, in the trace, too, equation (6)."""
    i = net.at[p] + unit
    work.trace[i] = work.trace[i] * decay(work, t - work.last[i]) + 1.0
    work.last[i] = t
    work.spikes[i] += 1
    work.tally[SPIKES, p] += 1
    if work.spikes[i] == 1:
        work.active[net.at[p] + work.n_active[p]] = unit
        work.n_active[p] += 1
    at = work.logged[0]
    if at < work.log_t.size:
        work.log_t[at], work.log_unit[at], work.log_population[at] = t, unit, p
    work.logged[0] = at + 1


@inlined
def _share(gap, refractory):  # type: ignore[no-untyped-def]
    """Return how much an input counts so long after a spike, equation (2)."""
    part = gap / refractory
    return part * part if gap < refractory else 1.0


@inlined
def _take(v, row, own, fall, share):  # type: ignore[no-untyped-def]
    """Deliver to a group with one refractory time; return whether any neuron fires."""
    threshold, scale = own
    fires = False
    for c in range(v.size):
        limit = threshold[c]
        x = v[c] * fall + row[c] * scale[c] * share
        x = x if x > -limit else -limit
        v[c] = x
        fires |= x >= limit
    return fires


@inlined
def _take_each(v, row, own, fall, times):  # type: ignore[no-untyped-def]
    """Deliver to neurons each with its own refractory time; return whether any fires."""
    threshold, scale = own
    hit, t, refractory = times
    real, fires = v.dtype.type, False
    for c in range(v.size):
        limit = threshold[c]
        x = v[c] * fall + row[c] * scale[c] * real(_share(t - hit[c], refractory))
        x = x if x > -limit else -limit
        v[c] = x
        fires |= x >= limit
    return fires


@kernel
def _inhibit(v, threshold, kappa, winner):  # type: ignore[no-untyped-def]
    """Take all but one neuron of a group down, equation (5)."""
    kept = v[winner]
    for c in range(v.size):
        x = v[c] + kappa * threshold[c]
        v[c] = x if x > -threshold[c] else -threshold[c]
    v[winner] = kept


@kernel
def _lift(net, p, c, by):  # type: ignore[no-untyped-def]
    """Raise all weights of a neuron whose threshold cannot fall."""
    at, size = net.group_at[p] + c, net.group[p]
    step = by / net.scale[at]
    for k in range(net.weight_at[p - 1] + c, net.weight_at[p], size):
        w = net.weight[k]
        net.weight[k] = w + step
        net.square[at] += step * (w + w + step)


@kernel
def _regulate(net, work, rates, p, winners):  # type: ignore[no-untyped-def]
    """Move the thresholds of a group in which some fired, equation (16)."""
    first, last = winners
    size, real = net.group[p], net.weight.dtype.type
    threshold = net.threshold[net.group_at[p] : net.group_at[p + 1]]
    fall, rise = real(rates.rho * (last - first)), real(rates.rho * size)
    for k in range(first, last):
        threshold[np.int64(work.fired[net.at[p] + k]) % size] += rise
    for c in range(size):
        lower = threshold[c] - fall
        if lower < net.floor[p]:
            _lift(net, p, c, fall)
        else:
            threshold[c] = lower


@kernel
def _fire(net, work, p, target, t):  # type: ignore[no-untyped-def]
    """Reset those that fire in a group, and let them inhibit the others; list them."""
    size, base, before = net.group[p], net.at[p] + target, work.n_fired[p]
    v, kappa = work.v[base : base + size], net.weight.dtype.type(net.kappa[p])
    threshold = net.threshold[net.group_at[p] : net.group_at[p + 1]]
    end = before
    for c in range(size):
        if v[c] >= threshold[c]:
            v[c] -= threshold[c]
            work.fired[net.at[p] + end] = target + c
            end += 1
            if kappa == 0:
                work.hit[base + c] = t
    if kappa < 0 and end > before:
        work.hit[net.at[p] + target // size] = t
        for k in range(before, end):
            _inhibit(v, threshold, kappa, work.fired[net.at[p] + k] - target)
    for k in range(before, end):
        note(net, work, p, work.fired[net.at[p] + k], t)
    work.n_fired[p] = end
    return before, end


@inlined
def _receive(net, work, rates, p, run, t, learn):  # type: ignore[no-untyped-def]
    """Deliver a run of synapses to its group, equations (1) to (3)."""
    size, real = net.group[p], net.weight.dtype.type
    target, first = np.int64(net.run_target[run]), np.int64(net.run_weight[run])
    base, group = net.at[p] + target, net.at[p] + target // size
    fall = real(decay(work, t - work.clock[group]))
    work.clock[group] = t
    v, at = work.v[base : base + size], net.weight_at[p - 1] + first
    row = net.weight[at : at + size]
    own = (
        net.threshold[net.group_at[p] : net.group_at[p + 1]],
        net.scale[net.group_at[p] : net.group_at[p + 1]],
    )
    if net.kappa[p] < 0:
        share = real(_share(t - work.hit[group], rates.refractory))
        fires = _take(v, row, own, fall, share)
    else:
        times = (work.hit[base : base + size], t, rates.refractory)
        fires = _take_each(v, row, own, fall, times)
    if fires:
        winners = _fire(net, work, p, target, t)
        hidden = p + 1 < net.size.size and net.learned[p - 1]
        if learn and hidden and rates.rho > 0:
            _regulate(net, work, rates, p, winners)


@inlined
def _reach(net, work, rates, p, sender, t, learn):  # type: ignore[no-untyped-def]
    """Deliver one spike to population p."""
    row = net.row_at[p - 1] + sender
    work.n_fired[p] = work.cursor[p] = 0
    for run in range(net.run_at[row], net.run_at[row + 1]):
        _receive(net, work, rates, p, run, t, learn)
    work.tally[ADDS, p] += (net.run_at[row + 1] - net.run_at[row]) * net.group[p]


@inlined
def send(net, work, rates, unit, t, learn):  # type: ignore[no-untyped-def]
    """Send one event of the input; what it sets off goes on, depth first."""
    note(net, work, 0, unit, t)
    p, last, sender = 0, net.size.size - 1, unit
    while True:
        _reach(net, work, rates, p + 1, sender, t, learn)
        p += 1
        while p > 0 and (p == last or work.cursor[p] == work.n_fired[p]):
            p -= 1
        if p == 0:
            return
        sender = np.int64(work.fired[net.at[p] + work.cursor[p]])
        work.cursor[p] += 1
