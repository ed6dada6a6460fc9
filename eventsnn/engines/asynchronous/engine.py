"""The asynchronous engine: any graph, event by event, through the queue.

This file runs the event loop over recordings and makes the record; ``buffers.py``
makes and enlarges the arrays it runs on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.inputs import Inputs
from eventsnn.engines.options import Options
from eventsnn.engines.pool import Pool
from eventsnn.network import Network
from eventsnn.record import Counts, Readouts, Record, Spikes
from eventsnn.threads import in_threads

TASKS_A_THREAD = 4
"""Recordings differ: who is done with some takes others."""


class Done(NamedTuple):
    """What some recordings leave: spikes by population end to end, and a row a recording."""

    spikes: dict[int, Spikes]
    ends: list[float]
    units: list[dict[str, NDArray[np.int32]]]
    readouts: list[dict[str, tuple[NDArray[Any], ...]]]
    state: State | None


def run(
    network: Network,
    weights: tuple[NDArray[Any], ...],
    recordings: Inputs,
    options: Options,
    state: State | None = None,
) -> Record:
    """Run recordings from rest, or one recording from a state.

    Threads take recordings that follow one another, each with buffers of its own.
    """
    n = len(recordings.until)
    counts = Counts.zeros(network, n)
    if state is not None:
        state = state.of_dtype(options.dtype)
        for t in recordings.times(0) or [np.zeros(0)]:
            state.check(network, t, float(recordings.until[0]))
    # Whoever follows the run is told of one recording after the other.
    threads = 1 if options.progress is not None else min(options.threads, n)
    tasks = 1 if threads <= 1 else min(n, TASKS_A_THREAD * threads)
    pool = Pool() if options.pool is None else options.pool
    key = "asynchronous", options._replace(threads=1, progress=None, pool=None)

    def work(rows: range) -> Done:
        with pool.using(key, lambda: Ongoing(network, weights, options)) as machine:
            machine.renew(options)
            return _through(machine, recordings, rows, counts, state)

    cuts = np.linspace(0, n, tasks + 1).astype(int).tolist()
    done = list(in_threads(work, [range(a, b) for a, b in pairwise(cuts)], threads))
    names = [population.name for population in network.populations]
    return Record(
        network,
        np.array([end for one in done for end in one.ends], np.float64),
        counts,
        {names[p]: end_to_end([one.spikes[p] for one in done]) for p in options.kept},
        _stacked([row for one in done for row in one.units]),
        _joined([row for one in done for row in one.readouts]),
        done[0].state if state is not None else None,
        state,
    )


def resting_state(network: Network, dtype: type[np.floating[Any]]) -> State:
    """Return the state of a network at rest at time 0."""
    weights = tuple(np.zeros(0, dtype) for _ in network.connections)
    machine = Ongoing(network, weights, Options((), False, dtype, 1, 0))
    machine.renew(machine.options)
    machine.run([], 0.0, None)
    return machine.state()


def _through(
    machine: Ongoing, recordings: Inputs, rows: range, counts: Counts, state: State | None
) -> Done:
    """Run some recordings, one after the other, and write their counts."""
    ends, units, readouts = [], [], []
    for i in rows:
        until = 0.0 if machine.stopped else float(recordings.until[i])
        machine.run(recordings.feeds(i), until, state)
        machine.count(counts, i)
        ends.append(machine.now)
        units.append(machine.unit_spikes)
        readouts.append(machine.readouts())
    spikes = {p: machine.spikes(p) for p in machine.kept}
    return Done(spikes, ends, units, readouts, machine.state() if state is not None else None)


def end_to_end(parts: list[Spikes]) -> Spikes:
    """Lay the spikes of consecutive recordings end to end."""
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0, *(len(part.t) for part in parts)])
    starts = [part.start[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return Spikes(
        np.concatenate([part.t for part in parts]),
        np.concatenate([part.unit for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([*starts, ends[-1:]]),
    )


def _stacked(rows: list[dict[str, NDArray[np.int32]]]) -> dict[str, NDArray[np.int32]]:
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _joined(rows: list[dict[str, tuple[NDArray[Any], ...]]]) -> dict[str, Readouts]:
    names = rows[0] if rows else ()
    columns = {name: zip(*(row[name] for row in rows), strict=True) for name in names}
    return {name: Readouts(*(np.array(c) for c in column)) for name, column in columns.items()}
