"""The spike adjoint through convolution, pooling and sparse connections.

Each is compared with central differences of the smooth toy of its unrolled weights, and
convolution and pooling with the sparse connection that has just their synapses. (Not with a
dense one: there a weight of 0 delivers, and a neuron with threshold to spare fires on it.)
"""

import numpy as np
import pytest
from doors import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from smooth_toy import Frozen, Toy

from eventsnn.engines import simulate
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.engines.layered.patch import scalar_product
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.rules.adjoint.dynamics import dynamics
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

SENSOR = (2, 5, 6)


def some_events(rng, recordings=3, n=50, duration=40_000):
    return EventBatch.from_streams(
        [
            EventStream(
                np.sort(rng.choice(duration, n, replace=False)),
                rng.integers(0, np.prod(SENSOR), n),
                SENSOR,
                label=0,
                duration=duration,
            )
            for _ in range(recordings)
        ]
    )


def stack(topologies, neurons, delays):
    """A chain of any topologies behind the sensor, then a dense readout of three units."""
    populations, connections = [Population("p0", SENSOR)], []
    for i, (topology, neuron) in enumerate(zip(topologies, neurons, strict=True), 1):
        populations.append(Population(f"p{i}", (topology.n_out,), neuron))
        connections.append(Connection(f"p{i - 1}", f"p{i}", topology, delays[i - 1]))
    last = populations[-1]
    populations.append(Population("out", (3,), Readout(15_000.0)))
    connections.append(Connection(last.name, "out", Dense(last.size, 3)))
    return Network(tuple(populations), tuple(connections))


def unrolled(topology, weights):
    out = np.zeros((topology.n_in, topology.n_out))
    for j in range(topology.n_in):
        targets, index = topology.fan_out(j)
        np.add.at(out[j], targets, weights.reshape(-1)[index])
    return out


def listed(topology):
    """The sparse topology of the same synapses, and the weight that each reads."""
    fans = [topology.fan_out(j) for j in range(topology.n_in)]
    start = np.cumsum([0, *(len(targets) for targets, _ in fans)])
    targets, index = (np.concatenate(parts) for parts in zip(*fans, strict=True))
    return Sparse(topology.n_out, start, targets), index


def as_sparse(network, weights):
    """The same network synapse by synapse, and the weight that each synapse reads."""
    out = [listed(c.topology) for c in network.connections[:-1]]
    connections = [
        Connection(c.source, c.target, topology, c.least_delay)
        for c, (topology, _) in zip(network.connections, out, strict=False)
    ]
    one_each = [w.reshape(-1)[index] for w, (_, index) in zip(weights, out, strict=False)]
    whole = Network(network.populations, (*connections, network.connections[-1]))
    return whole, [*one_each, weights[-1]], [index for _, index in out]


def as_dense(network, weights):
    connections = tuple(
        Connection(c.source, c.target, Dense(c.topology.n_in, c.topology.n_out), c.least_delay)
        for c in network.connections
    )
    dense = [unrolled(c.topology, w) for c, w in zip(network.connections, weights, strict=True)]
    return Network(network.populations, connections), dense


NEURONS = st.one_of(
    st.builds(
        LIF,
        st.sampled_from([800.0, 10_000.0]),
        st.just(1.0),
        st.sampled_from(["subtract", "zero"]),
        st.sampled_from([0.0, 2_000.0]),
    ),
    st.builds(IF, st.just(1.0), st.just("subtract"), st.just(0.0)),
)


