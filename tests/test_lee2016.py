"""The rule of Lee et al.: golden vectors, and the compiled rule bit for bit the plain one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from eventsnn.data.images import Images
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.rules.lee2016 import poisson
from eventsnn.rules.lee2016.machine import LeeMachine
from eventsnn.rules.lee2016.network import network_of
from eventsnn.rules.lee2016.options import Lee2016Options
from eventsnn.rules.lee2016.reference import LayerSynapses, Reference
from eventsnn.rules.lee2016.reference_learning import (
    Moments,
    StepRates,
    costs,
    errors,
    learn,
    learn_by_adam,
)
from eventsnn.rules.lee2016.rule import Lee2016, first_weights
from eventsnn.rules.lee2016.state import ADDS, SPIKES, layer_weights, maps, recount
from eventsnn.rules.lee2016.traces import TraceLayer, TraceNetwork

EVENTS = [(1, 0), (3, 1), (4.5, 0), (7, 0), (8, 1), (11, 1), (13, 0), (16, 1), (17.5, 0), (21, 1),
          (24, 0), (27, 1)]  # fmt: skip
W1 = np.array([[0.9, 0.2], [0.3, 0.8], [-0.5, 0.6]])
W2 = np.array([[0.8, -0.3, 0.4], [0.1, 0.9, -0.6]])
V1, V2 = np.array([0.7, 0.8, 0.75]), np.array([0.6, 0.65])


def golden(shared, part):
    return json.loads((shared / "golden" / "lee2016" / "lee2016_vectors.json").read_text())[part]


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def step_of_vector_f():
    network = network_of((2, 3, 2), Lee2016Options())
    net = Reference(network, [LayerSynapses(W1.T, V1, 0.0), LayerSynapses(W2.T, V2, 0.0)], 0.0)
    t, unit = np.array(EVENTS).T
    net.present(t * 1000, unit.astype(int), True)
    return net, StepRates(0.003, 0.0003, 0.0, 10.0, 0.5, share_error=False)


def test_golden_vector_f_spike_for_spike_and_weight_for_weight(shared):
    found, (net, rates) = golden(shared, "F"), step_of_vector_f()
    for p in (1, 2):
        spikes = [[t / 1000, i] for t, q, i in net.log if q == p]
        assert spikes == found["spikes"][p - 1]
        assert net.units[p].count == found["counts"][p - 1]
        close(net.units[p].v, found["V_end"][p - 1])
        close(net.traces(p, 30_000.0), found[f"a{p}T"])
        close(errors(net, 1, rates)[p], found[f"delta{p}"])
    close(net.traces(0, 30_000.0), found["xT"])
    learn(net, 1, 30_000.0, rates)
    for own, w, v, k in zip(net.synapses, (W1, W2), (V1, V2), (1, 2), strict=True):
        moved = np.array(own.weight).reshape(w.T.shape).T - w
        np.testing.assert_allclose(moved, found[f"dW{k}"], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(own.threshold - v, found[f"dV{k}"], rtol=1e-6, atol=1e-9)


def test_an_output_error_is_shared_by_its_elements_that_are_not_zero():
    net, rates = step_of_vector_f()
    whole = errors(net, 1, rates)[2]
    close(errors(net, 1, rates._replace(share_error=True))[2], np.array(whole) / np.sqrt(2))


def test_golden_vector_d_the_cost_of_weights(shared):
    found, w = golden(shared, "D"), np.array([0.6, 0.5, -0.7])
    own = LayerSynapses(w[:, None], np.ones(1), 0.0)
    close(own.square[0], found["sumsq"])
    rates = StepRates(0.003, 0.0003, 0.02, 10.0, 0.5)
    close(costs(own, rates)[0] * w, found["grad"])
    close(0.5 * 0.02 * np.exp(10 * (own.square[0] - 1)), found["L"])


def test_golden_vector_e_the_thresholds_of_a_group_in_which_two_fire(shared):
    found = golden(shared, "E")
    network = network_of((2, 4, 1), Lee2016Options())
    first = LayerSynapses(np.tile([[0.1], [0.2]], 4), np.array([1.0, 1, 1, 0.105]), 0.1)
    net = Reference(network, [first, LayerSynapses(np.ones((4, 1)), np.ones(1), 0.1)], 0.005)
    net._regulate(0, [0, 1])
    close(first.threshold, [found["V"][k] for k in (0, 2, 1, 3)])
    close(np.array(first.weight).reshape(2, 4).T, found["w"])


def test_golden_vector_c_how_traces_depend_on_weights_and_thresholds(shared):
    """The local derivatives that the way back uses, at the fixed point of equation (8)."""
    found, sigma = golden(shared, "C"), 0.5
    kappa = np.array([[0, -0.4, -0.2], [-0.3, 0, -0.1], [-0.5, -0.2, 0]])
    threshold, x = np.array([1, 1.2, 0.8]), np.array([1.5, 2.0])
    w = np.array([[0.7, 0.4], [0.5, 0.9], [0.8, 0.3]])

    def traces(w, threshold):
        return np.linalg.solve(np.eye(3) - sigma * kappa, w @ x / threshold)

    a = traces(w, threshold)
    close(a, found["a"])
    close(1 / threshold, found["da_ds"])
    close(x / threshold[:, None], found["da_dw"])
    close((-a + sigma * kappa @ a) / threshold, found["da_dVth"])


SMALL = Lee2016Options(
    dtype="float64", rate=0.005, threshold_rate=0.3, weight_cost=0.02, threshold_cost=0.002,
    alpha=1.2, upper_alpha=1.2, output_alpha=1.0, upper_inhibition=-0.2, crop=0,
)  # fmt: skip


def recordings(rng, n, units, events, classes):
    streams = []
    for k in range(n):
        t = np.sort(rng.integers(0, 50_000, events))
        unit = rng.integers(0, units - units // 4, events)  # a quarter of the input is silent
        streams.append(EventStream(t, unit, (1, 1, units), k % classes, 50_000))
    return EventBatch.from_streams(streams)


def pair_of(layers, options, rng):
    """The compiled machine and the plain one, with the same weights."""
    network = network_of(layers, options)
    # Above 0 in the mean, so that the upper layers fire, too.
    weights = [w + 0.4 * w.std() for w in first_weights(network, rng)]
    machine = LeeMachine(network, options, weights)
    net = machine.net
    synapses = [
        LayerSynapses(w, maps(net, net.threshold, k), float(net.floor[k + 1]))
        for k, w in enumerate(weights)
    ]
    return machine, Reference(network, synapses, options.threshold_cost)


def rates_of(machine):
    own = machine.rates
    return StepRates(own.weight, own.threshold, own.cost, own.slope, own.sigma, own.normalise,
                 own.share_error)  # fmt: skip


def equal(machine, plain):
    for k, own in enumerate(plain.synapses):
        size = len(own.scale)
        rows = np.array(own.weight).reshape(-1, size)
        np.testing.assert_array_equal(layer_weights(machine.net, k), rows)
        for name in ("threshold", "scale", "square"):
            found = maps(machine.net, getattr(machine.net, name), k)
            np.testing.assert_array_equal(found, getattr(own, name), name)


LAYERS = [
    (12, 20, 3),
    (12, 15, 11, 3),
    (12, 9, 8, 7, 4),
    ("6x5x2", "4c3", 5),
    ("8x8x2", "3c3", "2p", "4c2", 6, 3),
]
CHANGED = {
    "inhibition": {},
    "no inhibition": {"inhibition": 0.0, "upper_inhibition": 0.0, "output_inhibition": 0.0},
    "not normalised": {"normalise": False, "share_error": False},
    "adam": {"optimizer": "adam", "rate": 0.01, "threshold_rate": 1.0},
    "no refractory time": {"refractory_us": 0},
    "high": {"alpha": 1.5, "threshold_cost": 0.0},
}


@pytest.mark.parametrize("layers", LAYERS, ids=str)
@pytest.mark.parametrize("name", CHANGED)
def test_the_kernel_is_the_reference_bit_for_bit(layers, name):
    options, rng = replace(SMALL, **CHANGED[name]), np.random.default_rng(len(layers))
    machine, plain = pair_of(layers, options, rng)
    n = machine.network.populations[0].size
    data = recordings(rng, 12, n, 150 if n < 70 else 500, machine.network.populations[-1].size)
    rates, moments = rates_of(machine), [Moments(own) for own in plain.synapses]
    before = [own.threshold.copy() for own in plain.synapses]
    survivors = spikes = 0
    for k in range(len(data)):
        stream, tally = data[k], machine.work.tally.copy()
        plain.present(stream.t, stream.unit, True)
        found = machine.learn(data, np.array([k]), k)
        for p, units in enumerate(plain.units):
            at = slice(machine.net.at[p], machine.net.at[p + 1])
            np.testing.assert_array_equal(machine.work.v[at], units.v)
            np.testing.assert_array_equal(machine.work.spikes[at], units.count)
            assert machine.work.tally[SPIKES, p] - tally[SPIKES, p] == sum(units.count)
        assert (found.spikes[0] == plain.units[-1].count).all()
        if options.optimizer == "adam":
            learn_by_adam(plain, int(data.label[k]), 50_000.0, rates, (moments, k + 1))
        else:
            learn(plain, int(data.label[k]), 50_000.0, rates)
        equal(machine, plain)
        survivors += found.spikes.sum() > 0
        spikes += len(plain.log) - len(stream)
    assert spikes > 40 and survivors > 0
    assert before != [own.threshold for own in plain.synapses]
    for own in plain.synapses:
        own.fold()
    machine.end_epoch()
    equal(machine, plain)


def test_floors_of_thresholds_bite_and_weights_are_lifted_bit_for_bit():
    options, rng = replace(SMALL, threshold_cost=0.02), np.random.default_rng(3)
    machine, plain = pair_of((12, 20, 3), options, rng)
    data, lifted = recordings(rng, 30, 12, 120, 3), 0
    lift, rates = plain._lift, rates_of(machine)

    def counted(*args):
        nonlocal lifted
        lifted += 1
        lift(*args)

    plain._lift = counted
    for k in range(len(data)):
        plain.present(data[k].t, data[k].unit, True)
        machine.learn(data, np.array([k]), k)
        learn(plain, int(data.label[k]), 50_000.0, rates)
        equal(machine, plain)
    assert lifted > 20


def test_scales_that_become_small_are_multiplied_into_the_weights_bit_for_bit():
    options, rng = replace(SMALL, rate=0.3), np.random.default_rng(4)
    machine, plain = pair_of((12, 10, 3), options, rng)
    machine.net.weight[:] *= 4096
    for own in plain.synapses:
        own.weight = [w * 4096 for w in own.weight]
        own.recount()
    machine.net.scale[:] = 1
    recount(machine.net)
    data, folded = recordings(rng, 40, 12, 60, 3), 0
    for k in range(len(data)):
        small = min(plain.synapses[0].scale)
        plain.present(data[k].t, data[k].unit, True)
        machine.learn(data, np.array([k]), k)
        learn(plain, int(data.label[k]), 50_000.0, rates_of(machine))
        equal(machine, plain)
        folded += min(plain.synapses[0].scale) > small
    assert folded > 0


def test_images_are_presented_as_the_trains_that_are_defined():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 3, 4)).astype(np.uint8)
    pixels[2] = 0  # no events at all
    images, options = Images(pixels, np.arange(5) % 3), replace(SMALL, test_us=40_000, test_seed=7)
    machine, plain = pair_of((12, 20, 3), options, rng)
    found = machine.answers(images, np.arange(5))
    for k in range(5):
        key = poisson.splitmix(poisson.splitmix(7) ^ k)
        trains = poisson.drawn(pixels[k].reshape(-1), 5000.0, 40_000, key)
        assert (len(trains.t) > 100) == (k != 2)
        plain.present(trains.t, trains.unit, False)
        assert found.spikes[k].tolist() == plain.units[-1].count
        adds = len(trains.t) * 20 + sum(plain.units[1].count) * 3
        assert found.adds[k, 0] == adds
    assert found.answer[2, 0] == -1 and found.tally[ADDS].sum() == found.adds.sum()


def test_poisson_trains_have_the_rate_and_the_pixels_their_shares():
    pixels = np.array([0, 10, 200, 90], np.uint8)
    trains = poisson.drawn(pixels, 5000.0, 4_000_000, 5)
    assert abs(len(trains.t) - 20_000) < 600 and (np.diff(trains.t) >= 0).all()
    shares = np.bincount(trains.unit, minlength=4) / len(trains.t)
    np.testing.assert_allclose(shares, pixels / 300, atol=0.012)
    gaps = np.diff(trains.t)
    assert abs(gaps.std() / gaps.mean() - 1) < 0.05


def test_a_crop_is_so_many_consecutive_events_from_a_random_place():
    starts = {poisson.first_of_crop(1000, 300, key) for key in range(4000)}
    assert min(starts) < 5 and max(starts) > 695 and max(starts) <= 700
    assert poisson.first_of_crop(300, 300, 1) == poisson.first_of_crop(20, 300, 1) == 0
    rng, options = np.random.default_rng(1), replace(SMALL, crop=50)
    machine, plain = pair_of((12, 20, 3), options, rng)
    data = recordings(rng, 6, 12, 200, 3)
    for k in range(6):
        machine.learn(data, np.array([k]), k)
        key = poisson.splitmix(poisson.splitmix(k) ^ 0)
        first = poisson.first_of_crop(200, 50, key)
        t, unit = data[k].t[first : first + 50], data[k].unit[first : first + 50]
        plain.present(t, unit, True)
        learn(plain, int(data.label[k]), float(t[-1]), rates_of(machine))
        equal(machine, plain)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sizes", [(10, 14, 3), (10, 9, 8, 3)], ids=str)
def test_whole_traces_give_the_same_spikes_and_updates(sizes, seed):
    """The second reference, which shares no arithmetic with the first, where nothing is clipped.

    Thresholds move on the way forward, some to their floors, weights decay, an input is silent.
    """
    rng = np.random.default_rng([seed, len(sizes)])
    options = replace(
        SMALL, refractory_us=0, alpha=2.5, output_alpha=1.5, inhibition=-0.05,
        output_inhibition=-0.05, upper_inhibition=-0.03, threshold_cost=0.003,
        normalise=seed % 3 > 0, share_error=seed % 2 > 0, rate=0.0005,
    )  # fmt: skip
    network, drawn = network_of(sizes, options), []
    for w in first_weights(network, rng):
        drawn.append(np.abs(w) * 0.9)
    machine = LeeMachine(network, options, drawn)
    layers, synapses = [], []
    for k, w in enumerate(drawn):
        threshold = maps(machine.net, machine.net.threshold, k)
        floor = 0.99 * threshold.min()  # so high that many reach it at once
        kappa = network.populations[k + 1].neuron.inhibition
        layers.append(TraceLayer(w.copy(), threshold.copy(), kappa, float(floor)))
        synapses.append(LayerSynapses(w, threshold, floor))
    plain, whole = Reference(network, synapses, 0.003), TraceNetwork(layers, 20_000.0, 0.003)
    lifted, spikes = [], 0
    lift, plain._lift = plain._lift, lambda *args: (lifted.append(args), lift(*args))
    for k in range(4):
        t = np.sort(rng.permutation(30_000)[:40]).astype(float)
        unit = rng.integers(0, sizes[0] - 2, 40)
        plain.present(t, unit, True)
        whole.present(t, unit)
        if whole.clipped:
            break
        for p, layer in enumerate(whole.layers, 1):
            assert [(s, i) for s, q, i in plain.log if q == p] == layer.spikes
            close(layer.potentials(plain.units[p].clock[0], 20_000.0), plain.units[p].v)
        rates = rates_of(machine)
        learn(plain, k % 3, 30_000.0, rates)
        whole.learn(k % 3, 30_000.0, rates)
        for own, layer in zip(plain.synapses, whole.layers, strict=True):
            mine = np.array(own.weight).reshape(layer.weight.shape) * own.scale
            close(mine, layer.weight)
            close(own.threshold, layer.threshold)
        spikes += len(plain.log)
    assert lifted and spikes > 150


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("20@0.5", "thresholds learn; give --alpha"),
        ("20r", "has no layer 20r"),
        ("20f", "has no layer 20f"),
        ("[20]", "has no layer"),
    ],
)
def test_layers_that_the_network_of_the_paper_has_not_are_refused(part, words):
    with pytest.raises(UserError, match=words):
        network_of(("6x5x2", part, 3), Lee2016Options())


def test_pooling_fires_at_eight_tenths_of_an_event_or_as_is_written():
    layers = ("16x16x2", "3c3", "2p", "2a", "2p@1.5", 3)
    network = network_of(layers, Lee2016Options())
    limits = [p.neuron.threshold for p in network.populations[1:]]
    assert limits == [1.0, 0.8, pytest.approx(3.2), 1.5, 1.0]


@pytest.mark.parametrize("seed", range(5))
def test_the_asynchronous_engine_gives_the_rules_spikes_where_events_come_one_by_one(seed):
    """Its network is a ``Network``: weights in units of the thresholds that they lead to."""
    rng, options = np.random.default_rng(seed), replace(SMALL, alpha=2.0, output_alpha=2.0)
    machine, _ = pair_of((12, 20, 1), options, rng)
    t = np.sort(rng.permutation(50_000)[:150])
    stream = EventStream(t, rng.integers(0, 12, 150), (1, 1, 12), 0, 50_000)
    _, work = machine.record(EventBatch.from_streams([stream]), 0)
    weights = [
        layer_weights(machine.net, k) / maps(machine.net, machine.net.threshold, k)
        for k in range(2)
    ]
    record = simulate(machine.network, weights, stream, engine="asynchronous")
    found = record.spikes["hidden1"]
    n, mine = int(work.logged[0]), work.log_population == 1
    assert len(found) > 30
    np.testing.assert_array_equal(found.t, work.log_t[:n][mine[:n]])
    np.testing.assert_array_equal(found.unit, work.log_unit[:n][mine[:n]])


def test_spikes_of_one_instant_are_events_one_after_the_other_which_a_queue_sums():
    """Two hidden neurons fire at once: the second spike counts nothing, for the first made fire."""
    options = replace(SMALL, inhibition=0.0)
    network = network_of((1, 2, 1), options)
    machine = LeeMachine(network, options, [np.ones((1, 2)), np.ones((2, 1))])
    machine.net.threshold[:] = 1.0
    stream = EventStream(np.array([1000, 1500]), np.array([0, 0]), (1, 1, 1), 0, 50_000)
    out, work = machine.record(EventBatch.from_streams([stream]), 0)
    weights = [layer_weights(machine.net, k).copy() for k in range(2)]
    record = simulate(network, weights, stream, engine="asynchronous")
    assert out.spikes[0, 0] == 1 and record.counts.spikes[0].tolist() == [2, 2, 1]
    assert work.v[-1] == 0.0  # 1 came, 1 was taken
    assert record.spikes["output"].value.tolist() == [2.0]  # of which 1 stays


def test_marks_note_answers_and_additions_on_the_way():
    rng = np.random.default_rng(2)
    machine, plain = pair_of((12, 20, 3), SMALL, rng)
    data = recordings(rng, 6, 12, 200, 3)
    marks = np.array([10_000.0, 25_000.0])
    found = machine.answers(data, np.arange(6), marks=marks)
    whole = machine.answers(data, np.arange(6), threads=2)
    assert found.answer[:, -1].tolist() == whole.answer[:, 0].tolist()
    np.testing.assert_array_equal(found.tally, whole.tally)
    for k in range(6):
        for m, mark in enumerate(marks):
            before = data[k].t < mark
            plain.present(data[k].t[before], data[k].unit[before], False)
            counts = plain.units[-1].count
            adds = before.sum() * 20 + sum(plain.units[1].count) * 3
            assert found.adds[k, m] == adds
            said = found.answer[k, m]
            assert said == -1 if not any(counts) else counts[said] == max(counts)


def test_operations_of_learning_are_counted_one_by_one():
    rng = np.random.default_rng(5)
    machine, plain = pair_of((12, 20, 3), SMALL, rng)
    data, spikes, back, moved, adds = recordings(rng, 4, 12, 150, 3), 0, 0, [0, 0], [0, 0]
    for k in range(4):
        plain.present(data[k].t, data[k].unit, True)
        machine.learn(data, np.array([k]), k)
        learn(plain, int(data.label[k]), 50_000.0, rates_of(machine))
        active = [len(units.active) for units in plain.units]
        spikes += sum(plain.units[1].count)
        adds = [adds[0] + 150 * 20, adds[1] + 3 * sum(plain.units[1].count)]
        moved = [moved[0] + active[0] * 20, moved[1] + active[1] * 3]
        back += active[1] * 3  # every error goes down to every hidden neuron that fired
    told = Lee2016(SMALL).costs(machine)
    assert told["spikes_per_recording"][:2] == [150.0, spikes / 4]
    assert told["operations_per_recording"] == [n / 4 for n in adds]
    assert told["backward_operations_per_recording"] == [0.0, back / 4]
    assert told["weight_updates_per_recording"] == [n / 4 for n in moved]
