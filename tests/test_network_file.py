"""Networks in TOML files: what is written is what runs, and what cannot be meant is refused."""

import json
import math
import tomllib

import numpy as np
import pytest
from doors import NASTY, fuzz, knock, spoiled_bytes, spoiled_tree
from hypothesis import given
from hypothesis import strategies as st

from eventsnn import memory
from eventsnn.engines import simulate
from eventsnn.errors import DataError
from eventsnn.events import EventStream
from eventsnn.network.file import load_network

NAN = float("nan")
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
        ('"lif"', '"life"', r"neuron.model is 'life'; give cuba_lif, .*if, .*lif, readout"),
        ('"sparse"', '"spare"', "topology.kind is 'spare'; give conv2d, dense"),
        ('target = "image"', 'target = "imago"', r"connection\[0\].target is 'imago'"),
        ("delay_us = 500", "delay_us = -500", r"connection\[2\]: .*delay_us is -500"),
        ("delay_us = 500", "delay_us = 0", "hold a cycle"),
        ("weights = -0.5", "weight = -0.5", r"connection\[2\] has the unknown key 'weight'"),
        ("weights = -0.5", "", r"connection\[2\] lacks the key weights"),
        ("strengths.npy", "absent.npy", r"connection\[1\].weights: /.*/absent.npy: no such"),
        ("std = 0.1", "std = -0.1", r"connection\[0\].weights.std is -0.1"),
        ("kernel_size = 3", "kernel_size = 9", "a kernel of 9 does not fit"),
        ("[[population]]", "[population", "cannot be read as TOML"),
        ("shape = 10", "shape = 11", r"net.toml: weights"),
        ("std = 0.1", "std = nan", r"weights.std is nan; give a finite number"),
        ("std = 0.1", "std = 1e308", r"weights: weight \d+ is -?inf"),
        ("weights = -0.5", "weights = inf", r"connection\[2\].weights is inf; give a finite"),
        ("weights = -0.5", f"weights = {10**400}", r"connection\[2\].weights is 1000\d+"),
        ("weights = -0.5", "weights = true", r"connection\[2\].weights is True"),
        ("weights = -0.5", "weights = []", r"\[2\].weights: has shape \(0,\); give \(10, 10"),
        ("fan_out = 4", "fan_out = -4", r"topology.fan_out is -4; give 1 to"),
        ("fan_out = 4", f"fan_out = {2**40}", r"topology.fan_out is 1099511627776"),
        ("seed = 1", "seed = -1", r"connection\[1\].topology.seed is -1; give a whole number of"),
        ("seed = 2", "seed = -2", r"connection\[1\].delay_us.seed is -2"),
        ("seed = 3", "seed = -3", r"connection\[0\].weights.seed is -3"),
        ("seed = 3", "seed = 0.5", r"connection\[0\].weights.seed is 0.5"),
        ("high = 9000", f"high = {2**64}", r"delay_us runs from 1000 to 18446744073709551616"),
        ("delay_us = 500", "delay_us = 0.5", r"connection\[2\].delay_us is 0.5"),
        ("delay_us = 500", "delay_us = 99999999999999999999", r"delay_us is 9+; give whole"),
        (
            'name = "inhibition"',
            "name = { a = 1 }",
            r"connection\[2\].name is {'a': 1}; give a text",
        ),
        ('name = "inhibition"', "name = 7", r"connection\[2\].name is 7"),
        ('name = "out"', "name = [1]", r"population\[2\].name is \[1\]; give a text"),
        ("shape = [2, 6, 5]", "shape = [2, 6, 5.5]", r"population input: shape is .2, 6, 5.5."),
        ("shape = [2, 6, 5]", f"shape = [2, {2**40}, 5]", "has more than 2147483647 units"),
        ("shape = [2, 6, 5]", "shape = [[2, 6, 5]]", "shape is ..2, 6, 5.."),
        (
            "shape = [4, 3, 3]",
            "shape = [3, 4, 3]",
            r"needs image to be \(4, 3, 3\), it is \(3, 4, 3\)",
        ),
        ("channels = 3", "channels = [3]", r"topology: topology conv2d: channels is \(3,\)"),
        ("channels = 3", f"channels = {10**12}", r"channels is 1000000000000"),
        ("kernel_size = 3", "kernel_size = {a = 1}", "kernel_size is {'a': 1}"),
        ("tau_us = 20000", f"tau_us = {10**400}", r"population\[1\].neuron"),
        ("tau_us = 20000", "tau_us = [1]", r"population\[1\].neuron"),
        ("tau_us = 20000", "tau_us = 1979-05-27", r"population\[1\].neuron"),
        ('"strengths.npy"', '"a\\u0000b"', r"connection\[1\].weights: .*cannot be read"),
        ('"strengths.npy"', '"."', r"connection\[1\].weights: .* a folder"),
        ("weights = -0.5", "weights = " + "[" * 5000, "nested too deeply|cannot be read as TOML"),
        ("weights = -0.5", "weights = " + "9" * 5000, "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path, old, new, message):
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    if old == "shape = 10":
        text, message = GOOD.replace("shape = 10", "shape = true"), r"population\[2\].shape is True"
    with pytest.raises(DataError, match=message):
        load_network(written(tmp_path, text))


def test_a_sensor_whose_polarities_stand_last_is_refused_with_both_shapes(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text('[[population]]\nname = "input"\nshape = [34, 34, 2]\n')
    with pytest.raises(DataError, match=r"is \[34, 34, 2\]: .*: give \[2, 34, 34\]"):
        load_network(path)
    for shape in ([2, 34, 34], [1, 1, 100], [2312], [34, 34, 5]):
        path.write_text(f'[[population]]\nname = "input"\nshape = {shape}\n')
        assert load_network(path)[0].populations[0].shape == tuple(shape)


SPARSE = """
[[population]]
name = "input"
shape = 3

[[population]]
name = "p"
shape = 2
neuron = { model = "if" }

[[connection]]
source = "input"
target = "p"
topology = { kind = "sparse", file = "rows.npz" }
delay_us = "delays.npy"
weights = "weights.npy"
"""
START, TARGET, DELAYS = np.array([0, 2, 2, 3]), np.array([0, 1, 1]), np.array([1, 2, 3])


def sparse_files(folder, **changed):
    """Write the files of SPARSE; each of them may be bytes."""
    folder.mkdir(exist_ok=True)
    (folder / "net.toml").write_text(SPARSE)
    files = {"rows": {"start": START, "target": TARGET}, "delays": DELAYS, "weights": np.ones(3)}
    for name, value in {**files, **changed}.items():
        path = folder / f"{name}.{'npz' if name == 'rows' else 'npy'}"
        if isinstance(value, bytes):
            path.write_bytes(value)
        elif isinstance(value, dict):
            np.savez(path, **value)
        else:
            with path.open("wb") as file:
                np.save(file, value, allow_pickle=True)
    return folder / "net.toml"


def test_files_of_arrays_start_at_the_network_file(tmp_path, monkeypatch):
    sparse_files(tmp_path / "nets")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    network, weights = load_network("../nets/net.toml")
    assert network.connections[0].topology.target.tolist() == [0, 1, 1]
    assert network.connections[0].delay_us.tolist() == [1, 2, 3]
    assert weights["input->p"].tolist() == [1, 1, 1]
    (tmp_path / "nets" / "weights.npy").unlink()
    looked = f"no such file .looked for {tmp_path}/elsewhere/../nets/weights.npy"
    with pytest.raises(DataError, match=looked):
        load_network("../nets/net.toml")


def claims(shape):
    """Return an .npy file of a header that claims a shape, and nothing."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": np.array(["a", "b", "c"])}, "connection.0..weights: .* holds <U1; save real"),
        ({"weights": np.array([1j, 0, 0])}, "holds complex128; save real numbers"),
        ({"weights": np.array([True, True, True])}, "holds bool; save real numbers"),
        ({"weights": np.array([0, np.nan, 0])}, "weights: weight 1 is nan; give finite numbers"),
        ({"weights": np.ones(4)}, r"weights.npy: has shape \(4,\); give \(3,\)"),
        ({"weights": np.array([{}, 1, 2])}, "weights.npy: holds pickled Python objects"),
        ({"weights": b"renamed"}, "weights.npy: not a .npy array"),
        ({"weights": claims("(97979797979,)")}, "promises 783838383832 bytes of data"),
        ({"delays": np.array([1, -2, 3])}, "delay_us of synapse 1 is -2"),
        ({"delays": np.array([1, 0.5, 3])}, "delay_us of synapse 1 is 0.5"),
        ({"delays": np.array(["1", "2", "3"])}, "delay_us has dtype <U1"),
        ({"rows": b"renamed"}, "file: .*rows.npz: not a .npy array"),
        ({"rows": np.arange(3)}, "rows.npz holds one array without a name; give an .npz with"),
        ({"rows": {"start": START}}, "rows.npz holds start; give an .npz with start and target"),
        ({"rows": {"start": START, "target": TARGET + 0.5}}, "target of synapse 0 is 0.5"),
        ({"rows": {"start": START, "target": [0, np.nan, 1]}}, "target of synapse 1 is nan"),
        (
            {"rows": {"start": START, "target": [0, 2**40, 1]}},
            "target of synapse 1 is 1099511627776",
        ),
        ({"rows": {"start": START[:3], "target": TARGET}}, r"has shape \(3,\), input has 3 units"),
        ({"rows": {"start": 3, "target": TARGET}}, r"has shape \(\), input has 3 units"),
        ({"rows": {"start": np.array([{}]), "target": TARGET}}, "rows.npz:start: holds pickled"),
    ],
    ids=str,
)
def test_a_file_of_arrays_that_cannot_be_meant_is_refused_with_its_name(tmp_path, changed, message):
    with pytest.raises(DataError, match=message) as refused:
        load_network(sparse_files(tmp_path / "nets", **changed))
    assert str(refused.value).startswith("net.toml: connection[0]")


def test_what_does_not_fit_into_memory_is_refused_before_it_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "room_bytes", lambda: 1 << 22)
    for old, new, message in [
        (
            "fan_out = 4",
            "fan_out = 8000",
            r"topology: fan_out 8000 from 36 senders: 288000 synapses",
        ),
        ("shape = 10", "shape = 200000", r"net.toml: 200096 neurons: it needs 12 MiB of memory"),
        ("kernel_size = 3", "kernel_size = 300\npadding = 400", "memory, this machine has 4 MiB"),
    ]:
        text = GOOD.replace(old, new.replace("\n", ", "))
        if "kernel" in old:
            text = text.replace("[4, 3, 3]", "[507, 506, 3]")
        with pytest.raises(DataError, match=message):
            load_network(written(tmp_path, text))


def test_what_is_no_text_file_is_refused(tmp_path):
    path = tmp_path / "net.toml"
    for write, message in [
        (lambda: None, "no such file"),
        (lambda: path.write_bytes(b"\xff\xfe"), "not a text in UTF-8"),
        (lambda: path.write_bytes(bytes(1 << 25)), "33554432 bytes; such a file has at most"),
        (lambda: (path.unlink(), path.mkdir()), "a folder"),
    ]:
        write()
        with pytest.raises(DataError, match=message):
            load_network(path)


def toml(value):
    """Write a value as TOML; what TOML has not is left as it is, which no reader takes."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    return str(value)


def run_file(path):
    network, weights = load_network(path)
    sides = network.populations[network.input].shape
    shape = sides if len(sides) == 3 else (1, 1, network.populations[network.input].size)
    events = EventStream([0, 5], [0, math.prod(shape) - 1], shape, duration=3000)
    if sum(p.size for p in network.populations) < 10_000:
        simulate(network, weights, events, engine="asynchronous", event_budget=2000)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Run what is not spoiled first: no case is then timed with the compiler."""
    run_file(written(tmp_path_factory.mktemp("good")))
    run_file(sparse_files(tmp_path_factory.mktemp("sparse")))


@fuzz
@given(data=st.data())
def test_a_spoiled_network_file_runs_or_is_refused(data, tmp_path_factory, compiled):
    folder = tmp_path_factory.getbasetemp()
    path = written(folder)
    nasty = [*NASTY, "strengths.npy", "input", "out", "lif", "sparse", {"kind": "pool2d"}, 3, 5.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "room_bytes", lambda: 1 << 24)
        tree = data.draw(spoiled_tree(tomllib.loads(GOOD), nasty))
        tree = tree if isinstance(tree, dict) else {"population": tree}
        text = "\n".join(f"{json.dumps(k)} = {toml(v)}" for k, v in tree.items())
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        knock("network file, values", run_file, path)
        path.write_bytes(data.draw(spoiled_bytes(GOOD.encode())))
        knock("network file, bytes", run_file, path)


@fuzz
@given(data=st.data())
def test_spoiled_arrays_of_a_network_file_run_or_are_refused(data, tmp_path_factory, compiled):
    path = sparse_files(tmp_path_factory.getbasetemp() / "spoiled-network")
    name = data.draw(st.sampled_from(["rows.npz", "delays.npy", "weights.npy"]))
    file = path.with_name(name)
    if data.draw(st.booleans()):
        file.write_bytes(data.draw(spoiled_bytes(file.read_bytes())))
        knock("files of a network file, bytes", run_file, path)
        return
    odd = [NAN, 0.5, -1, 2**31, 2**62, 7, 10**9]
    key = data.draw(st.sampled_from(["start", "target"])) if name == "rows.npz" else name[:-4]
    array = {"start": START, "target": TARGET, "delays": DELAYS, "weights": np.ones(3)}[key]
    array = array.astype(
        data.draw(st.sampled_from([float, np.float32, int, complex, "<U9", ">i8"]))
    )
    place = data.draw(st.integers(0, len(array) - 1))
    value = data.draw(st.sampled_from(odd))
    if array.dtype.kind not in "i" or value == int(value if value == value else 0.5):
        array[place] = value
    rows = {"start": START, "target": TARGET}
    changed = {"rows": {**rows, key: array}} if name == "rows.npz" else {key: array}
    knock("files of a network file, values", run_file, sparse_files(path.parent, **changed))
