"""The kernels of HM2-BP on random networks: the reference; S-PSP by a double loop over spikes."""

import math

import numpy as np
import pytest
from doors import examples
from hm2bp_cases import Compiled, conv, dense, learned, pool, stepping
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.errors import DataError
from eventsnn.kernels.compile import threaded
from eventsnn.rules.hm2bp import reference
from eventsnn.rules.hm2bp.gather import TABLE, gather_spsp, list_pairs
from eventsnn.rules.hm2bp.grading import Pairs
from eventsnn.rules.hm2bp.lanes import LANES
from eventsnn.rules.hm2bp.layers import SILENT_SPSP, Steps
from eventsnn.rules.hm2bp.spsp import Curves
from eventsnn.rules.hm2bp.trains import from_steps
from eventsnn.rules.hm2bp.way import Lesson

STEPS = Steps(64.0, 8.0, 2, 256)


def pair_by_pair(own, below):
    """S-PSP of one synapse, every pair of spikes by itself (the paper's eq. 8 and 9)."""
    if not own:
        return SILENT_SPSP if below else 0.0
    total = 0.0
    for k, fired in enumerate(own):
        since_reset = fired - (own[k - 1] + 2 if k else 1)
        for came in below:
            since_input = fired - came - 2
            if since_input <= 0 or fired - came > 256:
                continue
            within = min(since_reset, since_input)
            rise = math.exp(-within / 64.0) - math.exp(-within / 8.0)
            faded = math.exp(-max(since_input - since_reset, 0) / 8.0)
            total += faded * rise / (1 - 8.0 / 64.0)
    return total


def spiking(rng, n, steps, rate, rest=2):
    """Random trains with pauses; some are silent, some rest for longer than the window."""
    x = np.zeros((n, steps), bool)
    for i in range(n):
        t, own = 1, rate * rng.choice([0.0, 0.1, 1.0])
        while t < steps:
            if rng.random() < own:
                x[i, t] = True
                t += rest
            t += 1
    return x


def put(trains, x):
    unit, step = np.nonzero(x)
    for room, made in zip(trains, from_steps(unit, step, *x.shape), strict=True):
        room[: len(made)] = made


def test_s_psp_of_the_sweep_and_of_the_reference_is_the_double_loop_over_spikes():
    silent = long = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        steps = int(rng.choice([80, 400, 900]))
        layers = [dense(9, 14, 1.0)]
        x, y = spiking(rng, 9, steps, 0.2, 0), spiking(rng, 14, steps, 0.05)
        expected = np.array(
            [[pair_by_pair(*(np.flatnonzero(r).tolist() for r in (b, a))) for b in y] for a in x]
        )
        found = reference.spsp(reference.synapses_of(layers[0].topology), x, y, STEPS)
        np.testing.assert_allclose(found.reshape(9, 14), expected, rtol=1e-12, atol=1e-12)
        runner = Compiled(layers, [np.ones((9, 14))], [None], steps).runner
        put(runner.trains[0], x)
        put(runner.trains[1], y)
        desk, layer = runner.desks[0], runner.layers[0]
        setting = layer.shape.curves, layer.blocks[0], True
        room = desk.sweep, runner.rows[0], desk.e
        gathered(runner.trains[1], runner.trains[0], layer.wires, setting, room)
        spoke, counts = x.any(1), y.sum(1)
        # What stands for e of silent neurons is put in where it is used.
        np.testing.assert_allclose(desk.e[spoke], (expected * (counts > 0))[spoke], 2e-5, 1e-6)
        silent += int((counts == 0).sum())
        long += sum(int((np.diff(np.flatnonzero(row)) > 250).any()) for row in y)
    assert silent > 10 and long > 5


@threaded
def gathered(own, below, wires, setting, room):
    list_pairs(below, room[1])
    gather_spsp(own, below, wires, setting, room)


