"""Descriptions: every model and topology keeps its contract, wrong ones are refused."""

import copy
import pickle

import numba
import numpy as np
import pytest

from eventsnn.engines import State, simulate
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons import models
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology import topologies
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

SHAPES = [
    Dense(3, 4),
    Sparse(4, [0, 2, 2, 5], [3, 3, 0, 1, 2]),
    Conv2d((5, 4, 2), 3, (3, 2), (2, 1), (1, 0)),
    Conv2d((5, 4, 2), 3, 3, 1, 1, planar=True),
    Pool2d((5, 4, 2), (2, 3), (1, 2)),
    Pool2d((5, 4, 2), 2, planar=True),
    Pool2d((7, 9, 2), (3, 2), (2, 1)),
    Pool2d((7, 7, 1), 3, 2),
    MeanConv2d((5, 7, 2), (2, 3), 3, (2, 1), 1, (1, 0)),
    MeanConv2d((6, 4, 2), 2, 2, 2, 2, 1, planar=True),
]


def test_every_folder_file_defines_one_named_model_or_topology():
    def own(kinds):  # not those of other tests
        return {kind for kind, c in kinds.items() if c.__module__.startswith("eventsnn.")}

    assert own(models()) >= {"if", "lif", "cuba_lif", "graded_lif", "readout", "grid_lif"}
    assert own(topologies()) >= {"dense", "sparse", "conv2d", "pool2d", "mean_conv2d"}
    assert {type(shape).kind for shape in SHAPES} == own(topologies())


@numba.njit
def runs_of(kernel, table, sender, out):
    return kernel(table, sender, out)


@pytest.mark.filterwarnings("ignore:First-class function")
@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_the_kernel_of_a_topology_gives_its_fan_out(shape):
    for sender in range(shape.n_in):
        out = np.full(1 + 3 * shape.max_fan_out, -9, np.int64)
        synapses = runs_of(type(shape).kernel(), shape.table(), sender, out)
        targets, weights = [], []
        for first, k0, length in out[1 : 1 + 3 * out[0]].reshape(-1, 3):
            k = np.arange(k0, k0 + length)
            weights += k.tolist()
            targets += (
                shape.targets[k] if first < 0 else np.arange(first, first + length)
            ).tolist()
        expected = shape.fan_out(sender)
        np.testing.assert_array_equal(targets, expected[0])
        np.testing.assert_array_equal(weights, expected[1])
        assert synapses == len(targets) <= shape.max_fan_out


@pytest.mark.parametrize("planar", [False, True])
def test_conv2d_is_the_cross_correlation_of_the_field(planar):
    from scipy.signal import correlate

    rng = np.random.default_rng(0)
    shape = Conv2d((6, 5, 2), 3, (3, 2), (2, 1), (1, 1), planar)
    weights = rng.normal(size=shape.weight_shape)
    image = rng.integers(0, 3, (6, 5, 2)).astype(float)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    expected = np.stack(
        [correlate(padded, weights[..., k], "valid")[::2, :, 0] for k in range(3)], axis=-1
    )
    got = np.zeros(shape.n_out)
    flat = (image.transpose(2, 0, 1) if planar else image).reshape(-1)
    for sender, times in enumerate(flat):
        targets, index = shape.fan_out(sender)
        np.add.at(got, targets, times * weights.reshape(-1)[index])
    np.testing.assert_allclose(got.reshape(shape.out_shape), expected, atol=1e-12)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(
    ("in_size", "window", "stride"),
    [((7, 9, 2), (3, 2), (2, 1)), ((7, 7, 1), (3, 3), (2, 2)), ((6, 5, 3), (2, 4), (3, 1))],
)
def test_pool2d_sums_the_windows_of_an_image(in_size, window, stride, planar):
    shape = Pool2d(in_size, window, stride, planar)
    image = np.random.default_rng(0).integers(0, 9, in_size)
    windows = np.lib.stride_tricks.sliding_window_view(image, window, (0, 1))
    expected = windows[:: stride[0], :: stride[1]].sum((-2, -1))
    flat = (image.transpose(2, 0, 1) if planar else image).reshape(-1)
    got, out = np.zeros(shape.n_out, int), np.zeros(1 + 3 * 99, np.int64)
    for sender, times in enumerate(flat.tolist()):
        Pool2d.kernel().__wrapped__(shape.table(), sender, out)
        for target, weight, length in out[1 : 1 + 3 * out[0]].reshape(-1, 3).tolist():
            assert (weight, length) == (0, 1)
            got[target] += times
    np.testing.assert_array_equal(got.reshape(shape.out_shape), expected)


