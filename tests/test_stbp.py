"""STBP over events beside its definition over all steps, an engine, and any number of threads."""

import json
from itertools import product

import numpy as np
import pytest

import eventsnn
from eventsnn.data.images import Images
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.measure.own import measure_own
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.stbp import STBP, walk
from eventsnn.rules.stbp.measured import simulated
from eventsnn.rules.stbp.options import STBPOptions
from eventsnn.rules.stbp.plan import GridLane
from eventsnn.rules.stbp.reference import IterativeLIF, backward, forward, rolled, unrolled
from eventsnn.surrogates import surrogates

STEPS = 12
TEMPORAL = {"true": True, "false": False, "printed": "printed"}
NETWORKS = {
    "one layer": (72, 5),
    "two layers": (72, 17, 4),
    "three layers": (72, 19, 33, 4),
    "convolution": ("6x6x2", "3c3p1", 4),
    "averages": ("6x6x2", "3c3p1", "2avg", "5c2", "2avg", 7, 4),
    "average first": ("6x6x2", "2avg", "18c3s2p1", 4),
}


def recordings(n=5, shape=(2, 6, 6), seed=0, events=160):
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        t = np.sort(rng.integers(0, 60_000, events))
        unit = rng.integers(0, 72, events).astype(np.int32)
        streams.append(EventStream(t, unit, shape, k % 4, 60_000))
    return EventBatch.from_streams(streams, "noise")


def made(layers, seed=0, threads=1, **given):
    options = STBPOptions(**{"n_steps": STEPS, "step_us": 5_000, "dtype": "float64"} | given)
    rule, rng = STBP(options, threads), np.random.default_rng(seed)
    network = rule.network(layers)
    state, _ = rule.start(network, recordings(), rng)
    moved = [p * 1.5 + rng.normal(0, 0.1, p.shape) for p in state.params]
    return rule, rule.begin(network, moved)


def by_rate_of(rng, n, classes):
    return rng.normal(size=(n, classes))


def event_driven(rule, state, data, by_rate):
    found = []
    sample = rule.sample(data, np.arange(len(data)), np.random.default_rng(3))

    def grade(rates, part):
        found.append(rates)
        return by_rate[part]

    return rule.gradients(state, sample, grade), found


def input_of(lane):
    """The spikes of each sample of a lane, counted, (steps, n)."""
    out = np.zeros((len(lane.sent.at), lane.plan.steps, lane.plan.n_in))
    for b, (at, unit) in enumerate(zip(*lane.sent, strict=True)):
        for t in range(lane.plan.steps):
            np.add.at(out[b, t], unit[at[t] : at[t + 1]], 1)
    return out


