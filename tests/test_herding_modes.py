"""Every mode of the event-driven backprop MLP: compiled and in plain Python, spike for spike."""

import heapq
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_herding import Reference, random_sample

from eventsnn.data.images import Images
from eventsnn.errors import DivergedError
from eventsnn.rules.deep_spiking import state
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.options import QUANTIZERS, HerdingOptions, QuantizerKind
from eventsnn.rules.deep_spiking.reference import Quantizer, heap_order

COUNTED = {
    "spikes in": state.IN_SPIKES,
    "spikes": state.SPIKES,
    "additions": state.ADDS,
    "errors": state.ERRORS,
    "passed": state.PASSED,
    "backward spikes": state.BACK_SPIKES,
    "backward additions": state.BACK_ADDS,
    "updates": state.UPDATES,
}


STATES = [("float64", False), ("float64", True), ("integer", False)]  # smooth or not
MODES = list(itertools.product(STATES, [False, True], [False, True], [False, True]))


@st.composite
def experiments(draw, mode):
    sizes = [draw(st.integers(1, 70)), *draw(st.lists(st.integers(1, 12), min_size=1, max_size=5))]
    (dtype, smooth), fractional, depth_first, hold = mode
    standard = draw(st.booleans())
    kinds = st.just("rect-herding") if standard else st.sampled_from(sorted(QUANTIZERS))
    backs = st.just("noreset-herding") if standard else st.sampled_from(sorted(QUANTIZERS))
    options = HerdingOptions(
        n_steps=draw(st.integers(1, 6)),
        eta=draw(st.sampled_from([0.01, 0.05])),
        fractional=fractional,
        smooth_grads=smooth,
        forward_quantizer=draw(kinds),
        back_quantizer=draw(backs),
        test_quantizer=draw(st.sampled_from(["rect-herding", "rand-shift-herding"])),
        depth_first=depth_first,
        hold_error=hold,
        dtype=dtype,
        seed=draw(st.integers(0, 3)),
        step_by=draw(st.sampled_from(["time", "count"])),
        ties=draw(st.sampled_from(["auto", "unit", "heap"])),
    )
    return sizes, options, draw(st.booleans()), draw(st.integers(0, 1 << 30))


def same_on_three_samples(experiment):
    """Compare both on three samples; return False where the weights left what is comparable."""
    sizes, options, events, seed = experiment
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, 0.3, shape) for shape in itertools.pairwise(sizes)]
    kernel, reference = HerdingMLP(weights, options), Reference(weights, options)
    for _ in range(3):
        x = random_sample(rng, sizes[0], events)
        y = np.eye(sizes[-1])[rng.integers(0, sizes[-1])]
        np.testing.assert_allclose(kernel.predict(x), reference.predict(x), rtol=0, atol=1e-9)
        try:
            kernel.train_one(x, y)
        except DivergedError:
            return False
        # In weights that explode, rounding decides about spikes.
        if any(np.abs(w).max(initial=0) > 20 for w in kernel.weights):
            return False
        reference.train_one(x, y)
        assert list(kernel.cumulative_spikes) == list(reference.cumulative_spikes)
        for mine, theirs in zip(kernel.weights, reference.weights, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-9)
    for layer, count in zip(reference.net.layers, kernel.counts.T, strict=True):
        assert {name: count[row] for name, row in COUNTED.items()} == {
            name: layer.done[name] for name in COUNTED
        }
    return True


@pytest.mark.parametrize("mode", MODES)
def test_kernel_and_reference_agree_in_every_mode(mode):
    survivors = Counter()

    @settings(max_examples=10, deadline=None, derandomize=True, database=None)
    @given(experiments(mode))
    def compare(experiment):
        survivors["all"] += 1
        survivors["compared"] += same_on_three_samples(experiment)

    compare()
    assert survivors["compared"] >= 0.6 * survivors["all"] >= 6


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4, 5])
def test_kernel_and_reference_agree_on_any_number_of_layers(n_layers):
    rng = np.random.default_rng(n_layers)
    compared = 0
    for (dtype, smooth), fractional, depth_first, hold in MODES:
        options = HerdingOptions(
            n_steps=4,
            eta=0.02,
            dtype=dtype,
            smooth_grads=smooth,
            fractional=fractional,
            depth_first=depth_first,
            hold_error=hold,
        )
        sizes = [15, *rng.integers(3, 10, n_layers).tolist()]
        compared += same_on_three_samples((sizes, options, False, int(rng.integers(1 << 30))))
    assert compared >= 0.9 * len(MODES)


