"""The way back through the graph: equations (6) to (10)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.optimizers.over_ranks import Gradient, owned
from eventsnn.ranks.ranks import Ranks
from eventsnn.ranks.sums import GroupSums, OfRank, exchanged
from eventsnn.rules.ledinauskas2020 import kernels
from eventsnn.rules.ledinauskas2020.graph import NormedGraph, NormedSynapses
from eventsnn.rules.ledinauskas2020.lanes import WalkSettings, over_lanes, summed
from eventsnn.rules.ledinauskas2020.walk import (
    GraphRun,
    Parameters,
    Reals,
)
from eventsnn.threads import matrix_products_on_one_thread

_PRODUCT = 1 << 21
"""Numbers of a block of matrix products."""


class GraphGradients(NamedTuple):
    """Derivatives of the loss.

    Attributes
    ----------
    weights, gamma, beta : lists of arrays, as the parameters
    norms : list of float
        Euclidean norm of the derivatives by the potentials of each hidden layer, of this rank's
        samples.
    groups : dict
        By the number of synapses: what the lanes of this rank give, where ranks share out a batch.
    adds, products : int
        Rows added at events; multiply-adds of errors that go down.
    """

    weights: list[Reals]
    gamma: list[Reals]
    beta: list[Reals]
    norms: list[float]
    groups: dict[int, OfRank]
    adds: NDArray[np.int64]
    products: NDArray[np.int64]


def backward(
    graph: NormedGraph, params: Parameters, ran: GraphRun, by_logits: Reals, settings: WalkSettings
) -> GraphGradients:
    """Walk back from dL/dlogits (samples, classes); currents of ``ran`` are used up."""
    found = GraphGradients(
        [np.zeros_like(w) for w in params.weights],
        [np.zeros_like(g) for g in params.gamma],
        [np.zeros_like(b) for b in params.beta],
        [0.0] * len(ran.u),
        {},
        np.zeros(len(graph.layers), np.int64),
        np.zeros(len(graph.layers), np.int64),
    )
    d: list[Reals | None] = [None] * len(graph.layers)
    d[-1] = _readout(graph, params, ran, by_logits, (settings, found))
    for n in reversed(range(len(ran.u))):
        errors, layer = d[n + 1], graph.layers[n]
        if errors is None:
            raise AssertionError(f"layer {n} leads nowhere")
        for k in layer.after:
            d[k] = _added(d[k], errors)
        _turned(ran.u[n], errors, settings, layer)
        found.norms[n] = float(np.sqrt(np.vdot(errors, errors)))
        for k in layer.before:
            d[k] = _added(d[k], errors)
        for s in layer.synapses:
            one = graph.synapses[s]
            by_current = _through_norm(ran, params, s, errors, (settings, found))
            found.adds[n] += _weights(graph, ran, s, by_current, (settings, found))
            if one.source:
                to = d[one.source]
                to = np.zeros_like(ran.u[one.source - 1]) if to is None else to
                found.products[n] += _down(one, params.weights[s], by_current, to, settings)
                d[one.source] = to
        d[n + 1] = None
    return found


def _added(there: Reals | None, errors: Reals) -> Reals:
    if there is None:
        return errors.copy()
    there += errors
    return there


def _turned(u: Reals, errors: Reals, settings: WalkSettings, layer: Any) -> None:
    """Turn errors by spikes into errors by potentials, in place."""
    lif = settings.backward(layer)

    def work(part: slice) -> None:
        room, slopes = np.zeros(u.shape[2], settings.real), np.empty((1, *u.shape[1:]), u.dtype)
        for b in range(part.start, part.stop):
            settings.surrogate.fill(u[b].reshape(-1), layer.threshold, slopes.reshape(-1))
            kernels.turn_errors(u[b : b + 1], slopes, errors[b : b + 1], lif, room)

    over_lanes(work, len(u), settings)


def _through_norm(
    ran: GraphRun, params: Parameters, s: int, errors: Reals, more: tuple[Any, ...]
) -> Reals:
    """Return errors of currents; write those of gamma and beta."""
    settings, found = more
    values, stats = ran.currents[s], ran.statistics[s]
    whole = errors.reshape(*errors.shape[:2], *values.shape[2:])
    if values.shape[1] < settings.steps:  # a current that is the same in every step
        values = np.ascontiguousarray(np.broadcast_to(values, whole.shape))
    mean, root = stats.mean, stats.root(settings.epsilon)

    def sums(part: slice) -> NDArray[np.float64]:
        out = np.zeros((2, *mean.shape))
        kernels.error_sums(values[part], whole[part], (mean, root), out)
        return out

    total = summed(sums, (2, *mean.shape), len(values), settings)
    found.beta[s][:], found.gamma[s][:] = total[0].sum(0), total[1].sum(0)
    if settings.norm == "none":
        found.gamma[s][:], total = 0, 0 * total
    real = settings.real
    factors = tuple(a.astype(real) for a in (mean, root, params.gamma[s] * root))
    means = tuple((a / stats.n).astype(real) for a in total)
    over_lanes(
        lambda part: kernels.norm_back(values[part], whole[part], factors, means),
        len(values),
        settings,
    )
    return values.reshape(errors.shape)


def _weights(
    graph: NormedGraph, ran: GraphRun, s: int, errors: Reals, more: tuple[Any, ...]
) -> int:
    """Add the gradient of weights, rows at events only; return additions.

    Of several ranks what the lanes of this one give is kept apart.
    """
    settings, found = more
    one, out = graph.synapses[s], found.weights[s]
    sent = ran.sent[one.source]
    real = sent.dtype != np.uint8
    summed = errors.sum(1) if real else errors

    def work(part: slice) -> tuple[int, Reals]:
        own = np.zeros(out.size, settings.real)
        if real:
            adds = kernels.reals_into_weights(one.runs, sent[part], summed[part], own)
        else:
            listed = np.empty(sent.shape[2] * graph.most(one.source), np.int32)
            adds = kernels.signals_into_weights(one.runs, sent[part], errors[part], own, listed)
        return int(adds), own

    parts = over_lanes(work, len(sent), settings)
    groups = ((own * settings.real(one.share)).reshape(out.shape) for _, own in parts)
    if settings.batch:
        found.groups[s] = GroupSums([*groups], out.shape, out.dtype)
    else:
        for own in groups:
            out += own
    return sum(adds for adds, _ in parts)


def _down(
    one: NormedSynapses, weights: Reals, errors: Reals, out: Reals, settings: WalkSettings
) -> int:
    """Add errors of senders to ``out`` (samples, steps, n_in); return multiply-adds."""
    turned = np.ascontiguousarray(weights.reshape(-1, one.channels).T) * settings.real(one.share)
    rows, places = turned.shape[1], errors.shape[2] // one.channels
    steps = errors.shape[1]
    each = max(1, _PRODUCT // max(places * rows * steps, 1))

    def work(part: slice) -> None:
        for a in range(part.start, part.stop, each):
            some = slice(a, min(a + each, part.stop))
            product = errors[some].reshape(-1, one.channels) @ turned
            if one.direct:
                out[some] += product.reshape(out[some].shape)
            else:
                to = out[some].reshape(-1, out.shape[2])
                whole = product.reshape(len(to), places, rows)
                kernels.from_places(one.runs, one.group, whole, to)

    with matrix_products_on_one_thread():  # lanes have threads of their own
        over_lanes(work, len(errors), settings)
    return int(errors.size * rows)


def _readout(
    graph: NormedGraph, params: Parameters, ran: GraphRun, by_logits: Reals, more: tuple[Any, ...]
) -> Reals:
    """Return errors of the last hidden layer's signals; write those of the readout's weights."""
    settings, found = more
    one, weights = graph.synapses[-1], params.weights[-1]
    by_logits, rates = by_logits.astype(settings.real), ran.rates
    own = by_logits
    if settings.batch:  # this sum is made in one part, by each rank
        every = settings.ranks.gathered([rates.reshape(-1), by_logits.reshape(-1)])
        rates, by_logits = (np.concatenate(parts) for parts in zip(*every, strict=True))
        rates = rates.reshape(settings.batch, -1)
        by_logits = by_logits.reshape(settings.batch, -1)
    flat = np.zeros(weights.size, settings.real)
    adds = kernels.reals_into_weights(one.runs, rates, by_logits, flat)
    found.weights[-1][:] = (flat * settings.real(one.share)).reshape(weights.shape)
    found.adds[-1] = adds if settings.ranks.first else 0
    below = np.zeros((len(own), 1, rates.shape[1]), settings.real)
    found.products[-1] = _down(one, weights, own[:, None], below, settings)
    below /= settings.real(settings.steps)
    return np.ascontiguousarray(np.broadcast_to(below, ran.u[-1].shape))


def of_all(found: GraphGradients, ranks: Ranks) -> list[Gradient]:
    """Return gradients of weights, gamma and beta by the samples of all ranks.

    Of several ranks each has those of its own targets.
    """
    weights = owned(ranks, found.weights)
    sums = exchanged(ranks, [*found.groups.values()]) if found.groups else []
    for s, gradient in zip(found.groups, sums, strict=True):
        weights[s] = gradient
    return [*weights, *owned(ranks, [*found.gamma, *found.beta])]
