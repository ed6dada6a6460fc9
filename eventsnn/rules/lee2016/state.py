"""Arrays of the compiled rule: what a network has learned, and what a presentation leaves.

Populations stand one after the other, and so do layers. A *group* is a dense layer, or the maps of
one position; its neurons are always reached together and share a clock.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Network
from eventsnn.neurons.graded_lif import GradedLIF
from eventsnn.rules.lee2016.network import group_of, is_learned, neuron_of
from eventsnn.rules.lee2016.options import Lee2016Options
from eventsnn.topology.topology import Topology

Ints = NDArray[np.int64]
Reals = NDArray[Any]

SPIKES, ADDS, BACK_ADDS, UPDATES = range(4)
N_COUNTS = 4
"""Rows of a tally: spikes a population; and into it additions, those of errors, moved weights."""

FLOOR = 0.1
"""Least threshold, as a share of the initial one."""


class LeeNet(NamedTuple):
    """A network: how it is connected, and what it has learned.

    Attributes
    ----------
    size, at : int64 array (P,), (P + 1,)
        Neurons of each population, and where it begins among all.
    group, group_at : int64 array (P,), (P + 1,)
        Neurons of a group (0 of the input), and where thresholds begin.
    weight_at : int64 array (L + 1,)
        Where the weights of each layer begin; layer l leads into population l + 1.
    row_at : int64 array (L,)
        Where the senders of a layer begin in ``run_at``.
    run_at : int64 array
        Where the runs of each sender begin, and behind the last sender of a layer where they end.
    run_target, run_weight : int32 array (n_runs,)
        First neuron, in its population, and first weight, in its layer, of a run: as many as
        a group has neurons.
    fan_in : int64 array (L,)
    learned : bool array (L,)
    kappa : float64 array (P,)
    floor : real array (P,)
    weight : real array
        To be multiplied by the scale of the receiver.
    threshold, scale, square : real array
        Of each neuron of a group: ``square`` is the sum of the squares of ``weight``.
    """

    size: Ints
    at: Ints
    group: Ints
    group_at: Ints
    weight_at: Ints
    row_at: Ints
    run_at: Ints
    run_target: NDArray[np.int32]
    run_weight: NDArray[np.int32]
    fan_in: Ints
    learned: NDArray[np.bool_]
    kappa: NDArray[np.float64]
    floor: Reals
    weight: Reals
    threshold: Reals
    scale: Reals
    square: Reals


class LeeWork(NamedTuple):
    """What the neurons hold in a presentation, of one thread.

    Attributes
    ----------
    v : real array (n,)
    clock : float64 array (n,)
        Of the groups of each population, first entries.
    hit : float64 array (n,)
        When a group (where it inhibits itself) or a neuron last fired or was inhibited.
    trace, last : float64 array (n,)
        Trace of a unit at its last spike, and when that was.
    spikes : int64 array (n,)
    active, n_active : int32 array (n,), int64 array (P,)
        Units that fired, in the order of their first spikes.
    fired, n_fired, cursor : int32 array (n,), int64 array (P,) twice
        Who fires on this event, how many, and how many of them went on.
    delta, push, step : real array (n,)
        Errors; those times the scale; updates of a weight for a trace of 1.
    sums : float64 array (n,)
        Of the traces of each group.
    tally : int64 array (N_COUNTS, P)
    decays : float64 array
        The decay table, and behind it the time constant.
    log_t, log_unit, log_population, logged : arrays (room,), int64 array (1,)
        Spikes in their order, as far as there is room, and how many there were.
    """

    v: Reals
    clock: NDArray[np.float64]
    hit: NDArray[np.float64]
    trace: NDArray[np.float64]
    last: NDArray[np.float64]
    spikes: Ints
    active: NDArray[np.int32]
    n_active: Ints
    fired: NDArray[np.int32]
    n_fired: Ints
    cursor: Ints
    delta: Reals
    push: Reals
    step: Reals
    sums: NDArray[np.float64]
    tally: Ints
    decays: NDArray[np.float64]
    log_t: NDArray[np.float64]
    log_unit: NDArray[np.int32]
    log_population: NDArray[np.int32]
    logged: Ints


class LeeMoments(NamedTuple):
    """Of Adam, all weights and thresholds end to end; empty without it.

    Attributes
    ----------
    gradient, mean, square : real array, as the weights
    slope, slope_mean, slope_square : real array, as the thresholds
    """

    gradient: Reals
    mean: Reals
    square: Reals
    slope: Reals
    slope_mean: Reals
    slope_square: Reals


class LeeRates(NamedTuple):
    """Numbers of an epoch; see ``reference_learning.Rates``, and ``rho`` of equation (16)."""

    weight: float
    threshold: float
    cost: float
    slope: float
    sigma: float
    rho: float
    refractory: float
    normalise: bool
    share_error: bool
    adam: bool


def make_net(network: Network, options: Lee2016Options, weights: list[NDArray[Any]]) -> LeeNet:
    """Return a network with these weights, and thresholds as at the start."""
    real, layers = np.dtype(options.dtype).type, network.connections
    populations = network.populations
    size = np.array([p.size for p in populations], np.int64)
    group = np.array([0, *(group_of(p) for p in populations[1:])], np.int64)
    learned = np.array([is_learned(c.topology) for c in layers])
    fan_in = np.array([_fan_in(c.topology, g) for c, g in zip(layers, group[1:], strict=True)])
    first = first_thresholds(network, options, fan_in)
    runs = [_runs(c.topology, int(g)) for c, g in zip(layers, group[1:], strict=True)]
    n_runs = np.cumsum([0, *(len(target) for _, target, _ in runs)])
    net = LeeNet(
        size,
        _ends(size),
        group,
        _ends(group),
        _ends(np.array([w.size for w in weights])),
        _ends(size[:-1] + 1)[:-1],
        np.concatenate([start + n for (start, _, _), n in zip(runs, n_runs, strict=False)]),
        np.concatenate([target for _, target, _ in runs]).astype(np.int32),
        np.concatenate([weight for _, _, weight in runs]).astype(np.int32),
        fan_in,
        learned,
        np.array([0.0, *(neuron_of(p).inhibition for p in populations[1:])]),
        np.array([0.0, *(FLOOR * one for one in first)], real),
        np.concatenate([w.reshape(-1) for w in weights]).astype(real),
        np.repeat(np.array([0.0, *first]), group).astype(real),
        np.ones(group.sum(), real),
        np.zeros(group.sum(), real),
    )
    recount(net)
    return net


def first_thresholds(network: Network, options: Lee2016Options, fan_in: Ints) -> list[float]:
    """Return the initial threshold of each population but the input, equation (14)."""
    out, alpha = list[float](), options.alpha
    for k, connection in enumerate(network.connections):
        if not is_learned(connection.topology):
            out.append(neuron_of(network[connection.target]).threshold)
            continue
        alpha = options.output_alpha if k == len(fan_in) - 1 else alpha
        out.append(alpha * float(3 / fan_in[k]) ** 0.5)
        alpha = options.upper_alpha
    return out


def layer_weights(net: LeeNet, layer: int) -> Reals:
    """Return a view of a layer's weights, (fan_in, maps)."""
    flat = net.weight[net.weight_at[layer] : net.weight_at[layer + 1]]
    return flat.reshape(-1, net.group[layer + 1])


