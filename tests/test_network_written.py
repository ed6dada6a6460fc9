"""Networks are written as they are: what is read back is the same to the last bit, and runs so."""

import tomllib
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks

import eventsnn as es
from eventsnn.engines.asynchronous.state_checked import digest_of
from eventsnn.errors import DataError, UserError
from eventsnn.network.arrays import HeldArrays
from eventsnn.network.file import read_network
from eventsnn.neurons import models
from eventsnn.topology import topologies

NOTHING = HeldArrays({})
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def read(text):
    return read_network(text, "text", NOTHING)[0]


def same(one, two):
    """Whether two networks are one: names, order, every parameter, synapse and delay."""
    np.testing.assert_array_equal(digest_of(one), digest_of(two))
    for a, b in zip(one.populations, two.populations, strict=True):
        assert (a.name, a.shape, a.neuron) == (b.name, b.shape, b.neuron)
    for a, b in zip(one.connections, two.connections, strict=True):
        assert (a.name, a.source, a.target, a.fixed) == (b.name, b.source, b.target, b.fixed)
        assert type(a.topology) is type(b.topology)
        assert type(a.delay_us) is type(b.delay_us)
        np.testing.assert_array_equal(a.delay_us, b.delay_us)


def renamed(network, names):
    """The same network with other names, one connection fixed and one named like a table."""
    new = {p.name: name for p, name in zip(network.populations, names, strict=True)}
    return es.Network(
        tuple(replace(p, name=new[p.name]) for p in network.populations),
        tuple(
            replace(
                c,
                source=new[c.source],
                target=new[c.target],
                name=f"{k}{names[0]}",
                fixed=k % 2 > 0,
            )
            for k, c in enumerate(network.connections)
        ),
    )


@settings(max_examples=examples(60))
@given(data=st.data())
def test_any_network_with_any_names_comes_back_exactly(data):
    network, *_ = data.draw(networks())
    n = len(network.populations)
    other = renamed(network, data.draw(st.lists(NAMES, min_size=n, max_size=n, unique=True)))
    for one in (network, other):
        text = one.to_toml()
        again = read(text)
        same(one, again)
        assert again.to_toml() == text


def number_of(f):
    """A value of a parameter that is not its default."""
    if f.name == "reset":
        return "zero"
    return {"int": 3, "bool": not f.default}.get(f.type, 0.75 if f.name != "inhibition" else -0.75)


def test_every_model_and_every_topology_comes_back_with_each_of_its_parameters():
    grid, seen = (6, 6, 2), 0
    for kind, model in models().items():
        if "eventsnn" not in model.__module__:
            continue
        whole = {"step_us": 400.0, "refractory_us": 7.0, "refractory_steps": 3}
        whole |= {"slack": 0.25, "rest": -0.5, "tau_mem_us": 1000.0, "tau_syn_us": 700.0}
        given = {f.name: whole.get(f.name, number_of(f)) for f in fields(model)}
        if model.whole:  # numbers of a chip
            given |= {"tick_us": 4} | ({"threshold": (7, 9)} if "threshold" in given else {})
        neuron = model(**given)
        network = es.Network((es.Population("in", 4), es.Population(kind, 3, neuron)))
        again = read(network.to_toml())
        assert again[kind].neuron == neuron and all(
            f.name in network.to_toml() for f in fields(model)
        )
        seen += 1
    start, target = np.array([0, 2, *[3] * 71]), np.array([5, 0, 9])
    given = {
        "dense": {"senders": 72, "receivers": 5},
        "sparse": {"receivers": 11, "start": start, "target": target},
        "pool2d": {"in_size": grid, "window": (2, 3), "stride": (1, 2)},
        "conv2d": {"in_size": grid, "channels": 3, "kernel_size": (3, 2), "padding": (1, 0)},
        "mean_conv2d": {"in_size": grid, "window": (2, 2), "channels": 3, "stride": (1, 2)},
    }
    for kind, shape in topologies().items():
        if "eventsnn" not in shape.__module__:
            continue
        for planar in (False, True) if "planar" in {f.name for f in fields(shape)} else (None,):
            topology = shape(**given[kind], **({} if planar is None else {"planar": planar}))
            for sides in ((72,), (2, 6, 6) if planar else grid):
                inward = es.Population("in", sides), es.Population("out", topology.n_out, es.IF())
                network = es.Network(inward, (es.Connection("in", "out", topology),))
                same(network, read(network.to_toml()))
                seen += 1
    assert seen > 15


@dataclass(frozen=True)
class Burst:
    """A description that the package does not know."""

    kind: ClassVar[str] = "burst"
    times: tuple[int, ...]
    gain: float = 1.0