@st.composite
def networks(draw):
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    ratio, inhibition = draw(st.booleans()), draw(st.sampled_from([0.0, 1.0]))
    if draw(st.booleans()):
        layers = [conv((7, 6, 2), 3, 2, padding=draw(st.integers(0, 2)), kernel=3)]
        layers.append(pool(layers[0].shape, 2))
        n = layers[1].topology.n_out
        layers += [dense(n, 20, 4, ratio=ratio), dense(20, 5, 5, inhibition=inhibition)]
    else:
        hidden = draw(st.sampled_from([17, 64, 150]))
        layers = [dense(84, hidden, 5, ratio=ratio), dense(hidden, 5, 5, inhibition=inhibition)]
    weights = [
        rng.uniform(-1, 2, layer.weight_shape) if layer.learns else np.ones((1, 1))
        for layer in layers
    ]
    return rng, layers, weights


@settings(max_examples=examples(25))
@given(networks(), st.booleans(), st.booleans(), st.sampled_from([80, 333]), st.integers(0, 4))
def test_a_step_of_the_kernels_is_that_of_the_reference(made, side, lateral, steps, label):
    rng, layers, weights = made
    weights = [w.astype(np.float32) for w in weights]
    inward = [layer.inward() for layer in layers]
    how = reference.Grading(side_effect=side, lateral_factor=lateral)
    x = spiking(rng, layers[0].topology.n_in, steps, 0.1, 0)
    found, back, cost = learned(layers, weights, inward, x, label, 1.25, how)
    both = [Compiled(layers, weights, inward, steps, how, threads) for threads in (1, 2)]
    descend = stepping(1.0, strength=10.0, beta=0.04, adam=False)
    marked = [one.learn(x, label, descend, 1.25) for one in both]
    assert marked[0].cost == marked[1].cost == pytest.approx(cost)
    for k, layer in enumerate(layers):
        assert (both[0].spikes()[k] == found[k + 1]).all()
        a, b = (one.learning[k].weights for one in both)
        np.testing.assert_array_equal(a, b)
        if layer.learns:
            pull = reference.regulariser(weights[k], 10.0, 0.04)
            expected = back[k].gradient + pull
            # Of the terms that are summed: 1 + kappa may be close to 0.
            above = back[k + 1].below if k + 1 < len(layers) else np.array([50.0])
            terms = np.abs(above).max() * back[k].e.max() * (1 + np.abs(back[k].side).max())
            scale = np.abs(weights[k]).max() + terms * layer.topology.n_out / layer.shape[-1]
            np.testing.assert_allclose(weights[k] - a, expected, rtol=2e-4, atol=1e-5 * scale)


def test_sums_of_columns_are_those_that_the_update_leaves():
    rng = np.random.default_rng(0)
    layers = [dense(30, 50, 3), dense(50, 4, 2)]
    weights = [rng.uniform(-1, 2, layer.weight_shape) for layer in layers]
    network = Compiled(layers, weights, [None, None], 100)
    for label in (0, 3):
        network.learn(spiking(rng, 30, 100, 0.2, 0), label, stepping(1e-2, 1, 10.0, 0.1))
    for one in network.learning:
        fresh = type(one).of(one.weights)
        np.testing.assert_array_equal(one.sums, fresh.sums)
        np.testing.assert_array_equal(one.squares, fresh.squares)


def test_both_orders_of_trains_hold_the_same_spikes():
    rng = np.random.default_rng(3)
    x = spiking(rng, 40, 90, 0.3, 0)
    unit, step = np.nonzero(x)
    mixed = rng.permutation(len(unit))
    made = from_steps(unit[mixed], step[mixed], *x.shape)
    steps, units = made.times()
    expected = np.nonzero(x.T)
    assert (steps == expected[0]).all() and (units == expected[1]).all()
    assert made.step.tolist() == step.tolist() and made.counts.tolist() == x.sum(1).tolist()