# Kernel size and stride; each number of rows and columns of positions that a sender reaches
# compiles kernels of its own: there are 2 rows here, and 1 or 2 columns.
ROWS = st.sampled_from([(2, 1), (3, 2)])
COLUMNS = st.sampled_from([(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (1, 3)])


@st.composite
def topologies(draw):
    """Two convolutions or poolings."""
    out, size, planar = [], (*SENSOR[1:], SENSOR[0]), True
    for _ in range(2):
        kind = draw(st.sampled_from(["conv", "conv", "pool"]))
        if kind == "conv":
            (height, down), (width, right) = draw(st.tuples(ROWS, COLUMNS))
            kernel, stride = (height, width), (down, right)
            padding = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
            new = Conv2d(size, draw(st.integers(1, 4)), kernel, stride, padding, planar)
        else:
            stride = draw(st.none() | st.integers(1, 2))
            new = Pool2d(size, (2, 1), stride, planar)
        out.append(new)
        size, planar = new.out_shape, False
    return out


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 100_000)))
    shapes = draw(topologies())
    network = stack(shapes, draw(st.tuples(NEURONS, NEURONS)), (draw(st.sampled_from([0, 700])), 0))
    weights = [rng.normal(0.2, 0.4, c.topology.weight_shape) for c in network.connections]
    return network, weights, some_events(rng), rng.normal(size=(3, 3))


