"""Layers of current-based neurons on the fast path: the asynchronous engine's bits."""

from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from doors import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_feedforward import assert_same, make_batch, run

import eventsnn as es
from eventsnn.engines import reference
from eventsnn.engines.asynchronous import engine as asynchronous
from eventsnn.engines.layered import engine as feedforward
from eventsnn.engines.layered import spans
from eventsnn.engines.layered.current import forward
from eventsnn.engines.layered.current.sweeps import bound_of, fixed_of, rests
from eventsnn.engines.layered.deliveries import Deliveries, Tally
from eventsnn.engines.layered.layer import Ahead
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.kernels.compile import threaded
from eventsnn.losses.cross_entropy import CrossEntropy
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.cuba_lif_flow import crossing
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.rules.eventprop.gradients import errors_of, eventprop
from eventsnn.topology.dense import Dense

TAUS = [(20.0, 5.0), (5.0, 20.0), (10.0, 10.0), (10.0, 10.5), (2_000.0, 300.0)]
neurons = st.builds(
    lambda taus, *others: CubaLIF(*taus, *others),
    st.sampled_from(TAUS),
    st.sampled_from([0.4, 1.0]),
    st.sampled_from([0, 0, 1, 7, 300]),
    st.sampled_from([0.0, 0.0, 0.3, -0.5, 0.4]),
)
"""A bias of 0.4 may be the threshold itself."""


def chain(sizes, models, delays):
    """Dense layers, one behind the other."""
    names = [f"p{i}" for i in range(len(sizes))]
    shapes = [(1, 1, sizes[0]), *((n,) for n in sizes[1:])]
    populations = map(Population, names, shapes, [None, *models])
    connections = [
        Connection(a, b, Dense(m, n), delay)
        for (a, b), (m, n), delay in zip(pairwise(names), pairwise(sizes), delays, strict=True)
    ]
    return Network(tuple(populations), tuple(connections))


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    models = draw(st.lists(neurons, min_size=1, max_size=3))
    if draw(st.booleans()):  # a layer that sends at whole microseconds in front
        models.insert(0, LIF(draw(st.sampled_from([20.0, 900.0]))))
    sizes = [draw(st.sampled_from([1, 3, 8])) for _ in range(len(models) + 1)]
    sizes[1] = draw(st.sampled_from([2, 63, 66]))
    if draw(st.booleans()):
        models, sizes = [*models, Readout(draw(st.sampled_from([30.0, np.inf])))], [*sizes, 3]
    delays = [draw(st.sampled_from([0, 0, 0, 17])) for _ in models]
    scale = draw(st.sampled_from([2.0, 5.0, 12.0]))
    weights = [rng.normal(scale / 4, scale, (m, n)) / m**0.8 for m, n in pairwise(sizes)]
    gap = draw(st.sampled_from([1, 8, 200]))
    batch = make_batch(rng, (1, 1, sizes[0]), draw(st.integers(1, 3)), 40, gap)
    step = draw(st.sampled_from([1, 5 * gap]))
    network = chain(sizes, models, delays)
    return network, weights, batch.with_events(batch.t // step * step, batch.unit, batch.start)


SURVIVED, BUDGET = [], 1_500


@settings(max_examples=examples(50), deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.sampled_from([None, 0, 25, np.inf]), st.sampled_from([1 << 18, 7]))
def test_a_chain_has_the_record_of_the_reference_engine(case, until, longest):
    network, weights, batch = case
    assert feedforward.supports(network)
    try:
        expected = run(reference, network, weights, batch, until, budget=BUDGET)
    except UserError:
        SURVIVED.append(False)
        with pytest.raises(UserError, match="fired more than"):
            run(feedforward, network, weights, batch, until, budget=BUDGET)
        return
    with patch.object(spans, "CHUNK", longest):  # longer recordings are cut
        for threads in (1, 2):
            assert_same(run(feedforward, network, weights, batch, until, threads=threads), expected)
    single = [w.astype(np.float32) for w in weights]
    how = {"until": until, "dtype": np.float32}
    one = run(feedforward, network, single, batch, **how)
    assert_same(one, run(asynchronous, network, single, batch, **how))
    between = [(spikes.t % 1).any() for spikes in expected.spikes.values()]
    SURVIVED.append(any(between) and len(expected.spikes["p1"]) > 3)


def test_many_of_the_chains_fired_between_microseconds():
    if not SURVIVED:
        pytest.skip("the chains are drawn by the test above")
    assert len(SURVIVED) >= examples(50) and np.mean(SURVIVED) > 0.1


@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.sampled_from(["margin:0.4", "first_spike"]), st.sampled_from([20, 333]))
def test_a_run_stops_when_its_answer_is_clear_as_by_the_queue(case, word, every):
    network, weights, batch = case
    spiking = network.populations[-1].spiking
    stop = f"{word if spiking else 'margin:0.4'},check_us={every}"
    if network.populations[-1].size < 2:
        return
    single = [w.astype(np.float32) for w in weights]
    how = {"until_us": stop, "event_budget": 5_000}
    try:
        one = es.simulate(network, single, batch, engine="feedforward", **how)
    except UserError:
        with pytest.raises(UserError, match="fired more than"):
            es.simulate(network, single, batch, engine="asynchronous", **how)
        return
    assert_same(one, es.simulate(network, single, batch, engine="asynchronous", **how))