@pytest.mark.parametrize(
    ("shape", "most"),
    [
        (Pool2d((7, 7, 1), 3, 2), 4),
        (Pool2d((7, 9, 2), (3, 2), (2, 1)), 4),
        (Pool2d((8, 8, 1), 2), 1),
        (Pool2d((3, 9, 1), 3, 1), 3),
        (Conv2d((7, 7, 1), 5, 3, 2), 4 * 5),
        (Conv2d((1, 1, 1), 1, 1000, padding=500), 4),
    ],
    ids=repr,
)
def test_the_largest_fan_out_has_room_for_every_window_that_holds_an_input(shape, most):
    assert max(len(shape.fan_out(i)[0]) for i in range(shape.n_in)) == most
    assert shape.max_fan_out == most


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("start", "target", "message"),
    [
        ([0, 2], [0, NAN], "target of synapse 1 is nan; give whole numbers"),
        ([0, 2], [0, 0.5], "target of synapse 1 is 0.5; give whole numbers"),
        ([0, 2], [0, INF], "target of synapse 1 is inf"),
        ([0, 2], [0, 2**31], "target of synapse 1 is 2147483648; give 0 to 2"),
        ([0, 2], [0, 2**63], r"target of synapse 1 is 9223372036854775808|9.22\d*e\+18"),
        ([0, 2], [0, -(2**63)], "target of synapse 1 is -9223372036854775808"),
        ([0, 2], [0, -1], "target of synapse 1 is -1"),
        ([0, 2], ["a", "b"], "target has shape .2,. and dtype <U1"),
        ([0, 2], [1j, 0], "target has shape .2,. and dtype complex128"),
        ([0, 2], [True, False], "dtype bool"),
        ([0, 2], [[0, 1]], "target has shape .1, 2."),
        ([0, 2], [[0], [1, 2]], "target is ragged"),
        ([0, 2], [None, 0], "dtype object"),
        ([0, NAN], [0, 1], "start 1 is nan"),
        ([0, 1.5, 2], [0, 1], "start 1 is 1.5"),
        ([0, 2**70], [0, 1], "start has shape .2,. and dtype object|start 1 is 1.18"),
        ([1, 2], [0, 1], "start runs from 1 to 2"),
        ([0, 3], [0, 1], "start runs from 0 to 3"),
        ([0], [], "1 starts, 0 targets"),
        ([], [], "0 starts, 0 targets"),
    ],
    ids=str,
)
def test_a_sparse_list_that_no_kernel_may_read_is_refused(start, target, message):
    with pytest.raises(UserError, match=message):
        Sparse(3, start, target)


def test_whole_floats_are_starts_and_targets():
    shape = Sparse(3, np.array([0.0, 2.0]), np.array([2.0, 0.0], np.float32))
    assert shape.target.tolist() == [2, 0] and shape.target.dtype == np.int32


