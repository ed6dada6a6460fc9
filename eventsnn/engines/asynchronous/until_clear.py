"""Recordings of any graph until their answers are clear: one by one, from check to check.

Between two checks the run goes on from its state. It is for graphs that no layered run takes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.engine import end_to_end
from eventsnn.engines.asynchronous.engine import run as run_queue
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.inputs import Inputs, Recorded
from eventsnn.engines.options import Options, over_budget
from eventsnn.engines.pool import Pool
from eventsnn.engines.stop import Scoring, Stop
from eventsnn.engines.watched import Watched, stopped_of
from eventsnn.network import Network
from eventsnn.record import Counts, Readouts, Record, Spikes
from eventsnn.threads import in_threads

_PEAK = "queue_peak"


def run(
    network: Network,
    weights: tuple[NDArray[Any], ...],
    recordings: Inputs,
    options: Options,
    asked: tuple[Stop, Scoring],
) -> Record:
    """Run recordings with finite ends; the record ends where each was stopped."""
    output = len(network.populations) - 1
    kept = set(options.kept) | ({output} if network.populations[output].spiking else set())
    pool = Pool() if options.pool is None else options.pool
    own = options._replace(kept=tuple(sorted(kept)), threads=1, pool=pool)

    def work(i: int) -> tuple[Record, Watched]:
        watched = Watched(network, recordings.until[i : i + 1], *asked)
        return _one(network, weights, (recordings, i), own, watched), watched

    done = in_threads(work, list(range(len(recordings.until))), options.threads)
    record = _side_by_side(network, [one for one, _ in done], options)
    return replace(record, stopped=stopped_of(network, [watched for _, watched in done]))


def _one(
    network: Network,
    weights: tuple[NDArray[Any], ...],
    which: tuple[Inputs, int],
    options: Options,
    watched: Watched,
) -> Record:
    """Run one recording until it is clear."""
    state, parts = State.start(network, options.dtype), list[Record]()
    name = network.populations[-1].name
    while watched.running.any() or not parts:
        border = watched.border()
        part = _between(*which, float(state.t), float(border[0]))
        record = run_queue(network, weights, part, options, state)
        parts.append(record)
        state = record.state or state
        if name in record.spikes:
            sent = record.spikes[name]
            watched.note(np.zeros(len(sent), np.int64), sent.unit, sent.t)
        if watched.running.any():
            watched.look(border, record.readouts.get(name))
        fired = sum(part.counts.spikes[0] for part in parts)
        if int(sum(fired)) - int(fired[list(network.inputs)].sum()) > options.event_budget:
            raise over_budget(network, fired, options.event_budget)
    return _one_after_the_other(parts)


def _between(recordings: Inputs, i: int, begin: float, end: float) -> Inputs:
    """Return what one recording is given in [begin, end)."""
    given = {}
    for p, one in recordings.given.items():
        t, unit = one.as_recorded(i, end)
        first = int(np.searchsorted(t, begin))
        start = np.array([0, len(t) - first], np.int64)
        facts = start, one.source, one.packed
        given[p] = Recorded(t[first:].astype(np.int64), unit[first:], *facts)
    return Inputs(np.array([end]), given, recordings.drawn)


def _one_after_the_other(parts: list[Record]) -> Record:
    """Return the consecutive parts of one recording as one record."""
    last, counts = parts[-1], [vars(part.counts) for part in parts]
    total = {
        name: np.sum([one[name] for one in counts], axis=0)
        if name != _PEAK
        else np.max([one[name] for one in counts], axis=0)
        for name in counts[0]
    }
    spikes = {}
    for name in last.spikes:
        t, unit, value = (
            np.concatenate([getattr(part.spikes[name], field) for part in parts])
            for field in ("t", "unit", "value")
        )
        spikes[name] = Spikes(t, unit, value, np.array([0, len(t)], np.int64))
    units = {
        name: np.stack([part.unit_spikes[name] for part in parts]).sum(0, dtype=np.int32)
        for name in last.unit_spikes
    }
    return replace(last, counts=Counts(**total), spikes=spikes, unit_spikes=units)


def _side_by_side(network: Network, rows: list[Record], options: Options) -> Record:
    """Return the records of consecutive recordings as one; of those that were asked for."""
    if not rows:
        return Record(network, np.zeros(0), Counts.zeros(network, 0))
    counts = {
        name: np.concatenate([vars(row.counts)[name] for row in rows])
        for name in vars(rows[0].counts)
    }
    asked = [network.populations[p].name for p in options.kept]
    readouts = {
        name: Readouts(
            *(
                np.concatenate([getattr(row.readouts[name], field) for row in rows])
                for field in ("final", "maximum", "maximum_t", "integral")
            )
        )
        for name in rows[0].readouts
    }
    return Record(
        network,
        np.concatenate([row.duration for row in rows]),
        Counts(**counts),
        {name: end_to_end([row.spikes[name] for row in rows]) for name in asked},
        {
            name: np.concatenate([row.unit_spikes[name] for row in rows])
            for name in rows[0].unit_spikes
        },
        readouts,
    )
