"""Ledinauskas et al.: the definition in plain numpy, against golden vectors and differences."""

import json
from itertools import product

import numpy as np
import pytest

from eventsnn.rules.ledinauskas2020.reference import (
    DenseSynapses,
    NormedLayer,
    NormOf,
    SteppedNeuron,
    backward,
    forward,
)
from eventsnn.surrogates.fast_sigmoid import FastSigmoid

X = np.array([[1, 0.2], [0.4, 0.9]])
INPUT = X * (1 + 0.25 * np.arange(3))[:, None, None]
W1 = np.array([[0.8, -0.5], [0.3, 0.7], [-0.6, 0.9]])
READOUT = np.array([[0.7, -0.4, 0.5], [-0.2, 0.6, 0.3]]).T
TOY = [
    NormedLayer(
        (DenseSynapses(0, W1.T, np.array([1, 0.9, 1.1]), np.array([0.1, 0.2, 0.0])),),
    )
]


@pytest.fixture
def golden(shared):
    return json.loads(
        (shared / "golden" / "ledinauskas2020" / "ledinauskas_vectors.json").read_text()
    )


def neuron(alpha, detached=False, soft=False, fires=None, decay=0.5, threshold=0.5):
    given = (decay, threshold, soft, detached, FastSigmoid(1 / alpha))
    return SteppedNeuron(*given) if fires is None else SteppedNeuron(*given, fires)


def smooth(alpha):
    return lambda d: 0.5 + d / (1 + alpha * np.abs(d))


def cross_entropy(logits, labels):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    n = len(labels)
    by = p.copy()
    by[np.arange(n), labels] -= 1
    return float(-np.log(p[np.arange(n), labels]).mean()), by / n


def toy(alpha, detached=False, norm=NormOf(), fires=None):  # noqa: B008 - never changed
    cell = neuron(alpha, detached, fires=fires)
    ran = forward(INPUT, TOY, READOUT, cell, norm)
    loss, by = cross_entropy(ran.logits, np.array([0, 1]))
    return ran, loss, backward(ran, TOY, READOUT, by, cell, norm)


def close(a, b, bar=1.01e-9):
    assert np.abs(np.asarray(a) - np.asarray(b)).max() < bar


def test_the_surrogate_is_that_of_the_vectors(golden):
    d = np.array([-1, -0.5, -0.1, 0, 0.1, 0.5, 1, 2])
    for alpha, values in golden["surr"].items():
        close(FastSigmoid(1 / float(alpha)).derivative(d), values, 1e-10)


def test_currents_potentials_spikes_and_logits_are_those_of_the_toy(golden):
    ran, _, _ = toy(1.0)
    told = golden["toy_fwd"]
    one = TOY[0].synapses[0]
    close(one.gamma * ran.normed[0][0][:, :, 0] + one.beta, told["J"])
    close(ran.u[0], told["U"])
    close(ran.s[0], told["S"], 1e-15)
    close(ran.logits, told["logits"])


@pytest.mark.parametrize("alpha", [1, 10, 100])
@pytest.mark.parametrize("detached", [False, True])
def test_loss_and_gradients_are_those_of_the_toy(golden, alpha, detached):
    _, loss, found = toy(alpha, detached)
    told = golden[f"toy_a{alpha}_det{int(detached)}"]
    close(loss, told["L"])
    close(found.weights[0][0].T, told["dW1"])
    close(found.gamma[0][0], told["dgamma"])
    close(found.beta[0][0], told["dbeta"])
    close(found.readout.T, told["dW2"])


def test_statistics_of_each_step_give_other_spikes(golden):
    ran, loss, _ = toy(1.0, norm=NormOf(per_step=True))
    told = golden["toy_bn_per_step"]
    one = TOY[0].synapses[0]
    close(one.gamma * ran.normed[0][0][:, :, 0] + one.beta, told["J"])
    close(ran.s[0], told["S"], 1e-15)
    close(loss, told["L"])
    assert (ran.s[0] != toy(1.0)[0].s[0]).any()


def test_the_smoothed_toy_has_the_gradient_of_the_vectors(golden):
    _, loss, found = toy(3.0, fires=smooth(3.0))
    close(loss, golden["smooth_a3"]["L"])
    close(found.weights[0][0].T, golden["smooth_a3"]["dW1"])


