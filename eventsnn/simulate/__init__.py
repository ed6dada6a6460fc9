"""Engines: each turns recordings into a record, and all give the same one.

``reference.py`` is the definition; read it first. ``asynchronous.py`` runs any graph,
``feedforward.py`` layered ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from eventsnn.errors import UserError
from eventsnn.network import Network, Weights
from eventsnn.record import Keep, Record, kept_populations
from eventsnn.simulate.inputs import Events, inputs
from eventsnn.simulate.options import EVENT_BUDGET, Options
from eventsnn.simulate.state import State

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
        Go on from here: the events carry the times of the one long recording. The
        record then holds the new state. ``State.start`` makes the first.
    dtype : numpy.float32 or numpy.float64
        Of potentials and weights; None for float64 if any weights are, else float32.
    threads : int
        Does not change a bit of the result; only the feed-forward engine uses it.
    event_budget : int
        Most spikes a recording may fire.

    Raises
    ------
    UserError
        For weights, events, options or a state that do not fit, and for a run that
        fires more spikes than its budget, naming the busiest population.
    """
    if engine not in get_args(Engine):
        raise UserError(f"simulate: engine is {engine!r}; give {', '.join(get_args(Engine))}")
    if threads < 1 or event_budget < 0:
        raise UserError(
            f"simulate: threads is {threads}, event_budget {event_budget}; give at least 1 thread "
            "and a budget of 0 or more"
        )
    flat = network.weights(weights, dtype)
    real = flat[0].dtype.type if flat else dtype or np.float64
    keep = kept_populations(network, record)
    options = Options(keep, record != "nothing", real, threads, event_budget)
    recordings = inputs(network, events, until_us)
    run = _engine(engine, network, state)
    return run(network, flat, recordings, options, state)


def _engine(engine: Engine, network: Network, state: State | None) -> Callable[..., Record]:
    """Return the engine's ``run``, with a state as its last argument."""
    from eventsnn.simulate import asynchronous, reference

    if engine == "asynchronous":
        return asynchronous.run
    from eventsnn.simulate import feedforward

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
