"""What the rows of a paper measure, against sums and networks that are none of theirs."""

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.events import EventBatch, EventStream
from eventsnn.reproduce.deep_spiking import integers
from eventsnn.reproduce.deep_spiking.convergence import gradients, predictions
from eventsnn.reproduce.deep_spiking.early_guesses import first_events
from eventsnn.reproduce.deep_spiking.operations import operations
from eventsnn.reproduce.paper import RowContext
from eventsnn.reproduce.relu_network import ReluNetwork
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.options import HerdingOptions
from eventsnn.rules.deep_spiking.reference import ReferenceMLP

SIZES = (16, 9, 7, 4)


def drawn(rng, sizes=SIZES):
    return [rng.normal(0, 0.6, shape) for shape in pairwise(sizes)]


def relu(x, weights):
    for weight in weights:
        x = np.array([max(sum(a * w for a, w in zip(x, c, strict=True)), 0) for c in weight.T])
    return x


def loss(x, y, weights):
    return sum((a - b) ** 2 for a, b in zip(relu(x, weights), y, strict=True)) / 2


def central_differences(x, y, weights, step=1e-6):
    found = [np.zeros_like(weight) for weight in weights]
    for layer, weight in enumerate(weights):
        for at in np.ndindex(weight.shape):
            sides = []
            for sign in (1, -1):
                moved = [w.copy() for w in weights]
                moved[layer][at] += sign * step
                sides.append(loss(x, y, moved))
            found[layer][at] = (sides[0] - sides[1]) / (2 * step)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_relu_networks_gradient_is_that_of_central_differences(seed):
    rng = np.random.default_rng(seed)
    weights, x, y = drawn(rng, (5, 4, 3)), rng.uniform(0, 1, 5), np.eye(3)[1]
    x[1] = 0.0  # a silent input
    expected = central_differences(x, y, weights)
    assert any(part.any() for part in expected)
    network = ReluNetwork(weights)
    for mine, theirs in zip(network.gradient(x, y), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-7)
    drive = network.train_one(x, y, 0.1)
    np.testing.assert_allclose(np.maximum(drive, 0), relu(x, weights), atol=1e-12)
    for before, after, slope in zip(weights, network.weights, expected, strict=True):
        np.testing.assert_allclose(after, before - 0.1 * slope, atol=1e-8)


LEARNED = """
import hashlib
from itertools import pairwise
import numpy as np
from eventsnn.reproduce.relu_network import ReluNetwork
rng = np.random.default_rng(0)
network = ReluNetwork([rng.normal(0, 0.1, s).astype("f") for s in pairwise((100, 90, 80, 10))])
for target in np.eye(10, dtype="f"):
    network.train_one(rng.random(100, dtype="f"), target, np.float32(0.01))
print(hashlib.sha256(b"".join(weight.tobytes() for weight in network.weights)).hexdigest())
"""


