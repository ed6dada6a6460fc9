import numpy as np
import pytest

from eventsnn.errors import DataError
from eventsnn.events import EventStream
from eventsnn.network_file import load_network
from eventsnn.simulate import simulate

GOOD = """
[[population]]
name = "input"
shape = [2, 6, 5]

[[population]]
name = "image"
shape = [4, 3, 3]
neuron = { model = "lif", tau_us = 20000, threshold = 0.5, reset = "zero" }

[[population]]
name = "out"
shape = 10
neuron = { model = "cuba_lif", tau_mem_us = 2e4, tau_syn_us = 5000 }

[[connection]]
source = "input"
target = "image"
topology = { kind = "conv2d", channels = 3, kernel_size = 3 }
weights = { mean = 0.2, std = 0.1, seed = 3 }

[[connection]]
source = "image"
target = "out"
topology = { kind = "sparse", fan_out = 4, seed = 1 }
delay_us = { low = 1000, high = 9000, seed = 2 }
weights = "strengths.npy"

[[connection]]
source = "out"
target = "out"
name = "inhibition"
delay_us = 500
weights = -0.5
"""


def written(tmp_path, text=GOOD):
    np.save(tmp_path / "strengths.npy", np.linspace(0, 1, 144))
    path = tmp_path / "net.toml"
    path.write_text(text)
    return path


def test_a_described_network_loads_and_runs(tmp_path):
    network, weights = load_network(written(tmp_path))
    assert [c.name for c in network.connections] == ["input->image", "image->out", "inhibition"]
    assert weights["input->image"].shape == (3, 3, 2, 3)
    np.testing.assert_array_equal(weights["inhibition"], np.full((10, 10), -0.5))
    delays = network.connections[1].delay_us
    assert delays.min() >= 1000 and delays.max() <= 9000
    rng = np.random.default_rng(0)
    events = EventStream(np.sort(rng.integers(0, 50_000, 800)), rng.integers(0, 60, 800), (2, 6, 5))
    assert len(simulate(network, weights, events).spikes["image"]) > 0


def test_the_same_file_gives_the_same_network(tmp_path):
    path = written(tmp_path)
    (one, first), (two, second) = load_network(path), load_network(path)
    np.testing.assert_array_equal(first["input->image"], second["input->image"])
    np.testing.assert_array_equal(one.connections[1].delay_us, two.connections[1].delay_us)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tau_us = 20000", "tau = 20000", r"population\[1\].neuron has the unknown key 'tau'"),
        ("tau_us = 20000, ", "", r"population\[1\].neuron lacks the key tau_us"),
        ("tau_us = 20000", "tau_us = -1", r"population\[1\].neuron: neuron lif: tau_us is -1.0"),
        ("tau_us = 20000", "tau_us = 'x'", r"population\[1\].neuron.tau_us is 'x'; give a number"),
        ('"lif"', '"life"', r"neuron.model is 'life'; give cuba_lif, if, lif, readout"),
        ('"sparse"', '"spare"', "topology.kind is 'spare'; give conv2d, dense"),
        ('target = "image"', 'target = "imago"', r"connection\[0\].target is 'imago'"),
        ("delay_us = 500", "delay_us = -500", r"connection\[2\]: .*delay_us is -500"),
        ("delay_us = 500", "delay_us = 0", "hold a cycle"),
        ("weights = -0.5", "weight = -0.5", r"connection\[2\] has the unknown key 'weight'"),
        ("weights = -0.5", "", r"connection\[2\] lacks the key weights"),
        ("strengths.npy", "absent.npy", r"connection\[1\].weights: absent.npy cannot be read"),
        ("std = 0.1", "std = -0.1", r"connection\[0\].weights.std is -0.1"),
        ("kernel_size = 3", "kernel_size = 9", "a kernel of 9 does not fit"),
        ("[[population]]", "[population", "cannot be read as TOML"),
        ("shape = 10", "shape = 11", r"net.toml: weights"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path, old, new, message):
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    if old == "shape = 10":
        text, message = GOOD.replace("shape = 10", "shape = true"), r"population\[2\].shape is True"
    with pytest.raises(DataError, match=message):
        load_network(written(tmp_path, text))
