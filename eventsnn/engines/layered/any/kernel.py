"""A layer driven by its neuron model's own kernels, one call a fan-out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.engines.counted import scale
from eventsnn.kernels.compile import threaded
from eventsnn.kernels.pointers import pointer
from eventsnn.neurons.work_list import sort_marked


class Wires(NamedTuple):
    """What a layer's kernels read, none of it changed by a run.

    Attributes
    ----------
    receive, settle, runs : Pointers
        Of the model and of the topology, one each.
    table : float64 array
        The population's size, its clock size, the model's parameters.
    shape : int64 array
        The topology's table.
    weights : float array, flat
    targets : int32 array
        The target of each weight where the topology lists them, else empty.
    """

    receive: Any
    settle: Any
    runs: Any
    table: NDArray[np.float64]
    shape: NDArray[np.int64]
    weights: NDArray[Any]
    targets: NDArray[np.int32]


class ModelRows(NamedTuple):
    """Running variables, and scratch.

    Attributes
    ----------
    x : float array (n_rows, n_variables * n)
        One row for all recordings, one after the other; or one each: of a model that never fires,
        and of recordings that run in turns.
    times : float64 array (n_rows, n_times * n)
    rest_x, rest_times : arrays of a row
        What a recording begins with.
    work : int32 array (2 + 2 * n,)
        See ``neurons/work_list.py``.
    out : int64 array (1 + 3 * n_runs,)
    fired : int32 array (n,)
    value : float array (n,)
    scaled : float array (n_synapses of a sender,)
        Weights times the count of an event.
    """

    x: NDArray[Any]
    times: NDArray[np.float64]
    rest_x: NDArray[Any]
    rest_times: NDArray[np.float64]
    work: NDArray[np.int32]
    out: NDArray[np.int64]
    fired: NDArray[np.int32]
    value: NDArray[Any]
    scaled: NDArray[Any]


@threaded
def run_rows(events, wires, rows, spikes, cursor, fresh, tally):  # type: ignore[no-untyped-def]
    """Take all recordings from ``cursor`` on; False, to be called again, without room."""
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    work, size = rows.work, int64(wires.table[0])
    room = len(spikes.event) - size
    while r < len(events.start) - 1:
        row = r if len(rows.x) > 1 else 0
        x, times = rows.x[row], rows.times[row]
        if e == events.start[r] and (fresh or (r > 0 and len(rows.x) == 1)):
            for i in range(len(x)):
                x[i] = rows.rest_x[i]
            for i in range(len(times)):
                times[i] = rows.rest_times[i]
        stop = events.start[r + 1]
        while e < stop and n <= room:
            t = np.float64(events.t[e])
            tally.adds[r] += pointer(wires.runs, 0)(wires.shape, int64(events.row[e]), rows.out)
            several = len(events.multiple) > 0 and events.multiple[e] > 1
            if several:
                scale(wires.weights, rows.out, events.multiple[e], rows.scaled)
            weights = rows.scaled if several else wires.weights
            given = wires.table, x, times, t, weights, wires.targets, rows.out, work
            pointer(wires.receive, 0)(*given)
            if events.last[e]:
                marked, fired = work[0], int64(0)
                if marked > 0:
                    sort_marked(work, marked, size)
                    args = wires.table, x, times, t, work, rows.fired, rows.value
                    fired = pointer(wires.settle, 0)(*args)
                tally.updates[r] += work[1]
                work[1] = 0
                for f in range(fired):
                    spikes.event[n], spikes.unit[n] = e, rows.fired[f]
                    spikes.value[n] = rows.value[f]
                    n += 1
            e += 1
        if e < stop:
            break
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1
