"""Fast layers in whole numbers: the spikes, counts and state of the general layer, bit for bit."""

import math
from unittest import mock

import numpy as np
import pytest

import eventsnn as es
from eventsnn.engines.layered.any.forward import AnyLayer, AnyReadoutLayer
from eventsnn.engines.layered.deliveries import Tally, Train, send
from eventsnn.engines.layered.layer import Ahead
from eventsnn.engines.layered.whole import forward
from eventsnn.neurons.integer_lif import IntegerLIF
from eventsnn.neurons.integer_readout import IntegerReadout

N_IN = 9


def deliveries(rng, longest, counted=False):
    """Three recordings, one of them empty, with ties."""
    sizes = [rng.integers(1, 80), 0, rng.integers(1, 80)]
    t = np.concatenate([np.sort(rng.integers(0, longest, size)) for size in sizes])
    train = Train(t, rng.integers(0, N_IN, sum(sizes)).astype(np.int32), np.zeros(0),
                  np.concatenate([[0], np.cumsum(sizes)]))  # fmt: skip
    came = send(train, 0, np.full(3, 1e18), None)
    return came._replace(multiple=rng.integers(1, 5, len(t)).astype(float)) if counted else came


def lif(rng, n_out):
    """A neuron whose threshold a few weights reach, or many."""
    fraction, limit = int(rng.integers(0, 9)), int(rng.choice([1, 90, 2_000]))
    limits = [(limit + j) << fraction for j in range(n_out)]
    return IntegerLIF(
        float(rng.choice([300.0, 30_000.0, math.inf])), limits if rng.random() < 0.5 else limits[0],
        str(rng.choice(["subtract", "zero"])), fraction, int(rng.choice([1, 16])),
        float(rng.choice([0, 0, 40])),
    )  # fmt: skip


def run_both(kinds, neuron, weights, pieces, apart=False):
    """Return what both layers did in some pieces, one after the other."""
    found = []
    for kind in kinds:
        layer = kind(es.Dense(*weights.shape), neuron, weights, Ahead())
        state, tally, trains = layer.driven.start(3, apart), Tally.zeros(3), []
        for k, piece in enumerate(pieces):
            trains.append(layer.run(piece, state, k == 0, tally))
        ends = np.full(3, 10_000_000.0)
        found.append(
            (trains, tally, state, None if neuron.spiking else layer.readouts(state, ends))
        )
    return found


def assert_same(one, two):
    for a, b in zip(one[0], two[0], strict=True):
        assert (a is None) == (b is None)
        for x, y in zip(a or (), b or (), strict=True):
            np.testing.assert_array_equal(x, y)
    for x, y in zip((*one[1], one[2].x), (*two[1], two[2].x), strict=True):
        np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(one[2].times[:, 0], two[2].times[:, 0])


def test_spikes_counts_and_potentials_are_those_of_the_general_layer():
    fired, fast, rng = 0, 0, np.random.default_rng(0)
    for k in range(60):
        n_out, counted = int(rng.choice([1, 16, 37])), bool(rng.random() < 0.3)
        neuron, most = lif(rng, n_out), int(rng.choice([127, 127, 32_767]))
        weights = rng.integers(-most, most + 1, (N_IN, n_out)).astype(float)
        pieces = [deliveries(rng, 3_000 if k % 2 else 90, counted)]
        if k % 3 == 0:  # goes on in the first recording, or, apart, in all
            pieces.append(pieces[0]._replace(t=pieces[0].t + 10_000))
        kinds = forward.WholeLayer, AnyLayer
        with mock.patch.object(forward, "run_lanes", side_effect=forward.run_lanes) as lanes:
            fast_one, general = run_both(kinds, neuron, weights, pieces, apart=k % 2 == 0)
        assert_same(fast_one, general)
        fast += lanes.call_count > 0
        fired += sum(len(train.t) for train in fast_one[0])
    assert fast == 60 and fired > 3_000


def test_readouts_are_those_of_the_general_layer():
    rng = np.random.default_rng(1)
    for tau, counted in [(300.0, False), (30_000.0, True), (math.inf, False), (math.inf, True)]:
        weights = rng.integers(-127, 128, (N_IN, 10)).astype(float)
        pieces = [deliveries(rng, 3_000, counted)]
        pieces.append(pieces[0]._replace(t=pieces[0].t + 10_000))
        kinds = forward.WholeReadoutLayer, AnyReadoutLayer
        fast, general = run_both(kinds, IntegerReadout(tau, 5, 4), weights, pieces)
        assert_same(fast, general)
        for name in ("final", "maximum", "maximum_t", "integral"):
            np.testing.assert_array_equal(getattr(fast[3], name), getattr(general[3], name))


@pytest.mark.parametrize(("more", "narrow"), [(0, True), (1, False)])
def test_what_may_leave_32_bits_runs_in_the_general_layer(more, narrow):
    most = (2**31 - 1) // (32_767 << 8)
    events = np.arange(most + more)
    start = np.array([0, len(events), len(events), len(events)])
    came = send(Train(events, np.zeros(len(events), np.int32), np.zeros(0), start), 0,
                np.full(3, 1e9), None)  # fmt: skip
    weights = np.full((N_IN, 2), 32_767.0)
    neuron = IntegerLIF(threshold=2**31 - 1, fraction=8)
    with mock.patch.object(forward, "run_lanes", side_effect=forward.run_lanes) as lanes:
        fast, general = run_both((forward.WholeLayer, AnyLayer), neuron, weights, [came])
    assert (lanes.call_count > 0) == narrow
    assert_same(fast, general)
    assert len(fast[0][0].t) == (0 if narrow else 2)


@pytest.mark.parametrize("weight", [0.5, 40_000.0])
def test_weights_that_16_bits_do_not_hold_run_in_the_general_layer(weight):
    layer = forward.WholeLayer(es.Dense(1, 1), IntegerLIF(), np.full((1, 1), weight), Ahead())
    assert layer.narrow is None


def test_recordings_that_stop_early_run_in_turns_and_stop_where_they_do_one_by_one():
    rng = np.random.default_rng(3)
    network = es.Network(
        (es.Population("in", (1, 3, 3)), es.Population("a", 20, lif(rng, 20)),
         es.Population("out", 3, IntegerReadout(30_000.0, 4))),
        (es.Connection("in", "a", es.Dense(9, 20)), es.Connection("a", "out", es.Dense(20, 3))),
    )  # fmt: skip
    weights = [rng.integers(-90, 128, shape).astype(float) for shape in ((9, 20), (20, 3))]
    streams = [
        es.EventStream(np.sort(rng.integers(0, 20_000, 60)), rng.integers(0, 9, 60), (1, 3, 3), 0,
                       20_000) for _ in range(30)
    ]  # fmt: skip
    batch, stop = es.EventBatch.from_streams(streams), es.Stop("margin", 1e5, 1_000)
    in_turns, alone = (
        es.simulate(network, weights, batch, until_us=stop, engine=engine)
        for engine in ("feedforward", "asynchronous")
    )
    assert 0 < in_turns.stopped.early.sum() < 30
    np.testing.assert_array_equal(in_turns.duration, alone.duration)
    np.testing.assert_array_equal(in_turns.stopped.scores, alone.stopped.scores)
    np.testing.assert_array_equal(in_turns.counts.spikes, alone.counts.spikes)
