"""Every neuron model behind every topology: the reference's record, and the adjoint's gradients.

Those of the package are found; one neuron and one topology are this file's own, with kernels that
nothing in the package knows.
"""

from dataclasses import MISSING, dataclass, fields
from functools import cache, cached_property
from itertools import product
from typing import ClassVar
from unittest import mock

import numpy as np
import pytest
from numba import int64
from smooth_toy import Frozen, Toy

import eventsnn
from eventsnn.engines import simulate
from eventsnn.engines.layered import engine, layer, loop
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.events import EventBatch, EventStream
from eventsnn.kernels.compile import inlined
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons import models
from eventsnn.neurons.entry_points import entry_points
from eventsnn.neurons.neuron import Membrane, Neuron
from eventsnn.neurons.readout import Readout
from eventsnn.neurons.work_list import mark
from eventsnn.registry import Registry
from eventsnn.topology import topologies
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology, runs_entry_point


@dataclass(frozen=True)
class Tiring(Neuron):
    """No leak; each spike makes the next one harder by a half, and takes all there is."""

    kind: ClassVar[str] = "tiring-of-a-test"
    in_state: ClassVar[tuple[str, ...]] = ("threshold",)
    variables: ClassVar[tuple[str, ...]] = ("v", "limit")
    times: ClassVar[tuple[str, ...]] = ("clock",)
    threshold: float = 1.0

    def start(self):
        cell = super().start()
        cell.x[1] = self.threshold
        return cell

    def receive(self, cell, t, weights, due):
        v, limit = cell.x
        for weight in weights:
            v += weight
        cell.x[:] = (0.0, limit * 1.5) if v >= limit else (v, limit)
        return v if v >= limit else None

    @cached_property
    def membrane(self):
        return Membrane(threshold=self.threshold, reset="zero")

    def lowered(self, share):
        return Tiring(share * self.threshold)

    def table(self):
        return np.array([self.threshold])

    @classmethod
    def kernels(cls, dtype):
        return _tiring(dtype)


@inlined
def one(table, x, times, t, j, weight, work):
    n = int64(table[0])
    work[1] += t != times[j]
    times[j] = t
    x[j] += weight
    if x[j] >= x[n + j]:
        mark(work, n, int64(j))


def receive(table, x, times, t, weights, targets, runs, work):
    for r in range(1, 1 + 3 * runs[0], 3):
        for k in range(runs[r + 1], runs[r + 1] + runs[r + 2]):
            j = runs[r] + k - runs[r + 1] if runs[r] >= 0 else int64(targets[k])
            one(table, x, times, t, j, weights[k], work)


def train(table, x, times, at, targets, weights, grouped, span, limit, work):
    k = span[0]
    while k < span[1] and at[k] == at[span[0]]:
        if targets[k] >= 0:
            one(table, x, times, at[k], targets[k], weights[k], work)
            span[2] += 1
        else:
            for s in range(int64(~targets[k]), int64(~targets[k]) + int64(weights[k])):
                one(table, x, times, at[k], grouped[s].target, grouped[s].weight, work)
                span[2] += 1
        k += 1
    return int64(k)


def settle(table, x, times, t, work, fired, values):
    n, marked, found = int64(table[0]), work[0], 0
    work[0] = 0
    for i in range(2, 2 + marked):
        j = work[i]
        work[2 + n + j] = 0
        if x[j] >= x[n + j]:
            fired[found], values[found] = j, x[j]
            x[j], x[n + j] = x[j] * 0, x[n + j] * x.dtype.type(1.5)
            found += 1
    return found


@cache
def _tiring(dtype):
    return entry_points(receive, train, settle, dtype)


@dataclass(frozen=True)
class Ring(Topology):
    """Each sender reaches its neighbours on a ring, through weights that all share."""

    kind: ClassVar[str] = "ring-of-a-test"
    size: int = 60
    reach: int = 4
    clock_size: ClassVar[int] = 1

    @property
    def n_in(self):
        return self.size

    @property
    def n_out(self):
        return self.size

    @property
    def weight_shape(self):
        return (self.reach,)

    @property
    def max_fan_out(self):
        return self.reach

    def fan_out(self, sender):
        k = np.arange(self.reach)
        return (sender + k) % self.size, k

    def table(self):
        return np.array([self.size, self.reach], np.int64)

    @classmethod
    def kernel(cls):
        return _ring()


def runs(table, sender, out):
    for k in range(table[1]):
        out[1 + 3 * k], out[2 + 3 * k], out[3 + 3 * k] = (sender + k) % table[0], k, 1
    out[0] = table[1]
    return int64(table[1])


@cache
def _ring():
    return runs_entry_point(runs)