def maps(net: LeeNet, array: Reals, layer: int) -> Reals:
    """Return a view of what the maps of a layer have."""
    return array[net.group_at[layer + 1] : net.group_at[layer + 2]]


def recount(net: LeeNet) -> None:
    """Sum the squares of the weights anew, in the order of the rows."""
    for layer in range(len(net.fan_in)):
        total = maps(net, net.square, layer)
        total[:] = 0
        for row in layer_weights(net, layer):
            total += row * row


def fold(net: LeeNet) -> None:
    """Multiply the weights by their scales, which become 1."""
    for layer in range(len(net.fan_in)):
        layer_weights(net, layer)[:] *= maps(net, net.scale, layer)
    net.scale[:] = 1
    recount(net)


def make_work(net: LeeNet, neuron: GradedLIF, room: int = 0) -> LeeWork:
    """Return what one thread works with; ``room`` is that of the log."""
    n, populations, real = int(net.at[-1]), len(net.size), net.weight.dtype

    def counts() -> Ints:
        return np.zeros(populations, np.int64)

    return LeeWork(
        v=np.zeros(n, real),
        clock=np.zeros(n),
        hit=np.zeros(n),
        trace=np.zeros(n),
        last=np.zeros(n),
        spikes=np.zeros(n, np.int64),
        active=np.zeros(n, np.int32),
        n_active=counts(),
        fired=np.zeros(n, np.int32),
        n_fired=counts(),
        cursor=counts(),
        delta=np.zeros(n, real),
        push=np.zeros(n, real),
        step=np.zeros(n, real),
        sums=np.zeros(n),
        tally=np.zeros((N_COUNTS, populations), np.int64),
        decays=np.append(neuron.decays, neuron.tau_us),
        log_t=np.zeros(room),
        log_unit=np.zeros(room, np.int32),
        log_population=np.zeros(room, np.int32),
        logged=np.zeros(1, np.int64),
    )


def make_moments(net: LeeNet, adam: bool) -> LeeMoments:
    """Return moments of 0; empty ones without Adam."""
    real = net.weight.dtype
    weights, thresholds = (len(a) if adam else 0 for a in (net.weight, net.threshold))
    return LeeMoments(
        *(np.zeros(weights, real) for _ in range(3)),
        *(np.zeros(thresholds, real) for _ in range(3)),
    )


def _ends(sizes: NDArray[Any]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _fan_in(topology: Topology, group: int) -> int:
    """Return the synapses of a neuron away from borders."""
    weights = int(np.prod(topology.weight_shape))
    return max(1, weights // group)


def _runs(topology: Topology, group: int) -> tuple[Ints, Ints, Ints]:
    """Return where the runs of each sender begin, their first targets and first weights."""
    found = [topology.fan_out(sender) for sender in range(topology.n_in)]
    start = _ends(np.array([len(targets) // group for targets, _ in found]))
    return (
        start,
        np.concatenate([targets[::group] for targets, _ in found]),
        np.concatenate([weights[::group] for _, weights in found]),
    )
