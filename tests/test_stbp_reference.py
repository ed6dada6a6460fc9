"""The definition of STBP on a toy, worked out elsewhere, by hand and by differences."""

import json

import numpy as np
import pytest

from eventsnn.rules.stbp.reference import DenseRun, IterativeLIF, backward, forward
from eventsnn.surrogates import Gaussian, Logistic, Rectangle, Triangle

W1 = np.array([[0.45, 0.25], [0.20, 0.40], [0.60, -0.15]]).T
W2 = np.array([[0.50, -0.20, 0.35], [-0.10, 0.55, 0.30]]).T
B1, B2 = np.array([0.06, 0, -0.02]), np.array([0, 0.03])
SENT, Y = np.array([[1.0, 0], [1, 1], [0, 1], [1, 1]]), np.array([1.0, 0])
FOUR = {"h1": Rectangle(), "h2": Triangle(), "h3": Logistic(), "h4": Gaussian()}


@pytest.fixture(scope="module")
def vectors(shared):
    return json.loads((shared / "golden" / "stbp" / "stbp_vectors.json").read_text())


def run(exact, surrogate, temporal=True):
    lif = IterativeLIF(0.2, 0.5, exact, surrogate, temporal)
    ran = forward(SENT, [W1, W2], [B1, B2], lif)
    return ran, backward(ran, [W1, W2], ran.rates - Y, lif)


def near(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=6e-11)


@pytest.mark.parametrize("form", ["linear", "exact"])
@pytest.mark.parametrize("name", FOUR)
def test_forward_and_gradients_are_those_of_the_vectors(vectors, form, name):
    ran, found = run(form == "exact", FOUR[name])
    golden = vectors[form]
    for k in (0, 1):
        near(ran.u[k], golden[f"u{k + 1}"])
        np.testing.assert_array_equal(ran.o[k], golden[f"o{k + 1}"])
        near(found.weights[k].T, golden[name][f"dW{k + 1}"])
        near(found.biases[k], golden[name][f"db{k + 1}"])
        if f"eps{k + 1}" in golden[name]:
            near(found.e[k], golden[name][f"eps{k + 1}"])
    if "delta1" in golden[name]:
        near(found.d[0], golden[name]["delta1"])
    assert 0.5 * np.square(ran.rates - Y).sum() == golden[name]["L"]


def test_without_the_temporal_path_it_is_sdbp(vectors):
    _, found = run(False, Rectangle(), False)
    for k in (0, 1):
        near(found.weights[k].T, vectors["sdbp_h1"][f"dW{k + 1}"])


def test_the_printed_rule_carries_the_leak_one_step():
    """Worked out by hand for one neuron: h 1, no spike, so f = decay and f' = -decay."""
    lif = IterativeLIF(0.5, 10.0, False, Rectangle(100.0), "printed")
    sent, w = np.array([[1.0], [0], [2]]), np.array([[3.0]])
    ran = forward(sent, [w], [np.zeros(1)], lif)
    near(ran.u[0][:, 0], [3, 1.5, 6.75])
    found, h = backward(ran, [w], np.array([1.0]), lif), 0.01
    d3 = 1 / 3
    d2 = 1 / 3 - d3 * h * 1.5 * 0.5
    d1 = 1 / 3 - d2 * h * 3 * 0.5
    near(found.d[0][:, 0], [d1, d2, d3])
    e = [d1 * h + d2 * h * 0.5, d2 * h + d3 * h * 0.5, d3 * h]
    near(found.e[0][:, 0], e)
    near(found.weights[0][0, 0], e[0] + 2 * e[2])
    whole = backward(ran, [w], np.array([1.0]), lif._replace(temporal=True))
    assert abs(whole.e[0][0, 0] - e[0]) > 1e-5


@pytest.mark.parametrize("exact", [False, True])
def test_a_smooth_network_has_these_gradients_by_central_differences(vectors, exact):
    """The step replaced by a logistic function of which the surrogate is the true slope."""
    lif = IterativeLIF(0.2, 0.5, exact, Logistic(0.3))

    def smooth(weights, biases):
        below, potentials, spikes = SENT, [], []
        for w, b in zip(weights, biases, strict=True):
            u, o, out = np.zeros(w.shape[1]), np.zeros(w.shape[1]), []
            for x in below @ w:
                u = u * lif.f(o) + x + b
                o = 1 / (1 + np.exp(-(u - 0.5) / 0.3))
                out.append((u, o))
            potentials.append(np.array([u for u, _ in out]))
            spikes.append(np.array([o for _, o in out]))
            below = spikes[-1]
        return DenseRun(SENT, potentials, spikes)

    def loss(arrays):
        return 0.5 * np.square(smooth(arrays[:2], arrays[2:]).rates - Y).sum()

    ran, arrays = smooth([W1, W2], [B1, B2]), [W1, W2, B1, B2]
    found = backward(ran, [W1, W2], ran.rates - Y, lif)
    for k, gradient in enumerate(found.weights + found.biases):
        for at in np.ndindex(gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = [array.copy() for array in arrays]
                moved[k][at] += sign * 1e-6
                ends.append(loss(moved))
            assert abs((ends[0] - ends[1]) / 2e-6 - gradient[at]) < 1e-9
    if not exact:
        golden = vectors["smooth_h3_a0.3"]
        near(loss(arrays), golden["L"])
        near(found.weights[0].T, golden["dW1"])
        near(found.weights[1].T, golden["dW2"])