def test_the_orders_of_errors_differ_where_columns_learn():
    """Depth-first, batches and single spikes are three programs: none stands in for another."""
    rng = np.random.default_rng(4)
    weights = [rng.normal(0, 0.4, shape) for shape in itertools.pairwise((12, 10, 9, 8, 4))]
    samples = [(rng.normal(0, 0.6, 12), np.eye(4)[k % 4]) for k in range(12)]
    learned = []
    for depth_first, hold in itertools.product([False, True], [False, True]):
        net = HerdingMLP(
            weights, eta=0.05, fractional=True, depth_first=depth_first, hold_error=hold
        )
        for x, y in samples:
            net.train_one(x, y)
        learned.append(np.concatenate([w.ravel() for w in net.weights]))
    for one, other in itertools.combinations(learned, 2):
        assert np.abs(one - other).max() > 1e-3


def test_a_column_is_read_before_it_learns_breadth_first_and_after_it_depth_first():
    """One error spike, by hand: T = 1, eta = 1/4, weights that send one spike each way."""
    for depth_first, below in ((False, 0.55), (True, 0.55 - 0.25)):
        net = HerdingMLP(
            [np.array([[1.0]]), np.array([[0.55]])],
            n_steps=1,
            eta=0.25,
            fractional=True,
            depth_first=depth_first,
        )
        # The input spikes, the hidden unit spikes, the output spikes; a target of 0 leaves one
        # error spike of +1: the upper weight, which one spike entered, falls by 1/4.
        net.train_one([1.0], [0.0])
        assert net.weights[1][0, 0] == pytest.approx(0.30, abs=1e-12)
        # Only a column above 1/2 sends an error spike to the layer below.
        assert net.weights[0][0, 0] == (0.75 if below > 0.5 else 1.0)


def test_errors_that_arrive_together_read_their_columns_before_any_learns():
    """Without hold the two output spikes of a step are one batch, breadth-first."""
    weights = [np.array([[1.0]]), np.array([[1.6]])]
    fields = {"n_steps": 1, "eta": 0.5, "fractional": True, "hold_error": False}
    together = HerdingMLP(weights, **fields)
    together.train_one([1.0], [0.0])
    # The output sends two spikes at 1.6. Both read 1.6: 3.2 away, three spikes below, and the
    # lower weight falls by 3 / 2. One after the other they would read 1.6 and 1.1.
    assert together.counts[state.BACK_SPIKES, 1] == 3
    assert together.weights[1][0, 0] == pytest.approx(1.6 - 2 * 0.5)
    assert together.weights[0][0, 0] == pytest.approx(1.0 - 3 * 0.5)
    held = HerdingMLP(weights, **(fields | {"hold_error": True}))
    held.train_one([1.0], [0.0])  # 1.6 + 1.1 = 2.7: three spikes, too
    hidden = held._net.unit_at[1]
    assert held._work.phi_back[hidden] == pytest.approx(2.7 - 3)
    assert together._work.phi_back[hidden] == pytest.approx(3.2 - 3)


def test_depth_first_a_spike_counts_when_all_that_it_set_off_is_done():
    """Without hold the first output spike's error finds no input spike yet: nothing moves."""
    fields = {"n_steps": 1, "eta": 0.25, "fractional": True, "hold_error": False}
    deep = HerdingMLP([np.array([[1.0]])], depth_first=True, **fields)
    deep.train_one([1.0], [0.0])
    assert deep.weights[0][0, 0] == 1.0
    broad = HerdingMLP([np.array([[1.0]])], **fields)
    broad.train_one([1.0], [0.0])
    assert broad.weights[0][0, 0] == 0.75


def test_smooth_gradients_without_hold_weigh_the_steps_before():
    """The authors sum the input's drive when its spikes have been carried to the end."""
    fields = {"eta": 1.0, "fractional": True, "hold_error": False, "smooth_grads": True}
    net = HerdingMLP([np.array([[1.0]])], n_steps=2, **fields)
    net.train_one([0.75], [0.0])
    # Step 1: one spike, whose error finds a drive of 0. Step 2: phi = -1/4 + 3/4, no spike.
    assert net.weights[0][0, 0] == 1.0
    net.train_one([1.25], [0.0])  # step 2: an error finds 1.25, times eta / T^2
    assert net.weights[0][0, 0] == pytest.approx(1 - 1.25 / 4)


