"""The fast path: the same record as the reference engine, on any number of threads."""

from dataclasses import replace
from itertools import pairwise, product
from unittest.mock import patch

import numpy as np
import pytest
from doors import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsnn.engines import reference
from eventsnn.engines.asynchronous import engine as asynchronous
from eventsnn.engines.gathered import inputs
from eventsnn.engines.inputs import Inputs, Recorded
from eventsnn.engines.layered import engine as feedforward
from eventsnn.engines.layered import spans as feedforward_spans
from eventsnn.engines.layered.conv import forward as feedforward_conv
from eventsnn.engines.layered.conv import grid as feedforward_grid
from eventsnn.engines.layered.deliveries import Spikes
from eventsnn.engines.layered.dense import forward as feedforward_dense
from eventsnn.engines.layered.dense import laid as feedforward_laid
from eventsnn.engines.options import Options
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.generators.constant_current import ConstantCurrent
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.record import Record
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

BUDGET = 1_000_000


def make_batch(rng, sensor, recordings, events, gap):
    """Recordings with many ties: gaps of 0 to ``gap`` microseconds."""
    streams = []
    for _ in range(recordings):
        n = int(rng.integers(0, events + 1))
        t = np.cumsum(rng.integers(0, gap + 1, n))
        unit = rng.integers(0, np.prod(sensor), n)
        duration = int(t[-1]) + 1 + int(rng.integers(0, 50)) if n else 10
        streams.append(EventStream(t, unit, sensor, None, duration))
    return EventBatch.from_streams(streams)


def options(network, dtype=np.float64, threads=1, budget=BUDGET):
    kept = tuple(i for i, p in enumerate(network.populations) if p.neuron and p.spiking)
    return Options(kept, True, dtype, threads, budget)


def run(engine, network, weights, batch, until=None, **kwargs):
    chosen = options(network, **kwargs)
    return engine.run(
        network, network.weights(weights, chosen.dtype), inputs(network, batch, until), chosen
    )


def assert_same(a: Record, b: Record):
    assert a.spikes.keys() == b.spikes.keys()
    for name in a.spikes:
        for field in ("start", "t", "unit", "value"):
            left, right = getattr(a.spikes[name], field), getattr(b.spikes[name], field)
            np.testing.assert_array_equal(left, right, f"{name} {field}")
    for field in ("spikes", "neuron_updates", "deliveries", "synaptic_adds"):
        np.testing.assert_array_equal(getattr(a.counts, field), getattr(b.counts, field), field)
    assert a.unit_spikes.keys() == b.unit_spikes.keys()
    for name in a.unit_spikes:
        np.testing.assert_array_equal(a.unit_spikes[name], b.unit_spikes[name])
    assert a.readouts.keys() == b.readouts.keys()
    for name in a.readouts:
        for field in ("final", "maximum", "maximum_t", "integral"):
            left, right = getattr(a.readouts[name], field), getattr(b.readouts[name], field)
            np.testing.assert_array_equal(left, right, f"{name} {field}")
    np.testing.assert_array_equal(a.duration, b.duration)


neurons = st.builds(
    lambda tau, threshold, reset, refractory: (
        IF(threshold, reset, refractory) if tau is None else LIF(tau, threshold, reset, refractory)
    ),
    st.sampled_from([None, 20.0, 900.0, 1e5]),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.sampled_from(["subtract", "zero"]),
    st.sampled_from([0, 0, 5, 40]),
)


