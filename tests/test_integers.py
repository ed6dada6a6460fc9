"""Integer networks: every engine gives the bits of plain Python ints, also at the bounds."""

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import image_layer, topology

import eventsnn as es
from eventsnn.engines import simulate
from eventsnn.exchange.integers import bounds, reference
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.integer_decay import ONE, decay_rows, decayed, factor
from eventsnn.neurons.integer_lif import IntegerLIF
from eventsnn.neurons.integer_readout import IntegerReadout


@st.composite
def integer_networks(draw):
    """A chain, or one with a branch, with delays; weights of 1 to 16 bits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = st.sampled_from([1, 2, 5])
    populations = [Population("in", (draw(st.sampled_from([1, 2])), draw(size), draw(size)))]
    connections, weights = [], []
    for k in range(draw(st.integers(1, 3))):
        source = populations[-1]
        placed = len(source.shape) == 3 and draw(st.booleans())
        if placed:
            link = image_layer(draw, source)
            shape = link.out_shape
        else:
            shape = (draw(st.integers(1, 6)),)
            link = topology(draw, source, Population("x", shape), rng)
        tau, tick = draw(st.sampled_from([200.0, 900.0, 30_000.0, 3e9, math.inf])), draw(tick_us)
        fraction, bits = draw(st.integers(0, 12)), draw(st.integers(2, 16))
        last = 1 << (bits - 1)
        limit = draw(st.integers(1, last)) << fraction
        many = draw(st.booleans())
        limits = [limit + i for i in range(shape[-1])] if many else limit
        neuron = IntegerLIF(tau, limits, draw(resets), fraction, tick, draw(refractory))
        populations.append(Population(f"h{k}", shape, neuron))
        connections.append(Connection(source.name, f"h{k}", link, draw(st.sampled_from([0, 0, 7]))))
        weights.append(rng.integers(1 - last, last, link.weight_shape).astype(float))
    tau = draw(st.sampled_from([500.0, 30_000.0, 3e9, math.inf]))
    out = IntegerReadout(tau, draw(st.integers(0, 8)), draw(tick_us))
    populations.append(Population("out", (3,), out))
    connections.append(Connection(populations[-2].name, "out", es.Dense(populations[-2].size, 3)))
    weights.append(rng.integers(-127, 128, (populations[-2].size, 3)).astype(float))
    return Network(tuple(populations), tuple(connections)), weights


tick_us = st.sampled_from([1, 1, 4, 64])
resets = st.sampled_from(["subtract", "zero"])
refractory = st.sampled_from([0, 0, 5, 200])


@st.composite
def recordings(draw, network):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, longest = draw(st.integers(0, 60)), draw(st.sampled_from([30, 3_000, 2_000_000, 2**31]))
    t = np.sort(rng.integers(0, longest, n))
    source = network.populations[0]
    return es.EventStream(t, rng.integers(0, source.size, n), source.shape, 0, longest)


def test_every_engine_gives_the_bits_of_plain_ints():
    fired = []

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def check(data):
        network, weights = data.draw(integer_networks())
        stream = data.draw(recordings(network))
        expected = reference.run(network, weights, stream)
        fired.append(sum(len(s) for name, s in expected.spikes.items() if name != "in"))
        assert_same(network, weights, stream, expected)

    check()
    assert len(fired) >= 60 and np.mean(np.array(fired) > 0) > 0.3


def assert_same(network, weights, stream, expected):
    for engine in ("reference", "asynchronous", "feedforward"):
        record = simulate(network, weights, stream, engine=engine)
        for name, spikes in record.spikes.items():
            found = list(zip(spikes.t.astype(int).tolist(), spikes.unit.tolist(), strict=True))
            assert sorted(found) == sorted(expected.spikes[name]), (engine, name)
        kept = record.readouts["out"]
        for field in reference.Potential._fields:
            found = getattr(kept, field)[0].tolist()
            assert found == [getattr(p, field) for p in expected.potentials["out"]], engine


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_potential_exceeds_its_bound(data):
    network, weights = data.draw(integer_networks())
    stream = data.draw(recordings(network))
    found = reference.run(network, weights, stream).largest
    bound = bounds.bounds(network, weights, len(stream))
    assert found.keys() == bound.keys()
    assert all(found[name] <= bound[name] for name in found)


def one_neuron(weight, threshold, fraction=0, reset="zero"):
    cell = IntegerLIF(threshold=threshold, fraction=fraction, reset=reset)
    populations = (Population("in", (1, 1, 2)), Population("a", 1, cell), Population("out", 1, OUT))
    links = (Connection("in", "a", es.Dense(2, 1)), Connection("a", "out", es.Dense(1, 1)))
    return Network(populations, links), [np.array([[weight], [-weight]], float), np.array([[9.0]])]


OUT = IntegerReadout(fraction=0)


def test_bounds_are_reached_and_one_event_more_would_leave_32_bits():
    network, weights = one_neuron(32_767, 2**31 - 1, fraction=8)
    most = bounds.most_events(network, weights)
    assert most == (2**31 - 1) // (32_767 << 8)
    for unit, at_end in ((0, {"a": most * (32_767 << 8)}), (1, {"a": most * (32_767 << 8)})):
        stream = es.EventStream(np.arange(most), np.full(most, unit), (1, 1, 2), 0, 10_000)
        assert reference.run(network, weights, stream).largest["a"] == at_end["a"] <= 2**31 - 1
        assert_same(network, weights, stream, reference.run(network, weights, stream))
    assert bounds.bounds(network, weights, most + 1)["a"] > 2**31 - 1


def test_a_neuron_fires_as_often_as_its_input_pays_for_and_no_more():
    network, weights = one_neuron(10, 25, reset="subtract")
    assert bounds.bounds(network, weights, 100) == {"a": 1_000, "out": 9 * 40}
    stream = es.EventStream(np.arange(100), np.zeros(100, int), (1, 1, 2), 0, 1_000)
    run = reference.run(network, weights, stream)
    assert len(run.spikes["a"]) == 40 and run.largest["out"] == 9 * 40


def test_a_network_that_one_event_may_overflow_is_refused_by_name():
    network, weights = one_neuron(32_767, 5, fraction=20)
    with pytest.raises(es.UserError, match="potentials of a may leave 32 bits after one event"):
        bounds.most_events(network, weights)


@given(st.integers(-(2**31) + 1, 2**31 - 1), st.integers(0, 3_000_000), st.integers(0, 3_000_000))
def test_a_decay_shrinks_and_is_within_a_unit_of_the_exponential(v, ticks, more):
    getcontext().prec = 60
    table = decay_rows(30_000.0, 1)
    found = decayed(v, factor(ticks, table))
    exact = v * (-Decimal(ticks) / 30_000).exp()
    assert abs(found) <= abs(v) and found * v >= 0
    assert abs(found - exact) <= Decimal("0.5") + abs(v) * Decimal(3) / ONE
    assert abs(decayed(found, factor(more, table))) <= abs(found)


def test_a_table_is_rounded_right_and_nothing_is_left_at_its_cut():
    for tau, tick in ((30_000.0, 1), (500.0, 1), (30_000.0, 64), (2.5e6, 1)):
        rows, cut = table = decay_rows(tau, tick)
        assert rows[0][0] == ONE and all(e < ONE for row in rows for e in row[1:])
        assert decayed(2**31 - 1, factor(cut - 1, table)) == 0 == factor(cut, table)
        assert factor(256, table) == rows[1][1]
        for k, row in enumerate(rows):
            exact = ONE * math.exp(-3 * 256**k * tick / tau)
            assert abs(row[3] - exact) <= 0.5 + 1e-6


def test_without_a_leak_nothing_is_multiplied():
    assert IntegerLIF(threshold=5).multiplications == 0
    assert factor(10**9, decay_rows(math.inf, 1)) == ONE


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"threshold": 0.5}, "threshold is 0.5"),
        ({"threshold": [3, 0]}, "threshold of channel 1 is 0"),
        ({"threshold": 2**31}, "threshold"),
        ({"fraction": 25}, "fraction is 25"),
        ({"tick_us": 3}, "power of two"),
        ({"tau_us": -1.0}, "tau_us"),
        ({"tau_us": 1e300}, "tau_us is 1e.300; give 2..53 at most, or inf"),
        ({"reset": "none"}, "reset"),
    ],
)
def test_parameters_that_no_integer_neuron_can_have_are_refused(values, what):
    with pytest.raises(es.UserError, match=what):
        IntegerLIF(**values)


def test_the_reference_refuses_other_neurons_cycles_and_weights_that_are_not_whole():
    stream = es.EventStream([1], [0], (1, 1, 2))
    cell = IntegerLIF()
    floats = es.Network(
        (es.Population("in", (1, 1, 2)), es.Population("a", 2, es.IF())),
        (es.Connection("in", "a", es.Dense(2, 2)),),
    )
    with pytest.raises(es.UserError, match="a has if neurons"):
        reference.run(floats, [np.ones((2, 2))], stream)
    one = es.Network((floats["in"], es.Population("a", 2, cell)), floats.connections)
    with pytest.raises(es.UserError, match="in->a are no whole numbers"):
        reference.run(one, [np.full((2, 2), 0.5)], stream)
    looped = es.Network(
        one.populations, (*one.connections, es.Connection("a", "a", es.Dense(2, 2), 3))
    )
    with pytest.raises(es.UserError, match="a is in a cycle"):
        reference.run(looped, [np.ones((2, 2))] * 2, stream)


def big_potentials():
    """Potentials of more than 24 bits, and of more than the 33 of which a product is an int64."""
    cell = IntegerLIF(20_000, 2**31 - 1, fraction=24)
    out = IntegerReadout(20_000, fraction=20)
    populations = (Population("in", (1, 1, 2)), Population("a", 1, cell), Population("out", 1, out))
    links = (Connection("in", "a", es.Dense(2, 1)), Connection("in", "out", es.Dense(2, 1)))
    stream = es.EventStream([10, 500, 3_000], [0, 1, 0], (1, 1, 2), 0, 10_000)
    return (
        Network(populations, links),
        [np.array([[-1e3], [-1001]]), np.array([[32e3], [7]])],
        stream,
    )


def test_potentials_beyond_32_bits_leak_as_plain_ints_do():
    network, weights, stream = big_potentials()
    expected = reference.run(network, weights, stream)
    assert expected.largest["out"] > 2**35
    assert_same(network, weights, stream, expected)


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_weights_of_any_width_run_in_float64(kind):
    network, weights, stream = big_potentials()
    narrow = [w.astype(kind) for w in weights]
    assert_same(network, narrow, stream, reference.run(network, weights, stream))
    session = es.Session(network, narrow, reads="final")
    assert (
        session.push(stream).scores.tolist()
        == es.simulate(network, weights, stream).readouts["out"].final[0].tolist()
    )


def test_float32_which_does_not_hold_whole_numbers_is_refused():
    network, weights, stream = big_potentials()
    with pytest.raises(es.UserError, match="a: whole numbers need float64, dtype is float32"):
        es.simulate(network, weights, stream, dtype=np.float32)


@pytest.mark.parametrize("tau", [4_000.0, math.inf])
def test_a_window_of_a_session_reads_what_happened_in_it(tau):
    out = IntegerReadout(tau, fraction=6)
    network = Network(
        (Population("in", (1, 1, 2)), Population("out", 2, out)),
        (Connection("in", "out", es.Dense(2, 2)),),
    )
    weights = [np.array([[7.0, -3.0], [2.0, 11.0]])]
    rng = np.random.default_rng(0)
    t, unit = np.sort(rng.integers(0, 100_000, 200)), rng.integers(0, 2, 200)
    session = es.Session(network, weights, window_us=50_000)
    stream = es.EventStream(t, unit, (1, 1, 2), 0, 100_000)
    scores = session.push(stream, until_us=100_000).scores

    def integrals(end):
        first = t < end
        part = es.EventStream(t[first], unit[first], (1, 1, 2), 0, end)
        return np.array(
            [p.integral for p in reference.run(network, weights, part).potentials["out"]]
        )

    # At each of 20 tenths potentials are brought up to now, which rounds once more.
    off = np.abs(scores - (integrals(100_000) - integrals(50_000)))
    assert off.max() <= (20 if math.isfinite(tau) else 0) and (np.abs(scores) > 20_000).all()


def test_potentials_that_a_run_begins_with_leak_into_the_integral():
    network, weights = one_neuron(3, 5)
    out = Population("out", 1, IntegerReadout(4_000.0, fraction=0))
    network = Network((*network.populations[:2], out), network.connections)
    state = es.State.start(network).replaced("out", v=1_000)
    nothing = es.EventStream([], [], (1, 1, 2), 0, 10_000_000)
    record = es.simulate(network, weights, nothing, state=state)
    kept = record.readouts["out"]
    assert (kept.final[0, 0], kept.integral[0, 0]) == (0, 1_000)