def defined(rule, state, data, by_rate):
    """Rates and gradients of the definition, from the spikes that the rule reads."""
    options, sums, rates = rule.options, None, []
    lif = IterativeLIF(
        options.decay, options.threshold, options.form == "exact", options.make_surrogate(),
        TEMPORAL[options.temporal],
    )  # fmt: skip
    topologies = [c.topology for c in state.network.connections]
    weights = [unrolled(t, w) for t, w in zip(topologies, state.weights, strict=True)]
    zeros = [np.zeros(t.clock_size) for t in topologies]
    biases = [
        np.tile(b, t.n_out // t.clock_size)
        for t, b in zip(topologies, state.biases or zeros, strict=True)
    ]
    lane = GridLane(state.plan, False)
    for i in range(len(data)):
        sample = rule.sample(data, np.array([i]), np.random.default_rng(3))
        walk.encoded(lane, sample, slice(0, 1), True)
        ran = forward(input_of(lane)[0], weights, biases, lif)
        found = backward(ran, weights, by_rate[i], lif)
        rates.append(ran.rates)
        arrays = [rolled(t, g) for t, g in zip(topologies, found.weights, strict=True)]
        if state.biases:
            arrays += [
                g.reshape(-1, t.clock_size).sum(0)
                for t, g in zip(topologies, found.biases, strict=True)
            ]
        sums = arrays if sums is None else [a + b for a, b in zip(sums, arrays, strict=True)]
    return np.array(rates), sums


def check_equal(rule, state, data, least=0.0):
    by_rate = by_rate_of(np.random.default_rng(1), len(data), state.plan.layers[-1].size)
    gradients, found = event_driven(rule, state, data, by_rate)
    rates, expected = defined(rule, state, data, by_rate)
    np.testing.assert_array_equal(np.concatenate(found), rates)
    for ours, theirs in zip(gradients, expected, strict=True):
        scale = np.abs(theirs).max()
        assert scale > least and np.abs(ours - theirs).max() <= 1e-12 * scale
    return gradients


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("form", ["linear", "exact"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_gradients_are_those_of_the_definition(layers, form, bias):
    for surrogate, temporal in product(surrogates(), TEMPORAL):
        given = {"form": form, "bias": bias, "surrogate": surrogate, "temporal": temporal}
        rule, state = made(layers, **given)
        check_equal(rule, state, recordings())
        _, fired = rule.rates(state, recordings(), np.arange(5))
        assert (fired > 0).any()


@pytest.mark.parametrize("given", [
    {"in_a_step": "count"}, {"step_us": 0}, {"step_us": 2_000}, {"decay": 0.9}, {"width": 0.3},
    {"width": 4.0}, {"threshold": 0.2}, {"decay": 1.0, "threshold": 2.0},
    {"n_steps": 70, "step_us": 900},
])  # fmt: skip
@pytest.mark.parametrize("layers", [NETWORKS["two layers"], NETWORKS["averages"]], ids=str)
def test_gradients_are_those_of_the_definition_whatever_is_chosen(layers, given):
    rule, state = made(layers, **given)
    check_equal(rule, state, recordings(events=400))


@pytest.mark.parametrize(("layers", "steps", "step_us"), [
    ((2312, 60, 10), 60, 5_000), ((2312, 60, 10), 30, 10_000), ((2312, 30, 20, 10), 15, 5_000),
])  # fmt: skip
def test_gradients_are_those_of_the_definition_on_real_recordings(shared, layers, steps, step_us):
    data = eventsnn.open_data(f"nmnist:{shared / 'data' / 'nmnist'}", limit=3).train
    for given in ({}, {"form": "exact", "threshold": 0.2}, {"in_a_step": "count", "decay": 0.3}):
        rule, state = made(layers, n_steps=steps, step_us=step_us, **given)
        check_equal(rule, state, data)


def test_images_are_drawn_and_learned_alike():
    rng = np.random.default_rng(0)
    images = Images(rng.integers(0, 256, (7, 6, 12), np.uint8), np.arange(7) % 4)
    rule, state = made(NETWORKS["two layers"])
    by_rate = by_rate_of(rng, 7, 4)
    lane, sums = GridLane(state.plan, False), None
    sample = rule.sample(images, np.arange(7), None)
    walk.encoded(lane, sample, slice(0, 7), True)
    sent = input_of(lane)
    lif = IterativeLIF(0.2, 0.5, False, rule.options.make_surrogate())
    for i in range(7):
        ran = forward(sent[i], state.weights, state.biases, lif)
        found = backward(ran, state.weights, by_rate[i], lif)
        arrays = found.weights + found.biases
        sums = arrays if sums is None else [a + b for a, b in zip(sums, arrays, strict=True)]
    gradients = rule.gradients(state, sample, lambda rates, part: by_rate[part])
    for ours, theirs in zip(gradients, sums, strict=True):
        assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max()


def test_a_pixel_speaks_as_often_as_it_is_bright_and_drawn_anew_in_each_step():
    pixels = np.repeat(np.array([0, 1, 51, 128, 254, 255], np.uint8), 2_000)
    images = Images(np.tile(pixels, (2, 1)).reshape(2, 120, 100), np.zeros(2, np.int64))
    rule = STBP(STBPOptions(n_steps=40, bias=False))
    state, _ = rule.start(rule.network((12_000, 2)), images, np.random.default_rng(0))
    lane = GridLane(state.plan, False)
    found = []
    for rng in (None, np.random.default_rng(0), np.random.default_rng(0)):
        walk.encoded(lane, rule.sample(images, np.arange(2), rng), slice(0, 2), False)
        found.append(input_of(lane)[:2])
    a, b = found[0]
    assert set(np.unique(found[0])) == {0, 1} and (a != b).any()
    np.testing.assert_array_equal(found[1], found[2])
    assert (found[0] != found[1]).any()
    means = a.reshape(40, 6, 2_000).mean((0, 2))
    assert means[0] == 0 and means[5] == 1
    np.testing.assert_allclose(means, np.unique(pixels) / 255, atol=0.006)
    per_step = a[:, 6_000:8_000].mean(1)
    assert per_step.std() < 3 * np.sqrt(0.25 / 2_000) and len(np.unique(a.sum(1))) > 5
    together = (a[:-1, 6_000:8_000] * a[1:, 6_000:8_000]).mean()
    assert abs(together - means[3] ** 2) < 0.01  # a step knows nothing of the one before


def test_recordings_are_cut_into_steps_as_the_golden_vector_has_them(shared):
    t = np.array([100, 4_999, 5_000, 5_200, 14_999, 299_999, 300_000])
    p, x, y = [1, 1, 1, 0, 1, 1, 0], [3, 3, 3, 3, 10, 10, 0], [4, 4, 4, 4, 20, 20, 0]
    unit = np.ravel_multi_index((p, y, x), (2, 34, 34)).astype(np.int32)
    stream = EventStream(t, unit, (2, 34, 34), 0, 300_001)
    data = EventBatch.from_streams([stream])
    expected = json.loads((shared / "golden" / "stbp" / "stbp_vectors.json").read_text())["bin"]
    for once, n in (("once", 5), ("count", 6)):
        rule = STBP(STBPOptions(n_steps=60, step_us=5_000, in_a_step=once))
        state, _ = rule.start(rule.network((2312, 2)), data, np.random.default_rng(0))
        lane = GridLane(state.plan, False)
        walk.encoded(lane, rule.sample(data, np.array([0]), None), slice(0, 1), False)
        sent = input_of(lane)[0]
        step, unit = np.nonzero(sent)
        p, y, x = np.unravel_index(unit, (2, 34, 34))
        found = sorted(zip(p.tolist(), x.tolist(), y.tolist(), step.tolist(), strict=True))
        assert found == [tuple(one) for one in expected] and sent.sum() == n


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_threads_and_the_walk_change_no_bit(layers, dtype):
    data, found = recordings(70), []
    for threads, how in ((1, "sweep"), (2, "sweep"), (3, "auto"), (1, "records"), (2, "records")):
        rule, state = made(layers, threads=threads, dtype=dtype, walk=how, width=0.6)
        by_rate = by_rate_of(np.random.default_rng(1), 70, 10)[:, : state.plan.layers[-1].size]
        gradients, rates = event_driven(rule, state, data, by_rate)
        found.append([*gradients, np.concatenate(rates)])
        counts = state.counts
        assert counts[1][:2].sum() > 0 and (counts[1][0] == counts[1][1]).all()
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("form", ["linear", "exact"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_the_asynchronous_engine_fires_the_same_spikes(layers, form, bias):
    for dtype in ("float64", "float32"):
        rule, state = made(layers, form=form, bias=bias, dtype=dtype)
        data, fired = recordings(3), 0
        for i in range(3):
            network, weights, stream = simulated(rule, state, data, i)
            told = rule.traffic(state, data, i, "")
            record = simulate(network, weights, stream, engine="asynchronous")
            for k, population in enumerate(network.populations[1:], 1):
                spikes = record.spikes[population.name]
                np.testing.assert_array_equal(spikes.t / 5_000, told.t[k])
                np.testing.assert_array_equal(spikes.unit, told.unit[k])
                fired += len(spikes)
        assert fired > 20


def test_evaluation_is_the_definitions_and_counts_its_additions():
    rule, state = made(NETWORKS["averages"])
    data = recordings(40)
    found = [rule.predict(state, data, np.arange(40), threads) for threads in (1, 2)]
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    rates, _ = defined(rule, state, data, np.zeros((40, 4)))
    silent = (rates == 0).all(1)
    np.testing.assert_array_equal(found[0].classes, np.where(silent, -1, rates.argmax(1)))
    adds = 0
    for i in range(40):
        told = rule.traffic(state, data, i, "")
        first = state.network.connections[0].topology
        adds += sum(len(first.fan_out(int(j))[0]) for j in told.unit[0])
    assert found[0].adds[0] == adds


@pytest.mark.parametrize("layers", ["72-5r-4", "6x6x2-2p-4", "6x6x2-2a-4", "6x6x2-[3c3p1-3c3p1]-4"])
def test_layers_that_there_are_not_are_refused(layers):
    with pytest.raises(UserError, match="rule stbp has no "):
        STBP(STBPOptions()).network(parse_layers(layers))
    with pytest.raises(UserError, match="end with the number of classes"):
        STBP(STBPOptions()).network(("6x6x2", "3c3p1"))


def test_a_threshold_behind_a_layer_is_its_own_and_a_fixed_layer_stays():
    rule, state = made(parse_layers("72-17f@0.9-4@0.3"), n_steps=STEPS)
    assert [p.neuron.threshold for p in state.network.populations[1:]] == [0.9, 0.3]
    before = [p.copy() for p in state.params]
    data, rng = recordings(), np.random.default_rng(0)
    batch = Batch(data, np.arange(5))
    again, _ = rule.learn(rule.begin_epoch(state, Epoch(0)), batch, rng)
    moved = [(a != b).any() for a, b in zip(before, again.params, strict=True)]
    assert moved == [False, True, False, True]
    told = rule.traffic(again, data, 0, "")
    network, weights, stream = simulated(rule, again, data, 0)
    record = simulate(network, weights, stream, engine="asynchronous")
    for k, name in enumerate(("hidden1", "output"), 1):
        np.testing.assert_array_equal(record.spikes[name].unit, told.unit[k])


def test_what_does_not_fit_is_refused_in_a_line():
    rule, state = made(NETWORKS["two layers"])
    few = EventBatch.from_streams([EventStream([1], [0], (1, 1, 5), 0, 10)], "few")
    for run in (rule.predict, lambda *a: rule.traffic(state, few, 0, "x")):
        with pytest.raises(UserError, match="few: 5 inputs, the network takes 72"):
            run(state, few, np.arange(1))
    with pytest.raises(UserError, match="weights have the shapes"):
        rule.begin(state.network, state.weights)
    with pytest.raises(UserError, match="temporal is 'often'; give true, false or \"printed\""):
        STBPOptions(temporal="often")
    assert STBPOptions(temporal=False).temporal == "false"


def test_what_a_network_takes_is_told_beside_a_dense_sweep_of_it():
    rule, state = made(NETWORKS["averages"])
    data = recordings(6)
    assert rule.costs(state) == {}
    state, _ = rule.learn(state, Batch(data, np.arange(6)), np.random.default_rng(0))
    told, own = rule.costs(state), rule.own(state)
    assert own.topologies == ("conv2d", "mean_conv2d", "mean_conv2d", "dense")
    unrolls = [
        unrolled(c.topology, np.ones(c.topology.weight_shape)) for c in state.network.connections
    ]
    synapses = [int((matrix != 0).sum()) for matrix in unrolls]
    assert list(own.synapses) == synapses and own.all_synapses == sum(synapses)
    assert own.parameters == sum(w.size for w in state.weights)
    dense = {
        "forward": STEPS * sum(synapses),
        "backward": STEPS * (2 * sum(synapses) - synapses[0]),
    }
    assert told["dense_sweep_per_recording"] == own.dense_sweep == dense
    # Rows of gradients are those of the way forward; errors below come on top.
    forward, back = (told[f"{side}operations_per_recording"] for side in ("", "backward_"))
    assert back[0] == forward[0] > 0 and all(
        b > f for b, f in zip(back[1:], forward[1:], strict=True)
    )
    measured = measure_own(rule, state, data, ())
    assert measured.result["references"]["dense_sweep"] == dense
    assert measured.result["training"]["forward_operations"] == sum(forward)
