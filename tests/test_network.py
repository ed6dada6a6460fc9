"""Descriptions: every model and topology keeps its contract, wrong ones are refused."""

import numba
import numpy as np
import pytest

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons import models
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.simulate import State, simulate
from eventsnn.topology import topologies
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

SHAPES = [
    Dense(3, 4),
    Sparse(4, [0, 2, 2, 5], [3, 3, 0, 1, 2]),
    Conv2d((5, 4, 2), 3, (3, 2), (2, 1), (1, 0)),
    Conv2d((5, 4, 2), 3, 3, 1, 1, planar=True),
    Pool2d((5, 4, 2), (2, 3), (1, 2)),
    Pool2d((5, 4, 2), 2, planar=True),
]


def test_every_folder_file_defines_one_named_model_or_topology():
    assert set(models()) == {"if", "lif", "cuba_lif", "readout"}
    assert set(topologies()) == {"dense", "sparse", "conv2d", "pool2d"}
    assert {type(shape).kind for shape in SHAPES} == set(topologies())


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
        (lambda: Dense(0, 3), "0 senders"),
        (lambda: Sparse(3, [0, 2], [0, 3]), "target of synapse 1 is 3"),
        (lambda: Sparse(3, [0, 2, 1, 2], [0, 1]), "1 steps back"),
        (lambda: Sparse.from_pairs([0, 5], [0, 0], 2, 2), "sender of synapse 1 is 5"),
        (lambda: Conv2d((4, 4, 1), 2, 5), "a kernel of 5 does not fit into 4"),
        (lambda: Conv2d((4, 4, 1), 2, 3, stride=0), "stride is 0"),
        (lambda: Pool2d((4, 4, 1), 0), "window is 0"),
        (lambda: Population("p", (0,)), "shape is"),
        (lambda: small(-1), "delay_us is -1"),
        (lambda: small(0.5), "delay_us is 0.5"),
        (lambda: small(np.array([[1, 2, 3], [4, -5, 6]])), "delay_us of synapse 4 is -5"),
        (lambda: small(np.zeros(4, int)), "delay_us has shape"),
        (lambda: small(weights_shape=(2, 4)), "dense leads from 2 to 4 units"),
        (lambda: Network((Population("a", (2,)), Population("b", (2,)))), "2 populations have no"),
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
