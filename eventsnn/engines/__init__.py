"""Engines: each turns recordings into a record, and all give the same one.

``reference.py`` is the definition; read it first. ``asynchronous/`` runs any graph,
``layered/`` layered ones.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from eventsnn.engines.asynchronous.state import State as State
from eventsnn.engines.gathered import Given
from eventsnn.engines.options import EVENT_BUDGET
from eventsnn.engines.running import Engine as Engine
from eventsnn.engines.running import How, Until, run
from eventsnn.network import Network, Weights
from eventsnn.record import Keep, Record


def simulate(
    network: Network,
    weights: Weights,
    events: Given = None,
    *,
    engine: Engine = "auto",
    record: Keep = "all",
    until_us: Until = None,
    state: State | Literal[True] | None = None,
    dtype: type[np.floating[Any]] | None = None,
    threads: int = 1,
    event_budget: int = EVENT_BUDGET,
) -> Record:
    """Run recordings through a network.

    Parameters
    ----------
    network : Network
    weights : mapping by connection name, or sequence in connection order
        Arrays that cannot be written (``array.setflags(write=False)``) are checked and laid out
        once: a later run with the same ones is as one of ``prepare``.
    events : EventStream, EventBatch or SpikeGenerator, or mapping of these by input population
        Times are exact; those of ``events.on_grid(1000)`` are rounded down to milliseconds. The
        recordings of a batch are independent runs. None where every input has a generator.
        A mapping may also give current generators to populations of neurons. Generators in it
        stand in for those of the network, and draw the same for each recording of a batch.
    engine : "auto", "asynchronous", "feedforward" or "reference"
        "auto" takes the feed-forward engine where the graph allows it.
    record : "all", "counts", "nothing" or names of populations
        Whose spikes are kept. "counts" keeps the operation counts and the spike counts
        of the output neurons, "nothing" only the operation counts.
    until_us : float, or one a recording, or Stop
        Run over the instants before it; None for the recording's duration (of several inputs: the
        longest), infinity until nothing more happens. Generators need a number. A ``Stop``, or its
        text ("margin:2.0"): until the answer of the last population is clear; what it said is in
        ``record.stopped``, and the record is that of a run with ``until_us=record.duration``.
    state : State or True
        True: from rest, and the record holds the state at the end (``record.state["h"].v``). A
        State: go on from here with one recording, whose events carry the times of the whole
        (``EventStream.between`` cuts it so). The record then holds the new state.
    dtype : numpy.float32 or numpy.float64
        Of potentials and weights; None for float64 if any weights are, else float32. The
        reference engine computes in float64, with weights rounded to the dtype.
    threads : int
        Recordings of a batch at a time; no number changes a bit of the result. The reference
        engine takes one.
    event_budget : int
        Most spikes a recording may fire.

    Raises
    ------
    UserError
        For weights, events, options or a state that do not fit, for several recordings
        with one state, and for a run that fires more spikes than its budget, naming the
        busiest population.

    Examples
    --------
    >>> import eventsnn as es
    >>> noise = es.Population("noise", (100,), generator=es.Poisson(rate_hz=50, seed=1))
    >>> cells = es.Population("cells", (10,), es.LIF(tau_us=20_000))
    >>> net = es.Network((noise, cells), (es.connect(noise, cells, es.AllToAll()),))
    >>> record = es.simulate(net, {"noise->cells": 0.015}, until_us=200_000)
    >>> bool(10 < record.rate("cells")[0] < 100)
    True
    """
    how = How(engine, record, state, dtype, threads, event_budget)
    return run(network, weights, events, until_us, how)
