"""The rule hm2bp: encoders, layers, the simulator's spikes, sample weights, doors."""

import math

import numpy as np
import pytest

from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.engines import simulate
from eventsnn.errors import DivergedError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.hm2bp import HM2BP, reference
from eventsnn.rules.hm2bp.distort import distorted, drawn_field
from eventsnn.rules.hm2bp.encoder import Encoder
from eventsnn.rules.hm2bp.options import EncodeOptions, GridOptions, HM2BPOptions
from eventsnn.rules.hm2bp.predicting import runner_of
from eventsnn.rules.hm2bp.state import HM2State
from eventsnn.rules.hm2bp.trains import Trains
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer


def options(steps=400, **given):
    grid = {name: given.pop(name) for name in list(given) if hasattr(GridOptions, name)}
    encode = {name: given.pop(name) for name in list(given) if hasattr(EncodeOptions, name)}
    grid, encode = GridOptions(grid_steps=steps, **grid), EncodeOptions(**encode)
    return HM2BPOptions(grid=grid, encode=encode, **given)


def pictures(n=6, shape=(6, 7), seed=0):
    rng = np.random.default_rng(seed)
    return Images(rng.integers(0, 256, (n, *shape), np.uint8), np.arange(n) % 3, "pictures")


def recordings(n, shape=(2, 5, 6), duration=300_000, seed=0):
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        t = np.sort(rng.integers(0, duration, 400))
        unit = rng.integers(0, math.prod(shape), 400)
        streams.append(EventStream(t, unit, shape, k % 3, duration))
    return EventBatch.from_streams(streams, "recordings")


def encoded(own, data, index=0, again=0):
    n = data.n_units if isinstance(data, EventBatch) else data.images[0].size
    trains = Trains.room(n, own.grid.grid_steps)
    Encoder(own, data, n).encode(index, trains, again)
    x = np.zeros((n, own.grid.grid_steps), bool)
    step, unit = trains.times()
    x[unit, step] = True
    assert x.sum() == trains.spikes == len(step)
    return x


def test_trains_of_an_image_are_bernoulli_with_the_authors_chances():
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    steps = 20_000
    x = encoded(options(steps), Images(grey, np.zeros(1, int), "ramp"))
    assert not x[:, 0].any() and not x[0].any()
    chance = np.arange(256) / 255 / 5.5
    spread = np.sqrt(chance * (1 - chance) / (steps - 1))
    off = (x[:, 1:].mean(1) - chance)[1:] / spread[1:]
    assert abs(off.mean()) < 0.25 and 0.8 < off.std() < 1.2 and np.abs(off).max() < 4.5
    # Steps and pixels do not know of each other.
    bright = x[128:, 1:].astype(float)
    bright -= bright.mean(1, keepdims=True)
    lagged = (bright[:, 1:] * bright[:, :-1]).mean() / bright.var()
    beside = (bright[1:] * bright[:-1]).mean() / bright.var()
    assert abs(lagged) < 0.005 and abs(beside) < 0.005


def test_an_image_has_the_same_trains_wherever_it_stands_and_others_by_another_seed():
    data = pictures()
    again = Images(data.images[::-1].copy(), data.labels, "turned")
    first = encoded(options(100), data, 1)
    assert (first == encoded(options(100), again, 4)).all()
    assert (first != encoded(options(100), data, 2)).any()
    assert (first != encoded(options(100, seed=1), data, 1)).any()
    assert (first != encoded(options(100), data, 1, again=1)).any()


def binned(stream, steps, step_us, stabilize):
    """The authors' reader, event by event, with places from 1."""
    x = np.zeros((math.prod(stream.shape), steps), bool)
    _, height, width = stream.shape
    u = 105_000
    for t, unit in zip(stream.t.tolist(), stream.unit.tolist(), strict=True):
        p, y, c = np.unravel_index(unit, stream.shape)
        a, b = float(c + 1), float(y + 1)
        if stabilize:
            if t <= u:
                a, b = a - 3.5 * t / u, b - 7 * t / u
            elif t <= 2 * u:
                a, b = a - (3.5 + 3.5 * (t - u) / u), b - (7 - 7 * (t - u) / u)
            else:
                a -= 7 - 7 * (t - 2 * u) / u
        places = [int(math.copysign(math.floor(abs(v) + 0.5), v)) for v in (a, b)]
        step = math.ceil(t / step_us) + 1
        if 1 <= places[0] <= width and 1 <= places[1] <= height and step < steps:
            x[np.ravel_multi_index((p, places[1] - 1, places[0] - 1), stream.shape), step] = True
    return x


@pytest.mark.parametrize("stabilize", [False, True])
def test_recordings_are_binned_and_stabilized_as_by_the_authors_reader(stabilize):
    data = recordings(4, (2, 34, 34))
    own = options(400, step_us=600, stabilize=stabilize)
    for k in range(4):
        x = encoded(own, data, k)
        assert (x == binned(data[k], 400, 600, stabilize)).all() and x.sum() > 100


