"""Before the walk: who spikes next, where every connection starts, what arrived in pauses."""

from __future__ import annotations

import math
from typing import Any

from numba import int64

from eventsnn.kernels.compile import inlined, threaded
from eventsnn.kernels.pointers import picked
from eventsnn.rules.eventprop.kinds import CUBA, INPUT, READOUT

_REFRACTORY, _TAU_I = 4, 1


@threaded
def prepare(m: Any) -> None:
    """Link each neuron's spikes, reset the connections, sum the currents of the pauses."""
    _link(m)
    _reset(m)
    _add_refractory_currents(m)


@inlined
def _link(m: Any) -> None:
    """Give every spike (and readout maximum) its neuron's next and previous one."""
    graph, run, walk = m.graph, m.run, m.walk
    walk.first[:] = -1
    walk.head[:] = -1
    walk.taken[:] = 0
    for p in range(len(graph.kind)):
        own = graph.kind[p] == CUBA
        walk.cursor[p] = run.at[p + 1] - 1 if graph.kind[p] != READOUT else -1
        if graph.kind[p] == INPUT:
            continue
        for k in range(run.at[p + 1] - 1, run.at[p] - 1, -1):
            j = graph.unit_at[p] + run.unit[k]
            walk.next[k], walk.previous[k] = walk.first[j], -1
            if own and walk.first[j] >= 0:
                walk.previous[walk.first[j]] = k
            walk.first[j] = k
            walk.current[k] = 0.0


@inlined
def _reset(m: Any) -> None:
    """Put every connection at the end of the recording, where only readouts have adjoints."""
    graph, run, walk = m.graph, m.run, m.walk
    for c in range(len(graph.source)):
        p = graph.target[c]
        walk.spike[c] = walk.release[c] = run.at[p + 1] - 1
        walk.live[c] = graph.kind[p] == READOUT
        walk.at_t[c] = run.end
        if graph.delay[c] >= 0.0:
            at, first = graph.basis_at[c], graph.unit_at[p]
            for j in range(graph.unit_at[p + 1] - first):
                walk.basis_v[at + j] = run.end_v[first + j]
                walk.basis_i[at + j] = run.end_i[first + j]


@inlined
def _add_refractory_currents(m: Any) -> None:
    """Sum what was delivered during each pause, as it is at its end.

    With the current at the spike, which its slope tells, this gives dv/dt where v is let go.
    """
    graph = m.graph
    for c in range(len(graph.source)):
        p = graph.target[c]
        if graph.constants[p, _REFRACTORY] > 0.0 and m.run.at[p] < m.run.at[p + 1]:
            _add_through(m, c, p)


@inlined
def _add_through(m: Any, c: int, p: int) -> None:
    """Do so for one connection; ``head`` holds the last spike of each target up to now."""
    graph, run, walk = m.graph, m.run, m.walk
    walk.head[:] = -1
    done = run.at[p]
    source, table = graph.source[c], graph.shapes[graph.shape_at[c] : graph.shape_at[c + 1]]
    for k in range(run.at[source], run.at[source + 1]):
        now = run.t[k] + max(graph.delay[c], 0.0)
        while done < run.at[p + 1] and run.t[done] <= now:
            walk.head[graph.unit_at[p] + run.unit[done]] = done
            done += 1
        unit, count = sent(m, source, k)
        m.fan_out[graph.topology[c]](table, unit, walk.runs)
        for n in range(1, 1 + 3 * walk.runs[0], 3):
            first, k0 = walk.runs[n], walk.runs[n + 1]
            for s in range(k0, k0 + walk.runs[n + 2]):
                j = first + s - k0 if first >= 0 else int64(graph.targets[graph.targets_at[c] + s])
                t = now
                if graph.delay[c] < 0.0:
                    t = run.t[k] + graph.delays[graph.delays_at[c] + s]
                weight = count * float(picked(m.weights, c)[s])
                _add_to_pause(m, p, graph.unit_at[p] + j, (t, weight))
    walk.head[:] = -1


@inlined
def sent(m: Any, p: int, k: int) -> tuple[int, float]:
    """Return the unit that sent spike k of population p, and for how many events it stands."""
    graph, unit = m.graph, int64(m.run.unit[k])
    n = graph.unit_at[p + 1] - graph.unit_at[p]
    return (unit, 1.0) if unit < n else (unit % n, float(unit // n + 1))


@inlined
def _add_to_pause(m: Any, p: int, j: int, delivery: tuple[float, float]) -> None:
    """Add one delivery to the pause of neuron j that it falls into, if it does."""
    run, walk = m.run, m.walk
    t, weight = delivery
    spike = walk.head[j]
    later = walk.next[spike] if spike >= 0 else walk.first[j]
    while later >= 0 and run.t[later] <= t:
        spike, later = later, walk.next[later]
    if spike >= 0:
        left = run.t[spike] + m.graph.constants[p, _REFRACTORY] - t
        if left > 0.0:
            walk.current[spike] += weight * math.exp(-left / m.graph.constants[p, _TAU_I])
