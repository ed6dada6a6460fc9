"""The reverse walk, clocks, ReLUs and energy: counts against plain loops and hand sums."""

from unittest import mock

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_operations import two_layers

from eventsnn.commands.measure import energy_models
from eventsnn.engines import simulate
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered import patch as adjoint_patch
from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.dense import backward as blockwise
from eventsnn.engines.layered.dense.backward import blocks_of, fan_of
from eventsnn.engines.layered.near import merged
from eventsnn.engines.layered.readout.backward import readout_adjoint
from eventsnn.engines.layered.walk import TimedErrors, growth_by
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.measure.backward import backward
from eventsnn.measure.clock import binned, clock_costs, relu_costs
from eventsnn.measure.energy import MODELS, Work, estimate, read_models
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.dense import Dense


class Tally(float):
    """A number that counts what is multiplied by it and added to it."""

    def __new__(cls, value, counts):
        self = super().__new__(cls, value)
        self.counts = counts
        return self

    def _done(self, kind, value):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return Tally(value, self.counts)

    def __mul__(self, other):
        return self._done("multiplied", float(self) * float(other))

    def __add__(self, other):
        return self._done("added", float(self) + float(other))

    __rmul__, __radd__ = __mul__, __add__


def tallies(array, counts):
    flat = [Tally(x, counts) for x in np.asarray(array, float).reshape(-1)]
    out = np.empty(len(flat), object)
    out[:] = flat
    return out.reshape(np.shape(array))


def hidden_counts(passed, link, weights, first):
    """Run the kernels of a connection into spiking neurons on counting numbers."""
    traced, summed, errors, decays = {}, {}, {}, {}
    neuron = passed.network.populations[link.target].neuron
    growth = growth_by(getattr(neuron, "tau_us", float("inf")))
    for piece in passed.pieces:
        came, train = piece.deliveries[link.connection], piece.trains[link.target]
        if link.target in piece.near:
            close = piece.near[link.target]
            train, _ = merged(train, close, np.ones(len(train.t)), np.ones(len(close.t)))
        jumps = kernel.Jumps(train.t, train.unit, np.ones(len(train.t)), train.start)
        grown, reach = np.empty(len(came.t)), np.empty(len(train.t), np.int64)
        kernel.growth_of(came.t, came.start, growth, grown)
        kernel.reach_of(came, jumps, reach)
        for block in blocks_of(weights.shape[1]):
            out = tallies(np.zeros((block.stop - block.start, len(weights))), summed)
            trace = tallies(np.zeros(len(weights)), traced)
            # ``trace[:] = 0`` in the kernel would put plain numbers back in.
            for r in range(len(came.start) - 1):
                one = slice_of(came, jumps, r)
                trace[:] = tallies(np.zeros(len(weights)), traced)
                kernel.dense_gradient.py_func(
                    one[0], grown[one[2]], reach[one[3]] - came.start[r], one[1], growth,
                    block.start, Kept(trace), out,
                )  # fmt: skip
        walks = [] if first else [came]
        if link.source in piece.near:
            walks.append(passed.sent(piece, link, piece.near[link.source]))
        for walk in walks:
            counting = growth._replace(back=Factor(growth.back, decays))
            fan = fan_of(*weights.shape)
            flat = tallies(weights, errors).reshape(-1)
            # numpy's own numbers would multiply without asking the counting ones.
            plain = jumps._replace(size=jumps.size.astype(object))
            with mock.patch.object(adjoint_patch, "scalar_product", plain_product):
                grown = np.ones(len(walk.t))
                adjoint_patch.patch_errors.py_func(
                    walk, grown, flat, fan, plain, counting, np.empty(len(walk.t))
                )
    return traced, summed, errors, decays


class Factor:
    """A factor that counts what it multiplies, in whole arrays too: it is no number to numpy."""

    def __init__(self, value, counts):
        self.value, self.counts = value, counts

    def __rmul__(self, other):
        self.counts["multiplied"] = self.counts.get("multiplied", 0) + 1
        return float(other) * self.value


