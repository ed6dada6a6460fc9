"""HM2-BP against the authors' data: trains to the spike, weights within 3e-6, in both forms."""

import numpy as np
import pytest
from hm2bp_cases import (
    Compiled,
    conv,
    dense,
    forward,
    learned,
    pool,
    rows_of,
    stepping,
    trains,
)

from eventsnn.rules.hm2bp import reference
from eventsnn.rules.hm2bp.layers import Steps
from eventsnn.rules.hm2bp.reference import adam, regulariser

WEIGHTS = 3e-6


def opened(shared, name):
    return np.load(shared / "golden" / "hm2bp" / f"{name}.npz", allow_pickle=False)


class Case:
    """Layers, weights before and after, and the golden trains of all populations."""

    def __init__(self, data, layers, names, weights, inward, how):
        self.layers, self.inward, self.how = layers, inward, how
        self.steps, self.label = int(data["end_time"]), int(data["label"])
        self.weights = {when: weights(when) for when in ("before", "after")}
        shapes = [layer.shape for layer in layers]
        self.trains = {
            when: [
                trains(data[name if name in data else f"{name}_{when}"], shape, self.steps)
                for name, shape in zip(names, [(layers[0].topology.n_in,), *shapes], strict=True)
            ]
            for when in ("before", "after")
        }


def small(data, threshold, rate):
    """A golden output layer over golden hidden trains: hidden weights are missing there."""
    layers = [dense(400, 10, threshold, inhibition=1.0)]
    how = stepping(rate, 1, 10.0, 0.04)
    names = ("spk_hid", "spk_out")
    return Case(data, layers, names, lambda w: [data[f"w_out_{w}"].T], [layers[0].inward()], how)


def convolution(data):
    layers = [
        conv((28, 28, 1), 5, 5),
        pool((24, 24, 5), 2),
        conv((12, 12, 5), 3, 5),
        pool((8, 8, 3), 2),
        dense(48, 100, 10),
        dense(100, 10, 5, inhibition=1.0),
    ]
    order = np.arange(48).reshape(3, 4, 4).transpose(1, 2, 0).reshape(-1)  # theirs is by channel

    def weights(when):
        first, second, hidden, out = (
            data[f"w_{k}_{when}"] for k in ("conv1", "conv2", "hid", "out")
        )
        one = np.ones((1, 1))
        return [rows_of(first), one, rows_of(second), one, hidden.T[order], out.T]

    names = ("spk_in", *(f"spk_{k}" for k in ("conv1", "pool1", "conv2", "pool2", "hid", "out")))
    inward = [None] * 5 + [layers[-1].inward()]
    return Case(data, layers, names, weights, inward, stepping(1e-3, 1, 10.0, 0.4))


def speech(data):
    layers = [
        dense(78, 135, 20, learns=False, recurrent=True),
        dense(135, 64, 20, ratio=False),
        dense(64, 26, 5, ratio=False),
    ]

    def weights(when):
        return [data["w_res"].T, data[f"w_hid_{when}"].T, data[f"w_out_{when}"].T]

    names = ("spk_in", "spk_res", "spk_hid", "spk_out")
    inward = [data["w_res_rec"].T, None, None]
    return Case(data, layers, names, weights, inward, stepping(1e-5, adam=False))


CASES = {
    "mnist": lambda data: small(data, 5, 1e-3),
    "nmnist_complete": lambda data: small(data, 5, 1e-5),
    "cnn_mnist": convolution,
    "ti_alpha": speech,
}


@pytest.fixture(params=CASES)
def case(request, shared):
    return CASES[request.param](opened(shared, request.param))


def test_the_reference_spikes_as_the_authors_before_and_after_a_step(case):
    for when in ("before", "after"):
        found = forward(case.layers, case.weights[when], case.inward, case.trains[when][0])
        for ours, golden in zip(found, case.trains[when], strict=True):
            assert (ours == golden).all()


def test_the_kernels_spike_as_the_authors_before_and_after_a_step(case):
    for when in ("before", "after"):
        network = Compiled(case.layers, case.weights[when], case.inward, case.steps)
        found = network.forward(case.trains[when][0])
        for ours, golden in zip(found, case.trains[when][1:], strict=True):
            assert (ours == golden).all()


