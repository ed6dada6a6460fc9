"""Counts against an instrumented pure-Python run of the reference engine.

The oracle is the engine itself: neurons whose ``receive`` counts what it is handed, and
potentials that are numbers which count their own multiplications.
"""

from dataclasses import replace

import numpy as np
import pytest
from doors import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from random_graphs import networks, streams

import eventsnn as es
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.measure.fan_out import edges, fan_outs
from eventsnn.measure.operations import operations
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology import topologies
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

KINDS = ("deliveries", "zero", "updates", "tests", "multiplications")


class Counted(float):
    """A number that counts the multiplications by which it is changed."""

    tally = None

    def of(self, value):
        out = Counted(value)
        out.tally = self.tally
        return out

    def __mul__(self, other):
        self.tally["multiplications"] += 1
        return self.of(float(self) * float(other))

    def __add__(self, other):
        return self.of(float(self) + float(other))

    def __sub__(self, other):
        return self.of(float(self) - float(other))


def instrumented(neuron, tally):
    """The same model, whose ``receive`` counts into ``tally``."""
    told = replace(neuron)

    def receive(cell, t, weights, due):
        cell.x[:] = [Counted(x) for x in cell.x]
        for x in cell.x:
            x.tally = tally
        tally["updates"] += 1
        tally["tests"] += neuron.spiking
        tally["deliveries"] += len(weights)
        tally["zero"] += sum(w == 0 for w in weights)
        fired = neuron.receive(cell, t, weights, due)
        cell.x[:] = [float(x) for x in cell.x]
        return fired

    # A subclass would be refused: an engine must know its models exactly.
    object.__setattr__(told, "receive", receive)
    return told


def some_zeros(weights, rng, share):
    return [np.where(rng.random(w.shape) < share, 0.0, w) for w in weights]


