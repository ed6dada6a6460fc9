"""Layer strings and the networks they mean."""

from pathlib import Path

import numpy as np
import pytest

from eventsnn.data.source import open_data
from eventsnn.errors import UserError
from eventsnn.network.layer_string import chain, dense_sizes, n_inputs, parse_layers, text_of
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.rules import rules
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.pool2d import Pool2d
from eventsnn.train.options import TrainOptions, completed, make_options

ALL = "8x8x2-[4c3p1f@0.5-[4c3p1-4c3p1]]-2ps2@3-2avg-5c1-20r500f@2-30r-10"
DEEP = "34x34x2-12c5-2p-64c5-2p-10"


def make(text):
    return chain(parse_layers(text), LIF(20_000.0), Readout())


def test_a_layer_string_is_read_and_written():
    for text in (DEEP, "2312-200-10", "8x9x1-3c2s2p1-3ps2-2a-10", ALL):
        assert text_of(parse_layers(text)) == text
    assert parse_layers("2312-200-10") == (2312, 200, 10)
    assert n_inputs(parse_layers(DEEP)) == 2312


def test_the_network_of_slayer_has_its_sizes():
    network = make(DEEP)
    names = [p.name for p in network.populations]
    assert names == ["input", "conv1", "pool1", "conv2", "pool2", "output"]
    sizes = [(34 * 34 * 2), 30 * 30 * 12, 15 * 15 * 12, 11 * 11 * 64, 5 * 5 * 64, 10]
    assert [p.size for p in network.populations] == sizes
    first, _, second = (network.connections[k].topology for k in range(3))
    assert isinstance(first, Conv2d) and first.planar
    assert isinstance(second, Conv2d) and not second.planar


def test_stride_padding_and_averages_are_what_they_say():
    network = make("8x9x1-3c2s2p1-3ps2-2a-10")
    conv, pool, average = (network.connections[k].topology for k in range(3))
    assert (conv.kernel_size, conv.stride, conv.padding) == ((2, 2), (2, 2), (1, 1))
    assert isinstance(pool, Pool2d) and (pool.window, pool.steps) == ((3, 3), (2, 2))
    assert network["pool1"].neuron == IF(1.0) and average.window == (2, 2)
    # Four spikes of a window are one of its average.
    assert network["pool2"].neuron == IF(4.0)


def test_every_part_of_the_grammar_makes_its_populations_and_connections():
    network = make(ALL)
    found = [
        (c.name, c.topology.kind, c.topology.weight_shape, c.delay_us, c.fixed, c.learns)
        for c in network.connections
    ]
    assert found == [
        ("input->conv1", "conv2d", (3, 3, 2, 4), 0, True, False),
        ("conv1->conv2", "conv2d", (3, 3, 4, 4), 0, False, True),
        ("conv2->conv3", "conv2d", (3, 3, 4, 4), 0, False, True),
        ("conv1=>conv3", "pool2d", (1,), 0, False, False),
        ("input=>conv3", "conv2d", (1, 1, 2, 4), 0, False, True),
        ("conv3->pool1", "pool2d", (1,), 0, False, False),
        ("pool1->conv4", "mean_conv2d", (1, 1, 4, 5), 0, False, True),
        ("conv4->hidden1", "dense", (20, 20), 0, True, False),
        ("hidden1->hidden1", "dense", (20, 20), 500, True, False),
        ("hidden1->hidden2", "dense", (20, 30), 0, False, True),
        ("hidden2->hidden2", "dense", (30, 30), 1000, False, True),
        ("hidden2->output", "dense", (30, 10), 0, False, True),
    ]
    thresholds = {p.name: getattr(p.neuron, "threshold", None) for p in network.populations}
    assert thresholds == {
        "input": None, "conv1": 0.5, "conv2": 1.0, "conv3": 1.0, "pool1": 3.0, "conv4": 1.0,
        "hidden1": 2.0, "hidden2": 1.0, "output": None,
    }  # fmt: skip
    assert network["conv4"].shape == (2, 2, 5)


def test_thresholds_of_averages_are_in_averages():
    network = make("4x4x1-2a@0.5-2a-3")
    assert [network[name].neuron for name in ("pool1", "pool2")] == [IF(2.0), IF(4.0)]


def test_a_plain_average_may_lead_into_a_dense_layer():
    topology = make("6x4x2-2avg-7-3").connections[0].topology
    assert (topology.weight_shape, topology.planar, topology.n_out) == ((3, 2, 2, 7), True, 7)


def test_skip_connections_have_the_shape_that_fits():
    def skips(text):
        named = {c.name: c.topology for c in make(text).connections if "=>" in c.name}
        return [(name, t.kind, t.weight_shape) for name, t in named.items()]

    assert skips("9x9x1-[4c3s2p1]-10") == [("input=>conv1", "conv2d", (1, 1, 1, 4))]
    assert skips("9x9x1-[4c3s2p1]-10") != skips("9x9x1-4c3s2p1-[4c3p1]-10")
    assert skips("5-[6]-[6-6]-3") == [
        ("input=>hidden1", "dense", (5, 6)),
        ("hidden1=>hidden3", "pool2d", (1,)),
    ]
    assert skips("5-[6-3]") == [("input=>output", "dense", (5, 3))]


def test_a_skipped_spike_arrives_once_at_the_same_unit():
    from eventsnn.engines import simulate
    from eventsnn.events import EventStream

    network = chain(parse_layers("2x3x2-[2c1]-12"), LIF(20_000.0), Readout())
    stream = EventStream([1, 2], [7, 3], (2, 2, 3), duration=1000)
    weights = [np.zeros((1, 1, 2, 2)), None, np.zeros((12, 12))]
    spikes = simulate(network, weights, stream, record="all").spikes["conv1"]
    # Units of a sensor are (polarity, y, x), those of a population (y, x, channel).
    assert [*zip(spikes.t, spikes.unit, strict=True)] == [(1, 3), (2, 6)]


