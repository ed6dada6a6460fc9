"""Descriptions of networks from outside: a network that runs, or one line; never a crash."""

import numpy as np
import pytest
from doors import NASTY, fuzz, knock, spoiled_tree
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.engines import simulate
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.lif import LIF
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

# What arrays hold, besides what no array does.
ODD = [*NASTY, np.array(2), np.array([0.5, 1]), np.zeros((2, 2)), np.zeros(0), np.full(3, np.nan)]
ODD += [np.array(["a"]), np.array([None]), np.array([1j]), np.float32(2), np.int8(-1), 3, 4, 5]

DESCRIPTIONS = {
    "Dense": (Dense, {"senders": 3, "receivers": 4}),
    "Sparse": (Sparse, {"receivers": 4, "start": [0, 2, 2, 5], "target": [3, 3, 0, 1, 2]}),
    "Sparse.from_pairs": (
        Sparse.from_pairs,
        {"senders": [0, 1, 1], "targets": [1, 0, 2], "n_in": 2, "n_out": 3},
    ),
    "Conv2d": (
        Conv2d,
        {
            "in_size": (5, 4, 2),
            "channels": 3,
            "kernel_size": (3, 2),
            "stride": (2, 1),
            "padding": (1, 0),
            "planar": False,
        },
    ),
    "Pool2d": (
        Pool2d,
        {"in_size": (5, 4, 2), "window": (2, 3), "stride": (1, 2), "planar": False},
    ),
    "Population": (Population, {"name": "p", "shape": (3, 2), "neuron": LIF(20.0)}),
    "Connection": (
        Connection,
        {
            "source": "a",
            "target": "b",
            "topology": Dense(2, 3),
            "delay_us": [[1, 2, 3], [4, 5, 6]],
            "name": "c",
        },
    ),
}


def walked(topology):
    """Go through all fan-outs of a small topology with its kernel's plain function."""
    if topology.n_in * topology.max_fan_out > 2000:
        return
    out = np.zeros(1 + 3 * max(1, topology.max_fan_out), np.int64)
    n_weights = int(np.prod(topology.weight_shape))
    for sender in range(topology.n_in):
        type(topology).kernel().__wrapped__(topology.table(), sender, out)
        for first, k0, length in out[1 : 1 + 3 * out[0]].reshape(-1, 3).tolist():
            assert 0 <= k0 <= k0 + length <= n_weights
            assert -1 <= first <= first + length <= topology.n_out
    assert ((topology.targets >= 0) & (topology.targets < topology.n_out)).all()


@pytest.mark.parametrize("name", DESCRIPTIONS)
@fuzz
@given(data=st.data())
def test_a_spoiled_description_is_whole_or_refused(data, name):
    make, values = DESCRIPTIONS[name]
    spoiled = data.draw(spoiled_tree(list(values.values()), ODD))
    if not isinstance(spoiled, list) or len(spoiled) != len(values):
        return
    made = knock(f"network.{name}", make, **dict(zip(values, spoiled, strict=True)))
    made = made[0] if isinstance(made, tuple) else made
    if isinstance(made, (Dense, Sparse, Conv2d, Pool2d)):
        walked(made)


@pytest.fixture(scope="module")
def compiled():
    """Compile the kernels first, so that no case is timed with the compiler."""
    network = Network((Population("input", (1,)), Population("a", (1,), LIF(9.0))))
    for dtype in (np.float32, np.float64):
        simulate(network, [], EventStream([0], [0], (1, 1, 1)), engine="asynchronous", dtype=dtype)


@fuzz
@given(data=st.data())
def test_a_spoiled_network_runs_or_is_refused(data, compiled):
    populations = [
        Population("input", (4,)),
        Population("a", (3,), LIF(900.0, 0.5)),
        Population("b", (2,), CubaLIF(900.0, 300.0)),
    ]
    connections = [
        Connection("input", "a", Sparse(3, [0, 2, 2, 3, 4], [0, 1, 2, 0]), np.array([1, 0, 5, 9])),
        Connection("a", "b", Dense(3, 2), 4),
        Connection("b", "a", Dense(2, 3), np.arange(6).reshape(2, 3) + 1),
    ]
    good = {
        "populations": populations,
        "connections": connections,
        "weights": [np.full(4, 0.9), np.full((3, 2), 5.0), -np.ones((2, 3))],
        "t": [0, 1, 9, 9],
        "unit": [0, 2, 3, 0],
    }
    spoiled = data.draw(spoiled_tree(good, [*ODD, *populations, *connections]))
    if not isinstance(spoiled, dict):
        return
    network = knock(
        "network.Network", Network, spoiled.get("populations"), spoiled.get("connections", ())
    )
    events = EventStream([0, 1, 9, 9], [0, 2, 3, 0], (1, 1, 4), duration=2000)
    if network is not None and network.populations[network.input].size == 4:
        options = {"engine": "asynchronous", "event_budget": 5000}
        knock("simulate weights", simulate, network, spoiled.get("weights"), events, **options)
