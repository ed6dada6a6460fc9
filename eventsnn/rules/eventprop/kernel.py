"""The replay of EventProp: spikes in reverse, each asking its targets what its time is worth.

The adjoint of a neuron changes by itself only at the neuron's own spikes. Between them
it is a closed form, so a spike of any sender can look it up at the time its delivery
arrived, and nothing waits in a queue: delays cost nothing. The walk therefore visits
spikes only, latest first; when it reaches one, the adjoints of all later times are known.

Synapses of one delay are read *together*: their connection holds two numbers a target,
the adjoints at a common time, from which three factors give them at any other time. A
spike of the target changes its own two numbers, a delivery none: it is one vector loop
over the fan-out. Synapses with delays of their own are read one by one.

A readout is the same form with a decaying and a constant part: lam' = lam / tau - c.
"""

from __future__ import annotations

import math
from typing import Any

from numba import int64

from eventsnn.kernels.compile import inlined, kernel, threaded
from eventsnn.kernels.pointers import picked
from eventsnn.rules.eventprop.kinds import READOUT
from eventsnn.rules.eventprop.prepare import sent

_TAU_V, _TAU_I, _THRESHOLD, _BIAS, _REFRACTORY, _LIMIT = range(6)
_TINY = 1e-30


@threaded
def replay(m: Any) -> None:
    """Walk one recording's spikes in reverse; add to ``gradients``, complete ``run.error``."""
    graph, run, walk = m.graph, m.run, m.walk
    while True:
        p = _latest(m)
        if p < 0:
            return
        k, error = walk.cursor[p], run.error[walk.cursor[p]]
        walk.cursor[p] -= 1
        for i in range(graph.out_at[p], graph.out_at[p + 1]):
            c = graph.out_list[i]
            error += _read_together(m, c, k) if graph.delay[c] >= 0.0 else _read_each(m, c, k)
        if p != graph.input:
            _jump(m, p, k, error)


@inlined
def _latest(m: Any) -> int:
    """Return the population whose next spike in reverse is the latest; -1 at the start.

    At one instant, the last in the order of the network comes first.
    """
    graph, run, walk = m.graph, m.run, m.walk
    found, when = -1, -math.inf
    for p in graph.order:
        k = walk.cursor[p]
        if k >= run.at[p] and run.t[k] >= when:
            found, when = p, run.t[k]
    return found


@inlined
def _jump(m: Any, p: int, k: int, error: float) -> None:
    """Turn what a spike's time is worth into the adjoints just before the spike.

    A later spike also ends the refractory time later: v is then behind by dv/dt.
    """
    graph, run, walk = m.graph, m.run, m.walk
    tau_v, tau_i = graph.constants[p, _TAU_V], graph.constants[p, _TAU_I]
    bias, pause = graph.constants[p, _BIAS], graph.constants[p, _REFRACTORY]
    decay = math.exp(-pause / tau_i)
    v, i = _adjoint(m, p, walk.next[k], run.t[k] + pause)
    current = run.value[k] * tau_v + graph.constants[p, _THRESHOLD] - bias
    current = current * decay + walk.current[k]
    error -= (current + bias) / tau_v * v
    run.error[k] = error
    walk.v[k] = -error / max(run.value[k], m.least_slope)
    walk.i[k] = i * decay
    walk.head[graph.unit_at[p] + run.unit[k]] = k


@inlined
def _adjoint(m: Any, p: int, spike: int, t: float) -> tuple[float, float]:
    """Return the adjoints of v and i at ``t`` of the neuron whose next spike is ``spike``."""
    graph, run, walk = m.graph, m.run, m.walk
    if spike < 0:
        return 0.0, 0.0
    begin, held = t, 1.0
    if walk.previous[spike] >= 0:
        ready = run.t[walk.previous[spike]] + graph.constants[p, _REFRACTORY]
        if t < ready:
            begin, held = ready, math.exp(-(ready - t) / graph.constants[p, _TAU_I])
    a, r, b = _factors(m, p, run.t[spike] - begin)
    i = (r * walk.v[spike] + b * walk.i[spike]) * held
    return (a * walk.v[spike] if begin == t else 0.0), i


@inlined
def _factors(m: Any, p: int, dt: float) -> Any:
    """Return a, r, b with v(t - dt) = a v(t) and i(t - dt) = r v(t) + b i(t), for adjoints."""
    constants = m.graph.constants
    return _flow(m.graph.kind[p], constants[p, _TAU_V], constants[p, _TAU_I], dt)


@kernel
def _flow(kind: int, tau_v: float, tau_i: float, dt: float) -> tuple[float, float, float]:
    """The forward flow transposed; r as in ``cuba_lif_flow.factors``, free of cancellation."""
    b = math.exp(-dt / tau_i)
    if kind == READOUT:
        return 1.0, (dt if math.isinf(tau_i) else -tau_i * math.expm1(-dt / tau_i)), b
    a, d = math.exp(-dt / tau_v), 1.0 / tau_v - 1.0 / tau_i
    if d > 0.0:
        return a, -b * math.expm1(-dt * d) / (tau_v * d), b
    if d < 0.0:
        return a, a * math.expm1(dt * d) / (tau_v * d), b
    return a, a * dt / tau_v, b