def plain_product(a, b, a_at, b_at, n):
    """The intrinsic in plain Python; what stands in ``b`` counts."""
    return sum(float(b[b_at + i] * float(a[a_at + i])) for i in range(n))


class Kept:
    """An array of counting numbers that setting it to 0 as a whole does not replace."""

    def __init__(self, array):
        self.array = array

    def __len__(self):
        return len(self.array)

    def __getitem__(self, key):
        return self.array[int(key)]

    def __setitem__(self, key, value):
        if not isinstance(key, slice):
            self.array[int(key)] = value


def slice_of(came, jumps, r):
    events = slice(came.start[r], came.start[r + 1])
    spikes = slice(jumps.start[r], jumps.start[r + 1])
    one = came._replace(
        t=came.t[events], row=came.row[events], start=came.start[r : r + 2] - came.start[r]
    )
    some = kernel.Jumps(
        jumps.t[spikes], jumps.unit[spikes], jumps.size[spikes],
        jumps.start[r : r + 2] - jumps.start[r],
    )  # fmt: skip
    return one, some, events, spikes


@settings(max_examples=examples(12))
@given(
    st.integers(0, 2**32),
    st.sampled_from([20.0, 3000.0, None]),
    st.sampled_from([0, 7]),
    st.sampled_from([2, 160]),
    st.sampled_from([0.0, 0.3]),
)
def test_the_reverse_walk_is_counted_as_its_kernels_do_it(seed, tau, delay, block, near):
    with mock.patch.object(blockwise, "BLOCK", block):
        check_the_reverse_walk(seed, tau, delay, near)


def check_the_reverse_walk(seed, tau, delay, near):
    rng = np.random.default_rng(seed)
    sizes = (4, 5, 3, 2)
    neurons = [IF() if tau is None else LIF(tau) for _ in range(2)] + [Readout(3000.0)]
    populations = [Population("p0", (sizes[0],))]
    connections = []
    for k, neuron in enumerate(neurons, 1):
        populations.append(Population(f"p{k}", (sizes[k],), neuron))
        shape = Dense(sizes[k - 1], sizes[k])
        connections.append(Connection(f"p{k - 1}", f"p{k}", shape, delay))
    network = Network(tuple(populations), tuple(connections))
    weights = [rng.normal(0.4, 0.5, c.topology.weight_shape) for c in connections]
    streams = []
    for n in (30, 0, 11):
        t = np.sort(rng.integers(0, 2000, n))
        streams.append(EventStream(t, rng.integers(0, 4, n), (1, 1, 4), 0, 2000))
    events = EventBatch.from_streams(streams)
    found = backward(network, weights, events, near)
    passed = layered.run(network, weights, events, near=near)
    assert found.near.sum() == sum(len(t.t) for p in passed.pieces for t in p.near.values())
    for link in passed.links[:2]:
        c = link.connection
        first = link.source == network.input
        traced, summed, errors, decays = hidden_counts(passed, link, weights[c], first)
        assert found.gradients[:, c].sum() == summed.get("added", 0)
        assert found.traces[:, c].sum() == traced.get("added", 0)
        decayed = traced.get("multiplied", 0) + decays.get("multiplied", 0)
        assert found.decays[:, c].sum() == decayed
        assert found.errors[:, c].sum() == errors.get("multiplied", 0)
    _check_readout(found, passed, passed.links[2], weights[2])


def _check_readout(found, passed, link, weights):
    shares, summed = {}, {}
    n = len(passed.end)
    for piece in passed.pieces:
        walks = [piece.deliveries[link.connection]]
        if link.source in piece.near:
            both = piece.trains[link.source], piece.near[link.source]
            train, _ = merged(*both, *(np.ones(len(one.t)) for one in both))
            walks.append(passed.sent(piece, link, train))
        zeros = np.zeros((n, weights.shape[1]))
        given = TimedErrors(zeros, zeros, tallies(zeros, shares), zeros - 1, passed.end)
        for walk in walks:
            errors, sums = np.zeros(len(walk.t)), [tallies(np.zeros(weights.shape), summed)]
            readout_adjoint.py_func(walk, weights, 3000.0, given, errors, sums, n)
    assert found.gradients[:, link.connection].sum() == summed.get("added", 0)
    assert found.errors[:, link.connection].sum() == summed.get("added", 0)
    assert found.decays[:, link.connection].sum() == 2 * shares.get("multiplied", 0)


