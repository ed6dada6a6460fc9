"""Engines: each turns recordings into a record, and all give the same one.

``reference.py`` is the definition; read it first. ``asynchronous/`` runs any graph,
``layered/`` layered ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.inputs import Events, inputs
from eventsnn.engines.options import EVENT_BUDGET, Options
from eventsnn.errors import UserError
from eventsnn.network import Network, Weights
from eventsnn.record import Keep, Record, kept_populations
from eventsnn.text import shown

Engine = Literal["auto", "reference", "asynchronous", "feedforward"]


def simulate(
    network: Network,
    weights: Weights,
    events: Events,
    *,
    engine: Engine = "auto",
    record: Keep = "all",
    until_us: ArrayLike | None = None,
    state: State | None = None,
    dtype: type[np.floating[Any]] | None = None,
    threads: int = 1,
    event_budget: int = EVENT_BUDGET,
) -> Record:
    """Run recordings through a network.

    Parameters
    ----------
    network : Network
    weights : mapping by connection name, or sequence in connection order
    events : EventStream or EventBatch
        The recordings of a batch are independent runs.
    engine : "auto", "asynchronous", "feedforward" or "reference"
        "auto" takes the feed-forward engine where the graph allows it.
    record : "all", "counts", "nothing" or names of populations
        Whose spikes are kept. "counts" keeps the operation counts and the spike counts
        of the output neurons, "nothing" only the operation counts.
    until_us : float, or one a recording
        Run over the instants before it; None for the recording's duration, infinity
        until nothing more happens.
    state : State
        Go on from here with one recording, whose events carry the times of the whole
        (``EventStream.between`` cuts it so). The record then holds the new state.
        ``State.start`` makes the first.
    dtype : numpy.float32 or numpy.float64
        Of potentials and weights; None for float64 if any weights are, else float32. The
        reference engine computes in float64, with weights rounded to the dtype.
    threads : int
        Does not change a bit of the result; only the feed-forward engine uses it.
    event_budget : int
        Most spikes a recording may fire.

    Raises
    ------
    UserError
        For weights, events, options or a state that do not fit, for several recordings
        with one state, and for a run that fires more spikes than its budget, naming the
        busiest population.
    """
    if not isinstance(engine, str) or engine not in get_args(Engine):
        raise UserError(f"simulate: engine is {shown(engine)}; give {', '.join(get_args(Engine))}")
    for name, value, least in (("threads", threads, 1), ("event_budget", event_budget, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise UserError(
                f"simulate: {name} is {shown(value)}; give a whole number, at least {least}"
            )
    # As Python numbers: numpy.uint8(200) - 201 is 255.
    threads, event_budget = int(threads), min(int(event_budget), np.iinfo(np.int64).max)
    flat = network.weights(weights, dtype)
    real = flat[0].dtype.type if flat else dtype or np.float64
    keep = kept_populations(network, record)
    options = Options(keep, record != "nothing", real, threads, event_budget)
    recordings = inputs(network, events, until_us)
    if state is not None and not isinstance(state, State):
        raise UserError(f"simulate: state is {shown(state)}; give a State, as State.start makes it")
    if state is not None and len(recordings.until) != 1:
        raise UserError(
            f"simulate: {events.source}: a state goes on with one recording, this batch has "
            f"{len(recordings.until)}; run them one by one, each from a state of its own"
        )
    run = _engine(engine, network, state)
    return run(network, flat, recordings, options, state)


def _engine(engine: Engine, network: Network, state: State | None) -> Callable[..., Record]:
    """Return the engine's ``run``, with a state as its last argument."""
    from eventsnn.engines import reference
    from eventsnn.engines.asynchronous import engine as asynchronous

    if engine == "asynchronous":
        return asynchronous.run
    from eventsnn.engines.layered import engine as feedforward

    layered = feedforward.supports(network)
    if engine == "auto" and (state is not None or not layered):
        return asynchronous.run
    if state is not None:
        raise UserError(f"simulate: the {engine} engine takes no state; give 'asynchronous'")
    if engine == "feedforward" and not layered:
        raise UserError(
            "simulate: the feed-forward engine cannot run this network; give 'asynchronous'"
        )
    chosen = reference if engine == "reference" else feedforward
    return lambda *arguments: chosen.run(*arguments[:4])