def test_a_kind_of_field_that_is_new_is_written_by_its_fields():
    network = es.Network((es.Population("in", 2), es.Population("p", 2, es.IF())))
    object.__setattr__(network.populations[1], "neuron", Burst((1, 2), 0.5))
    table = tomllib.loads(network.to_toml())["population"][1]["neuron"]
    assert table == {"kind": "burst", "times": [1, 2], "gain": 0.5}
    object.__setattr__(network.populations[1], "neuron", Burst((object(),)))
    with pytest.raises(UserError, match="has no form in TOML; leave it out"):
        network.to_toml()
    odd = es.Network((es.Population("in", 2), es.Population("\ud800", 2, es.IF())))
    with pytest.raises(UserError, match="in a name is no text; rename it"):
        odd.to_toml()


def recurrent(dtype):
    rng = np.random.default_rng(1)
    pairs = es.Sparse.from_pairs(rng.integers(0, 8, 30), rng.integers(0, 8, 30), 8, 8)[0]
    network = es.Network(
        (es.Population("in", (1, 1, 5)), es.Population('a "b"\n[c]', 8, es.CubaLIF(2e4, 5e3))),
        (
            es.Connection("in", 'a "b"\n[c]', es.Dense(5, 8), name="x"),
            es.Connection('a "b"\n[c]', 'a "b"\n[c]', pairs, rng.integers(1, 900, 30)),
        ),
    )
    weights = [rng.normal(1, 1, c.topology.weight_shape).astype(dtype) for c in network.connections]
    return network, network.shaped(weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_network_runs_as_the_one_in_memory(dtype, tmp_path):
    network, weights = recurrent(dtype)
    path = tmp_path / "net.toml"
    network.save(path, weights)
    again, read_weights = es.load_network(path)
    same(network, again)
    for name, array in weights.items():
        assert read_weights[name].dtype == dtype
        np.testing.assert_array_equal(read_weights[name], array)
    stream = es.EventStream(np.arange(0, 60_000, 300), np.arange(200) % 5, (1, 1, 5))
    one, two = es.simulate(network, weights, stream), es.simulate(again, read_weights, stream)
    name = network.populations[1].name
    assert len(one.spikes[name]) > 20
    np.testing.assert_array_equal(one.spikes[name].t, two.spikes[name].t)
    np.testing.assert_array_equal(one.spikes[name].value, two.spikes[name].value)


def test_a_file_that_is_replaced_keeps_no_arrays_of_the_old_one(tmp_path):
    network, weights = recurrent(np.float32)
    path = tmp_path / "net.toml"
    network.save(path, weights)
    assert len(list((tmp_path / "net.arrays").glob("*.npy"))) == 5
    network.save(path)
    assert len(list((tmp_path / "net.arrays").iterdir())) == 3
    again, none = es.load_network(path)
    assert none == {} and again.to_toml() == network.to_toml()
    with pytest.raises(UserError, match=r"give a name that ends in \.toml"):
        network.save(tmp_path / "net.json")
    with pytest.raises(UserError, match="there is no folder"):
        network.save(tmp_path / "absent" / "net.toml")
    with pytest.raises(UserError, match=r"weights of x: shape \(5, 7\); give \(5, 8\)"):
        network.save(path, {**weights, "x": np.ones((5, 7))})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[0, 1, 2]", "[0, 1, 3]", "start runs from 0 to 3"),
        ("[0, 1, 2]", '"absent"', "topology.start: there is no array 'absent'; give its numbers"),
        ("delay_us = [1, 2]", "delay_us = [[1], 2]", "delay_us: its rows have other lengths"),
        ("delay_us = [1, 2]", 'delay_us = "wide"', r"'?wide'?: has shape \(3,\); give \(2,\)"),
        ("fixed = true", "fixed = 1", "fixed is 1; give True or False"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(old, new, message):
    network = es.Network(
        (es.Population("in", 2), es.Population("p", 2, es.IF())),
        (es.Connection("in", "p", es.Sparse(2, [0, 1, 2], [0, 1]), [1, 2], fixed=True),),
    )
    text = network.to_toml()
    same(network, read(text))
    assert old in text, text
    with pytest.raises(DataError, match=message):
        read_network(text.replace(old, new), "text", HeldArrays({"wide": np.arange(3)}))


def test_a_dtype_of_weights_is_one_that_engines_have():
    with pytest.raises(DataError, match="text: dtype is 'half'; give float32 or float64"):
        read_network('dtype = "half"\n', "text", NOTHING)
    with pytest.raises(DataError, match="text: format is 2; this eventsnn reads 1"):
        read_network("format = 2\n", "text", NOTHING)