@st.composite
def dense_cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = [draw(st.integers(1, 8)), *draw(st.lists(st.integers(1, 170), min_size=1, max_size=3))]
    sensor = (1, 1, sizes[0])
    names = [f"p{i}" for i in range(len(sizes))]
    populations = [Population("p0", sensor)]
    populations += [
        Population(name, (n,), draw(neurons)) for name, n in zip(names[1:], sizes[1:], strict=True)
    ]
    connections = [
        Connection(a, b, Dense(m, n), draw(st.sampled_from([0, 0, 1, 17])))
        for (a, b), (m, n) in zip(pairwise(names), pairwise(sizes), strict=True)
    ]
    network = Network(tuple(populations), tuple(connections))
    scale = draw(st.sampled_from([0.02, 0.3, 1.0]))
    weights = [rng.normal(scale / 4, scale, (m, n)) for m, n in pairwise(sizes)]
    gap = draw(st.sampled_from([1, 8, 3000, 900_000]))
    batch = make_batch(rng, sensor, draw(st.integers(1, 4)), 40, gap)
    step = draw(st.sampled_from([1, 5 * gap]))
    return network, weights, replace(batch, t=batch.t // step * step)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(dense_cases(), st.sampled_from([None, 0, 25, np.inf]))
def test_dense_layers_give_the_record_of_the_reference_engine(case, until):
    network, weights, batch = case
    assert feedforward.supports(network)
    expected = run(reference, network, weights, batch, until)
    assert_same(run(feedforward, network, weights, batch, until), expected)


@st.composite
def layered_cases(draw):
    """A random layer of every topology, then dense layers, perhaps into a readout."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sensor = (draw(st.integers(1, 2)), draw(st.integers(3, 7)), draw(st.integers(3, 7)))
    channels, height, width = sensor
    size = (height, width, channels)
    square = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kind = draw(st.sampled_from(["conv", "conv", "pool", "sparse"]))
    if kind == "conv":
        padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
        c_out = draw(st.sampled_from([5, 70]))
        # Few shapes: each is compiled.
        kernel = draw(st.sampled_from([(2, 3), (3, 1)]))
        stride = draw(st.sampled_from([(1, 1), (2, 3)]))
        first = Conv2d(size, c_out, kernel, stride, padding, True)
    elif kind == "pool":
        first = Pool2d(size, draw(square), draw(st.none() | square), True)
    else:
        n_in, n_synapses = int(np.prod(sensor)), draw(st.integers(0, 200))
        senders, targets = rng.integers(0, n_in, n_synapses), rng.integers(0, 9, n_synapses)
        first, _ = Sparse.from_pairs(senders, targets, n_in, 9)
    shape = first.out_shape if kind != "sparse" else (9,)
    populations = [Population("in", sensor), Population("a", shape, draw(neurons))]
    connections = [Connection("in", "a", first, draw(st.sampled_from([0, 3])))]
    scale = draw(st.sampled_from([0.1, 0.5, 2.0]))
    weights = [rng.normal(scale / 4, scale, first.weight_shape)]
    if kind == "conv" and draw(st.booleans()):
        again = Conv2d(first.out_shape, 3, (2, 2), (1, 1), (1, 1))
        populations.append(Population("a2", again.out_shape, draw(neurons)))
        connections.append(Connection("a", "a2", again, 1))
        weights.append(rng.normal(scale / 4, scale, again.weight_shape))
    last = populations[-1]
    readout = Readout(draw(st.sampled_from([np.inf, 300.0])))
    for name, neuron in (("b", draw(neurons)), ("c", readout)):
        populations.append(Population(name, (5,), neuron))
        connections.append(Connection(last.name, name, Dense(last.size, 5), 2))
        weights.append(rng.normal(scale / 4, scale, (last.size, 5)))
    network = Network(tuple(populations), tuple(connections))
    gap = draw(st.sampled_from([1, 8, 3000, 900_000]))
    return network, weights, make_batch(rng, sensor, draw(st.integers(1, 3)), 25, gap)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(layered_cases(), st.sampled_from([None, 0, 25, np.inf]))
def test_every_topology_and_model_gives_the_record_of_the_reference_engine(case, until):
    network, weights, batch = case
    assert feedforward.supports(network)
    expected = run(reference, network, weights, batch, until)
    assert_same(run(feedforward, network, weights, batch, until), expected)


def small_network(neuron, n_in=64, hidden=150, outputs=10):
    populations = (
        Population("in", (1, 8, n_in // 8)),
        Population("hidden", (hidden,), neuron),
        Population("out", (outputs,), LIF(3000.0, 0.5)),
    )
    connections = (
        Connection("in", "hidden", Dense(n_in, hidden)),
        Connection("hidden", "out", Dense(hidden, outputs)),
    )
    return Network(populations, connections)


def small_case(seed=0, recordings=9, events=3000, hidden=150):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0.01, 0.1, (64, hidden)), rng.normal(0, 0.2, (hidden, 10))]
    return weights, make_batch(rng, (1, 8, 8), recordings, events, 100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(dtype):
    network = small_network(LIF(2000.0))
    weights, batch = small_case()
    one = run(feedforward, network, weights, batch, dtype=dtype)
    assert len(one.spikes["hidden"]) > 1000
    for threads in (2, 3):
        assert_same(run(feedforward, network, weights, batch, dtype=dtype, threads=threads), one)


@pytest.mark.parametrize(
    "neuron", [LIF(3_000.0), IF(1.0, "zero"), LIF(3_000.0, 1.0, "zero", 700)], ids=str
)
def test_instants_of_many_events_give_the_bits_of_one_event_after_the_other(neuron):
    rng = np.random.default_rng(3)
    batch = make_batch(rng, (2, 5, 6), 6, 900, 40)
    batch = replace(batch, t=batch.t // 500 * 500)
    cells = Population("h", (200,), neuron)
    connections = (Connection("in", "h", Dense(60, 200)),)
    network = Network((Population("in", (2, 5, 6)), cells), connections)
    weights = [rng.normal(0.02, 0.2, (60, 200)).astype(np.float32)]
    record = run(feedforward, network, weights, batch, dtype=np.float32)
    assert len(record.spikes["h"].t) > 3000
    assert_same(record, run(asynchronous, network, weights, batch, dtype=np.float32))


def test_a_batch_is_its_recordings_one_by_one():
    network = small_network(LIF(2000.0, refractory_us=300))
    weights, batch = small_case()
    whole = run(feedforward, network, weights, batch, dtype=np.float32)
    for i in range(len(batch)):
        alone = run(feedforward, network, weights, batch.select([i]), dtype=np.float32)
        for name, spikes in whole.spikes.items():
            t, unit = spikes.recording(i)
            np.testing.assert_array_equal(alone.spikes[name].t, t)
            np.testing.assert_array_equal(alone.spikes[name].unit, unit)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(dense_cases(), layered_cases()), st.integers(1, 20), st.integers(1, 2))
def test_a_recording_cut_into_spans_gives_the_record_of_one_run(case, size, threads):
    network, weights, batch = case
    expected = run(feedforward, network, weights, batch)
    with patch.object(feedforward_spans, "CHUNK", size):
        assert_same(run(feedforward, network, weights, batch, threads=threads), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("refractory_us", [0, 300])
def test_the_width_of_blocks_changes_no_bit(monkeypatch, dtype, refractory_us):
    network = small_network(LIF(2000.0, refractory_us=refractory_us), hidden=170)
    weights, batch = small_case(hidden=170)
    wide = run(feedforward, network, weights, batch, dtype=dtype)
    assert len(wide.spikes["hidden"]) > 1000
    monkeypatch.setattr(feedforward_laid, "CHUNKS", (1,))
    assert_same(run(feedforward, network, weights, batch, dtype=dtype), wide)


def test_weights_laid_in_blocks_give_the_bits_of_weights_in_place(monkeypatch):
    network = small_network(LIF(2000.0))
    weights, batch = small_case()
    monkeypatch.setattr(feedforward_dense, "PACK_FROM", 0)
    packed = run(feedforward, network, weights, batch, dtype=np.float32)
    monkeypatch.setattr(feedforward_dense, "PACK_FROM", 10**9)
    assert_same(run(feedforward, network, weights, batch, dtype=np.float32), packed)


@pytest.mark.parametrize(
    "neuron,cuts",
    [(LIF(900.0), (72, 24, 1)), (LIF(900.0, refractory_us=300), (72, 24, 1)), (IF(), (24,))],
)
def test_how_a_convolution_is_cut_and_whether_it_has_a_margin_changes_no_bit(
    neuron, cuts, monkeypatch
):
    topology = Conv2d((7, 6, 2), 70, (3, 3), padding=(1, 0), planar=True)
    populations = Population("in", (2, 7, 6)), Population("a", topology.out_shape, neuron)
    network = Network(populations, (Connection("in", "a", topology, 3),))
    rng = np.random.default_rng(0)
    weights = [rng.normal(0.05, 0.2, topology.weight_shape)]
    batch = make_batch(rng, (2, 7, 6), 3, 300, 30)
    expected = run(reference, network, weights, batch)
    assert len(expected.spikes["a"]) > 1000
    singles = []
    # A whole patch, rows of one, single positions; with a margin and without; event after
    # event, and position after position.
    for unrolled in cuts:
        for least, place in product((0.0, 2.0), (4, 99)):
            monkeypatch.setattr(feedforward_grid, "MAX_UNROLLED", unrolled)
            monkeypatch.setattr(feedforward_grid, "LEAST_ON_MAP", least)
            monkeypatch.setattr(feedforward_conv, "LEAST_CHUNKS", place)
            feedforward_grid.strip_of.cache_clear()
            assert_same(run(feedforward, network, weights, batch), expected)
            if unrolled == 72 and least == 0:
                singles.append(run(feedforward, network, weights, batch, dtype=np.float32))
                assert_same(singles[-1], singles[0])
    feedforward_grid.strip_of.cache_clear()


def convolution_case(neuron, gap):
    """40 channels: a block that is taken position after position, and a smaller one."""
    topology = Conv2d((7, 6, 2), 40, (3, 3))
    populations = Population("in", (7, 6, 2)), Population("a", topology.out_shape, neuron)
    network = Network(populations, (Connection("in", "a", topology, 3),))
    rng = np.random.default_rng(0)
    weights = [rng.normal(0.1, 0.4, topology.weight_shape)]
    return network, weights, make_batch(rng, (7, 6, 2), 4, 400, gap)


@pytest.mark.parametrize("neuron", [LIF(900.0), LIF(900.0, reset="zero"), IF()])
def test_a_position_that_runs_out_of_room_goes_on_where_it_stood(neuron, monkeypatch):
    network, weights, batch = convolution_case(neuron, gap=3)
    expected = run(reference, network, weights, batch)
    assert len(expected.spikes["a"]) > 9_000
    # Fewer visits than the instants of the recordings ask for, and few spikes.
    monkeypatch.setattr(feedforward_conv, "ROOM", 1)
    room = Spikes.room
    monkeypatch.setattr(Spikes, "room", classmethod(lambda cls, n, dtype: room(100, dtype)))
    assert_same(run(feedforward, network, weights, batch), expected)
    monkeypatch.setattr(feedforward_spans, "CHUNK", 70)
    assert_same(run(feedforward, network, weights, batch), expected)


@pytest.mark.parametrize("least_chunks", [4, 99])
def test_a_position_may_rest_for_longer_than_the_table_of_decays(least_chunks, monkeypatch):
    monkeypatch.setattr(feedforward_conv, "LEAST_CHUNKS", least_chunks)
    network, weights, batch = convolution_case(LIF(3e6), gap=600_000)
    expected = run(reference, network, weights, batch)
    assert len(expected.spikes["a"]) > 5_000
    assert_same(run(feedforward, network, weights, batch), expected)


def test_spikes_beyond_the_room_set_aside_are_not_lost(monkeypatch):
    room = Spikes.room
    network = small_network(IF(0.01))
    weights, batch = small_case(events=300)
    weights = [abs(w) for w in weights]
    expected = run(feedforward, network, weights, batch)
    assert len(expected.spikes["hidden"]) > 100_000
    monkeypatch.setattr(Spikes, "room", classmethod(lambda cls, n, dtype: room(1024, dtype)))
    assert_same(run(feedforward, network, weights, batch), expected)


def test_simultaneous_events_in_any_file_order_give_one_record():
    network = small_network(LIF(2000.0))
    weights, batch = small_case(events=200)
    rng = np.random.default_rng(1)
    order = np.lexsort(
        (rng.random(len(batch.t)), batch.t, np.repeat(np.arange(9), np.diff(batch.start)))
    )
    shuffled = replace(batch, unit=batch.unit[order])
    assert not np.array_equal(shuffled.unit, batch.unit)
    expected = run(feedforward, network, weights, batch, dtype=np.float32)
    assert_same(run(feedforward, network, weights, shuffled, dtype=np.float32), expected)


def test_a_run_over_its_budget_names_the_busiest_population():
    network = small_network(IF(0.01))
    weights, batch = small_case()
    with pytest.raises(UserError, match="more than 100 spikes; the busiest population is hidden"):
        run(feedforward, network, [abs(w) for w in weights], batch, budget=100)


def test_events_out_of_order_are_refused_with_their_place():
    network = small_network(LIF(2000.0))
    weights, batch = small_case()
    t = batch.t.copy()
    t[batch.start[2] + 5] = 10**6
    with pytest.raises(DataError, match=r"\[2\]: event 6 at \d+ us comes after one at 1000000 us"):
        run(feedforward, network, weights, batch.with_events(t, batch.unit, batch.start))


def test_graphs_that_are_not_layered_are_left_to_the_other_engine():
    a, b = Population("a", (2,), LIF(10.0)), Population("b", (2,), LIF(10.0))
    source, square = Population("in", (1, 1, 2)), Dense(2, 2)

    def graph(*connections, populations=(source, a, b)):
        return Network(populations, connections)

    forward = Connection("in", "a", square)
    assert feedforward.supports(graph(forward, Connection("a", "b", square, 5)))
    assert not feedforward.supports(graph(Connection("a", "a", square, 1)))
    assert not feedforward.supports(
        graph(Connection("a", "b", square, 1), Connection("b", "a", square, 1))
    )
    assert not feedforward.supports(
        graph(forward, Connection("in", "b", square), Connection("a", "b", square))
    )
    assert not feedforward.supports(graph(Connection("in", "a", square, np.full((2, 2), 3))))


def test_current_based_neurons_are_layered_where_a_layer_waits_for_them():
    source, b = Population("in", (1, 1, 2)), Population("b", (2,), LIF(10.0))
    current, square = Population("c", (2,), CubaLIF(20.0, 5.0)), Dense(2, 2)
    into, further = Connection("in", "c", square), Connection("c", "b", square)

    def supported(*connections, populations=(source, current)):
        return feedforward.supports(Network(populations, connections))

    assert supported(into)
    listed = Sparse.from_pairs([0, 1], [0, 1], 2, 2)[0]
    assert not supported(Connection("in", "c", listed))
    # What they send comes between microseconds, which the layers of LIF do not take.
    assert not supported(into, further, populations=(source, current, b))
    readout = replace(b, neuron=Readout(10.0))
    assert supported(into, further, populations=(source, current, readout))
    # Those that fire without any event do so in no layer.
    driven = replace(current, generator=ConstantCurrent(0.1))
    without_end = replace(current, neuron=CubaLIF(20.0, 5.0, bias=1.1))
    for other in (driven, without_end):
        assert not supported(into, populations=(source, other))
    assert not supported(Connection("in", "b", square), populations=(source, b, current))


def test_threads_beyond_any_number_make_no_more_tasks_than_there_are_events():
    start, until = np.array([0, 2, 2, 3]), np.full(3, 9.0)
    given = Recorded(np.arange(3), np.zeros(3, np.int32), start, "test")
    recordings = Inputs(until, {0: given})
    for threads in (256, 2**40):
        spans = [span for task in feedforward_spans.tasks(recordings, threads) for span in task]
        assert [(span.first, span.last) for span in spans] == [(0, 1), (1, 3)]


@pytest.mark.parametrize("neuron", [IF(), IF(1.0, "zero"), LIF(60.0), LIF(9.0, 0.5, "zero", 4)])
@pytest.mark.parametrize("twice", [False, True])
def test_lists_of_distinct_targets_give_the_record_of_the_reference_engine(neuron, twice):
    rng = np.random.default_rng(7)
    senders, targets = np.nonzero(rng.random((12, 9)) < 0.4)
    if twice:  # a sender reaches a target twice
        senders, targets = np.append(senders, senders[0]), np.append(targets, targets[0])
    first, order = Sparse.from_pairs(senders, rng.permutation(9)[targets], 12, 9)
    network = Network(
        (Population("input", (1, 3, 4)), Population("hidden", (9,), neuron)),
        (Connection("input", "hidden", first),),
    )
    weights = [rng.normal(0.3, 0.6, len(order))]
    batch = make_batch(rng, (1, 3, 4), 6, 90, 3)
    found = run(feedforward, network, weights, batch)
    assert found.counts.spikes[:, 1].sum() > 20
    assert_same(found, run(reference, network, weights, batch))