def test_what_was_given_may_change_and_the_description_does_not():
    start, target = np.array([0, 1, 2]), np.array([0, 1], np.int32)
    delays, sides = np.array([3, 4]), [2]
    shape = Sparse(2, start, target)
    network = Network(
        (Population("input", sides), Population("p", (2,), IF())),
        (Connection("input", "p", shape, delays),),
    )
    start[:], target[:], delays[:], sides[0] = 9, 10**6, -5, 99
    after = simulate(network, [np.full(2, 2.0)], EVENTS, until_us=9).spikes["p"]
    np.testing.assert_array_equal(after.t, [3, 5])
    assert shape.start.tolist() == [0, 1, 2] and shape.target.tolist() == [0, 1]
    assert network.populations[0].shape == (2,) and network.connections[0].least_delay == 3


def test_the_arrays_of_a_description_cannot_be_written_to():
    shape = Sparse(2, [0, 1, 2], [0, 1])
    connection = Connection("a", "b", shape, np.array([3, 4]))
    for copied in (shape, copy.deepcopy(shape), pickle.loads(pickle.dumps(shape))):
        assert copied.target.tolist() == [0, 1] and copied.fan_out(1)[0].tolist() == [1]
        for array in (copied.start, copied.target, connection.delay_us):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1


def test_pairs_of_different_lengths_are_refused():
    with pytest.raises(UserError, match="3 senders for 2 targets"):
        Sparse.from_pairs([0, 1, 1], [0, 1], 2, 2)
    with pytest.raises(UserError, match=r"sender of synapse 0 is 0\.5"):
        Sparse.from_pairs([0.5, 1], [0, 1], 2, 2)