_PAIRS = np.random.default_rng(5).integers(0, 60, (2, 150))
_ORDER = np.argsort(_PAIRS[0], kind="stable")
VALUES = {
    "senders": 60, "receivers": 12, "in_size": (5, 6, 2), "channels": 3, "kernel_size": (3, 2),
    "window": (2, 2), "start": np.searchsorted(_PAIRS[0][_ORDER], np.arange(61)),
    "target": _PAIRS[1][_ORDER] % 12,
}  # fmt: skip
"""What parameters without a default are given, by their names; time constants are 9 ms."""


def example(kind):
    """One object of a class."""
    names = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    names = [name for name in names if kind.__dataclass_fields__[name].init]
    return kind(**{n: 9_000.0 if n.endswith("_us") else VALUES[n] for n in names})


OURS = (Tiring, Ring)
NEURONS = [kind for kind in {**models(), Tiring.kind: Tiring}.values() if not kind.predicts]
SHAPES = list({**topologies(), Ring.kind: Ring}.values())
CASES = [
    pytest.param(example(neuron), example(shape), id=f"{neuron.kind} {shape.kind}")
    for neuron, shape in product(NEURONS, SHAPES)
]
PAIRS = [case.values for case in CASES]
LEARNING = [case for case in CASES if case.values[0].membrane is not None]
"""Those that give a membrane to learn by."""


@pytest.fixture(autouse=True)
def joined():
    """Those of this file are there while a test of it runs."""
    for thing in OURS:
        eventsnn.register(thing)
    yield
    for registry in Registry.known:
        for thing in OURS:
            registry.leave(thing)


def network_of(neuron, topology, delay=3):
    """The pair behind the input; behind spiking neurons, a readout."""
    populations = [Population("in", (60,)), Population("a", (topology.n_out,), neuron)]
    connections = [Connection("in", "a", topology, delay)]
    if neuron.spiking:
        populations.append(Population("out", (3,), Readout(15_000.0)))
        connections.append(Connection("a", "out", Dense(topology.n_out, 3)))
    return Network(tuple(populations), tuple(connections))


def weights_of(network, rng):
    scale = [(0.4, 0.3) if c.target == "a" else (0.1, 0.3) for c in network.connections]
    shapes = [c.topology.weight_shape for c in network.connections]
    return [rng.normal(*s, shape) for s, shape in zip(scale, shapes, strict=True)]


