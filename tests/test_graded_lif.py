"""Graded refractoriness and inhibition in a group: golden vectors, and three engines alike."""

import json

import numpy as np
import pytest

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.graded_lif import GradedLIF
from eventsnn.neurons.neuron import Cell
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse

ENGINES = ("reference", "asynchronous", "feedforward")


def golden(shared, part):
    return json.loads((shared / "golden" / "lee2016" / "lee2016_vectors.json").read_text())[part]


def one_layer(topology, neuron, shape=None):
    out = shape or (topology.n_out,)
    populations = (Population("input", (topology.n_in,)), Population("group", out, neuron))
    return Network(populations, (Connection("input", "group", topology),))


def test_a_neuron_alone_takes_golden_vector_a(shared):
    model, cell = GradedLIF(20_000.0), Cell([0.0], [-1.0, -np.inf])
    weights, fired = [0.6, 0.5, -0.9], []
    for ms, synapse, _, v, spikes in golden(shared, "A")["rows"]:
        value = model.receive(cell, ms * 1000, [weights[synapse]], False)
        assert cell.x[0] == pytest.approx(v, rel=1e-9) and (value is not None) == bool(spikes)
        fired += [ms] if spikes else []
    assert fired == golden(shared, "A")["spikes"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_group_takes_golden_vector_b(shared, engine):
    found, threshold = golden(shared, "B"), np.array([1.0, 1.1, 0.9])
    weights = np.array([[0.7, -0.2], [0.5, 0.4], [-0.3, 0.9]]).T / threshold
    t = np.array([row[0] * 1000 for row in found["log"]], np.int64)
    stream = EventStream(t, np.array([row[1] for row in found["log"]]), (1, 1, 2), None, 10_000)
    network = one_layer(Dense(2, 3), GradedLIF(20_000.0, inhibition=-0.4))
    record = simulate(network, [weights], stream, engine=engine)
    spikes = record.spikes["group"]
    assert [[a / 1000, b] for a, b in zip(spikes.t, spikes.unit, strict=True)] == found["spikes"]


def test_potentials_of_golden_vector_b(shared):
    model = GradedLIF(20_000.0, inhibition=-0.4)
    threshold = np.array([1.0, 1.1, 0.9])
    weights = np.array([[0.7, -0.2], [0.5, 0.4], [-0.3, 0.9]]) / threshold[:, None]
    cells = [Cell([0.0], [-1.0, -np.inf]) for _ in range(3)]
    for ms, synapse, potentials, fired in golden(shared, "B")["log"]:
        each = [model.receive(c, ms * 1000, [weights[i, synapse]], False)
                for i, c in enumerate(cells)]  # fmt: skip
        winners = [i for i, value in enumerate(each) if value is not None]
        model.lateral(cells, ms * 1000, winners)
        assert winners == fired
        np.testing.assert_allclose([c.x[0] for c in cells] * threshold, potentials, rtol=1e-9)


def cases(rng):
    sparse = np.sort(rng.integers(0, 60, 200))
    listed = Sparse(12, np.searchsorted(sparse, np.arange(61)), rng.integers(0, 12, 200))
    return [
        (Dense(60, 12), 0, (12,)),
        (Dense(60, 12), 5, (12,)),
        (Conv2d((5, 6, 2), 3, (3, 2)), 3, (3, 5, 3)),
        (listed, 4, (12,)),
    ]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("seed", range(4))
def test_engines_agree_on_groups(seed, number):
    rng = np.random.default_rng(seed)
    topology, group, shape = cases(rng)[number]
    neuron = GradedLIF(9_000.0, 0.7, 900.0, inhibition=-rng.random(), group=group)
    network, streams = one_layer(topology, neuron, shape), []
    for _ in range(3):
        t = np.sort(rng.integers(0, 1000, 200) * 40)
        streams.append(EventStream(t, rng.integers(0, 60, 200), (1, 1, 60), 0, 40_000))
    weights = [rng.normal(0.1, 0.4, topology.weight_shape)]
    batch, records = EventBatch.from_streams(streams), []
    for engine in ENGINES:
        records.append(simulate(network, weights, batch, engine=engine))
    first = records[0].spikes["group"]
    assert len(first.t) > 20
    for other in records[1:]:
        for field in ("t", "unit", "value", "start"):
            same = getattr(other.spikes["group"], field)
            np.testing.assert_array_equal(getattr(first, field), same)
    free = simulate(one_layer(topology, GradedLIF(9_000.0, 0.7, 900.0), shape), weights, batch)
    assert len(free.spikes["group"].t) > len(first.t)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"inhibition": 0.1}, "inhibition is 0.1; give a number from -1 to 0"),
        ({"inhibition": float("nan")}, "inhibition is nan"),
        ({"group": -1}, "group is -1; give a whole number, 0 or more"),
        ({"group": 1.5}, "group is 1.5"),
        ({"refractory_us": 0.5}, "refractory_us is 0.5"),
        ({"tau_us": 0.0}, "tau_us is 0.0"),
    ],
)
def test_wrong_parameters_are_refused(given, words):
    with pytest.raises(UserError, match=words):
        GradedLIF(**{"tau_us": 20_000.0, **given})