NETWORKS = {
    "42-30@2-3@3": {},
    "6x7x1-4c3@1-2p@2-20@3-3@3": {},
    "42-18rf@3-3@3": {"reservoir_draws": 3},
    "6x7x1-3c3p1f@1-3@2": {"inhibition": 0.0},
}


def started(text, own, data):
    rule = HM2BP(own)
    network = rule.network(parse_layers(text))
    state, _ = rule.start(network, data, np.random.default_rng(1))
    return rule, network, state


@pytest.mark.parametrize("text", NETWORKS)
def test_the_asynchronous_engine_gives_the_spikes_of_the_rules_own_loops(text):
    """The same network as a ``Network``: float32 in both, spike for spike."""
    own, data = options(200, **NETWORKS[text]), pictures(3)
    _, network, state = started(text, own, data)
    for w in state.weights:  # so that all layers fire
        np.abs(w, out=w)
    weights = []
    for layer, into, onto in zip(network.layers, state.weights, state.inward, strict=True):
        weights.append(into.reshape(layer.topology.weight_shape))
        weights += [onto] if len(onto) else []
    runner, shape = runner_of(state, own), network.network.populations[0].shape
    shape = shape if len(shape) == 3 else (1, 1, 42)
    for k in range(3):
        Encoder(own, data, 42).encode(k, runner.input)
        runner.take(state.learning, state.inward)
        runner.forward()
        step, unit = runner.input.times()
        stream = EventStream(step * 1000, unit, shape, None, 200_000)
        found = simulate(network.network, weights, stream, engine="asynchronous")
        for population, trains in zip(
            network.network.populations[1:], runner.trains[1:], strict=True
        ):
            t, units = found.spikes[population.name].t, found.spikes[population.name].unit
            before = t < 200_000
            steps, expected = trains.times()
            np.testing.assert_array_equal(t[before], steps * 1000.0)
            np.testing.assert_array_equal(units[before], expected)
        assert all(trains.spikes > 0 for trains in runner.trains)


@pytest.mark.parametrize("text", NETWORKS)
def test_two_threads_learn_the_same_bits_as_one(text):
    own, data = options(120, **NETWORKS[text]), pictures(6)
    arrays = []
    for threads in (1, 2):
        rule = HM2BP(own, threads)
        state, _ = rule.start(rule.network(parse_layers(text)), data, np.random.default_rng(1))
        for epoch in range(2):
            state = rule.begin_epoch(state, Epoch(epoch))
            state, _ = rule.learn(state, Batch(data, np.arange(6)), np.random.default_rng(0))
            state = rule.end_epoch(state, Epoch(epoch))
        arrays.append(rule.arrays(state))
        found = rule.predict(state, data, np.arange(6), threads)
        assert found.spikes[0] > 0
    assert arrays[0].keys() == arrays[1].keys()
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name])


def test_fixed_layers_stay_and_others_learn():
    own, data = options(120, reservoir_draws=3), pictures(6)
    rule, _, state = started("42-18rf@3-9@3-3@3", own, data)
    before = rule.arrays(state)
    state, _ = rule.learn(rule.begin_epoch(state, Epoch(0)), Batch(data, np.arange(6)), None)
    after = rule.arrays(state)
    for name in ("weights.0", "inward.0"):
        np.testing.assert_array_equal(before[name], after[name])
    assert (before["weights.1"] != after["weights.1"]).any()
    assert set(np.unique(after["inward.0"])) == {-1.0, 0.0, 1.0}
    assert not np.unique(np.abs(before["weights.0"]) % 8).any()


def test_wrong_samples_weigh_more_by_the_error_of_their_class():
    layers = started("42-3", options(), pictures())[1].layers
    state = HM2State.fresh(layers, [np.zeros((42, 3), np.float32)], [], 7)
    state.boost[:] = [1.0, 2.0, 1.0, 1.0, 4.0, 1.0, 3.0]
    state.labels[:] = [0, 0, 0, 1, 1, 2, -1]
    state.wrong[:] = [True, False, True, False, False, True, False]
    state.end_epoch()
    half, whole = math.exp(0.5 / 20), math.exp(1 / 20)
    np.testing.assert_allclose(state.boost, [half, 2.0, half, 1.0, 4.0, whole, 3.0], rtol=1e-15)
    assert not state.wrong.any() and (state.labels == -1).all()


def test_sample_weights_follow_the_numbers_of_changed_recordings(tmp_path):
    """Augmented recordings come as new batches; their weights are those of the sample."""
    data = DataSet("rows", recordings(12), recordings(3, seed=1))
    given = {"rule": "hm2bp", "layers": (60, 8, 3), "epochs": 2, "shift": 1.0, "grid_steps": 120}
    trainer = Trainer(completed(make_options(given), data), data, tmp_path)
    trainer.learn(Listener())
    assert (trainer.learner.state.boost > 1).sum() > 1
    assert trainer.learner.state.learned == 24


