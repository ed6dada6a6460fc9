"""The engines against each other and against what is known without them."""

import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from doors import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from random_graphs import networks, streams
from scipy.integrate import solve_ivp

from eventsnn.engines import State, simulate
from eventsnn.engines.asynchronous.places import CALENDAR
from eventsnn.engines.asynchronous.plan import plan
from eventsnn.engines.layered import engine as feedforward
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import decay, decays
from eventsnn.neurons.readout import Readout
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

SLOW = settings(
    deadline=None,
    max_examples=examples(80),
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
COUNTED = ("spikes", "neuron_updates", "deliveries", "synaptic_adds")


def assert_same(one, other):
    assert one.spikes.keys() == other.spikes.keys()
    for name, spikes in one.spikes.items():
        for field in ("t", "unit", "value", "start"):
            np.testing.assert_array_equal(
                getattr(spikes, field), getattr(other.spikes[name], field), f"{name}.{field}"
            )
    for name, readout in one.readouts.items():
        for field in ("final", "maximum", "maximum_t", "integral"):
            np.testing.assert_array_equal(
                getattr(readout, field), getattr(other.readouts[name], field), f"{name}.{field}"
            )
    for name, units in one.unit_spikes.items():
        np.testing.assert_array_equal(units, other.unit_spikes[name])
    for field in COUNTED:
        np.testing.assert_array_equal(
            getattr(one.counts, field), getattr(other.counts, field), field
        )
    np.testing.assert_array_equal(one.duration, other.duration)


@SLOW
@given(st.data())
def test_all_engines_give_the_same_record_on_random_graphs(data):
    network, weights = data.draw(networks())
    stream = data.draw(streams(network))
    options = {"event_budget": 20_000, "dtype": np.float64}
    try:
        reference = simulate(network, weights, stream, engine="reference", **options)
    except UserError:  # a runaway: see its own test
        return
    for engine in ("asynchronous", "auto"):
        assert_same(reference, simulate(network, weights, stream, engine=engine, **options))
    if feedforward.supports(network):
        assert_same(reference, simulate(network, weights, stream, engine="feedforward", **options))


@SLOW
@given(st.data())
def test_the_compiled_engines_agree_to_the_last_bit_in_float32(data):
    network, weights = data.draw(networks(models=("if", "lif", "readout")))
    stream = data.draw(streams(network))
    options = {"event_budget": 20_000, "dtype": np.float32}
    if feedforward.supports(network):
        one = simulate(network, weights, stream, engine="feedforward", **options)
        assert_same(one, simulate(network, weights, stream, engine="asynchronous", **options))


@SLOW
@given(st.data())
def test_recordings_of_a_batch_go_on_each_from_a_state_of_its_own(data):
    network, weights = data.draw(networks())
    batch = EventBatch.from_streams([data.draw(streams(network)) for _ in range(3)])
    options = {
        "event_budget": 20_000,
        "dtype": data.draw(st.sampled_from([np.float32, np.float64])),
    }
    try:
        whole = simulate(network, weights, batch, engine="asynchronous", **options)
    except UserError:
        return
    for i, stream in enumerate(batch):
        cut, state = data.draw(st.integers(0, stream.duration)), State.start(network)
        parts = []
        for piece in (stream.between(0, cut), stream.between(cut, stream.duration)):
            parts.append(simulate(network, weights, piece, state=state, **options))
            state = parts[-1].state
        for name, spikes in whole.spikes.items():
            own = slice(spikes.start[i], spikes.start[i + 1])
            for field in ("t", "unit", "value"):
                joined = np.concatenate([getattr(part.spikes[name], field) for part in parts])
                np.testing.assert_array_equal(getattr(spikes, field)[own], joined)
        for name, readout in whole.readouts.items():
            for field in ("final", "maximum", "maximum_t", "integral"):
                last = getattr(parts[-1].readouts[name], field)
                np.testing.assert_array_equal(getattr(readout, field)[i], last[0])


@SLOW
@given(st.data())
def test_a_stream_cut_anywhere_gives_the_record_of_one_run(data):
    network, weights = data.draw(networks())
    stream = data.draw(streams(network))
    options = {"engine": "asynchronous", "event_budget": 20_000, "dtype": np.float64}
    try:
        whole = simulate(network, weights, stream, **options)
    except UserError:
        return
    cuts = sorted(data.draw(st.lists(st.integers(0, stream.duration), max_size=3)))
    state, parts = State.start(network), []
    for begin, end in pairwise([0, *cuts, stream.duration]):
        chosen = (stream.t >= begin) & (stream.t < end)
        piece = replace(stream, t=stream.t[chosen], unit=stream.unit[chosen], duration=end)
        parts.append(simulate(network, weights, piece, state=state, **options))
        state = parts[-1].state
    for name, spikes in whole.spikes.items():
        for field in ("t", "unit", "value"):
            joined = np.concatenate([getattr(part.spikes[name], field) for part in parts])
            np.testing.assert_array_equal(getattr(spikes, field), joined)
    for name, readout in whole.readouts.items():
        for field in ("final", "maximum", "maximum_t", "integral"):
            last = getattr(parts[-1].readouts[name], field)
            np.testing.assert_array_equal(getattr(readout, field), last)
    for field in COUNTED:
        total = sum(getattr(part.counts, field) for part in parts)
        np.testing.assert_array_equal(getattr(whole.counts, field), total, field)


@SLOW
@given(st.data())
def test_simultaneous_events_in_any_file_order_give_one_record(data):
    network, weights = data.draw(networks())
    stream = data.draw(streams(network))
    shuffle = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(len(stream))
    order = shuffle[np.argsort(stream.t[shuffle], kind="stable")]
    other = replace(stream, unit=stream.unit[order])
    options = {"engine": "asynchronous", "event_budget": 20_000}
    try:
        one = simulate(network, weights, stream, **options)
    except UserError:
        return
    assert_same(one, simulate(network, weights, other, **options))


@SLOW
@given(st.data(), st.integers(1, 10**6))
def test_shifting_all_inputs_shifts_all_spikes(data, shift):
    network, weights = data.draw(networks(models=("if", "lif", "readout")))
    stream = data.draw(streams(network))
    later = replace(stream, t=stream.t + shift, duration=stream.duration + shift)
    options = {"engine": "asynchronous", "event_budget": 20_000}
    try:
        one = simulate(network, weights, stream, **options)
    except UserError:
        return
    two = simulate(network, weights, later, **options)
    for name, spikes in one.spikes.items():
        np.testing.assert_array_equal(spikes.t + shift, two.spikes[name].t)
        np.testing.assert_array_equal(spikes.unit, two.spikes[name].unit)


@pytest.mark.parametrize("engine", ["reference", "asynchronous", "feedforward"])
def test_an_open_end_is_when_the_last_thing_happened(engine):
    populations = [Population("in", (1,)), Population("a", (1,), IF())]
    populations += [Population("b", (1,), Readout(1_000.0))]
    connections = [Connection("in", "a", Dense(1, 1), 30), Connection("a", "b", Dense(1, 1), 500)]
    network = Network(tuple(populations), tuple(connections))
    streams = [EventStream(t, [0] * len(t), (1, 1, 1), duration=2_000) for t in ([], [10, 40])]
    weights = [np.ones((1, 1)), np.full((1, 1), 2.0)]
    batch = EventBatch.from_streams(streams)
    record = simulate(network, weights, batch, engine=engine, until_us=np.inf)
    # The last spike leaves at 70 us and arrives 500 us later, 30 us after the one before.
    assert record.duration.tolist() == [0, 570]
    assert record.readouts["b"].final[1, 0] == pytest.approx(2 + 2 * np.exp(-0.03))


def test_an_open_end_is_not_when_a_neuron_was_looked_at_in_vain():
    populations = Population("in", (1, 1, 2)), Population("a", (1,), CubaLIF(20_000.0, 5_000.0))
    network = Network(populations, (Connection("in", "a", Dense(2, 1)),))
    weights = [np.array([[8.0], [-3.0]])]  # The first event alone leads to a spike.
    events = EventStream([10, 11], [0, 1], (1, 1, 2), duration=100)
    for engine in ("reference", "asynchronous"):
        record = simulate(network, weights, events, engine=engine, until_us=np.inf)
        assert record.counts.spikes.tolist() == [[2, 0]] and record.duration.tolist() == [11]


def test_an_open_end_after_a_state_is_no_earlier_than_the_state():
    network = Network(
        (Population("in", (1,)), Population("a", (1,), IF())),
        (Connection("in", "a", Dense(1, 1)),),
    )
    nothing = EventStream([], [], (1, 1, 1), duration=900)
    state = simulate(network, [np.ones((1, 1))], nothing, until_us=70, state=True).state
    record = simulate(network, [np.ones((1, 1))], nothing, until_us=np.inf, state=state)
    assert record.duration.tolist() == [70] and record.state.t == 70


@pytest.mark.parametrize("engine", ["reference", "asynchronous", "feedforward"])
def test_an_event_on_the_end_of_a_run_is_not_run_and_not_counted(engine):
    populations = Population("in", (1,)), Population("a", (1,), IF())
    network = Network(populations, (Connection("in", "a", Dense(1, 1)),))
    stream = EventStream([10, 40, 40, 70], [0] * 4, (1, 1, 1), duration=100)
    weights = [np.ones((1, 1))]
    for until, events in ((40, 1), (40.5, 3), (41, 3), (70, 3)):
        record = simulate(network, weights, stream, engine=engine, until_us=until)
        assert record.counts.spikes.tolist() == [[events, min(events, 2)]]
        assert record.counts.synaptic_adds.tolist() == [[events]]


@pytest.mark.parametrize("engine", ["reference", "asynchronous", "feedforward"])
def test_the_time_of_a_maximum_is_when_it_was_reached_first(engine):
    populations = Population("in", (2,)), Population("out", (2,), Readout())
    network = Network(populations, (Connection("in", "out", Dense(2, 2)),))
    stream = EventStream([10, 20, 30], [0, 1, 0], (1, 1, 2), duration=50)
    weights = [np.array([[1.0, 0.0], [-1.0, 0.0]])]
    held = simulate(network, weights, stream, engine=engine).readouts["out"]
    assert held.maximum.tolist() == [[1, 0]] and held.maximum_t.tolist() == [[10, -np.inf]]


def test_spikes_a_neuron_are_counted_over_more_than_one_buffer():
    populations = Population("in", (2,)), Population("out", (2,), IF())
    network = Network(populations, (Connection("in", "out", Dense(2, 2)),))
    t = np.arange(70_000)  # the loop has room for 65,536 spikes
    stream = EventStream(t, t % 4 == 3, (1, 1, 2))
    options = {"engine": "asynchronous", "record": "counts"}
    counted = simulate(network, [np.eye(2)], stream, **options).unit_spikes["out"]
    assert counted.tolist() == [[52_500, 17_500]]


def test_the_peak_of_the_queue_does_not_grow_with_the_length_of_a_run():
    cell = Population("cell", (1,), CubaLIF(1000.0, 100.0, bias=1.01))
    network = Network((Population("in", (1,)), cell), (Connection("in", "cell", Dense(1, 1)),))
    peaks = []
    for n in (400, 2000):  # each event moves the next spike; what was predicted before is stale
        stream = EventStream(np.arange(n) * 3, np.zeros(n, int), (1, 1, 1), duration=3 * n)
        record = simulate(network, [np.full((1, 1), 0.001)], stream, engine="asynchronous")
        peaks.append(int(record.counts.queue_peak[0]))
    assert peaks[0] == peaks[1] < 100


@pytest.mark.parametrize("engine", ["reference", "asynchronous", "feedforward"])
@pytest.mark.parametrize("topology", [Dense(1, 1), Sparse(1, [0, 1], [0]), Pool2d((1, 1, 1), 1)])
def test_a_neuron_takes_what_comes_on_the_microsecond_at_which_it_is_ready(topology, engine):
    cell = Population("cell", (1, 1, 1), IF(refractory_us=5))
    network = Network((Population("in", (1, 1, 1)), cell), (Connection("in", "cell", topology),))
    stream = EventStream([0, 4, 5, 11], [0] * 4, (1, 1, 1), duration=20)
    record = simulate(network, [np.ones(topology.weight_shape)], stream, engine=engine)
    assert record.spikes["cell"].t.tolist() == [0, 5, 11]


def test_predicted_spikes_do_not_depend_on_how_many_others_wait():
    strong = np.random.default_rng(5).permutation(np.linspace(7.0, 30.0, 40))

    def fired(strong):
        n = len(strong)
        populations = Population("in", (1,)), Population("cells", (n,), CubaLIF(90.0, 20.0))
        network = Network(populations, (Connection("in", "cells", Dense(1, n)),))
        stream = EventStream([7], [0], (1, 1, 1), duration=500)
        spikes = simulate(network, [strong[None, :]], stream, engine="asynchronous").spikes
        return list(zip(spikes["cells"].t.tolist(), spikes["cells"].unit.tolist(), strict=True))

    alone = [(t, unit) for unit in range(40) for t, _ in fired(strong[unit : unit + 1])]
    assert len(alone) > 30 and fired(strong) == sorted(alone)


def ring(n, delay_us, engine, duration):
    to_next = Sparse(n, np.arange(n + 1), (np.arange(n) + 1) % n)
    first = Sparse(n, [0, 1], [0])
    network = Network(
        (Population("input", (1, 1, 1)), Population("ring", (n,), IF())),
        (Connection("input", "ring", first), Connection("ring", "ring", to_next, delay_us)),
    )
    start = EventStream([0], [0], (1, 1, 1), duration=duration)
    weights = {"input->ring": np.ones(1), "ring->ring": np.ones(n)}
    return simulate(network, weights, start, engine=engine).spikes["ring"]


@given(
    st.lists(st.integers(0, 1 << 21) | st.floats(0, 1e7) | st.just(float("inf"))),
    st.sampled_from([3.0, 30_000.0]),
)
@example([(1 << 20) - 1, 1 << 20], 30_000.0)  # the last interval of the table, and the one behind
def test_decays_over_many_intervals_are_those_over_each(gaps, tau):
    table, many = LIF(tau).decays, np.array(gaps, np.float64)
    assert decays(many, tau, table).tolist() == [decay(float(gap), tau, table) for gap in gaps]


@pytest.mark.parametrize("engine", ["reference", "asynchronous"])
def test_neuron_i_of_a_ring_fires_at_i_times_the_delay(engine):
    spikes = ring(99, 1_234, engine, 99 * 1_234)
    np.testing.assert_array_equal(spikes.t, np.arange(99) * 1_234.0)
    np.testing.assert_array_equal(spikes.unit, np.arange(99))


@pytest.mark.parametrize("engine", ["reference", "asynchronous"])
def test_a_ring_with_a_delay_for_each_synapse_fires_at_their_sums(engine):
    rng = np.random.default_rng(5)
    delays = rng.integers(1, 5_000, 99)
    spikes = ring(99, delays, engine, int(delays[:-1].sum()) + 1)
    np.testing.assert_array_equal(spikes.t, np.concatenate([[0], np.cumsum(delays[:-1])]))


def test_relabelling_the_neurons_permutes_the_record():
    rng = np.random.default_rng(2)
    n, permutation = 30, rng.permutation(30)
    # Weights are multiples of 1/64, so that sums are exact in any order.
    into, among = (rng.integers(-32, 64, shape) / 64 for shape in ((8, n), (n, n)))
    stream = EventStream(np.sort(rng.integers(0, 9_000, 300)), rng.integers(0, 8, 300), (1, 1, 8))
    network = Network(
        (Population("input", (8,)), Population("p", (n,), IF(2.0, "zero", 40))),
        (
            Connection("input", "p", Dense(8, n)),
            Connection("p", "p", Dense(n, n), 700),
        ),
    )
    one = simulate(network, [into, among], stream).spikes["p"]
    renamed = [into[:, permutation], among[permutation][:, permutation]]
    two = simulate(network, renamed, stream).spikes["p"]
    assert len(one) > 100
    mapped = sorted(zip(two.t, permutation[two.unit], strict=True))
    assert mapped == sorted(zip(one.t, one.unit, strict=True))


def test_tied_inputs_are_summed_before_the_threshold():
    network = Network(
        (Population("input", (2,)), Population("p", (1,), LIF(1_000.0))),
        (Connection("input", "p", Dense(2, 1)),),
    )
    stream = EventStream([10, 10, 20], [0, 1, 0], (1, 1, 2))
    record = simulate(network, [np.array([[1.5], [-1.0]])], stream)
    np.testing.assert_array_equal(record.spikes["p"].t, [20.0])


def test_what_a_subtractive_reset_leaves_fires_at_the_next_delivery():
    network = Network(
        (Population("input", (2,)), Population("p", (1,), IF())),
        (Connection("input", "p", Dense(2, 1)),),
    )
    stream = EventStream([10, 20, 30, 40], [0, 1, 1, 1], (1, 1, 2))
    record = simulate(network, [np.array([[3.0], [0.0]])], stream)
    np.testing.assert_array_equal(record.spikes["p"].t, [10.0, 20.0, 30.0])


def integrated_spikes(model, inputs, end):
    """Spike times of a current-based LIF by numerical integration, delivery by delivery."""
    v, current, t, spikes, ready = 0.0, 0.0, 0.0, [], 0.0

    def slope(_, y):
        held = 0.0 if _ < ready else (-y[0] + y[1] + model.bias) / model.tau_mem_us
        return [held, -y[1] / model.tau_syn_us]

    def crossed(_, y):
        return y[0] - model.threshold

    crossed.terminal, crossed.direction = True, 1
    stops = sorted({*(when for when, _ in inputs), end})
    while t < end:
        stop = min(s for s in [*stops, ready] if s > t)
        solved = solve_ivp(
            slope, (t, stop), [v, current], events=crossed, rtol=1e-12, atol=1e-13, max_step=50.0
        )
        t, (v, current) = solved.t[-1], solved.y[:, -1]
        if solved.status == 1:
            spikes.append(t)
            v, ready = 0.0, t + model.refractory_us
        else:
            t = stop
            current += sum(w for when, w in inputs if when == t)
    return np.array(spikes)


@pytest.mark.parametrize(
    "model",
    [
        CubaLIF(20_000.0, 5_000.0, 1.0),
        CubaLIF(5_000.0, 20_000.0, 1.0, refractory_us=300.0),
        CubaLIF(10_000.0, 10_000.0, 1.0, bias=1.1),
        CubaLIF(10_000.0, 10_000.0 * (1 + 1e-9), 1.0, bias=-0.2),
    ],
)
def test_current_based_lif_agrees_with_a_numerical_integration(model):
    rng = np.random.default_rng(7)
    times = np.sort(rng.choice(np.arange(1, 60_000), 40, replace=False))
    units = rng.integers(0, 3, 40)
    weights = np.array([[1.5], [3.0], [-1.0]])
    network = Network(
        (Population("input", (3,)), Population("p", (1,), model)),
        (Connection("input", "p", Dense(3, 1)),),
    )
    stream = EventStream(times, units, (1, 1, 3), duration=60_000)
    expected = integrated_spikes(
        model, list(zip(times.astype(float), weights[units, 0], strict=True)), 60_000.0
    )
    for engine in ("reference", "asynchronous"):
        spikes = simulate(network, [weights], stream, engine=engine).spikes["p"]
        assert len(expected) > 5
        np.testing.assert_allclose(spikes.t, expected, rtol=0, atol=1e-6 * 5_000.0)


def test_a_bias_alone_makes_a_current_based_neuron_fire_at_its_known_period():
    model = CubaLIF(10_000.0, 5_000.0, 1.0, refractory_us=500.0, bias=1.5)
    network = Network(
        (Population("input", (1,)), Population("p", (2,), model)),
        (Connection("input", "p", Dense(1, 2)),),
    )
    silence = EventStream([], [], (1, 1, 1), duration=100_000)
    spikes = simulate(network, [np.zeros((1, 2))], silence).spikes["p"]
    first = 10_000.0 * np.log(1.5 / 0.5)
    expected = first + (first + 500.0) * np.arange(9)
    np.testing.assert_allclose(spikes.t[::2], expected[expected < 100_000], rtol=1e-12)
    np.testing.assert_array_equal(spikes.unit[:2], [0, 1])


def grouped_network(model, least):
    """A recurrent network in which several synapses of a sender share a delay; tied inputs."""
    rng = np.random.default_rng(11)
    senders, n = 12, 20
    delays = np.array([least, 5, 9, 40])
    pairs = [(rng.integers(0, size, 400), rng.integers(0, n, 400)) for size in (senders, n)]
    into = Sparse.from_pairs(*pairs[0], senders, n)[0]
    back = Sparse.from_pairs(*pairs[1], n, n)[0]
    network = Network(
        (Population("input", (senders,)), Population("p", (n,), model)),
        (
            Connection("input", "p", into, rng.choice(delays, 400)),
            Connection("p", "p", back, rng.choice(delays[1:], 400)),
        ),
    )
    graph = plan(network)
    assert (graph.writes != graph.connection)[graph.kind == CALENDAR].all()
    weights = [rng.normal(0.05, 0.2, 400), rng.normal(0.0, 0.2, 400)]
    # Many ties, so that the order of sums matters to the last bit.
    t, unit = np.sort(rng.integers(0, 300, 900)), rng.integers(0, senders, 900)
    return network, weights, EventStream(t, unit, (1, 1, senders))


@pytest.mark.parametrize("least", [0, 2])
@pytest.mark.parametrize("model", [LIF(50.0, 1.0, "zero", 3), CubaLIF(50.0, 5.0, 0.5)])
def test_groups_of_one_delay_are_delivered_in_the_order_of_sending(model, least):
    network, weights, stream = grouped_network(model, least)
    reference = simulate(network, weights, stream, engine="reference")
    assert len(reference.spikes["p"]) > 150
    assert_same(reference, simulate(network, weights, stream, engine="asynchronous"))


def test_a_stream_cut_while_groups_wait_gives_the_record_of_one_run():
    network, weights, stream = grouped_network(LIF(50.0, 1.0, "zero", 3), 0)
    whole = simulate(network, weights, stream, engine="asynchronous")
    state, t, unit = State.start(network), [], []
    for first, last in pairwise([0, 7, 90, 91, 250, int(stream.duration)]):
        part = (stream.t >= first) & (stream.t < last)
        some = EventStream(stream.t[part], stream.unit[part], stream.shape, duration=last)
        record = simulate(network, weights, some, state=state)
        state = record.state
        assert last == stream.duration or len(state.synapse_t) > 40
        t.append(record.spikes["p"].t)
        unit.append(record.spikes["p"].unit)
    np.testing.assert_array_equal(np.concatenate(t), whole.spikes["p"].t)
    np.testing.assert_array_equal(np.concatenate(unit), whole.spikes["p"].unit)


def runaway():
    network = Network(
        (Population("input", (1,)), Population("calm", (1,), IF()), Population("wild", (3,), IF())),
        (
            Connection("input", "calm", Dense(1, 1)),
            Connection("calm", "wild", Dense(1, 3)),
            Connection("wild", "wild", Dense(3, 3), 10),
        ),
    )
    weights = [np.ones((1, 1)), np.ones((1, 3)), np.full((3, 3), 2.0)]
    return network, weights, EventStream([0], [0], (1, 1, 1), duration=10**9)


@pytest.mark.parametrize("engine", ["reference", "asynchronous"])
def test_a_runaway_stops_at_its_budget_and_names_the_busiest_population(engine):
    network, weights, stream = runaway()
    with pytest.raises(UserError, match="more than 1000 spikes; the busiest population is wild"):
        simulate(network, weights, stream, engine=engine, event_budget=1_000)


def test_a_run_that_keeps_counts_only_does_not_grow_with_its_length():
    network, weights, _ = runaway()
    network = Network(network.populations[:2], network.connections[:1])
    t = np.arange(0, 4_000_000, 10)
    long = EventStream(t, np.zeros(len(t), int), (1, 1, 1))
    tracemalloc.start()
    try:
        simulate(network, weights[:1], long.slice_count(0, 100), engine="asynchronous")
        tracemalloc.reset_peak()
        inputs = 12 * len(t)
        before = tracemalloc.get_traced_memory()[0]
        counts = simulate(network, weights[:1], long, engine="asynchronous", record="counts").counts
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert counts.spikes[0, 1] == len(t)
    # The events are read as float64 and int32; the buffers of the loop are a few MB.
    assert peak < 2 * inputs + 5_000_000


@pytest.mark.parametrize("engine", ["asynchronous", "feedforward"])
def test_a_run_that_keeps_its_spikes_grows_by_at_most_24_bytes_a_spike(engine):
    neurons, events = 50, 20_000
    populations = Population("input", (1,)), Population("out", (neurons,), IF())
    network = Network(populations, (Connection("input", "out", Dense(1, neurons)),))
    stream = EventStream(np.arange(events) * 10, np.zeros(events, int), (1, 1, 1))
    weights = [np.full((1, neurons), 2.0)]
    simulate(network, weights, stream, engine=engine)
    tracemalloc.start()
    try:
        record = simulate(network, weights, stream, engine=engine)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert record.counts.spikes[0, 1] == events * neurons
    assert kept <= 24 * (events * neurons + events)


def test_the_state_is_saved_and_restored(tmp_path):
    rng = np.random.default_rng(0)
    network = Network(
        (Population("input", (4,)), Population("p", (5,), LIF(2_000.0))),
        (
            Connection("input", "p", Dense(4, 5), 500),
            Connection("p", "p", Dense(5, 5), rng.integers(1, 900, (5, 5))),
        ),
    )
    weights = [rng.normal(0.4, 0.4, (4, 5)), rng.normal(0, 0.3, (5, 5))]
    stream = EventStream(np.sort(rng.integers(0, 5_000, 80)), rng.integers(0, 4, 80), (1, 1, 4))
    half = EventStream(*(a[stream.t < 2_500] for a in (stream.t, stream.unit)), (1, 1, 4))
    half = replace(half, duration=2_500)
    rest = replace(stream, t=stream.t[stream.t >= 2_500], unit=stream.unit[stream.t >= 2_500])
    state = simulate(network, weights, half, state=State.start(network)).state
    assert len(state.log_t) > 0 and len(state.synapse_t) > 0
    state.save(tmp_path / "state.npz")
    again = State.load(tmp_path / "state.npz")
    one = simulate(network, weights, rest, state=state).spikes["p"]
    two = simulate(network, weights, rest, state=again).spikes["p"]
    assert len(one) > 0
    np.testing.assert_array_equal(one.t, two.t)
    with pytest.raises(DataError, match="no readable zip"):
        (tmp_path / "bad.npz").write_bytes(b"nothing")
        State.load(tmp_path / "bad.npz")


def test_float32_and_float64_states_agree_to_the_precision_of_float32():
    rng = np.random.default_rng(3)
    network = Network(
        (Population("input", (20,)), Population("o", (6,), Readout(3_000.0))),
        (Connection("input", "o", Dense(20, 6)),),
    )
    weights = [rng.normal(0, 1, (20, 6))]
    stream = EventStream(np.sort(rng.integers(0, 9_000, 500)), rng.integers(0, 20, 500), (1, 1, 20))
    wide = simulate(network, weights, stream, dtype=np.float64).readouts["o"]
    narrow = simulate(network, weights, stream, dtype=np.float32).readouts["o"]
    assert narrow.final.dtype == np.float32
    np.testing.assert_allclose(narrow.final, wide.final, atol=1e-4)
    np.testing.assert_allclose(narrow.integral, wide.integral, rtol=1e-4)