@inlined
def _read_together(m: Any, c: int, k: int) -> Any:
    """Read the targets of spike k through a connection of one delay; return d loss / d t."""
    graph, run, walk = m.graph, m.run, m.walk
    t = run.t[k] + graph.delay[c]
    if t >= run.stop:
        return 0.0
    p = graph.target[c]
    error = _catch_up(m, c, p, t)
    if walk.live[c] == 0:
        return 0.0
    _bring(m, c, p, t)
    a, r, b = _factors(m, p, walk.at_t[c] - t)
    tau_v, tau_i = graph.constants[p, _TAU_V], graph.constants[p, _TAU_I]
    table = graph.shapes[graph.shape_at[c] : graph.shape_at[c + 1]]
    unit, count = sent(m, graph.source[c], k)
    m.fan_out[graph.topology[c]](table, unit, walk.runs)
    for n in range(1, 1 + 3 * walk.runs[0], 3):
        first, k0, length = walk.runs[n], walk.runs[n + 1], walk.runs[n + 2]
        if first < 0:
            error += _listed(m, c, k0, length, (r, b, r / tau_i - a / tau_v, b / tau_i))
            continue
        at = graph.basis_at[c] + first
        v, i = walk.basis_v[at : at + length], walk.basis_i[at : at + length]
        _learn(picked(m.gradients, c)[k0 : k0 + length], v, i, (r * count, b * count))
        if graph.source[c] != graph.input:
            w = picked(m.weights, c)[k0 : k0 + length]
            error += _worth(w, v, i, (r / tau_i - a / tau_v, b / tau_i))
    return error


@inlined
def _learn(gradient: Any, v: Any, i: Any, factors: tuple[float, float]) -> None:
    """Add the adjoint of the current at the delivery: what one more unit of weight is worth."""
    real = gradient.dtype.type
    r, b = real(factors[0]), real(factors[1])
    for j in range(len(gradient)):
        gradient[j] += r * v[j] + b * i[j]


@inlined
def _worth(weights: Any, v: Any, i: Any, factors: tuple[float, float]) -> float:
    """Return d loss / d(time of the delivery): four sums side by side, or it is no vector loop."""
    real = weights.dtype.type
    f, g = real(factors[0]), real(factors[1])
    s0 = s1 = s2 = s3 = real(0)
    whole = len(weights) // 4 * 4
    for j in range(0, whole, 4):
        s0 += weights[j] * (f * v[j] + g * i[j])
        s1 += weights[j + 1] * (f * v[j + 1] + g * i[j + 1])
        s2 += weights[j + 2] * (f * v[j + 2] + g * i[j + 2])
        s3 += weights[j + 3] * (f * v[j + 3] + g * i[j + 3])
    for j in range(whole, len(weights)):
        s0 += weights[j] * (f * v[j] + g * i[j])
    return float((s0 + s1) + (s2 + s3))


@inlined
def _listed(
    m: Any, c: int, k0: int, length: int, factors: tuple[float, float, float, float]
) -> float:
    """``_learn`` and ``_worth`` for targets that are listed one by one."""
    graph, walk = m.graph, m.walk
    gradient, weights = picked(m.gradients, c), picked(m.weights, c)
    real, error = weights.dtype.type, 0.0
    for k in range(k0, k0 + length):
        at = graph.basis_at[c] + graph.targets[graph.targets_at[c] + k]
        v, i = float(walk.basis_v[at]), float(walk.basis_i[at])
        gradient[k] += real(factors[0] * v + factors[1] * i)
        error += weights[k] * (factors[2] * v + factors[3] * i)
    return error


@inlined
def _catch_up(m: Any, c: int, p: int, t: float) -> float:
    """Let the targets' own spikes after ``t`` (and ends of pauses) change the connection.

    A delivery on the instant of a spike comes after it, and so does one on the instant
    at which a neuron becomes ready. A delivery on the instant of a readout's maximum
    made it; the time of that maximum is its own, so this is returned.
    """
    graph, run, walk = m.graph, m.run, m.walk
    pause, error = graph.constants[p, _REFRACTORY], 0.0
    while True:
        spike, release = walk.spike[c], walk.release[c]
        when = run.t[spike] if spike >= run.at[p] else -math.inf
        ready = run.t[release] + pause if pause > 0.0 and release >= run.at[p] else -math.inf
        if graph.kind[p] == READOUT:
            if when < t:
                return error
            error += _add_maximum(m, c, p, t)
        elif max(when, ready) <= t:
            return error
        elif ready >= when:
            walk.release[c] -= 1
            if walk.next[release] >= 0:
                _, i = _adjoint(m, p, walk.next[release], ready)
                _place(m, c, p, release, (ready, 0.0, i))
        else:
            walk.spike[c] -= 1
            _place(m, c, p, spike, (when, walk.v[spike], walk.i[spike]))