def test_integer_mode_truncates_weights_inputs_and_the_scale_toward_zero():
    options = HerdingOptions(n_steps=10, eta=0.03, dtype="integer")
    assert options.one == 3333  # 100 / 0.03 = 3333.33
    assert HerdingOptions(n_steps=10, eta=0.06, dtype="integer").one == 1666  # of 1666.67
    assert HerdingOptions(n_steps=7, eta=0.07, dtype="integer").one == 700  # not 699.999...
    net = HerdingMLP([np.array([[1.9 / 3333, -1.9 / 3333, 2 / 3333]])], options)
    np.testing.assert_array_equal(net._net.row[:3], [1, -1, 2])
    again = HerdingMLP(net.weights, options)
    np.testing.assert_array_equal(again._net.row, net._net.row)


def test_pixels_of_integer_mode_are_truncated_and_white_is_a_whole_spike():
    images = Images(np.array([[[255, 1, 128]]], np.uint8), np.array([0]))
    net = HerdingMLP([np.ones((3, 1))], n_steps=10, eta=0.01, dtype="integer")
    net.train(images, np.array([0]))
    # 10,000 / 255 = 39.2 and 128 * 10,000 / 255 = 5019.6
    np.testing.assert_array_equal(net._work.x[:3], [10_000, 39, 5019])


@given(st.lists(st.integers(0, 5), max_size=40))
def test_a_heap_gives_back_its_keys_largest_first(keys):
    order = heap_order(keys)
    assert sorted(order) == list(range(len(keys)))
    heap = [-key for key in keys]
    heapq.heapify(heap)
    assert [keys[i] for i in order] == [-heapq.heappop(heap) for _ in keys]


# What java.util.PriorityQueue (OpenJDK 17) gave back of numbered entries with these keys.
JAVA = [
    ([1, 1, 1, 1], [0, 3, 2, 1]),
    ([2, 1, 2, 2, 0, 2, 1], [0, 3, 5, 2, 1, 6, 4]),
    (
        [2, 2, 0, 2, 0, 1, 0, 2, 1, 0, 1, 2, 0, 0, 2, 0, 2],
        [0, 16, 1, 3, 7, 11, 14, 8, 10, 5, 15, 12, 2, 4, 13, 6, 9],
    ),
    (
        [1, 1, 2, 0, 0, 2, 1, 2, 1, 1, 1, 2, 1, 0, 1, 1, 0, 2, 0, 0, 0],
        [2, 7, 17, 5, 11, 15, 1, 14, 8, 9, 10, 0, 12, 6, 20, 4, 13, 19, 3, 16, 18],
    ),
]


@pytest.mark.parametrize(("keys", "order"), JAVA)
def test_equal_keys_leave_in_the_order_of_javas_priority_queue(keys, order):
    assert heap_order(keys) == order


@pytest.mark.parametrize(("keys", "order"), JAVA)
def test_equal_potentials_of_integer_mode_leave_in_that_order_too(keys, order):
    net = HerdingMLP([np.ones((len(keys), 1))], n_steps=1, eta=0.05, dtype="integer")
    net.train_one(np.array(keys) / 10 + 0.55, 0)
    n = int(net.cumulative_spikes[0])
    sent = net._work.unit[0, :n].tolist()
    assert sent == order


def test_exactly_minus_one_half_is_sent_away_in_integer_mode():
    drive = np.array([-5, 5, -6, 6])
    whole = Quantizer(4, QuantizerKind.named("herding"), 10, np.int64, heap=True)
    assert whole.feed(drive) == [(2, -1), (3, 1), (0, -1)]
    plain = Quantizer(4, QuantizerKind.named("herding"), 10, np.int64)
    assert plain.feed(drive) == [(2, -1), (3, 1)]
    for ties, sent in (("auto", 3), ("unit", 2)):
        net = HerdingMLP([np.ones((4, 1))], n_steps=1, eta=0.1, dtype="integer", ties=ties)
        net.train_one(drive / 10, 0)
        assert net.cumulative_spikes[0] == sent
