"""The LIF on a grid beside a plain sweep; convolution after a plain average beside numpy."""

import math

import numpy as np
import pytest

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.grid_lif import GridLIF
from eventsnn.neurons.neuron import Membrane
from eventsnn.topology.dense import Dense
from eventsnn.topology.mean_conv2d import MeanConv2d

STEPS, INPUTS, NEURONS = 40, 30, 25


def stream(rng, every=5_000, rate=0.06):
    """Events on the grid, none in some steps, sorted by time and unit."""
    spikes = rng.random((STEPS, INPUTS)) < rate * (rng.random((STEPS, 1)) < 0.6)
    step, unit = np.nonzero(spikes)
    return spikes, EventStream(step * every, unit, (1, 1, INPUTS), 0, STEPS * every)


def swept(spikes, weights, neuron):
    """Every neuron at every step; inputs are summed in order, and first."""
    u, fired, out = np.zeros(NEURONS), np.zeros(NEURONS, bool), []
    for step in range(STEPS):
        u = np.where(fired, u * neuron.residue - neuron.taken, u) * neuron.decay
        x = np.zeros(NEURONS)
        for unit in np.flatnonzero(spikes[step]):
            x += weights[unit]
        u = u + x
        fired = u >= neuron.threshold
        out += [(step, unit, u[unit]) for unit in np.flatnonzero(fired)]
    return out


@pytest.mark.parametrize("decay", [0.2, 0.9, 1.0])
@pytest.mark.parametrize(
    ("residue", "taken"), [(0.0, 0.0), (math.exp(-5), 0.0), (0.02, 0.0), (0.0, 0.1)]
)
def test_every_engine_fires_as_a_sweep_over_all_steps_to_the_last_bit(decay, residue, taken):
    neuron, fired = GridLIF(5_000, decay, 0.5, residue, taken), 0
    populations = Population("in", (INPUTS,)), Population("out", (NEURONS,), neuron)
    network = Network(populations, (Connection("in", "out", Dense(INPUTS, NEURONS)),))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        spikes, events = stream(rng)
        weights = rng.normal(0, 0.5, (INPUTS, NEURONS))
        expected = swept(spikes, weights, neuron)
        for engine in ("reference", "asynchronous", "feedforward"):
            found = simulate(network, [weights], events, engine=engine).spikes["out"]
            steps = (found.t / 5_000).astype(int)
            assert list(zip(steps, found.unit, found.value, strict=True)) == expected
        fired += len(expected)
    assert fired > 300


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_a_soft_reset_takes_the_threshold_away_where_every_step_brings_an_event(decay):
    neuron, fired = GridLIF(5_000, decay, 0.5, 1.0, 0.5 / decay), 0
    populations = Population("in", (INPUTS,)), Population("out", (NEURONS,), neuron)
    network = Network(populations, (Connection("in", "out", Dense(INPUTS, NEURONS)),))
    rng = np.random.default_rng(1)
    spikes = rng.random((STEPS, INPUTS)) < 0.06
    spikes[:, 3] = True
    step, unit = np.nonzero(spikes)
    events = EventStream(step * 5_000, unit, (1, 1, INPUTS), 0, STEPS * 5_000)
    weights = rng.normal(0, 0.5, (INPUTS, NEURONS))
    expected = swept(spikes, weights, neuron)
    for engine in ("reference", "asynchronous", "feedforward"):
        found = simulate(network, [weights], events, engine=engine).spikes["out"]
        steps = (found.t / 5_000).astype(int)
        assert list(zip(steps, found.unit, found.value, strict=True)) == expected
        fired += len(expected)
    assert fired > 300


def test_between_deliveries_the_potential_is_that_of_the_membrane():
    membrane = GridLIF(2_000, 0.25, 1.5).membrane
    assert membrane == Membrane(membrane.tau_us, 1.5, "zero")
    assert math.exp(-2_000 / membrane.tau_us) == pytest.approx(0.25)
    assert GridLIF(2_000, 1.0).membrane.tau_us == math.inf
    assert GridLIF(2_000, threshold=2.0).lowered(0.5).threshold == 1.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"step_us": 0}, "step_us is 0"),
        ({"step_us": 2.5}, "step_us is 2.5; give whole microseconds"),
        ({"step_us": 1, "decay": 1.5}, "decay is 1.5; give at most 1"),
        ({"step_us": 1, "decay": 0}, "decay is 0"),
        ({"step_us": 1, "threshold": math.nan}, "threshold is nan"),
        ({"step_us": 1, "residue": 1.0}, "residue is 1.0; give 0 or more, below 1"),
        ({"step_us": 1, "residue": "1"}, "residue is '1'; give a number"),
        ({"step_us": 1, "residue": 1.5, "taken": 1}, "residue is 1.5; give 0 or more, below 1"),
        ({"step_us": 1, "taken": -1.0}, "taken is -1.0; give 0 or more"),
        ({"step_us": 1, "taken": math.inf}, "taken is inf; give 0 or more, finite"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(given, said):
    with pytest.raises(UserError, match=f"neuron grid_lif: {said}"):
        GridLIF(**given)


@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 1, 1), ((2, 3), 2, 0), (1, 1, 2)])
def test_a_mean_convolution_is_a_convolution_of_means(planar, window, stride, padding):
    rng = np.random.default_rng(4)
    shape = MeanConv2d((9, 11, 2), window, 3, (3, 2), stride, padding, planar)
    spikes, kernel = rng.integers(0, 2, (9, 11, 2)), rng.normal(size=shape.weight_shape)
    sides, (rows, columns, _) = shape.window, shape.mean_size
    cut = spikes[: rows * sides[0], : columns * sides[1]]
    means = cut.reshape(rows, sides[0], columns, sides[1], 2).mean((1, 3))
    padded = np.pad(means, [(padding, padding), (padding, padding), (0, 0)])
    expected = np.zeros(shape.out_shape)
    for y, x in np.ndindex(shape.out_shape[:2]):
        patch = padded[y * stride : y * stride + 3, x * stride : x * stride + 2]
        expected[y, x] = np.tensordot(patch, kernel, 3)
    found, flat = np.zeros(shape.n_out), kernel.reshape(-1) * shape.share
    sent = np.moveaxis(spikes, 2, 0) if planar else spikes
    for sender in np.flatnonzero(sent):
        targets, weights = shape.fan_out(sender)
        np.add.at(found, targets, flat[weights])
    np.testing.assert_allclose(found.reshape(shape.out_shape), expected, atol=1e-12)
    assert shape.share == 1 / math.prod(sides) and np.abs(expected).max() > 0.1


def test_what_fills_no_window_at_the_border_is_not_seen():
    shape = MeanConv2d((5, 5, 1), 2, 4, (2, 2))
    assert shape.mean_size == (2, 2, 1) and shape.out_shape == (1, 1, 4)
    lost = [s for s in range(25) if not len(shape.fan_out(s)[0])]
    assert lost == [4, 9, 14, 19, 20, 21, 22, 23, 24]
    with pytest.raises(UserError, match="a kernel of 3 does not fit into 2"):
        MeanConv2d((5, 5, 1), 2, 4, (3, 3))