def test_events_that_stand_for_several_are_added_once():
    rng = np.random.default_rng(2)
    network = chain((6, 40, 3), (CubaLIF(2_000.0, 500.0), Readout(900.0)), (0, 0))
    weights = [rng.normal(0.1, 0.4, c.topology.weight_shape) for c in network.connections]
    t, unit = np.sort(rng.integers(0, 9_000, 700)), rng.integers(0, 6, 700)
    grid = EventStream(t, unit, (1, 1, 6), duration=9_000).on_grid(500)
    for dtype in (np.float32, np.float64):
        given = [w.astype(dtype) for w in weights]
        one = es.simulate(network, given, grid, engine="feedforward")
        assert one.counts.spikes[0, 1] > 100 and one.counts.deliveries[0, 0] < 300
        assert_same(one, es.simulate(network, given, grid, engine="asynchronous"))


def test_room_for_spikes_grows_where_a_neuron_fires_again_and_again(monkeypatch):
    monkeypatch.setattr(forward, "SPARE", 0)
    network = chain((1, 5), (CubaLIF(20_000.0, 5_000.0),), (0,))
    events = EventStream([0, 10, 9_000], [0, 0, 0], (1, 1, 1), duration=40_000)
    weights = [np.array([[900.0, 700.0, 3.0, 900.0, -5.0]])]
    one = es.simulate(network, weights, events, engine="feedforward")
    assert one.counts.spikes[0, 1] > 500
    assert_same(one, es.simulate(network, weights, events, engine="reference"))


def test_a_layer_that_fires_without_end_stops_at_the_budget():
    network = chain((1, 2, 2), (CubaLIF(20_000.0, 5_000.0),) * 2, (0, 0))
    events = EventStream([0, 10], [0, 0], (1, 1, 1), duration=40_000)
    weights = [np.full((1, 2), 1e12), np.ones((2, 2))]
    for engine in ("feedforward", "asynchronous"):
        with pytest.raises(UserError, match=r"fired more than 1000 spikes; the busiest .* is p1"):
            es.simulate(network, weights, events, engine=engine, event_budget=1_000)