def test_the_reference_learns_the_authors_weights(case):
    before, after = case.weights["before"], case.weights["after"]
    x = case.trains["before"][0]
    _, back, _ = learned(case.layers, before, case.inward, x, case.label)
    for layer, w, golden, found in zip(case.layers, before, after, back, strict=True):
        if not layer.learns:
            continue
        gradient = found.gradient + regulariser(w, case.how.strength, case.how.beta)
        rate = float(case.how.rate)
        new = (
            adam(w, gradient, (0 * w, 0 * w), 1, rate)[0] if case.how.adam else w - rate * gradient
        )
        np.testing.assert_allclose(new, golden, rtol=0, atol=WEIGHTS)
        assert np.abs(golden - w).max() > 3e-6


@pytest.mark.parametrize("threads", [1, 2])
def test_the_kernels_learn_the_authors_weights(case, threads):
    network = Compiled(
        case.layers, case.weights["before"], case.inward, case.steps, threads=threads
    )
    network.learn(case.trains["before"][0], case.label, case.how)
    for one, golden in zip(network.learning, case.weights["after"], strict=True):
        np.testing.assert_allclose(one.weights, golden, rtol=0, atol=WEIGHTS)


def test_each_quantity_of_two_steps_is_that_of_the_file(shared):
    """Errors, lateral factors, S-PSP, side effect, gradients, regulariser, weights."""
    data = opened(shared, "ours/fc_two_steps")
    layers = [dense(784, 40, data["vth_hid"]), dense(40, 10, data["vth_out"], inhibition=1.0)]
    steps, label, inward = int(data["end_time"]), int(data["label"]), [None, layers[1].inward()]
    x = trains(data["spk_in"], (784,), steps)
    weights = [data["w1_0"].T, data["w2_0"].T]
    moments = [(0 * w, 0 * w) for w in weights]
    compiled = Compiled(layers, weights, inward, steps)
    settings = float(data["lam"]), float(data["beta"])
    for s in (0, 1):
        q = float(data[f"s{s}_sample_weight"])
        found = forward(layers, weights, inward, x)
        for k, name in ((1, "hid"), (2, "out")):
            assert (found[k] == trains(data[f"s{s}_spk_{name}"], (len(found[k]),), steps)).all()
        error, lateral, _, _ = reference.graded(found[2], label, q, layers[1], reference.Grading())
        np.testing.assert_array_equal(error, data[f"s{s}_err"])
        np.testing.assert_allclose(lateral, data[f"s{s}_lateral"], rtol=1e-14)
        _, back, _ = learned(layers, weights, inward, x, label, q)
        for k, (name, layer) in enumerate(zip(("hid", "out"), layers, strict=True)):
            e = back[k].e.reshape(layer.weight_shape)
            np.testing.assert_allclose(e, data[f"s{s}_e_{name}"].T, atol=1e-12)
            np.testing.assert_allclose(back[k].side, data[f"s{s}_side_{name}"], atol=1e-13)
            np.testing.assert_allclose(back[k].gradient, data[f"s{s}_g{k + 1}"].T, atol=1e-12)
            pull = regulariser(weights[k], *settings)
            np.testing.assert_allclose(pull, data[f"s{s}_reg{k + 1}"].T, atol=1e-15)
            new = adam(weights[k], back[k].gradient + pull, moments[k], s + 1, float(data["lr"]))
            weights[k], moments[k] = new
            np.testing.assert_allclose(new[0], data[f"w{k + 1}_{s + 1}"].T, atol=1e-14)
        np.testing.assert_allclose(back[1].below, data[f"s{s}_dE_dcount_hid"], rtol=1e-12)
        compiled.learn(x, label, stepping(data["lr"], s + 1, *settings), q)
        for one, golden in zip(compiled.learning, weights, strict=True):
            np.testing.assert_allclose(one.weights, golden, rtol=0, atol=3e-7)


def test_worked_examples_of_s_psp(shared):
    data = opened(shared, "ours/spsp_unit")
    pair = reference.SynapseList(*np.zeros((3, 1), np.int64))
    for own, below, e in zip(data["out_times"], data["in_times"], data["e"], strict=True):
        x, y = np.zeros((2, 1, int(data["end_time"])), bool)
        x[0, below[below >= 0]] = y[0, own[own >= 0]] = True
        found = reference.spsp(pair, x, y, Steps(64.0, 8.0, 2, 256))
        np.testing.assert_allclose(found, e, rtol=0, atol=1e-12)
