"""A minibatch through the graph and back: events forward, blocks of matrix products backward.

Statistics need every sample of a layer before the next one may begin, so layers are passed one
after the other, all steps of each at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.ledinauskas2020 import kernels
from eventsnn.rules.ledinauskas2020.graph import NormedGraph
from eventsnn.rules.ledinauskas2020.lanes import WalkSettings, over_lanes, summed
from eventsnn.rules.ledinauskas2020.norm import Running, Statistics, affine

Reals = NDArray[Any]


class Parameters(NamedTuple):
    """Weights of all synapses, as papers write them; gamma and beta of the normalised ones."""

    weights: list[Reals]
    gamma: list[Reals]
    beta: list[Reals]


@dataclass(eq=False)
class GraphRun:
    """What happened.

    Attributes
    ----------
    sent : list of uint8 arrays (samples, steps, n), or floats (samples, n)
        Signals; the input's are real numbers where they are the same in every step.
    currents : list of arrays (samples, steps, places, channels)
        Of normalised synapses, before the normalisation.
    statistics : list of Statistics
    u : list of arrays (samples, steps, n)
    rates : array (samples, n)
        Signals a step of the last hidden layer.
    logits : array (samples, classes)
    adds : int64 array (n_populations - 1,)
        Additions into each.
    """

    sent: list[Reals]
    currents: list[Reals] = field(default_factory=list)
    statistics: list[Statistics] = field(default_factory=list)
    u: list[Reals] = field(default_factory=list)
    rates: Reals = field(default_factory=lambda: np.zeros(0))
    logits: Reals = field(default_factory=lambda: np.zeros(0))
    adds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def forward(
    graph: NormedGraph,
    params: Parameters,
    sent: Reals,
    settings: WalkSettings,
    running: list[Running] | None = None,
) -> GraphRun:
    """Run samples; with ``running`` statistics those of the batch are not asked for."""
    ran = GraphRun([sent], adds=np.zeros(len(graph.layers), np.int64))
    for n, layer in enumerate(graph.layers[:-1]):
        shape = len(sent), settings.steps, layer.size
        u, spikes = np.zeros(shape, settings.real), np.empty(shape, np.uint8)
        for s in layer.synapses:
            ran.adds[n] += _into(graph, params, ran, s, (u, settings, running))
        for k in layer.before:
            np.add(u, ran.sent[k], out=u, casting="unsafe")
            ran.adds[n] += int(ran.sent[k].sum())
        lif = settings.forward(layer)

        def fire(
            part: slice, u: Any = u, spikes: Any = spikes, lif: Any = lif, n: int = layer.size
        ) -> None:
            kernels.fire(u[part], lif, spikes[part], np.zeros(n, settings.real))

        over_lanes(fire, len(sent), settings)
        for k in layer.after:
            np.add(spikes, ran.sent[k], out=spikes)
        ran.u.append(u)
        ran.sent.append(spikes)
    last = graph.synapses[-1]
    ran.rates = ran.sent[-1].sum(1, dtype=settings.real) / settings.real(settings.steps)
    ran.logits = np.zeros((len(sent), graph.layers[-1].size), settings.real)
    flat = _flat(params.weights[-1], last.share, settings)
    kernels.add_reals(last.runs, ran.rates, flat, ran.logits)
    ran.adds[-1] = int((ran.sent[-1].sum((0, 1), dtype=np.int64) * last.runs.synapses).sum())
    return ran


def _flat(weights: Reals, share: float, settings: WalkSettings) -> Reals:
    """Return flat weights as a spike adds them."""
    flat = weights.reshape(-1)
    return flat if share == 1 else flat * settings.real(share)


def _into(
    graph: NormedGraph, params: Parameters, ran: GraphRun, s: int, into: tuple[Any, ...]
) -> int:
    """Add the normalised currents of synapses to ``u``; return additions."""
    u, settings, running = into
    one = graph.synapses[s]
    sent, n = ran.sent[one.source], len(u)
    flat = _flat(params.weights[s], one.share, settings)
    real = sent.dtype != np.uint8
    values = np.zeros((n, 1 if real else settings.steps, u.shape[2]), settings.real)

    def rows(part: slice) -> int:
        if real:
            return int(kernels.add_reals(one.runs, sent[part], flat, values[part, 0]))
        room = one.room(graph.most(one.source))
        return int(kernels.add_signals(one.runs, sent[part], flat, values[part], room))

    adds = int(sum(over_lanes(rows, n, settings)))
    places = u.reshape(*u.shape[:2], u.shape[2] // one.channels, one.channels)
    values = values.reshape(n, values.shape[1], *places.shape[2:])
    if running is None:
        found = statistics_of(values, settings)
        ran.statistics.append(found)
        ran.currents.append(values)
        mean, root = found.mean, found.root(settings.epsilon)
    else:
        mean = running[s].mean
        root = 1 / np.sqrt(running[s].variance + settings.epsilon)
    scale, shift = (
        a.astype(settings.real) for a in affine(mean, root, params.gamma[s], params.beta[s])
    )
    wide = np.broadcast_to(values, places.shape)
    over_lanes(lambda part: kernels.add_normed(wide[part], scale, shift, places[part]), n, settings)
    return adds


def statistics_of(values: Reals, settings: WalkSettings) -> Statistics:
    """Return mean and variance of currents: two passes in double precision."""
    groups, channels = settings.groups, values.shape[3]
    if settings.norm == "none":
        return Statistics(np.zeros((1, channels)), np.ones((1, channels)) - settings.epsilon, 1)
    wide = (
        np.broadcast_to(values, (values.shape[0], groups, *values.shape[2:]))
        if (values.shape[1] == 1)
        else values
    )
    samples = settings.batch or len(wide)
    n = samples * (wide.shape[1] // groups) * wide.shape[2]

    def sums(less: NDArray[np.float64]) -> NDArray[np.float64]:
        def work(part: slice) -> NDArray[np.float64]:
            out = np.zeros((2, groups, channels))
            kernels.channel_sums(wide[part], less, out)
            return out

        return summed(work, (2, groups, channels), len(wide), settings)

    mean = sums(np.zeros((groups, channels)))[0] / n
    variance = sums(mean)[1] / n
    # A constant current has been seen once and stands for all steps.
    return Statistics(mean, variance, n * (settings.steps // max(wide.shape[1], 1)))