def test_more_samples_than_one_are_learned_as_one_after_the_other_on_any_threads():
    """Threads encode the next sample meanwhile; weights stay with them from sample to sample."""
    rng = np.random.default_rng(4)
    layers = [dense(40, 150, 4), dense(150, 5, 3, inhibition=1.0)]
    weights = [rng.uniform(-1, 2, one.weight_shape) for one in layers]
    inward = [one.inward() for one in layers]
    trains = [spiking(rng, 40, 120, 0.2, 0) for _ in range(9)]
    lessons = [Lesson(k % 5, 1.0 + k, stepping(1e-2, k + 1, 10.0, 0.1)) for k in range(9)]
    one_by_one = Compiled(layers, weights, inward, 120)
    costs = [one_by_one.learn(x, lesson.label, lesson.stepping, lesson.weight).cost
             for x, lesson in zip(trains, lessons, strict=True)]  # fmt: skip
    for threads in (1, 2, 4):
        network = Compiled(layers, weights, inward, 120, threads=threads)
        runner = network.runner
        marked = runner.learn(
            network.learning, network.inward, lessons, lambda k, room: put(room, trains[k])
        )
        assert [one.cost for one in marked] == costs and any(costs)
        assert not (threads > 1) or (network.learning[0].weights == weights[0].astype("f4")).all()
        runner.bring_home()
        for a, b in zip(network.learning, one_by_one.learning, strict=True):
            for found, expected in zip(a, b, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_an_error_while_a_sample_is_encoded_ends_the_others():
    layers = [dense(40, 150, 4), dense(150, 5, 3)]
    weights = [np.ones(one.weight_shape) for one in layers]
    x, lesson = spiking(np.random.default_rng(4), 40, 120, 0.2, 0), Lesson(0, 1.0, stepping(1e-2))

    def encode(number, room):
        if number == 3:
            raise DataError("sample 3 is broken")
        put(room, x)

    for threads in (1, 2):
        network = Compiled(layers, weights, [None] * 2, 120, threads=threads)
        with pytest.raises(DataError, match="sample 3 is broken"):
            network.runner.learn(network.learning, network.inward, [lesson] * 6, encode)


def test_memory_of_scalars_does_not_grow_with_the_steps():
    """Rows of K and of the drive are those of a block of steps, however long a sample is."""
    layers = [dense(30, 50, 3), dense(50, 4, 2)]
    sizes = []
    for steps in (100, 5000):
        runner = Compiled(layers, [np.ones(one.weight_shape) for one in layers], [None] * 2, steps)
        rooms = [*runner.runner.cells.things[0][1], *runner.runner.desks[0].sweep]
        sizes.append(sum(array.nbytes for array in rooms if array.dtype == np.float32))
        assert Pairs.room(4, Curves.of(STEPS), steps).sweep.table.shape == (TABLE + 1, LANES)
    assert sizes[0] == sizes[1] > 4 * TABLE * LANES


def test_a_layer_wider_than_a_lot_of_lanes_goes_down_as_by_the_reference():
    """Errors are summed over columns of two blocks; one is of 32, 16 and 5 neurons beside each
    other; T is no multiple of a table's steps."""
    rng = np.random.default_rng(8)
    layers = [dense(20, 31, 3), dense(31, LANES + 53, 2), dense(LANES + 53, 4, 3)]
    weights = [rng.uniform(-1, 2, one.weight_shape).astype(np.float32) for one in layers]
    x = spiking(rng, 20, TABLE + 75, 0.2, 0)
    found, back, cost = learned(layers, weights, [None] * 3, x, 1)
    network = Compiled(layers, weights, [None] * 3, x.shape[1], threads=2)
    assert network.learn(x, 1, stepping(1.0, adam=False)).cost == pytest.approx(cost)
    for k, one in enumerate(network.learning):
        assert (network.spikes()[k] == found[k + 1]).all() and found[k + 1].any()
        scale = np.abs(back[k].gradient).max()
        gone = weights[k].astype(float) - one.weights
        np.testing.assert_allclose(gone, back[k].gradient, rtol=1e-4, atol=1e-6 * scale)