def learned(**environment):
    words = [sys.executable, "-c", LEARNED]
    return subprocess.run(
        words, env=os.environ | environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_relu_network_learns_the_same_weights_on_every_processor():
    here = learned()
    assert learned(OPENBLAS_CORETYPE="Prescott") == here  # no AVX in matrix products
    assert learned(NPY_DISABLE_CPU_FEATURES="X86_V3,X86_V4,AVX2,FMA3,AVX512F") == here


def test_the_relu_networks_drives_are_those_before_its_last_relu():
    rng = np.random.default_rng(3)
    weights, x = drawn(rng), rng.uniform(0, 1, (6, 16))
    top = ReluNetwork(weights).drives(x)
    np.testing.assert_allclose(np.maximum(top, 0), [relu(v, weights) for v in x], atol=1e-12)
    assert (top < 0).any()


def make_context(rng, tmp_path, weights, n=12):
    class Filled(RowContext):
        def weights(self, name):
            return weights

    images = Images(rng.integers(0, 256, (n, 4, 4), np.uint8), np.arange(n) % 4)
    images.images[:, 0] = 0
    data = DataSet("synthetic", images, images)
    return Filled(data, 0, tmp_path, {}, {}, lambda done, total, note: None)


def test_differences_to_the_relu_network_are_what_they_say_and_shrink_with_t(tmp_path):
    rng = np.random.default_rng(4)
    weights = drawn(rng)
    context = make_context(rng, tmp_path, weights)
    options = {"images": 5, "steps": (3, 2000)}
    found, slope = predictions(context, options), gradients(context, options)
    ratios, apart, exacts = [], [], []
    for picture, label in zip(
        context.data.test.images[:5], context.data.test.labels[:5], strict=True
    ):
        x, y = picture.ravel() * (1 / 255), np.eye(4)[label]
        u = x
        for k, weight in enumerate(weights):
            u = np.einsum("i,ij->j", np.clip(u, 0, None) if k else u, weight)
        reference = ReferenceMLP(weights, HerdingOptions(n_steps=3, eta=0.01))
        output = reference.predict([x] * 3)
        ratios.append(np.sqrt(((output - u) ** 2).sum() / (u**2).sum()))
        reference.train([x] * 3, y)
        exact = np.concatenate([d.ravel() for d in central_differences(x, y, weights)])
        moved = zip(weights, (layer.weight for layer in reference.layers), strict=True)
        mine = np.concatenate([(a - b).ravel() / 0.01 for a, b in moved])
        apart.append(np.sqrt(((mine - exact) ** 2).sum()))
        exacts.append(np.sqrt((exact**2).sum()))
    assert found["by_steps"][0]["difference"] == pytest.approx(np.mean(ratios), rel=1e-6)
    expected = np.mean(apart) / np.mean(exacts)
    assert slope["by_steps"][0]["difference"] == pytest.approx(expected, rel=1e-5)
    assert found["by_steps"][1]["difference"] < 0.02 and found["by_steps"][1]["disagree"] == 0
    assert slope["by_steps"][1]["difference"] < 0.1 and slope["by_steps"][1]["cosine"] > 0.99


def test_operations_are_spikes_times_fan_out(tmp_path):
    rng = np.random.default_rng(5)
    weights = drawn(rng)
    context = make_context(rng, tmp_path, weights)
    options = {"steps": (2, 10), "learned": 6, "parts": 3, "n_steps": 10, "eta": 0.01}
    options["dtype"] = "float32"
    found = operations(context, options)
    for row in found["by_steps"]:
        net = HerdingMLP(weights, n_steps=row["n_steps"], dtype="float32")
        counts = 0
        for k in range(12):
            _, spikes, _ = net.record(context.data.test, k)
            counts += sum(len(s.unit) * n for s, n in zip(spikes, SIZES[1:], strict=False))
        assert row["prediction"] * 12 == counts
        assert row["training"] > row["prediction"] * 0.9
    assert found["relu"] == {"prediction": 16 * 9 + 9 * 7 + 7 * 4, "training": 3 * 235 - 144}
    ink = [part["pixels"] for part in found["by_ink"]]
    assert ink == sorted(ink) and np.mean(ink) == (context.data.test.images > 0).sum() / 12
    mean = np.mean([part["prediction"] for part in found["by_ink"]])
    assert mean == pytest.approx(found["by_steps"][1]["prediction"])


def test_integers_equal_floating_point_on_a_grid_and_the_row_would_notice(tmp_path, monkeypatch):
    context = make_context(np.random.default_rng(6), tmp_path, [], n=40)
    options = {"layers": SIZES, "n_steps": 5, "init_scale": 0.5, "bits": 9, "samples": 40}
    found = integers.integer_on_a_grid(context, options)
    assert found["samples_with_other_spikes"] == found["samples_with_other_outputs"] == 0
    assert found["weights_equal"] and found["weights_changed_by_learning"] > 100

    def slower(weights, *, eta, dtype, **fields):
        return HerdingMLP(
            weights, eta=eta / 2 if dtype == "float64" else eta, dtype=dtype, **fields
        )

    monkeypatch.setattr(integers, "HerdingMLP", slower)
    found = integers.integer_on_a_grid(context, options)
    assert found["samples_with_other_outputs"] > 0 and not found["weights_equal"]


@pytest.mark.parametrize("n", [0, 1, 4, 9, 50])
def test_first_events_are_those_of_every_recording(n):
    rng = np.random.default_rng(7)
    streams = []
    for length in (5, 1, 9, 3):
        t = np.sort(rng.integers(0, 100, length))
        streams.append(EventStream(t, rng.integers(0, 8, length), (2, 2, 2), label=1, duration=100))
    cut = first_events(EventBatch.from_streams(streams, "synthetic"), n)
    assert len(cut) == 4 and cut.duration.tolist() == [100] * 4
    for stream, whole in zip(cut, streams, strict=True):
        np.testing.assert_array_equal(stream.t, whole.t[:n])
        np.testing.assert_array_equal(stream.unit, whole.unit[:n])
