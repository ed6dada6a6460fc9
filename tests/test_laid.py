"""Dense weights laid out in blocks, and gradients that are summed block by block."""

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint, blockwise_adjoint
from eventsnn.engines.layered.dense import backward as blockwise
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.engines.layered.lanes import LINE
from eventsnn.events import EventBatch, EventStream
from eventsnn.network.layer_string import chain
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.optimizers import SGD, Adam
from eventsnn.optimizers import kernels as optimizer_kernels
from eventsnn.optimizers.applied import clip_by_norm, follow
from eventsnn.rules.gradient.silent import pull_up
from eventsnn.topology.dense import Dense


@settings(max_examples=examples(40))
@given(st.integers(1, 60), st.integers(1, 350), st.sampled_from([np.float32, np.float64]))
def test_what_is_laid_out_comes_back(n_in, n_out, dtype):
    array = np.random.default_rng(n_in).normal(size=(n_in, n_out)).astype(dtype)
    laid = Laid.of(array)
    np.testing.assert_array_equal(laid.array(), array)
    assert laid.shape == array.shape and laid.dtype == dtype
    for first, part in zip(laid.firsts, laid.parts, strict=True):
        assert part.ctypes.data % LINE == 0 and part.shape[1] * part.itemsize % LINE == 0
        assert not part[:, max(n_out - first, 0) :].any()
    copy = laid.copy()
    copy.parts[0][:] = 7
    np.testing.assert_array_equal(laid.array(), array)


@settings(max_examples=examples(100))
@given(st.integers(1, 2000))
def test_blocks_hold_every_neuron_once_and_pairs_are_alike(n):
    blocks = blockwise.blocks_of(n)
    assert [i for block in blocks for i in range(block.start, block.stop)] == list(range(n))
    sizes = [block.stop - block.start for block in blocks]
    assert max(sizes) <= blockwise.BLOCK and min(sizes) > 0
    for one, other in zip(sizes[0::2], sizes[1::2], strict=False):
        assert abs(one - other) <= blockwise.TILE
    assert all(block.start % blockwise.TILE == 0 or n <= 2 * blockwise.BLOCK for block in blocks)


def trained(n_in, n_out, dtype):
    """Return a network that ran: its weights, what passed, and the errors of its output."""
    network = chain((n_in, n_out, 3), LIF(10_000.0), Readout(5_000.0))
    rng = np.random.default_rng(3)
    weights = [
        rng.normal(0.1, 0.25, c.topology.weight_shape).astype(dtype) for c in network.connections
    ]
    streams = [
        EventStream(
            np.sort(rng.integers(0, 40_000, 90)),
            rng.integers(0, n_in, 90),
            (1, 1, n_in),
            label=0,
            duration=40_000,
        )
        for _ in range(40)
    ]
    passed = layered.run(network, weights, EventBatch.from_streams(streams), near=0.6)
    return weights, passed, {2: ("integral", rng.normal(size=(40, 3)))}


def test_laid_weights_run_like_others():
    weights, passed, _ = trained(37, 200, np.float32)
    network, events = passed.network, passed.pieces[0].deliveries[0]
    streams = [
        EventStream(events.t[a:b], events.row[a:b], (1, 1, 37), label=0, duration=40_000)
        for a, b in zip(events.start, events.start[1:], strict=False)
    ]
    batch = EventBatch.from_streams(streams)
    plainly, laid = (
        layered.run(network, w, batch) for w in (weights, [Laid.of(weights[0]), weights[1]])
    )
    for one, other in zip(plainly.pieces, laid.pieces, strict=True):
        assert len(one.trains[1].t)
        for a, b in zip(one.trains[1], other.trains[1], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("optimizer", [Adam(weight_decay=0.1), SGD(1e-3, 0.9, 0.1)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(37, 200), (32, 50), (7, 333)], ids=str)
def test_an_optimizer_takes_a_gradient_block_by_block_to_the_same_bits(optimizer, dtype, sizes):
    weights, passed, errors = trained(*sizes, dtype)
    whole = adjoint(passed, weights, errors).weights
    one, state = optimizer.update(whole, optimizer.init(weights), weights, 0.01)
    one, _ = optimizer.update(whole, state, one, 0.01)
    for threads in (1, 2):
        params = [Laid.of(weights[0]), weights[1]]
        blocks = blockwise_adjoint(passed, weights, errors).weights
        assert isinstance(blocks[0], blockwise.Blockwise)
        two, state = optimizer.update(blocks, optimizer.init(params), params, 0.01, threads=threads)
        np.testing.assert_array_equal(plain(params[0]), weights[0])
        two, _ = optimizer.update(blocks, state, two, 0.01, reuse=True, threads=threads)
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, plain(b))
        last, first = two[0].parts[-1], two[0].firsts[-1]
        assert not last[:, sizes[1] - first :].any()


def test_a_gradient_that_was_clipped_reaches_laid_weights():
    weights, passed, errors = trained(37, 200, np.float32)
    whole = adjoint(passed, weights, errors).weights
    clipped, norm = clip_by_norm(whole, 1e-3)
    assert norm > 1e-3
    params = [Laid.of(weights[0]), weights[1]]
    one, _ = Adam().update(clipped, Adam().init(weights), weights, 0.01)
    two, _ = Adam().update(clipped, Adam().init(params), params, 0.01)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, plain(b))


def test_weights_that_are_not_laid_out_take_a_blockwise_gradient_as_a_whole():
    weights, passed, errors = trained(37, 200, np.float32)
    whole = adjoint(passed, weights, errors).weights
    blocks = blockwise_adjoint(passed, weights, errors).weights
    one, _ = SGD().update(whole, SGD().init(weights), weights, 0.01)
    two, _ = SGD().update(blocks, SGD().init(weights), weights, 0.01)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_average_follows_laid_weights():
    array = np.random.default_rng(0).normal(size=(5, 333)).astype(np.float32)
    one, two = array.copy(), Laid.of(array)
    follow([one], [2 * array], 0.25)
    follow([two], [Laid.of(2 * array)], 0.25, threads=2)
    np.testing.assert_array_equal(two.array(), one)


def test_a_blockwise_gradient_is_scaled_and_wakes_like_a_whole_one():
    weights, passed, errors = trained(37, 200, np.float32)
    whole = adjoint(passed, weights, errors).weights[0] * np.float32(1.25)
    gradient = blockwise_adjoint(passed, weights, errors).weights[0]
    gradient.scale(np.float32(1.25))
    rng = np.random.default_rng(1)
    came, spoke = rng.integers(0, 9, 37), rng.integers(0, 2, 200)
    for each in (whole, gradient):
        pull_up(Dense(37, 200), each, came, spoke, 0.3)
    np.testing.assert_array_equal(gradient.whole(), whole)
    np.testing.assert_array_equal(gradient.whole(2), whole)
    with pytest.raises(RuntimeError, match="before"):
        gradient.scale(2.0)


def test_kernels_turn_tiles_as_long_as_those_of_a_block():
    assert optimizer_kernels.TILE == blockwise.TILE