@settings(
    max_examples=examples(25),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(cases())
def test_gradients_of_shared_weights_are_sums_over_their_synapses(case):
    network, weights, batch, errors = case
    output = len(network.populations) - 1
    given_errors = {output: ("integral", errors)}
    found = adjoint(layered.run(network, weights, batch), weights, given_errors, spike_cost=0.1)
    sparse, single, indices = as_sparse(network, weights)
    expected = adjoint(layered.run(sparse, single, batch), single, given_errors, spike_cost=0.1)
    for w, gradient, index in zip(weights, expected.weights, indices, strict=False):
        summed = np.zeros(w.size)
        np.add.at(summed, index, gradient)
        mine, theirs = found.weights.pop(0), summed.reshape(w.shape)
        scale = max(np.abs(theirs).max(), 1e-3)
        np.testing.assert_allclose(mine / scale, theirs / scale, atol=1e-9)
    np.testing.assert_allclose(found.weights[0], expected.weights[-1], rtol=1e-9, atol=1e-12)


_PAIRS = np.random.default_rng(5).integers(0, 60, (2, 90))
SPARSE, _ = Sparse.from_pairs(_PAIRS[0], _PAIRS[1] % 12, 60, 12)
CONV = Conv2d((5, 6, 2), 3, (3, 2), (2, 1), (1, 1), True)
EXAMPLES = {
    "conv, pool": (CONV, Pool2d(CONV.out_shape, 2)),
    "sparse, sparse": (SPARSE, Sparse.from_pairs(_PAIRS[0] % 12, _PAIRS[1] % 9, 12, 9)[0]),
    "conv, conv": (CONV, Conv2d(CONV.out_shape, 2, (2, 2))),
    "pool, conv": (
        Pool2d((5, 6, 2), (2, 3), 1, True),
        Conv2d((4, 4, 2), 2, (3, 3), (1, 2), (0, 1)),
    ),
}


def test_a_near_spike_behind_a_convolution_is_the_first_that_close_to_its_threshold():
    """A threshold of 2: half of it is 1, as the same network has it whose threshold is 1."""
    shape = Conv2d((5, 6, 2), 3, (3, 2), (2, 1), planar=True)
    network, lower = (stack([shape], [LIF(10_000.0, threshold)], [0]) for threshold in (2.0, 1.0))
    rng = np.random.default_rng(3)
    weights = [rng.normal(0.25, 0.2, shape.weight_shape), np.zeros((shape.n_out, 3))]
    batch = some_events(rng)
    passed = layered.run(network, weights, batch, near=0.5)
    crossed = simulate(lower, weights, batch, engine="reference").spikes["p1"]
    fired = simulate(network, weights, batch, engine="reference").spikes["p1"]
    found = 0
    for piece in passed.pieces:
        for k, r in enumerate(range(piece.rows.start, piece.rows.stop)):
            t, unit = crossed.recording(r)
            silent = set(range(shape.n_out)) - set(fired.recording(r)[1].tolist())
            firsts = {u: min(t[unit == u]) for u in silent if u in unit}
            near = piece.near[1]
            part = slice(*near.start[k : k + 2])
            got = list(zip(near.unit[part].tolist(), near.t[part].tolist(), strict=True))
            assert sorted(got) == sorted(firsts.items())
            found += sum((unit == u).sum() > 1 for u in firsts)
    # Of those that came so close, many did so several times.
    assert found > 10 and len(fired) > 5


@pytest.mark.parametrize("near", [0.0, 0.4])
@pytest.mark.parametrize("name", EXAMPLES)
def test_gradients_are_central_differences_of_the_smooth_toy(name, near):
    rng = np.random.default_rng(7)
    network = stack(EXAMPLES[name], (LIF(9_000.0), LIF(4_000.0, refractory_us=500.0)), (0, 300))
    weights = [rng.normal(0.5, 0.3, c.topology.weight_shape) for c in network.connections]
    batch, errors = some_events(rng, 1, 150), rng.normal(size=3)
    passed = layered.run(network, weights, batch, near=near)
    found = adjoint(passed, weights, {3: ("integral", errors[None])}, spike_cost=0.2).weights
    assert all(passed.spikes(p).sum() > 5 for p in (1, 2))
    dense, flat = as_dense(network, weights)
    toy = Toy(dense, Frozen(passed, batch), 0, flat)
    for c, gradient in enumerate(found):
        for index in rng.permutation(list(np.ndindex(gradient.shape)))[:40]:
            sides = []
            for sign in (1, -1):
                moved = [w.copy() for w in weights]
                moved[c][tuple(index)] += sign * 1e-5
                sides.append(toy.loss(as_dense(network, moved)[1], "integral", errors, 0.2))
            slope = (sides[0] - sides[1]) / 2e-5
            scale = max(np.abs(gradient).max(), 1e-3)
            assert abs(gradient[tuple(index)] - slope) < 1e-6 * scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_threads_gives_the_same_bits(dtype):
    rng = np.random.default_rng(1)
    network = stack(EXAMPLES["conv, pool"], (LIF(9_000.0), IF(1.0)), (0, 0))
    weights = [rng.normal(0.3, 0.3, c.topology.weight_shape) for c in network.connections]
    weights = [w.astype(dtype) for w in weights]
    batch, answers = some_events(rng, 100), []
    for threads in (1, 3):
        passed = layered.run(network, weights, batch, threads)
        errors = {3: ("integral", np.ones((100, 3)))}
        answers.append(adjoint(passed, weights, errors, threads=threads).weights)
    for mine, theirs in zip(*answers, strict=True):
        assert np.abs(mine).max() > 0
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 15, 16, 63, 64, 200])
def test_scalar_products_are_those_of_numpy(dtype, n):
    from numba import njit

    rng = np.random.default_rng(n)
    a, b = (rng.normal(size=300).astype(dtype) for _ in range(2))

    @njit
    def product(a, b, i, k, n):
        return scalar_product(a, b, i, k, n)

    exact = np.dot(a[7 : 7 + n].astype(np.float64), b[50 : 50 + n].astype(np.float64))
    precision = 1e-4 if dtype == np.float32 else 1e-12
    assert product(a, b, 7, 50, n) == pytest.approx(exact, abs=precision)


def test_thresholds_and_time_constants_behind_a_convolution_are_those_of_its_synapses():
    rng = np.random.default_rng(1)
    network = stack(EXAMPLES["conv, pool"], (LIF(9_000.0), LIF(5_000.0, 0.8)), (0, 0))
    weights = [rng.normal(0.5, 0.3, c.topology.weight_shape) for c in network.connections]
    batch, found = some_events(rng, 3, 150), []
    sparse, single, _ = as_sparse(network, weights)
    for net, w in ((network, weights), (sparse, single)):
        passed = layered.run(net, w, batch)
        gradients = adjoint(passed, w, {3: ("integral", np.ones((3, 3)))}, spike_cost=0.2)
        found.append(dynamics(passed, w, gradients))
    assert found[0].keys() == {1, 2} == found[1].keys()
    for p in (1, 2):
        np.testing.assert_allclose(found[0][p], found[1][p], rtol=1e-9)
        assert abs(found[0][p].threshold) > 1e-3 and abs(found[0][p].tau_us) > 1e-9
