"""Training for few bits: batches run with rounded weights, and change the exact ones."""

import numpy as np
import pytest

import eventsnn as es
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.exchange.integers.precision import Precision
from eventsnn.exchange.integers.quantize import quantize_with
from eventsnn.network.whole.scales import most_of
from eventsnn.rules.adjoint import few_bits


def recordings(n=24, events=60):
    rng = np.random.default_rng(2)
    made = []
    for k in range(n):
        t = np.sort(rng.integers(0, 60_000, events))
        unit = np.where(rng.random(events) < 0.4, rng.integers(0, 72, events), 24 * (k % 3) + 5)
        made.append(es.EventStream(t, unit, (2, 6, 6), k % 3, 60_000))
    return made


def learned(bits, layers="72-8-3", threads=1, **options):
    given = {"epochs": 2, "batch": 8, "seed": 0, "rate": 0.01, "validate": 0.0} | options
    return es.Classifier(layers, "adjoint", threads=threads, bits=bits, **given).fit(recordings())


def net(layers="72-8-3"):
    return es.layers(layers, es.LIF(20_000, threshold=0.7), es.Readout(30_000))


def weights_of(network, rng):
    shapes = [c.topology.weight_shape for c in network.connections]
    return [rng.normal(0.1, 0.2, shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("layers", ["72-8-3", "6x6x2-4c3-2p-3"])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_weights_run_as_whole_multiples_of_a_scale_a_channel(layers, bits):
    network, rng = net(layers), np.random.default_rng(bits)
    weights = weights_of(network, rng)
    scales = few_bits.scales_of(network, weights, bits)
    learning = [c for c, one in enumerate(network.connections) if one.learns]
    assert sorted(scales) == learning
    for c in learning:
        run = few_bits.rounded_as_run(weights[c], scales[c], bits)
        q = run / scales[c]
        np.testing.assert_allclose(q, np.rint(q), atol=1e-5)
        assert 1 <= np.abs(q).max() <= most_of(bits) + 1e-5
        n_scales = len(np.unique(scales[c].reshape(-1, scales[c].shape[-1]), axis=0))
        assert n_scales == 1  # all senders of a channel share one
    assert bits == 1 or len(np.unique(scales[0])) > 1


def test_laid_out_weights_are_rounded_to_the_same_bits():
    rng = np.random.default_rng(0)
    network = net("72-21-3")
    weights = weights_of(network, rng)
    scale = few_bits.scales_of(network, weights, 3)[0]
    laid = Laid.of(weights[0])
    out = few_bits.rounded_as_run(laid, few_bits.laid_as(scale, laid), 3)
    np.testing.assert_array_equal(plain(out), few_bits.rounded_as_run(weights[0], scale, 3))
    assert all(np.isfinite(part).all() for part in out.parts)


@pytest.mark.parametrize("layers", ["72-8-3", "6x6x2-4c3-2p-3"])
def test_quantize_finds_what_was_learned_without_an_error(layers, tmp_path):
    model = learned(3, layers)
    model.save(tmp_path / "m")
    told = quantize_with(es.load(tmp_path / "m"), Precision(bits=3), None).told
    assert all(layer.error < 1e-6 for layer in told.layers)
    assert all(np.abs(w).max() <= 3 for w in told.weights)
    first = told.weights[0].astype(float)
    ratio = model.weights_[model.network_.connections[0].name][first != 0] / first[first != 0]
    assert (ratio > 0).all() and (first != 0).mean() > 0.2


def test_what_learns_are_the_exact_weights():
    model = learned(2, epochs=1)
    exact = model.saved.arrays["weights.0"]
    run = model.weights_["input->hidden1"]
    assert len(np.unique(exact)) > 300
    assert all(len(np.unique(run[:, j])) <= 3 for j in range(8))
    apart = learned(2, epochs=1, rate=0.02).saved.arrays["weights.0"]
    assert (np.sign(exact) == np.sign(run))[run != 0].all() and (apart != exact).any()


def test_threads_and_loading_change_no_bit(tmp_path):
    one, two = learned(4), learned(4, threads=2)
    for name, weights in one.weights_.items():
        np.testing.assert_array_equal(weights, two.weights_[name])
    one.save(tmp_path / "m")
    again = es.load(tmp_path / "m")
    for name, weights in one.weights_.items():
        np.testing.assert_array_equal(weights, again.weights_[name])
    assert again.score(recordings()) == one.score(recordings()) > 0.5


def test_without_bits_nothing_is_rounded():
    assert len(np.unique(learned(0, epochs=1).weights_["input->hidden1"])) > 300


def test_one_bit_and_pruned_synapses_are_refused():
    with pytest.raises(es.UserError, match="bits is 1"):
        es.rules.Adjoint(bits=1, synapses=0.5)
    with pytest.raises(es.UserError, match="bits"):
        es.rules.Adjoint(bits=17)
    pruned = learned(4, synapses=0.3)
    kinds = [c.topology.kind for c in pruned.network_.connections]
    assert kinds[0] == "sparse"
    assert quantize_with(pruned, Precision(bits=4), None).told.layers[0].error < 1e-6