def test_a_refractory_time_is_refused_by_the_count_of_the_reverse_walk():
    network = Network(
        (Population("input", (1,)), Population("a", (1,), IF(refractory_us=5))),
        (Connection("input", "a", Dense(1, 1)),),
    )
    event = EventBatch.from_streams([EventStream([1], [0], (1, 1, 1), 0, 2)])
    with pytest.raises(UserError, match="input->a: its target has a refractory time"):
        backward(network, [np.ones((1, 1), np.float32)], event)


def some_events():
    # Recording 0: unit 0 twice and unit 1 once in the first ms, unit 2 in the third.
    one = EventStream([10, 20, 900, 2500], [0, 0, 1, 2], (1, 1, 3), 0, 2600)
    return EventBatch.from_streams([one, EventStream([5], [1], (1, 1, 3), 0, 1000)])


def test_a_clock_sweeps_everything_and_multiplies_where_a_count_is_above_one():
    network, weights = two_layers()
    weights[0][:] = 0.01
    weights[0][1, :2] = 0
    events = binned(some_events(), 1000)
    assert events.t.tolist() == [0, 0, 0, 2000, 0]
    found = clock_costs(simulate(network, weights, events), weights, events, 1000)
    assert found.steps.tolist() == [3, 1]
    assert found.dense.tolist() == [3 * 20, 20]
    assert found.neuron_updates.tolist() == [18, 6]
    assert found.multiply_accumulates.tolist() == [4 + 2, 0]
    assert found.accumulates.tolist() == [4, 2]
    assert found.spikes.tolist() == [0, 0]


@settings(max_examples=examples(30))
@given(st.integers(0, 2**32), st.sampled_from([1, 3]), st.sampled_from([0.0, 0.4]))
def test_a_clock_costs_what_a_plain_sweep_over_steps_counts(seed, busy, zeros):
    """The oracle sweeps arrays step by step and counts as NeuroBench defines it."""
    rng = np.random.default_rng(seed)
    bin_us, steps = 100, 8
    network = Network(
        (
            Population("input", (6,)),
            Population("hidden", (5,), IF(1.0, "zero")),
            Population("output", (3,), IF(1.0, "zero")),
        ),
        (Connection("input", "hidden", Dense(6, 5)), Connection("hidden", "output", Dense(5, 3))),
    )
    # Sums of eighths are exact in any order.
    weights = [rng.integers(-4, 9, shape) / 8.0 for shape in ((6, 5), (5, 3))]
    weights = [np.where(rng.random(w.shape) < zeros, 0.0, w) for w in weights]
    t = np.sort(rng.integers(0, bin_us * steps, 10 * busy))
    stream = EventStream(t, rng.integers(0, 6, len(t)), (1, 1, 6), 0, bin_us * steps)
    events = binned(EventBatch.from_streams([stream]), bin_us)
    found = clock_costs(simulate(network, weights, events), weights, events, bin_us)
    potentials = [np.zeros(5), np.zeros(3)]
    single = multiple = dense = spikes = 0
    for step in range(steps):
        signal = np.bincount(events.unit[events.t == step * bin_us], minlength=6)
        for v, w in zip(potentials, weights, strict=True):
            work = int(((signal[:, None] != 0) & (w != 0)).sum())
            graded = bool((signal > 1).any())
            single, multiple = single + work * (not graded), multiple + work * graded
            dense += w.size
            v += signal @ w
            signal = (v >= 1.0).astype(int)
            v[signal > 0] = 0.0
            spikes += int(signal.sum())
    assert found.accumulates.tolist() == [single]
    assert found.multiply_accumulates.tolist() == [multiple]
    assert found.dense.tolist() == [dense]
    assert found.spikes.tolist() == [spikes]
    assert found.neuron_updates.tolist() == found.spiking_updates.tolist() == [8 * steps]