def layers_of(shortcut, rng):
    """Two blocks of two layers of 2 positions x 3 channels; the first has a projection, too."""

    def synapses(k, n=6):
        w = rng.standard_normal((n, 6)) / np.sqrt(n)
        return DenseSynapses(k, w, rng.uniform(0.6, 1.4, 3), rng.uniform(-0.5, 0.5, 3))

    past = {"before": {"before": (2,)}, "after": {"after": (2,)}, "none": {}}[shortcut]
    project = (synapses(0, 4),) if shortcut != "none" else ()
    return [
        NormedLayer((synapses(0, 4),)),
        NormedLayer((synapses(1), *project)),
        NormedLayer((synapses(2),)),
        NormedLayer((synapses(3),), **past),
    ]


def moved(layers, n, k, name, at, by):
    """Return the layers with one parameter moved."""
    out = list(layers)
    synapses = list(out[n].synapses)
    array = getattr(synapses[k], name).copy()
    array[at] += by
    synapses[k] = synapses[k]._replace(**{name: array})
    out[n] = out[n]._replace(synapses=tuple(synapses))
    return out


CASES = list(product(["none", "before", "after"], [False, True], [0.5, 2.0, 10.0], [False, True]))


@pytest.mark.parametrize(("shortcut", "soft", "alpha", "per_step"), CASES)
def test_gradients_of_the_smoothed_network_are_central_differences(shortcut, soft, alpha, per_step):
    """Shortcuts, resets and normalisation; what is kept of the reset is the exact derivative."""
    rng = np.random.default_rng(3)
    layers, readout = layers_of(shortcut, rng), rng.standard_normal((6, 3))
    sent, labels = rng.standard_normal((4, 5, 4)), np.array([0, 1, 2, 0, 1])
    cell = neuron(alpha, False, soft, smooth(alpha), 0.8, 0.7)
    norm = NormOf(1e-3, per_step)

    def loss(changed):
        return cross_entropy(forward(sent, changed, readout, cell, norm).logits, labels)[0]

    ran = forward(sent, layers, readout, cell, norm)
    by = cross_entropy(ran.logits, labels)[1]
    found, h, checked = backward(ran, layers, readout, by, cell, norm), 1e-5, 0
    for n, layer in enumerate(layers):
        for k, name in product(range(len(layer.synapses)), ("weights", "gamma", "beta")):
            array, told = getattr(layer.synapses[k], name), getattr(found, name)[n][k]
            for flat in rng.choice(array.size, 3, replace=False):
                at = np.unravel_index(flat, array.shape)
                ends = [loss(moved(layers, n, k, name, at, by)) for by in (h, -h, 2 * h, -2 * h)]
                difference = (8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * h)
                # The smooth step has a kink in its second derivative at the threshold.
                checked += abs(difference - told[at]) < 1e-8
                assert abs(difference - told[at]) < 1e-6
    assert checked >= 0.95 * 3 * 3 * sum(len(layer.synapses) for layer in layers)


@pytest.mark.parametrize("soft", [False, True])
def test_a_detached_reset_gives_the_gradient_in_which_it_is_a_constant(soft):
    """Differences of a network whose resets are those of the unmoved one."""
    rng = np.random.default_rng(0)
    cell = neuron(2.0, True, soft, smooth(2.0), 0.8, 0.7)
    j, d = rng.standard_normal((5, 2, 3)), rng.standard_normal((5, 2, 3))
    u, s = cell.run(j)
    found = cell.back(u, s, d)

    def total(moved):
        last, sum_ = np.zeros_like(j[0]), 0.0
        for t in range(5):
            fired = s[t - 1] if t else np.zeros_like(j[0])
            kept = last if soft else last * (1 - fired)
            last = 0.8 * kept - soft * 0.7 * fired + moved[t]
            sum_ += float((d[t] * cell.fires(last - 0.7)).sum())
        return sum_

    for at in np.ndindex(j.shape):
        up, down = j.copy(), j.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        assert abs((total(up) - total(down)) / 2e-6 - found[at]) < 1e-8
