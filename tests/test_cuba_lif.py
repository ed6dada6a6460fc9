"""The current-based LIF, compiled: its bounds, its exponential, and neighbours eight at a time."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from test_simulate import assert_same

import eventsnn as es
from eventsnn.kernels.compile import threaded
from eventsnn.kernels.exponential import decayed
from eventsnn.neurons.cuba_lif_flow import below_until, crossing, longest_rise


@threaded
def exponentials(x, out):
    for k in range(len(x)):
        out[k] = decayed(x[k])


def test_the_exponential_of_kernels_is_within_an_ulp():
    rng, n = np.random.default_rng(0), 150
    x = -np.concatenate([rng.exponential(scale, n) for scale in (1e-7, 1e-3, 1.0, 30.0)])
    x = np.concatenate([x, -rng.uniform(0, 708, n), [-0.0, -708.0]])
    out = np.zeros(len(x))
    exponentials(x, out)
    with localcontext(prec=40):
        off = [abs(Decimal(a) - Decimal(b).exp()) for a, b in zip(out, x, strict=True)]
    assert (np.array(off, np.float64) <= np.spacing(out)).all()
    ends = np.array([0.0, -708.1, -1e300, -np.inf, np.nan])
    exponentials(ends, ends)
    assert ends.tolist() == [1, 0, 0, 0, 0]


@threaded
def left_alone(states, until, found):
    """Note who is left alone until a time, and when those come to the threshold."""
    for row in range(len(states)):
        v, i, threshold, tau_mem, tau_syn, target = states[row]
        rise = longest_rise(v, i, target, 1.0 / tau_mem)
        found[row, 0] = below_until(v, rise, until[row], threshold, target)
        found[row, 1] = crossing(v, i, threshold, (tau_mem, tau_syn, target))


def test_no_crossing_comes_before_a_neuron_is_looked_at_in_many_states():
    rng, n = np.random.default_rng(1), 300_000
    v, i, target = rng.normal(0, 1, n), rng.normal(0, 3, n), rng.normal(0, 0.7, n)
    tau_mem = 10 ** rng.uniform(0, 5, n)
    tau_syn = tau_mem * np.where(rng.random(n) < 0.7, 10 ** rng.uniform(-2, 2, n), 1)
    threshold = v + 10 ** rng.uniform(-13, 0.5, n)
    rise = np.maximum(np.maximum(i, 0) + target - v, 0) / tau_mem
    with np.errstate(divide="ignore"):
        soonest = (threshold - v) / rise
    until = np.where(rise > 0, soonest, tau_mem) * (
        1 + rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-16, 0, n)
    )
    found = np.zeros((n, 2))
    left_alone(np.stack([v, i, threshold, tau_mem, tau_syn, target], 1), until, found)
    alone, when = found[:, 0] > 0, found[:, 1]
    assert (when[alone] > until[alone]).all()
    # The bound is what a straight line leaves: half of all, and many of them do fire later.
    assert 0.3 < alone.mean() < 0.7 and np.isfinite(when[alone]).mean() > 0.1


def recurrent(tau_syn_us, refractory_us, seed):
    rng, n = np.random.default_rng(seed), 21
    neuron = es.CubaLIF(20_000, tau_syn_us, refractory_us=refractory_us, bias=0.1)
    populations = es.Population("in", (1, 1, 30)), es.Population("h", n, neuron)
    around = es.Sparse(n, np.arange(n + 1) * 2, rng.integers(0, n, 2 * n, np.int32))
    connections = (
        es.Connection("in", "h", es.Dense(30, n)),
        es.Connection("h", "h", es.Dense(n, n), 1_000, name="all"),
        es.Connection("h", "h", around, 500, name="some"),
    )
    scales = ((30, n), 0.4), ((n, n), 0.05), (2 * n, 0.05)
    weights = [rng.normal(scale / 8, scale, shape) for shape, scale in scales]
    t = np.sort(rng.integers(0, 400, 700)) * 250  # many events at one instant, also at 0
    return (
        es.Network(populations, connections),
        weights,
        es.EventStream(t, rng.integers(0, 30, 700), (1, 1, 30), duration=100_000),
    )


@pytest.mark.parametrize(
    ("tau_syn_us", "refractory_us"), [(5_000, 0), (5_000, 3_000), (21_000, 700), (20_000, 0)]
)
def test_neighbours_that_share_a_clock_have_the_bits_of_neurons_alone(tau_syn_us, refractory_us):
    network, weights, events = recurrent(tau_syn_us, refractory_us, 3)
    one = es.simulate(network, weights, events, engine="reference")
    assert 60 < one.counts.spikes[0, 1] < 3_000
    assert_same(one, es.simulate(network, weights, events, engine="asynchronous"))


def test_neighbours_in_single_precision_fire_where_neurons_alone_do():
    network, weights, events = recurrent(5_000, 2_000, 4)
    single = [w.astype(np.float32) for w in weights]
    alone = es.Network(
        network.populations,
        tuple(
            es.Connection(c.source, c.target, one_by_one(c.topology), c.delay_us, name=c.name)
            for c in network.connections
        ),
    )
    flat = [w.reshape(-1) for w in single]
    assert_same(es.simulate(network, single, events), es.simulate(alone, flat, events))


def one_by_one(topology):
    """Return a connection with its targets listed, which no kernel takes as neighbours."""
    if not isinstance(topology, es.Dense):
        return topology
    starts = np.arange(topology.n_in + 1) * topology.n_out
    return es.Sparse(topology.n_out, starts, np.tile(np.arange(topology.n_out), topology.n_in))