@inlined
def _place(m: Any, c: int, p: int, k: int, known: tuple[float, float, float]) -> None:
    """Set the two numbers of the neuron of spike k so that they give (v, i) at a time."""
    graph, walk = m.graph, m.walk
    t, v, i = known
    if walk.live[c] == 0:
        walk.live[c], walk.at_t[c] = 1, t
    _bring(m, c, p, t)
    a, r, b = _factors(m, p, walk.at_t[c] - t)
    at = graph.basis_at[c] + m.run.unit[k]
    walk.basis_v[at] = v / a
    walk.basis_i[at] = (i - r * (v / a)) / b


@inlined
def _add_maximum(m: Any, c: int, p: int, t: float) -> float:
    """Add what a readout's maximum is worth, at its time."""
    graph, run, walk = m.graph, m.run, m.walk
    k = walk.spike[c]
    walk.spike[c] -= 1
    _bring(m, c, p, run.t[k])
    b = _factors(m, p, walk.at_t[c] - run.t[k])[2]
    walk.basis_i[graph.basis_at[c] + run.unit[k]] += run.value[k] / b
    return _maximum_moves(m, c, p, k) if run.t[k] == t else 0.0


@inlined
def _maximum_moves(m: Any, c: int, p: int, k: int) -> float:
    """Return what the time of maximum k is worth to the spike that made it, once."""
    graph, run, walk = m.graph, m.run, m.walk
    j = graph.unit_at[p] + run.unit[k]
    if graph.source[c] == graph.input or walk.taken[j]:
        return 0.0
    walk.taken[j] = 1
    return float(run.error[k])


@inlined
def _bring(m: Any, c: int, p: int, t: float) -> None:
    """Move the common time of a connection to ``t`` before the factors grow large."""
    graph, walk = m.graph, m.walk
    gap = walk.at_t[c] - t
    if gap > graph.constants[p, _LIMIT]:
        at, size = graph.basis_at[c], graph.unit_at[p + 1] - graph.unit_at[p]
        factors = _factors(m, p, gap)
        _move(walk.basis_v[at : at + size], walk.basis_i[at : at + size], factors)
        walk.at_t[c] = t


@kernel
def _move(basis_v: Any, basis_i: Any, factors: tuple[float, float, float]) -> None:
    """Take adjoints to an earlier time."""
    real = basis_v.dtype.type
    a, r, b, tiny = real(factors[0]), real(factors[1]), real(factors[2]), real(_TINY)
    for j in range(len(basis_v)):
        v, i = basis_v[j] * a, basis_v[j] * r + basis_i[j] * b
        # What has decayed to nothing would go on as denormal numbers, which are slow.
        basis_v[j] = v if abs(v) > tiny else real(0)
        basis_i[j] = i if abs(i) > tiny else real(0)


@inlined
def _read_each(m: Any, c: int, k: int) -> float:
    """``_read_together`` for synapses with delays of their own."""
    graph, run, walk = m.graph, m.run, m.walk
    p = graph.target[c]
    tau_v, tau_i = graph.constants[p, _TAU_V], graph.constants[p, _TAU_I]
    table = graph.shapes[graph.shape_at[c] : graph.shape_at[c + 1]]
    m.fan_out[graph.topology[c]](table, int64(run.unit[k]), walk.runs)
    error = 0.0
    for n in range(1, 1 + 3 * walk.runs[0], 3):
        first, k0 = walk.runs[n], walk.runs[n + 1]
        for s in range(k0, k0 + walk.runs[n + 2]):
            t = run.t[k] + graph.delays[graph.delays_at[c] + s]
            if t >= run.stop:
                continue
            j = first + s - k0 if first >= 0 else int64(graph.targets[graph.targets_at[c] + s])
            if graph.kind[p] == READOUT:
                v, i, more = _readout_adjoint(m, c, p, (j, t))
                error += more
            else:
                spike = walk.head[graph.unit_at[p] + j]
                while spike >= 0 and run.t[spike] <= t:
                    spike = walk.next[spike]
                v, i = _adjoint(m, p, spike, t)
            gradient, weights = picked(m.gradients, c), picked(m.weights, c)
            gradient[s] += gradient.dtype.type(i)
            error += weights[s] * (i / tau_i - v / tau_v)
    return error


@inlined
def _readout_adjoint(
    m: Any, c: int, p: int, place: tuple[int, float]
) -> tuple[float, float, float]:
    """Return a readout's constant part, its adjoint at a time, and ``_maximum_moves``."""
    run = m.run
    unit, t = place
    j = m.graph.unit_at[p] + unit
    _, r, b = _factors(m, p, run.end - t)
    i, more = b * run.end_i[j] + r * run.end_v[j], 0.0
    k = m.walk.first[j]
    if k >= 0 and t <= run.t[k]:
        i += run.value[k] * _factors(m, p, run.t[k] - t)[2]
        if t == run.t[k]:
            more = _maximum_moves(m, c, p, k)
    return run.end_v[j], i, more
