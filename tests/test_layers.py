"""Layer strings and the networks they mean."""

import numpy as np
import pytest

from eventsnn.data.source import open_data
from eventsnn.errors import UserError
from eventsnn.network.layer_string import chain, dense_sizes, n_inputs, parse_layers, text_of
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.pool2d import Pool2d
from eventsnn.train.options import TrainOptions, completed, make_options

DEEP = "34x34x2-12c5-2p-64c5-2p-10"


def make(text):
    return chain(parse_layers(text), LIF(20_000.0), Readout())


def test_a_layer_string_is_read_and_written():
    for text in (DEEP, "2312-200-10", "8x9x1-3c2s2p1-3ps2-2a-10"):
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2312", "at least two"),
        ("0-10", "at least one unit"),
        ("2312-12c5-10", "12c5 needs rows and columns"),
        ("34x34x2-100-2p-10", "2p needs rows and columns"),
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
