"""Neurons that are reached one by one, a clock each: the kernels of listed connections."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, threaded
from eventsnn.kernels.decay import FINE, looked_up


class Targets(NamedTuple):
    """Targets and weights of each sender: sender i owns start[i] to start[i + 1] - 1.

    ``distinct`` promises that no sender reaches a target twice.
    """

    start: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[Any]
    distinct: bool


class ListedCells(NamedTuple):
    """State of the neurons, arrays (n_rows, n_out); see ``conv.block.Block``.

    A row for each recording, where they run in turns, or one that all of them take after another.
    ``touched`` (n_out + 1,) lists those that an instant reached and that are not refractory.
    """

    v: NDArray[Any]
    clock: NDArray[np.int64]
    ready: NDArray[np.int64]
    touched: NDArray[np.int32]


@inlined
def _decay(gap, factors, dtype):  # type: ignore[no-untyped-def]
    """Return the decay of a potential over a gap, as ``neuron.decay`` defines it."""
    table = factors.table
    if len(table) and gap < FINE * FINE:
        return dtype(looked_up(table, 0, np.uint64(gap)))
    if len(table):
        return dtype(math.exp(-np.float64(gap) / factors.tau_us))
    return dtype(1)


@inlined
def _deliver(t, row, synapses, factors, firing, cells, touched):  # type: ignore[no-untyped-def]
    """Deliver one event; return the neurons touched, and how many were up to now already.

    Without a branch for each, since which neurons an instant reaches first, or will fire,
    cannot be predicted.
    """
    again, dtype = np.int64(0), synapses.weight.dtype.type
    for s in range(synapses.start[row], synapses.start[row + np.uint64(1)]):
        j, weight = np.uint64(synapses.target[np.uint64(s)]), synapses.weight[np.uint64(s)]
        gap = t - cells.clock[j]
        cells.clock[j] = t
        again += gap == 0
        x = cells.v[j] * _decay(gap, factors, dtype)
        awake = firing.refractory == 0 or t >= cells.ready[j]
        cells.v[j] = x + weight if awake else x
        cells.touched[np.uint64(touched)] = j
        touched += np.int64((gap != 0) & awake)
    return touched, again


@inlined
def _add(t, row, synapses, factors, threshold, cells):  # type: ignore[no-untyped-def]
    """Decay, and add the weights of a sender; return whether a target reached its threshold."""
    reached, forgets, dtype = False, len(factors.table) > 0, synapses.weight.dtype.type
    for k in range(synapses.start[row], synapses.start[row + np.uint64(1)]):
        s = np.uint64(k)
        j = np.uint64(synapses.target[s])
        x = cells.v[j]
        if forgets:
            x *= _decay(t - cells.clock[j], factors, dtype)
            cells.clock[j] = t
        x += synapses.weight[s]
        cells.v[j] = x
        reached |= x >= threshold
    return reached


@inlined
def _list(row, synapses, touched):  # type: ignore[no-untyped-def]
    """List the targets of a sender; return how many there are."""
    first = synapses.start[row]
    n = synapses.start[row + np.uint64(1)] - first
    for k in range(n):
        touched[np.uint64(k)] = synapses.target[np.uint64(first + k)]
    return n


@inlined
def _settle(e, t, firing, cells, touched, spikes, n):  # type: ignore[no-untyped-def]
    """Test the neurons touched, fire in order of unit; return the number of spikes."""
    fired = np.int64(0)
    for i in range(touched):
        k = cells.touched[i]
        cells.touched[fired] = k
        fired += np.int64(cells.v[np.uint64(k)] >= firing.threshold)
    for i in range(1, fired):
        k, j = cells.touched[i], i
        while j > 0 and cells.touched[j - 1] > k:
            cells.touched[j] = cells.touched[j - 1]
            j -= 1
        cells.touched[j] = k
    for i in range(fired):
        k = np.uint64(cells.touched[i])
        x = cells.v[k]
        spikes.event[n], spikes.unit[n], spikes.value[n] = e, k, x
        n += 1
        cells.v[k] = x - firing.threshold if firing.subtract else x - x
        if firing.refractory > 0:
            cells.ready[k] = t + firing.refractory
    return n


@threaded
def run_cells(events, synapses, factors, firing, state, spikes, cursor, fresh, tally):  # type: ignore[no-untyped-def]
    """Take all recordings from ``cursor`` on; see ``by_event.run_block``."""
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    room, touched, shared = len(spikes.event) - state.v.shape[1], np.int64(0), len(state.v) == 1
    # Without a refractory time a lone event reaches each target once, and all are awake.
    plain = firing.refractory == 0 and synapses.distinct
    while r < len(events.start) - 1:
        own = np.int64(0) if shared else r
        cells = ListedCells(state.v[own], state.clock[own], state.ready[own], state.touched)
        if shared and e == events.start[r] and (fresh or r > 0):
            cells.v[:] = 0
            cells.clock[:] = -1
            cells.ready[:] = -1
        stop, adds, again = events.start[r + 1], np.int64(0), np.int64(0)
        while e < stop and n <= room:
            t, row = events.t[e], np.uint64(events.row[e])
            adds += synapses.start[row + np.uint64(1)] - synapses.start[row]
            if plain and events.last[e] and (e == events.start[r] or events.last[e - 1]):
                if _add(t, row, synapses, factors, firing.threshold, cells):
                    n = _settle(e, t, firing, cells, _list(row, synapses, cells.touched), spikes, n)
                e += 1
                continue
            touched, tied = _deliver(t, row, synapses, factors, firing, cells, touched)
            again += tied
            if events.last[e]:
                n = _settle(e, t, firing, cells, touched, spikes, n)
                touched = np.int64(0)
            e += 1
        tally.adds[r] += adds
        tally.updates[r] += adds - again
        if e < stop:
            break
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