def small(delay=0, *, weights_shape=(2, 3), neuron=None):
    return Network(
        (Population("input", (2,)), Population("p", (3,), neuron or IF())),
        (Connection("input", "p", Dense(*weights_shape), delay),),
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LIF(0.0), "tau_us is 0.0"),
        (lambda: LIF(float("nan")), "tau_us is nan"),
        (lambda: LIF(10.0, threshold=-1.0), "threshold is -1.0"),
        (lambda: LIF(10.0, reset="half"), "reset is 'half'"),
        (lambda: IF(refractory_us=-1), "refractory_us is -1"),
        (lambda: IF(refractory_us=0.5), "refractory_us is 0.5"),
        (lambda: CubaLIF(10.0, float("inf")), "tau_syn_us is inf"),
        (lambda: CubaLIF(10.0, 10.0, bias=float("nan")), "bias is nan"),
        (lambda: Readout(-5.0), "tau_us is -5.0"),
        (lambda: Dense(0, 3), "senders is 0"),
        (lambda: Sparse(3, [0, 2], [0, 3]), "target of synapse 1 is 3"),
        (lambda: Sparse(3, [0, 2, 1, 2], [0, 1]), "1 steps back"),
        (lambda: Sparse.from_pairs([0, 5], [0, 0], 2, 2), "sender of synapse 1 is 5"),
        (lambda: Conv2d((4, 4, 1), 2, 5), "a kernel of 5 does not fit into 4"),
        (lambda: Conv2d((4, 4, 1), 2, 3, stride=0), "stride is 0"),
        (lambda: Pool2d((4, 4, 1), 0), "window is 0"),
        (lambda: Pool2d((4, 4, 1), 5), "a kernel of 5 does not fit into 4"),
        (lambda: Pool2d((4, 4, 1), (2, NAN)), "window is .2, nan."),
        (lambda: Pool2d((4, 4, NAN), 2), "in_size is .4, 4, nan."),
        (lambda: Pool2d((2**20, 2**20, 1), 2), "has more than 2147483647 units"),
        (lambda: Conv2d((4, 4, 1), 0.5, 3), "channels is 0.5"),
        (lambda: Conv2d((4, 4, 1), 2, "ab"), "kernel_size is ab"),
        (lambda: Conv2d((4, 4, 1), 2, 3, planar="yes"), "planar is yes; give True or False"),
        (lambda: Conv2d((2**10, 2**10, 1), 2**20, 1), "an output of .* more than 2147483647"),
        (lambda: Dense(3, 2**31), "receivers is 2147483648; give a whole number from 1 to"),
        (lambda: Dense(True, 3), "senders is True"),
        (lambda: Population("p", (2, NAN)), "shape is .2, nan."),
        (lambda: Population("p", (2**16, 2**16)), "has more than 2147483647 units"),
        (lambda: Population("p", "ab"), "shape is ab"),
        (lambda: Population(7, (2,)), "the name is 7; give text"),
        (lambda: Population("p", (2,), LIF), "neuron is <class"),
        (lambda: Connection(1, "p", Dense(1, 1)), "source is 1; give text"),
        (lambda: Connection("a", "b", "dense"), "topology is dense; give an object"),
        (lambda: Network(Population("a", (2,))), "populations is Population"),
        (lambda: Network((Population("a", (2,)),), (1,)), "connections is .1,."),
        (lambda: small("5"), "delay_us has dtype <U1"),
        (lambda: small([1, [2]]), "delay_us is ragged"),
        (lambda: small(np.full((2, 3), 2**22)), "delay_us of synapse 0 is 4194304; .* to 4194303"),
        (lambda: small(2**40 + 1), "delay_us is 1099511627777; .* to 1099511627776"),
        (lambda: Population("p", (0,)), "shape is"),
        (lambda: small(-1), "delay_us is -1"),
        (lambda: small(0.5), "delay_us is 0.5"),
        (lambda: small(np.array([[1, 2, 3], [4, -5, 6]])), "delay_us of synapse 4 is -5"),
        (lambda: small(np.zeros(4, int)), "delay_us has shape"),
        (lambda: small(weights_shape=(2, 4)), "dense leads from 2 to 4 units"),
        (lambda: Network(()), "there are no populations"),
        (lambda: Network((Population("a", (2,)), Population("a", (2,)))), "are called 'a'"),
    ],
)
def test_a_wrong_description_is_refused_with_the_value(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_a_cycle_without_delay_is_refused():
    populations = (Population("input", (1,)), *(Population(n, (1,), IF()) for n in "ab"))
    there, back = Connection("a", "b", Dense(1, 1)), Connection("b", "a", Dense(1, 1))
    with pytest.raises(UserError, match="zero-delay connections among a, b hold a cycle"):
        Network(populations, (there, back))
    later = Connection("b", "a", Dense(1, 1), 1)
    assert Network(populations, (there, later)).order == (0, 1, 2)


def test_one_synapse_without_delay_is_enough_for_a_cycle_and_for_the_order():
    populations = (Population("input", (1,)), *(Population(n, (2,), IF()) for n in "ab"))
    some = np.array([[5, 9], [0, 7]])
    back = Connection("b", "a", Dense(2, 2), some)
    with pytest.raises(UserError, match="zero-delay connections among a, b hold a cycle"):
        Network(populations, (Connection("a", "b", Dense(2, 2)), back))
    assert Network(populations, (back,)).order == (0, 2, 1)
    later = Connection("b", "a", Dense(2, 2), some + 1)
    assert Network(populations, (later,)).order == (0, 1, 2)


def test_the_longest_delays_are_taken():
    assert small(1 << 40).connections[0].delay_us == 1 << 40
    assert small(np.full((2, 3), (1 << 22) - 1)).connections[0].greatest_delay == (1 << 22) - 1


def test_a_readout_only_receives():
    populations = (Population("input", (1,)), Population("r", (1,), Readout()))
    with pytest.raises(UserError, match="r never spikes"):
        Network(populations, (Connection("r", "r", Dense(1, 1), 1),))


EVENTS = EventStream([0, 1], [0, 1], (1, 1, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [np.full((2, 3), np.nan)]}, r"element \(0, 0\) is nan"),
        ({"weights": [np.array([[0, 0, 0], [0, np.inf, 0]])]}, r"element \(1, 1\) is inf"),
        ({"weights": [np.array([[np.inf, -np.inf, 0], [0, 0, 0]])]}, r"element \(0, 0\) is inf"),
        ({"weights": [np.zeros((3, 2))]}, r"shape \(3, 2\); give \(2, 3\)"),
        ({"weights": {}}, "weights of input->p: none given"),
        ({"weights": {"other": np.zeros(1)}}, "no connection is called 'other'"),
        ({"weights": []}, "0 arrays for 1 connections"),
        ({"weights": None}, "weights: None; give a dict"),
        ({"weights": [[[1, 2], [3]]]}, "weights of input->p: ragged"),
        ({"weights": [np.full((2, 3), "a")]}, "dtype <U1; give real numbers"),
        ({"weights": [np.full((2, 3), 1j)]}, "dtype complex128; give real numbers"),
        (
            {"weights": [np.full((2, 3), 100, np.int8)]},
            "dtype int8, numbers of a scale that is not given; give scale . weights.astype",
        ),
        ({"weights": [np.full((2, 3), 1e300)], "dtype": np.float32}, "is 1e.300; too large for"),
        ({"engine": "fast"}, "engine is 'fast'"),
        ({"record": "some"}, "record is 'some'"),
        ({"record": ["q"]}, "no population is called 'q'"),
        ({"threads": 0}, "threads is 0"),
        ({"dtype": np.int32}, "dtype is"),
        ({"until_us": -1.0}, "until_us is -1.0"),
        ({"events": EventStream([0], [0], (1, 1, 3))}, "has 3 units, but the input"),
    ],
)
def test_a_wrong_run_is_refused_with_the_value(options, message):
    given = {"weights": [np.zeros((2, 3))], "events": EVENTS, **options}
    with pytest.raises(UserError, match=message):
        simulate(small(), given.pop("weights"), given.pop("events"), **given)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((np.float32, np.float32), np.float32),
        ((np.float64, np.float32), np.float64),
        ((np.float32, np.float64), np.float64),
        ((np.int64, np.float32), np.float32),
    ],
)
def test_one_array_of_float64_makes_all_float64(kinds, expected):
    populations = Population("in", (2,)), Population("a", (2,), IF()), Population("b", (2,), IF())
    ends = ("in", "a"), ("a", "b")
    network = Network(populations, tuple(Connection(*pair, Dense(2, 2)) for pair in ends))
    flat = network.weights([np.ones((2, 2), kind) for kind in kinds])
    assert [array.dtype for array in flat] == [expected, expected]
    third = network.weights([np.full((2, 2), 1 / 3), np.ones((2, 2), np.float32)])[0]
    assert third.tolist() == [1 / 3] * 4