def test_rates_fall_as_in_the_logs():
    assert [options().rate_at(e) for e in (0, 1, 4)] == [1e-3, 1e-3, 5e-4]
    cnn = options(rate_fall="sqrt-at-once")
    assert [cnn.rate_at(e) for e in (0, 3)] == [1e-3, 5e-4]
    assert options(rate_fall="constant").rate_at(9) == 1e-3


def test_operations_are_counted():
    own, data = options(150), pictures(2)
    rule, _, state = started("42-30@2-3@3", own, data)
    state, _ = rule.learn(rule.begin_epoch(state, Epoch(0)), Batch(data, np.arange(2)), None)
    costs = rule.costs(state)
    adds = swept = 0
    fresh = started("42-30@2-3@3", own, data)[2]
    for k in range(2):
        x = encoded(own, data, k)
        adds += x[:, :-1].sum() * 30 / 2
        swept += 150 * 30 / 2
    assert costs["operations_per_recording"][0] == adds
    assert costs["s_psp_additions_per_recording"][0] == adds
    assert costs["s_psp_steps_per_recording"] == [150 * 30, 150 * 3]
    assert costs["weight_updates_per_recording"] == [42 * 30, 30 * 3]
    found = rule.predict(fresh, data, np.arange(2))
    assert found.adds[0] == 2 * adds and swept


def test_a_distorted_image_is_sampled_where_the_field_says():
    image = np.zeros((28, 28), np.uint8)
    image[10:14, 12:17] = 200
    still = np.zeros((2, 28, 28))
    assert (distorted(image, still) == image).all()
    moved = distorted(image, still + np.array([2.0, -3.0])[:, None, None])
    assert (moved == np.roll(image, (2, -3), (0, 1))).all()
    half = distorted(image, still + 0.5)
    assert half[10, 12] == 50 and half[11, 13] == 200
    field = drawn_field(np.random.default_rng(0), 28, 28)
    assert field.shape == (2, 28, 28) and 0.5 < np.abs(field).max() < 12
    assert (distorted(image, field) != image).any()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("34x34x2-2avg-10", "has no average"),
        ("34x34x2-2a-10", "has no average"),
        ("30-[8-8]-10", "has no skip connections"),
        ("30-8r-10", "learns no recurrent weights; write 8rf"),
        ("30-4c3-10", "needs rows and columns"),
    ],
)
def test_layers_that_the_rule_has_not_are_refused_in_a_line(layers, message):
    with pytest.raises(UserError, match=message) as stop:
        HM2BP(options()).network(parse_layers(layers))
    assert "\n" not in str(stop.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 69}, "grid_steps is 69; give at least target_spikes"),
        ({"tau_syn_steps": 64.0}, "tau_syn_steps is 64; give less than tau_mem_steps"),
        ({"rate": float("nan")}, "rate is nan"),
    ],
)
def test_options_that_cannot_be_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        options(**given)


def test_samples_that_do_not_fit_are_refused():
    rule, _, state = started("42-5-3", options(), pictures())
    order = np.arange(2)
    with pytest.raises(UserError, match="30 inputs, but the network takes 42"):
        rule.predict(state, pictures(2, (5, 6)), order)
    wrong = Images(pictures(2).images, np.array([0, 3]), "wrong")
    with pytest.raises(UserError, match="sample 1 has the label 3; the network has 3 outputs"):
        rule.learn(state, Batch(wrong, order), None)
    with pytest.raises(UserError, match="the run began with 6 samples"):
        rule.learn(state, Batch(pictures(8), np.array([7])), None)
    rule, _, state = started("42-3@1", options(), pictures())
    state.weights[0][:] = [-1.0, 1.0, -1.0]  # one output inhibits the other two for good
    with pytest.raises(DivergedError, match="raise output_threshold"):
        rule.learn(state, Batch(pictures(), np.arange(1)), None)


def test_the_first_sample_of_the_rule_is_learned_as_by_the_reference():
    own, data = options(200), pictures(1)
    rule, network, state = started("42-30@2-3@3", own, data)
    weights = [w.astype(np.float64) for w in state.weights]
    x = encoded(own, data)
    found = [x]
    for layer, w, onto in zip(network.layers, weights, state.inward, strict=True):
        found.append(reference.run(layer, w, found[-1], onto if len(onto) else None))
    error, lateral, found[-1], cost = reference.graded(
        found[-1], 0, 1.0, network.layers[-1], reference.Grading()
    )
    state, learned = rule.learn(rule.begin_epoch(state, Epoch(0)), Batch(data, np.arange(1)), None)
    assert learned.loss == pytest.approx(cost)
    for k in (1, 0):
        factors = lateral if k == 1 else None
        trains = found[k], found[k + 1]
        back = reference.backward(network.layers[k], weights[k], trains, error, factors)
        gradient = back.gradient + reference.regulariser(weights[k], 10.0, 0.04)
        new, _ = reference.adam(weights[k], gradient, (0 * weights[k], 0 * weights[k]), 1, 1e-3)
        np.testing.assert_allclose(state.weights[k], new, rtol=0, atol=1e-6)
        error = back.below