@settings(max_examples=examples(50), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_counts_equal_those_of_an_instrumented_reference_run(data):
    network, weights = data.draw(networks(("if", "lif", "readout")))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = some_zeros(weights, rng, data.draw(st.sampled_from([0.0, 0.3, 1.0])))
    events = data.draw(streams(network))
    tallies = [dict.fromkeys(KINDS, 0) for _ in network.populations]
    told = tuple(
        p if p.neuron is None else replace(p, neuron=instrumented(p.neuron, tally))
        for p, tally in zip(network.populations, tallies, strict=True)
    )
    try:
        spied = simulate(
            Network(told, network.connections),
            weights,
            events,
            engine="reference",
            event_budget=300,
        )
    except UserError:
        return  # runs away
    for engine in ("auto", "asynchronous", "reference"):
        record = simulate(network, weights, events, engine=engine)
        found = operations(record, weights, events)
        for p, tally in enumerate(tallies):
            into = [c for c, target in enumerate(network.targets) if target == p]
            assert found.synaptic_operations[0, into].sum() == tally["deliveries"]
            assert found.effective[0, into].sum() == tally["deliveries"] - tally["zero"]
            assert found.neuron_updates[0, p] == tally["updates"]
            assert found.threshold_tests[0, p] == tally["tests"]
            assert found.multiplications[0, p] == tally["multiplications"]
        np.testing.assert_array_equal(found.spikes, spied.counts.spikes)
        assert found.weight_bytes.sum() == 8 * found.synaptic_operations.sum()


@settings(max_examples=examples(40))
@given(st.data())
def test_fan_outs_are_the_synapses_of_each_sender_borders_included(data):
    network, weights = data.draw(networks())
    rng = np.random.default_rng(0)
    for connection, array in zip(network.connections, some_zeros(weights, rng, 0.4), strict=True):
        shape, flat = connection.topology, array.reshape(-1)
        every = [shape.fan_out(sender)[1] for sender in range(shape.n_in)]
        np.testing.assert_array_equal(fan_outs(shape), [len(s) for s in every])
        nonzero = [np.count_nonzero(flat[s]) for s in every]
        np.testing.assert_array_equal(fan_outs(shape, array), nonzero)


def test_the_plain_function_behind_each_kernel_gives_the_synapses_of_every_sender():
    shapes = [
        Dense(3, 4),
        Conv2d((4, 5, 2), 3, 3, padding=1, planar=True),
        MeanConv2d((7, 5, 2), 2, 3, (2, 1), planar=True),
        Pool2d((5, 4, 2), (3, 2), (2, 1)),
        Sparse.from_pairs([0, 0, 2, 2, 2], [3, 1, 0, 1, 2], 3, 4)[0],
    ]
    ours = [kind for kind, one in topologies().items() if one.__module__.startswith("eventsnn.")]
    assert sorted(shape.kind for shape in shapes) == ours
    for shape in shapes:
        runs, table = shape.kernel().__wrapped__, shape.table()
        out = np.zeros(1 + 3 * shape.max_fan_out, np.int64)
        for sender in range(shape.n_in):
            runs(table, sender, out)
            found = [
                (shape.targets[synapse + k] if target < 0 else target + k, synapse + k)
                for target, synapse, n in out[1 : 1 + 3 * out[0]].reshape(-1, 3).tolist()
                for k in range(n)
            ]
            targets, synapses = shape.fan_out(sender)
            assert found == list(zip(targets.tolist(), synapses.tolist(), strict=True))


def test_a_convolution_has_fewer_edges_at_its_borders():
    shape = Conv2d((4, 4, 1), 1, 3, padding=1)
    network = Network(
        (Population("input", (4, 4, 1)), Population("map", shape.out_shape, IF())),
        (Connection("input", "map", shape),),
    )
    # 3 x 3 kernels on 4 x 4 positions: corners see 4, sides 6, the middle 9.
    assert edges(network).tolist() == [4 * 4 + 8 * 6 + 4 * 9]


def two_layers():
    network = Network(
        (
            Population("input", (3,)),
            Population("hidden", (4,), LIF(1000.0)),
            Population("output", (2,), Readout(1000.0)),
        ),
        (
            Connection("input", "hidden", Dense(3, 4)),
            Connection("hidden", "output", Dense(4, 2)),
        ),
    )
    return network, [np.full((3, 4), 2.0, np.float32), np.ones((4, 2), np.float32)]


def test_one_event_is_told_to_the_last_operation():
    network, weights = two_layers()
    weights[0][0, 1] = 0
    event = EventStream([5], [0], (1, 1, 3), duration=10)
    told = operations(simulate(network, weights, event), weights, event).to_json()
    assert told["spikes"] == {"input": 1, "hidden": 3, "output": 0}
    assert told["synaptic_operations"] == {"input->hidden": 4, "hidden->output": 6}
    assert told["effective"] == {"input->hidden": 3, "hidden->output": 6}
    assert told["weight_bytes"] == {"input->hidden": 16, "hidden->output": 24}
    assert told["neuron_updates"] == {"input": 0, "hidden": 4, "output": 2}
    assert told["multiplications"] == {"input": 0, "hidden": 4, "output": 4}
    assert told["threshold_tests"] == {"input": 0, "hidden": 4, "output": 0}
    assert told["operations_per_recording"] == told["operations_per_event"] == 10
    assert told["operations_per_spike"] == 2.5


def test_weights_of_zero_need_the_spikes_of_their_source():
    network, weights = two_layers()
    weights[1][0, 0] = 0
    event = EventStream([5], [0], (1, 1, 3), duration=10)
    record = simulate(network, weights, event, record="counts")
    with pytest.raises(UserError, match="spikes of hidden were not kept"):
        operations(record, weights, event)


def test_whole_numbers_read_packed_weights_and_a_table_a_clock():
    lif = es.neurons.IntegerLIF(20_000, 1_000, fraction=2)
    network = es.Network(
        (
            es.Population("in", (1, 1, 2)),
            es.Population("h", 3, lif),
            es.Population("out", 2, es.neurons.IntegerReadout(fraction=0)),
        ),
        (es.Connection("in", "h", es.Dense(2, 3)), es.Connection("h", "out", es.Dense(3, 2))),
    )
    stream = es.EventStream([5, 9], [0, 1], (1, 1, 2), duration=1_000)
    weights = [np.full((2, 3), 7.0), np.ones((3, 2))]
    counted = es.operations(es.simulate(network, weights, stream), weights, stream)
    rows = len(lif.decays.rows)
    assert rows == 3 and counted.neuron_updates.tolist() == [[0, 6, 0]]
    assert counted.table_reads.tolist() == [[0, 2 * rows, 0]]  # of three neurons with one clock
    assert counted.weight_bytes.tolist() == [[3, 0]]  # six weights of 4 bits
    found = es.energy(
        es.simulate(network, weights, stream), weights, stream, model="cmos45-int8-sram"
    )
    assert found.memory_nj * 1e3 == pytest.approx([12.5 * (3 + 4 * 2 * rows)])
    assert found.synapses_nj * 1e3 == pytest.approx([0.1 * 6])
    assert found.decays_nj * 1e3 == pytest.approx([3.1 * 6])
