"""A run: what is asked of it is checked, an engine is chosen, and it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.fingerprint import fingerprint, weight_sums
from eventsnn.engines.gathered import Given, gathered
from eventsnn.engines.hints import warn_of_units
from eventsnn.engines.inputs import Inputs
from eventsnn.engines.kept import checked
from eventsnn.engines.options import EVENT_BUDGET, Options, Progress
from eventsnn.engines.pool import Pool
from eventsnn.engines.stop import Scoring, Stop
from eventsnn.errors import UserError
from eventsnn.network import Network, Weights
from eventsnn.record import Keep, Record, kept_populations
from eventsnn.text import named, shown

Until = ArrayLike | Stop | None
"""An end, one a recording, or until the answer is clear; the text of a ``Stop`` stands for it."""

Engine = Literal["auto", "reference", "asynchronous", "feedforward"]


class How(NamedTuple):
    """How a run is done: as the arguments of ``simulate``, and who is told how far it is.

    Attributes
    ----------
    progress : callable, optional
        Told now and then how far the run is (microseconds); where it returns False the run stops,
        and its record ends there. Only the asynchronous engine pauses for it.
    stop : Stop, optional
        When the answer is clear the run ends.
    answer : Scoring, optional
        What is read of the output then; None: an integral, or counts of spikes.
    """

    engine: Engine = "auto"
    record: Keep = "all"
    state: State | Literal[True] | None = None
    dtype: type[np.floating[Any]] | None = None
    threads: int = 1
    event_budget: int = EVENT_BUDGET
    progress: Progress | None = None
    stop: Stop | None = None
    answer: Scoring | None = None


def run(network: Network, weights: Weights, events: Given, until_us: Until, how: How) -> Record:
    """Run; see ``simulate``."""
    check(how)
    check_network(network)
    flat, pool = checked(network, weights, how.dtype)
    return run_checked(network, flat, events, until_us, how, pool)


def check(how: How) -> None:
    """Refuse an engine that there is not, and numbers that are none."""
    engine = how.engine
    if not isinstance(engine, str) or engine not in get_args(Engine):
        raise UserError(f"simulate: engine is {shown(engine)}; give {', '.join(get_args(Engine))}")
    for name, least in (("threads", 1), ("event_budget", 0)):
        value = getattr(how, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise UserError(
                f"simulate: {name} is {shown(value)}; give a whole number, at least {least}"
            )


def run_checked(
    network: Network,
    flat: tuple[NDArray[Any], ...],
    events: Given,
    until_us: Until,
    how: How,
    pool: Pool | None = None,
) -> Record:
    """Run with weights that were checked; ``pool`` belongs to the network and to them."""
    # As Python numbers: numpy.uint8(200) - 201 is 255.
    budget = min(int(how.event_budget), np.iinfo(np.int64).max)
    real = flat[0].dtype.type if flat else how.dtype or np.float64
    if isinstance(until_us, Stop | str):
        how, until_us = how._replace(stop=Stop.of(until_us, "until_us")), None
    keep = kept_populations(network, how.record)
    counted = how.record != "nothing"
    driven, recordings = gathered(network, events, until_us)
    pool = pool if driven is network else None  # another generator: another network
    options = Options(keep, counted, real, int(how.threads), budget, how.progress, pool)
    network = driven
    warn_of_units(network, recordings, until_us is not None)
    if how.stop is not None:
        how = check_stop(how, network, recordings)
    state = State.start(network) if how.state is True else how.state
    if state is not None and not isinstance(state, State):
        raise UserError(f"simulate: state is {shown(state)}; give a State, as State.start makes it")
    if state is not None and len(recordings.until) != 1:
        source = next(iter(recordings.given.values())).source
        raise UserError(
            f"simulate: {source}: a state goes on with one recording, this batch has "
            f"{len(recordings.until)}; run them one by one, each from a state of its own"
        )
    how = how._replace(state=state)
    record = engine_of(how, network, recordings, pool)(network, flat, recordings, options)
    sums = pool.shared("weight sums", partial(weight_sums, flat)) if pool else weight_sums(flat)
    return replace(record, fingerprint=fingerprint(record, sums, recordings))


def check_network(network: Any) -> None:
    """Refuse what is no network, such as one that its rule alone runs."""
    if isinstance(network, Network):
        return
    remedy = "give a Network, such as es.layers makes"
    if hasattr(network, "fit"):
        remedy = "give its network_ and weights_"
    elif not hasattr(network, "populations"):
        remedy += "; that of some rules (deep-spiking, ...) is their own: use predict"
    raise UserError(f"simulate: network is {shown(network)}; {remedy}")


def check_stop(how: How, network: Network, recordings: Inputs) -> How:
    """Return what is read of the output of a run that stops; refuse one that cannot.

    Raises
    ------
    UserError
    """
    last = network.populations[-1]
    if how.state is not None or not np.isfinite(recordings.until).all():
        raise UserError(
            "simulate: a run that stops when its answer is clear begins at rest and has an end; "
            "give no state, and recordings with durations"
        )
    if last.neuron is None:
        raise UserError(f"simulate: the last population {named(last.name)} is no output; stop none")
    if how.stop is not None and how.stop.policy == "first_spike" and not last.spiking:
        raise UserError(
            f"stop: {named(last.name)} has {last.neuron.kind} neurons, which never spike; give "
            "another policy than first_spike"
        )
    usual = Scoring("counts" if last.spiking else "integral", lambda outputs: outputs)
    return how if how.answer is not None else how._replace(answer=usual)


Runs = Callable[[Network, tuple[NDArray[Any], ...], Inputs, Options], Record]


def engine_of(how: How, network: Network, recordings: Inputs, pool: Pool | None = None) -> Runs:
    """Return the engine of a run, with its state."""
    from eventsnn.engines import reference
    from eventsnn.engines.asynchronous import engine as asynchronous

    state = how.state if isinstance(how.state, State) else None
    by_queue = partial(asynchronous.run, state=state)
    if how.stop is not None and how.answer is not None:
        return stopping_engine(how, network, recordings)
    if how.engine == "asynchronous":
        return by_queue
    from eventsnn.engines.layered import engine as feedforward

    supports = partial(feedforward.supports, network)
    layered = pool.shared("layered", supports) if pool else supports()
    piecewise = state is not None or bool(recordings.drawn)
    if how.engine == "auto" and (piecewise or not layered):
        return by_queue
    if state is not None:
        raise UserError(f"simulate: the {how.engine} engine takes no state; give 'asynchronous'")
    if how.engine == "feedforward" and not layered:
        raise UserError(
            "simulate: the feed-forward engine cannot run this network; give 'asynchronous'"
        )
    return reference.run if how.engine == "reference" else feedforward.run


def stopping_engine(how: How, network: Network, recordings: Inputs) -> Runs:
    """Return the engine of a run that stops when the answer is clear."""
    from eventsnn.engines.asynchronous import until_clear as by_queue
    from eventsnn.engines.layered import engine as feedforward
    from eventsnn.engines.layered import until_clear as layered

    asked: Any = how.stop, how.answer
    if how.engine == "reference":
        raise UserError("simulate: the reference engine does not stop early; give 'auto'")
    fits = feedforward.supports(network)
    if how.engine == "feedforward" and not fits:
        raise UserError(
            "simulate: the feed-forward engine cannot run this network; give 'asynchronous'"
        )
    fast = fits and how.engine != "asynchronous" and (how.engine != "auto" or not recordings.drawn)
    return partial(layered.run if fast else by_queue.run, asked=asked)