def test_finite_weights_whose_sum_is_not_are_taken():
    network = Network(
        (Population("a", (3,)), Population("b", (2,), IF())), (Connection("a", "b", Dense(3, 2)),)
    )
    (flat,) = network.weights([np.full((3, 2), 3e38, np.float32)])
    assert flat.sum(dtype=np.float64) > np.finfo(np.float32).max and np.isfinite(flat).all()


def test_a_batch_that_is_out_of_order_or_range_is_refused():
    batch = EventBatch.from_streams([EVENTS, EVENTS])
    batch.unit[3] = 7
    with pytest.raises(DataError, match="unit of event 3 is 7"):
        simulate(small(), [np.zeros((2, 3))], batch)
    batch.unit[3], batch.t[2] = 0, 9
    with pytest.raises(DataError, match=r"\[1\]: event 1 at 1 us comes after one at 9 us"):
        simulate(small(), [np.zeros((2, 3))], batch, engine="asynchronous")


def test_a_state_of_another_network_or_time_is_refused():
    weights = [np.zeros((2, 3))]
    state = simulate(small(), weights, EVENTS, until_us=50, state=State.start(small())).state
    with pytest.raises(UserError, match="stands at 50"):
        simulate(small(), weights, EVENTS, state=state)
    other = Network((Population("input", (2,)), Population("p", (4,), IF())))
    with pytest.raises(UserError, match="made for populations of"):
        simulate(other, [], EVENTS, until_us=60, state=state)