def test_a_spike_that_falls_on_a_delivery_fires_there():
    """A neuron is held back at the very time at which it fires: too late."""
    neuron, weights = CubaLIF(20_000.0, 5_000.0), np.array([[8.0, 9.0, 7.0], [-50.0, 0.0, 0.0]])
    network = chain((2, 3), (neuron,), (0,))
    alone = EventStream([10], [0], (1, 1, 2), duration=50_000)
    when = es.simulate(network, [weights], alone, engine="reference").spikes["p1"]
    due = when.t[when.unit == 0][0]
    assert due % 1 > 0 and len(when.t) == 3
    layer = forward.CurrentLayer(Dense(2, 3), neuron, weights, Ahead())
    came = Deliveries(
        np.array([10.0, due]),
        np.array([0, 1], np.int32),
        np.empty(0),
        np.ones(2, np.bool_),
        np.array([0, 2]),
        np.array([2]),
        end=np.full(1, 50_000.0),
    )
    train = layer.run(came, layer.start(1), True, Tally.zeros(1))
    assert train.t[train.unit == 0].tolist() == [due] and len(train.t) == len(when.t)


def test_a_neuron_that_came_and_went_between_two_deliveries_fired():
    network = chain((2, 3), (CubaLIF(20_000.0, 1_000.0),), (0,))
    events = EventStream([10, 90_000], [0, 1], (1, 1, 2), duration=100_000)
    weights = [np.array([[24.5, 23.0, 30.0], [1.0, 1.0, 1.0]])]
    one = es.simulate(network, weights, events, engine="feedforward")
    assert one.spikes["p1"].unit.tolist() == [2, 0]
    assert_same(one, es.simulate(network, weights, events, engine="reference"))


@threaded
def who_rests(v, current, within, table, found):
    """Note whom the bound leaves alone, and when they come to the threshold."""
    fixed = fixed_of(table)
    for k in range(len(v)):
        found[k, 0] = rests(v[k], current[k], bound_of(v, within[k], fixed))
        constants = table[0], table[1], table[2]
        found[k, 1] = crossing(float(v[k]), float(current[k]), table[3], constants)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_neuron_that_the_bound_leaves_alone_fires_before_the_next_delivery(dtype):
    rng, n, alone_at_all = np.random.default_rng(4), 30_000, 0
    for tau_mem, tau_syn, bias in [(9.0, 2.0, 0.0), (2.0, 9.0, -3.0), (5.0, 5.0, 0.9), (1, 1e3, 1)]:
        table = CubaLIF(tau_mem, tau_syn, 1.0, bias=bias).table()
        v = (1 - 10 ** rng.uniform(-9, 1.5, n)).astype(dtype)
        current = (rng.normal(0.8, 1, n) * 10 ** rng.uniform(-1, 3, n)).astype(dtype)
        rise = np.maximum(current.astype(float) + bias - v, 1e-9)
        within = np.abs(tau_mem * (1 - v.astype(float)) / rise * (1 + rng.normal(0, 0.01, n)))
        within[::7] = np.inf
        found = np.zeros((n, 2))
        who_rests(v, current, within, table, found)
        alone = found[:, 0] > 0
        assert ((found[:, 1] > within) | np.isinf(found[:, 1]))[alone].all()
        alone_at_all += (alone & np.isfinite(found[:, 1])).sum()
    assert alone_at_all > 3_000


def test_gradients_of_spike_times_are_those_by_the_queue():
    rng, found = np.random.default_rng(5), []
    network = chain((20, 30, 12, 4), (*[CubaLIF(9_000.0, 2_000.0)] * 2, Readout(9_000.0)), (0,) * 3)
    weights = [rng.normal(0.5, 1, c.topology.weight_shape) for c in network.connections]
    streams = [
        EventStream(
            np.sort(rng.integers(0, 900, 60) * 50), rng.integers(0, 20, 60), (1, 1, 20), k, 50_000
        )
        for k in range(4)
    ]
    batch = EventBatch.from_streams(streams)
    for engine in ("auto", "asynchronous"):
        record = es.simulate(network, weights, batch, engine=engine)
        errors = errors_of(CrossEntropy("maximum"), record, "p3", batch.label).errors
        found.append(eventprop(network, weights, batch, record, errors).weights)
    for one, other in zip(*found, strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_array_equal(one, other)