def some_events(rng, recordings, n, duration=40_000):
    """With ties, and instants that the random times share."""
    streams = []
    for _ in range(recordings):
        t = np.sort(rng.integers(0, duration // 40, n) * 40)
        streams.append(EventStream(t, rng.integers(0, 60, n), (1, 1, 60), 0, duration))
    return EventBatch.from_streams(streams)


def assert_same(a, b):
    for name, spikes in a.spikes.items():
        for field in ("start", "t", "unit", "value"):
            np.testing.assert_array_equal(
                getattr(spikes, field), getattr(b.spikes[name], field), f"{name} {field}"
            )
    for field in ("spikes", "neuron_updates", "deliveries", "synaptic_adds"):
        np.testing.assert_array_equal(getattr(a.counts, field), getattr(b.counts, field), field)
    for name, kept in a.readouts.items():
        for field in ("final", "maximum", "maximum_t", "integral"):
            np.testing.assert_array_equal(
                getattr(kept, field), getattr(b.readouts[name], field), f"{name} {field}"
            )


def test_all_pairs_are_found_and_some_have_a_layer_of_their_own():
    assert len(NEURONS) >= 4 and len(SHAPES) >= 5
    layers = [layer.layer_of(*pair) for pair in PAIRS]
    own = set(layer.fast_pairs())
    for (neuron, shape), found in zip(PAIRS, layers, strict=True):
        general = found in (layer.general(True), layer.general(False))
        assert general != ((type(neuron), type(shape)) in own)
    assert 11 <= len(own) < len(layers) == len(NEURONS) * len(SHAPES)


@pytest.mark.parametrize(("neuron", "topology"), CASES)
def test_the_record_is_that_of_the_reference_engine(neuron, topology):
    network, survivors = network_of(neuron, topology), 0
    assert engine.supports(network)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        weights, batch = weights_of(network, rng), some_events(rng, 3, 80)
        expected = simulate(network, weights, batch, engine="reference")
        for threads in (1, 2):
            assert_same(simulate(network, weights, batch, threads=threads), expected)
        assert_same(simulate(network, weights, batch, engine="asynchronous"), expected)
        single = [w.astype(np.float32) for w in weights]
        one = simulate(network, single, batch, engine="feedforward")
        assert_same(simulate(network, single, batch, engine="asynchronous"), one)
        if neuron.spiking:
            survivors += len(expected.spikes["a"]) > 20
        else:
            survivors += bool(np.abs(expected.readouts["a"].final).max() > 0)
    assert survivors == 4


def unrolled(topology, weights):
    out = np.zeros((topology.n_in, topology.n_out))
    for j in range(topology.n_in):
        targets, index = topology.fan_out(j)
        np.add.at(out[j], targets, weights.reshape(-1)[index])
    return out


def test_only_integer_neurons_do_not_learn():
    others = {case.values[0].kind for case in CASES} - {case.values[0].kind for case in LEARNING}
    assert others == {"integer_lif", "integer_readout"}


@pytest.mark.parametrize("near", [0.0, 0.4])
@pytest.mark.parametrize(("neuron", "topology"), LEARNING)
def test_gradients_are_central_differences_of_the_smooth_toy(neuron, topology, near):
    network, rng = network_of(neuron, topology), np.random.default_rng(3)
    weights, batch = weights_of(network, rng), some_events(rng, 1, 120)
    passed, last = layered.run(network, weights, batch, near=near), len(network.populations) - 1
    errors = rng.normal(size=network.populations[last].size)
    found = adjoint(passed, weights, {last: ("integral", errors[None])}, spike_cost=0.2).weights
    flat = tuple(
        Connection(c.source, c.target, Dense(c.topology.n_in, c.topology.n_out), c.least_delay)
        for c in network.connections
    )
    dense = [unrolled(c.topology, w) for c, w in zip(network.connections, weights, strict=True)]
    toy = Toy(Network(network.populations, flat), Frozen(passed, batch), 0, dense)
    for c, gradient in enumerate(found):
        assert np.abs(gradient).max() > 1e-3
        for index in rng.permutation(list(np.ndindex(gradient.shape)))[:15]:
            sides = []
            for sign in (1, -1):
                moved, at = [w.copy() for w in weights], tuple(index)
                moved[c][at] += sign * 1e-5
                shapes = (k.topology for k in network.connections)
                one_each = [unrolled(s, w) for s, w in zip(shapes, moved, strict=True)]
                sides.append(toy.loss(one_each, "integral", errors, 0.2))
            slope = (sides[0] - sides[1]) / 2e-5
            assert abs(gradient[tuple(index)] - slope) < 1e-6 * np.abs(gradient).max()


@pytest.mark.parametrize(
    ("neuron", "topology"),
    [case for case in LEARNING if tuple(map(type, case.values)) in layer.fast_pairs()],
)
def test_a_layer_of_its_own_does_what_the_general_one_does(neuron, topology):
    network, rng, found = network_of(neuron, topology), np.random.default_rng(7), []
    weights, batch = weights_of(network, rng), some_events(rng, 20, 60)
    reads = ["final", "maximum", "integral"]
    given = {name: rng.normal(size=(20, network.populations[-1].size)) for name in reads}

    def general(neuron, topology):
        return layer.general(neuron.spiking)

    for chosen in (layer.layer_of, general):
        with mock.patch.object(loop, "layer_of", chosen):
            passed = layered.run(network, weights, batch, near=0.6)
            p = len(network.populations) - 1
            walks = [
                adjoint(passed, weights, {p: (n, e)}, spike_cost=0.1) for n, e in given.items()
            ]
        found.append((passed, [w for walk in walks for w in walk.weights]))
    (own, mine), (others, theirs) = found
    for a, b in zip(own.pieces, others.pieces, strict=True):
        for trains in (a.trains, b.trains), (a.near, b.near):
            assert trains[0].keys() == trains[1].keys()
            for p in trains[0]:
                for one, other in zip(trains[0][p], trains[1][p], strict=True):
                    np.testing.assert_array_equal(one, other)
    for p, kept in own.readouts.items():
        np.testing.assert_array_equal(kept.integral, others.readouts[p].integral)
        np.testing.assert_array_equal(kept.maximum_t, others.readouts[p].maximum_t)
    for one, other in zip(mine, theirs, strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * np.abs(one).max())


@pytest.mark.parametrize("topology", [example(shape) for shape in SHAPES], ids=lambda s: s.kind)
@pytest.mark.parametrize("reads", ["final", "maximum", "integral"])
def test_a_readout_learns_behind_any_topology_as_behind_its_unrolled_weights(topology, reads):
    rng, found = np.random.default_rng(2), []
    flat = Dense(topology.n_in, topology.n_out)
    weights, batch = rng.normal(0.2, 0.5, topology.weight_shape), some_events(rng, 5, 60)
    errors = {1: (reads, rng.normal(size=(5, topology.n_out)))}
    for shape, w in ((topology, weights), (flat, unrolled(topology, weights))):
        network = network_of(Readout(7_000.0), shape)
        found.append(adjoint(layered.run(network, [w], batch), [w], errors).weights[0])
    folded = np.zeros(weights.size)
    for j in range(topology.n_in):
        targets, index = topology.fan_out(j)
        np.add.at(folded, index, found[1][j, targets])
    assert np.abs(folded).max() > 0
    scale = np.abs(folded).max()
    np.testing.assert_allclose(found[0].reshape(-1), folded, atol=1e-9 * scale)
