"""Initial weights, drawn so that every population fires."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.engines.options import RunawayError
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Network
from eventsnn.neurons.neuron import Neuron
from eventsnn.rules.evaluation import MOST_EVENTS, spikes_allowed
from eventsnn.rules.learned import Rates
from eventsnn.text import shown
from eventsnn.topology.topology import Topology

_FEW, _TRIES = 16, 16


class Aim(NamedTuple):
    """Spikes a neuron and recording, and the SD of weights into a readout."""

    spikes: float
    output: float


Drawn = list[NDArray[Any]]
"""Weights in the order of the connections."""


def start(
    network: Network,
    events: EventBatch,
    *,
    spikes: float = 1.0,
    output: float = 0.015,
    seed: int = 0,
) -> dict[str, NDArray[Any]]:
    """Return initial weights with which every population fires.

    Parameters
    ----------
    network : Network
        Whose populations stand in the order of the input's spikes through them.
    events : EventBatch
        Recordings such as it will learn from; the first few are run.
    spikes : float
        Of a neuron and recording on average.
    output : float
        Standard deviation of weights into populations that do not spike.
    seed : int

    Returns
    -------
    dict from the name of a connection to float32 array of its ``weight_shape``

    Raises
    ------
    UserError
        If no scale makes a population fire, or a number makes no sense.

    Examples
    --------
    >>> import eventsnn as es
    >>> data = es.open_data("digits", limit=4)
    >>> network = es.layers("2312-20-10", es.LIF(30_000), es.Readout(30_000))
    >>> weights = es.start(network, data.train, spikes=2.0, seed=0)
    >>> record = es.simulate(network, weights, data.train)
    >>> bool(abs(record.counts.spikes[:, 1].mean() / 20 - 2.0) < 0.1)
    True
    """
    for name, value in (("spikes", spikes), ("output", output)):
        if not (isinstance(value, int | float) and 0 < value < math.inf):
            raise UserError(f"start: {name} is {shown(value)}; give a number above 0")
    if isinstance(events, EventStream):
        events = EventBatch.from_streams([events], events.source)
    if not isinstance(events, EventBatch):
        raise UserError(
            f"start: {shown(events)} is no batch; give an EventBatch, such as data.train, or "
            "EventBatch.from_streams(streams)"
        )
    weights, _ = start_weights(network, events, Aim(spikes, output), np.random.default_rng(seed))
    return {c.name: w for c, w in zip(network.connections, weights, strict=True)}


def start_weights(
    network: Network, events: EventBatch, aim: Aim, rng: np.random.Generator
) -> tuple[Drawn, list[Rates]]:
    """Draw normal weights, float32, for the network of a layer string.

    Those into a spiking population, from below and from itself, have one SD. Populations are
    taken in order from the input: the SD is scaled until the neurons fire ``aim.spikes`` times
    a recording on average. Those into a readout have the SD ``aim.output``. Where a topology
    has default weights (pooling) they stay.

    Returns
    -------
    weights : list of float32 arrays, in the order of the connections
    rates : list of Rates
        Of the spiking populations.

    Raises
    ------
    UserError
        If no scale makes a population fire.
    """
    few = next(events.pieces(_FEW, MOST_EVENTS), events)
    weights: Drawn = []
    plain: Drawn = []
    for p, population in enumerate(network.populations):
        normal: dict[int, NDArray[Any]] = {}
        for k, connection in enumerate(network.connections):
            if network.targets[k] != p:
                continue
            topology = connection.topology
            given = topology.default_weights()
            if given is None:
                normal[k] = rng.standard_normal(topology.weight_shape, np.float32)
                usual = normal[k] * np.float32(_usual(topology, population.neuron))
            else:
                usual = given.astype(np.float32)
            plain.append(usual)
            weights.append(usual)
        if normal:
            scale = aim.output
            if population.spiking:
                goal = aim.spikes * population.size
                scale = _scale(_until(network, p), weights, normal, few, goal)
            weights = _scaled(weights, normal, scale)
    before, after = (_fired(network, some, few) for some in (plain, weights))
    rates = [
        Rates(p.name, float(before[k] / p.size), float(after[k] / p.size))
        for k, p in enumerate(network.populations)
        if p.spiking and k != network.input
    ]
    return weights, rates


def _usual(topology: Topology, neuron: Neuron | None) -> float:
    """Return the SD of weights by fan-in, in units of the threshold (He et al. 2015)."""
    shape = topology.weight_shape
    return getattr(neuron, "threshold", 1.0) * math.sqrt(2 / math.prod(shape[:-1]))


def _until(network: Network, last: int) -> Network:
    """Return the populations up to one, and what connects them."""
    ends = zip(network.connections, network.targets, strict=True)
    connections = tuple(connection for connection, target in ends if target <= last)
    return Network(network.populations[: last + 1], connections)


def _scaled(weights: Drawn, normal: dict[int, NDArray[Any]], scale: float) -> Drawn:
    """Return the weights with some drawn ones in their places, times ``scale``."""
    return [normal[k] * np.float32(scale) if k in normal else w for k, w in enumerate(weights)]


def _fired(network: Network, weights: Drawn, few: EventBatch) -> NDArray[np.float64]:
    """Return the mean spikes of each population a recording; those so far of a runaway."""
    most = spikes_allowed(network, few)
    try:
        record = simulate(network, weights, few, record="nothing", event_budget=most)
    except RunawayError as error:
        return np.asarray(error.spikes, np.float64)
    return np.asarray(record.counts.spikes.mean(0), np.float64)


def _scale(
    part: Network,
    weights: Drawn,
    normal: dict[int, NDArray[Any]],
    few: EventBatch,
    goal: float,
) -> float:
    """Bisect the logarithm of the scale."""
    low, high = 1e-5, 10.0
    fired = 0.0
    for _ in range(_TRIES):
        scale = math.sqrt(low * high)
        fired = float(_fired(part, _scaled(weights, normal, scale), few)[-1])
        low, high = (scale, high) if fired < goal else (low, scale)
    if fired == 0:
        raise UserError(
            f"{part.populations[-1].name} stays silent whatever its weights; are there events in "
            "the recordings, and is the threshold right?"
        )
    return math.sqrt(low * high)