def test_a_relu_network_reads_each_active_pixel_once():
    network, weights = two_layers()
    weights[0][1, :2] = 0
    events = some_events()
    found = relu_costs(simulate(network, weights, events), weights, events)
    assert found.dense.tolist() == [20, 20]
    assert found.effective.tolist() == [4 + 2 + 4 + 8, 2 + 8]


WORK = Work(1000.0, 0.0, 100.0, 50.0, 60.0, 7.0, 4000.0, 10.0, 2500.0)


def test_an_estimate_is_counts_times_prices_and_names_its_model():
    models = {model.name: model for model in MODELS}
    plain = estimate(models["cmos45-float32"], WORK)
    assert plain["synapses_nj"] == pytest.approx(0.9)
    assert plain["neurons_nj"] == pytest.approx((100 * 3.7 + 50 * 0.9) / 1e3)
    assert plain["model"] == "cmos45-float32" and "Horowitz" in plain["source"]
    assert models["cmos45-float32"].mac_pj == pytest.approx(4.6)
    assert estimate(models["cmos45-float32-sram"], WORK)["memory_nj"] == pytest.approx(50.0)
    # A chip with a clock updates its 10 neurons at each of 3 milliseconds.
    chip = estimate(models["loihi"], WORK)
    assert chip["neurons_nj"] == pytest.approx(10 * 3 * 0.081)
    assert chip["total_nj"] == pytest.approx(23.6 + 2.43)
    assert chip["updates_nj"] == chip["neurons_nj"] and chip["decays_nj"] == chip["tests_nj"] == 0


def test_decays_and_tests_are_priced_apart_and_a_chip_without_decays_spends_the_rest():
    for model in MODELS:
        told = estimate(model, WORK)
        assert told["decays_nj"] == pytest.approx(100 * model.multiplication_pj / 1e3)
        assert told["tests_nj"] == pytest.approx(50 * model.comparison_pj / 1e3)
        bare = estimate(model, WORK._replace(multiplications=0.0))
        assert told["without_decays_nj"] == pytest.approx(bare["total_nj"])
        parts = ("decays_nj", "tests_nj", "updates_nj", "spikes_nj")
        assert told["neurons_nj"] == pytest.approx(sum(told[part] for part in parts))


def test_every_model_names_its_source():
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert "doi:" in model.source and model.addition_pj > 0


def test_models_of_your_own_are_read_from_toml(tmp_path):
    file = tmp_path / "chips.toml"
    file.write_text('[mine]\nsource = "a data sheet"\naddition_pj = 2\nspike_pj = 10.0\n')
    (model,) = read_models(file)
    assert model.name == model.title == "mine"
    assert estimate(model, WORK)["total_nj"] == pytest.approx(2.07)


def test_a_model_of_your_own_takes_the_place_of_one_of_its_name(tmp_path):
    built_in = [model.name for model in MODELS]
    assert energy_models(None) == MODELS
    file = tmp_path / "chips.toml"
    prices = 'source = "a data sheet"\naddition_pj = 2\n'
    file.write_text(f"[mine]\n{prices}[loihi]\n{prices}")
    found = energy_models(file)
    assert sorted(model.name for model in found) == sorted([*built_in, "mine"])
    assert {model.name: model.addition_pj for model in found}["loihi"] == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no model"),
        ("[a", "not TOML"),
        ("a = 3", "give a table"),
        ('[a]\nsource = "x"\nadds = 1', "has the key 'adds'"),
        ('[a]\nsource = "x"\naddition_pj = -1', "addition_pj is -1"),
        ('[a]\nsource = "x"\naddition_pj = "1"', "addition_pj is '1'"),
        ('[a]\nsource = "x"\naddition_pj = nan', "addition_pj is nan"),
        ("[a]\naddition_pj = 1", "'a' has no source"),
    ],
)
def test_a_wrong_model_is_told_in_one_line(tmp_path, text, told):
    file = tmp_path / "chips.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=told) as error:
        read_models(file)
    assert "chips.toml" in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UserError, match="no such file"):
        read_models(tmp_path / "none.toml")