def test_another_threshold_or_a_recurrent_output_needs_neurons_that_fire():
    with pytest.raises(UserError, match="10@2: readout neurons have no threshold; leave @ out"):
        make("5-10@2")
    spiking = chain(parse_layers("5-10r@2"), LIF(20_000.0), LIF(20_000.0))
    assert spiking["output"].neuron.threshold == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5-[6-3", "a bracket stays open"),
        ("5-6]-3", "'6]' closes no bracket"),
        ("[5-6]-3", r"'\[5' is no layer"),
        ("5-6fr-3", "'6fr' is no layer"),
        ("5-6@-3", "'6@' is no layer"),
        ("5-6@-1-3", "'6@' is no layer"),
        ("5-6@nan-3", "'6@nan' is no layer"),
        ("5-6@0-3", "threshold is 0"),
        ("4x4x1-2pf-3", "'2pf' is no layer"),
        ("4x4x1-2avg@2-3", "'2avg@2' is no layer"),
        ("4x4x1-2avg-2p-3", "2p: it pools what is averaged already"),
        ("4x4x1-2avg-2avg-3", "2avg: a plain average is part of the next layer"),
        ("4x4x1-[4c1-2avg]-3", "a plain average is part of the next layer"),
        ("4x4x1-5avg-3", "does not fit into 4"),
        ("4x4x1-2avg-3c1s0-3", "stride is"),
        ("9x9x1-[4c4]-10", "no 1 x 1 kernels of any stride lead from 9 x 9"),
        ("5-[[6]]-3", "two connections are called 'input=>hidden1'"),
        ("5-6r0-3", "cycle"),
        ("\uff15-3", "is no layer"),
        ("2312", "at least two"),
        ("0-10", "at least one unit"),
        ("2312-12c5-10", "12c5: needs rows and columns"),
        ("34x34x2-100-2p-10", "2p: needs rows and columns"),
        ("34x34x2-12k5-10", "'12k5' is no layer"),
        ("34x34x2-34x34x2-10", "'34x34x2' is no layer"),
        ("4x4x1-3c5-10", "a kernel of 5 does not fit into 4"),
        ("4x4x1-0c3-10", "channels is 0"),
        ("4x4x1-2c3s0-10", "stride is"),
    ],
)
def test_strings_that_mean_no_network_are_refused(text, message):
    with pytest.raises(UserError, match=message):
        make(text)


def test_layers_must_fit_the_sensor():
    data = open_data("digits", limit=4)
    for text in ("30x34x2-4c3-10", "17x68x2-4c3-10", "34x34x2-4c3-9"):
        options = make_options({"rule": "adjoint", "layers": parse_layers(text)})
        with pytest.raises(UserError, match="give --layers 34x34x2-4c3-10"):
            completed(options, data)
    with pytest.raises(UserError, match="end with the number of classes"):
        completed(make_options({"rule": "adjoint", "layers": parse_layers("34x34x2-2p")}), data)


def test_rules_of_dense_layers_refuse_others():
    with pytest.raises(UserError, match="rule herding has no layer 34x34x2"):
        dense_sizes(parse_layers(DEEP), "herding")
    assert dense_sizes((5, 4, 3), "herding") == (5, 4, 3)


def test_options_with_layer_strings_survive_a_checkpoint():
    options = make_options({"rule": "adjoint", "layers": parse_layers(DEEP)})
    assert TrainOptions.from_json(options.to_json()) == options


def test_spikes_pass_a_pooling_layer_by_their_sum():
    from eventsnn.engines import simulate
    from eventsnn.events import EventStream

    network = make("4x4x1-2p-3")
    stream = EventStream(np.arange(1, 9) * 100, np.repeat([0, 5], 4), (1, 4, 4), duration=10_000)
    record = simulate(network, [None, np.ones((4, 3))], stream, record="all")
    assert record.counts.spikes[0, 1] == 8
    assert set(record.spikes["pool1"].unit) == {0}


EACH = {
    "`800`": "2312-80-10", "`12c5`": "34x34x2-12c5-10", "`2p`": "34x34x2-12c5-2p-10",
    "`2a`": "34x34x2-12c5-2a-10", "`2avg`": "34x34x2-12c5-2avg-10", "`256r`": "2312-25r-10",
    "`135rf`": "2312-20rf-20-10", "`800f`": "2312-20f-20-10", "`@`": "2312-20@2-10",
    "`[...]`": "2312-20-[20-20]-10",
}  # fmt: skip


def takes(rule, text):
    try:
        rule().network(parse_layers(text))
    except UserError:
        return ""
    return "yes"


def test_the_page_says_which_rule_takes_which_part():
    page = (Path(__file__).parents[1] / "docs" / "reference" / "layers.md").read_text()
    lines = page.split("## Which rule takes what")[1].strip().splitlines()
    head = [cell.strip() for cell in lines[0].split("|")[2:-1]]
    assert head == list(EACH)
    ours = {kind: rule for kind, rule in rules().items() if "eventsnn" in rule.__module__}
    ours = {kind: rule for kind, rule in ours.items() if rule.learns}
    told = {line.split("|")[1].strip(" `"): line for line in lines[2 : 2 + len(ours)]}
    assert told.keys() == ours.keys() and len(ours) >= 7
    for kind, rule in ours.items():
        cells = [cell.strip() for cell in told[kind].split("|")[2:-1]]
        assert cells == [takes(rule, text) for text in EACH.values()], kind
