from types import SimpleNamespace

import numpy as np
import pytest

from eventsnn.engines import simulate
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.measure.spike_formats import from_nest, from_nir, to_nest, to_nir
from eventsnn.measure.traffic import traffic
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.topology.dense import Dense


def relay(delay_us=0):
    """Input 0 fires relay 0, which fires output 0; input 1 likewise output 1."""
    network = Network(
        (Population("input", (2,)), Population("relay", (2,), IF()), Population("out", (2,), IF())),
        (
            Connection("input", "relay", Dense(2, 2)),
            Connection("relay", "out", Dense(2, 2), delay_us),
        ),
    )
    return network, [np.eye(2), np.eye(2)]


EVENTS = EventStream([100, 200, 300, 5_000, 9_000], [0, 0, 0, 1, 1], (1, 1, 2), duration=12_000)


def test_traffic_counts_what_was_sent_from_where_to_where():
    network, weights = relay()
    seen = traffic(simulate(network, weights, EVENTS), EVENTS, burst_gap_us=150)
    np.testing.assert_array_equal(seen.spikes, [5, 5, 5])
    np.testing.assert_array_equal(seen.deliveries, [[0, 5, 0], [0, 0, 5], [0, 0, 0]])
    np.testing.assert_array_equal(seen.synaptic_adds, [[0, 10, 0], [0, 0, 10], [0, 0, 0]])
    np.testing.assert_array_equal(seen.fan_out, [2, 2, 0])
    np.testing.assert_array_equal(seen.rate[0], [3, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0])
    np.testing.assert_array_equal(seen.bursts, [1, 1, 1])
    np.testing.assert_array_equal(seen.first_spike_us, [100, 100, 100])
    assert seen.decision_us == 100
    assert seen.busiest[0] == ("input", 0, 3)
    assert "input -> relay: 5, 10" in seen.table()


def test_the_decision_is_when_the_winner_took_the_lead_for_good():
    network, weights = relay()
    events = EventStream([1, 2, 3, 4, 5], [1, 0, 1, 0, 0], (1, 1, 2))
    assert traffic(simulate(network, weights, events), events).decision_us == 5


def test_queue_depth_counts_the_spikes_on_their_way():
    network, weights = relay(delay_us=2_500)
    seen = traffic(simulate(network, weights, EVENTS), EVENTS)
    np.testing.assert_array_equal(seen.queue_depth, [3, 3, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0])


def test_a_spike_is_on_its_way_until_its_slowest_synapse():
    network, weights = relay(delay_us=np.array([[100, 2_500], [100, 200]]))
    events = EventStream([100, 5_000], [0, 1], (1, 1, 2), duration=8_000)
    seen = traffic(simulate(network, weights, events), events)
    # Every spike of the connection waits for 2,500 us, whoever sent it.
    np.testing.assert_array_equal(seen.queue_depth, [1, 1, 0, 0, 0, 1, 1, 0])


def test_traffic_needs_all_spikes():
    network, weights = relay()
    with pytest.raises(UserError, match="spikes of relay were not kept"):
        traffic(simulate(network, weights, EVENTS, record=["out"]), EVENTS)


def test_each_population_has_its_own_busiest_units():
    network, weights = relay()
    events = EventStream([1, 2, 3, 4, 5], [0, 0, 0, 1, 1], (1, 1, 2))
    seen = traffic(simulate(network, [np.eye(2), 0 * np.eye(2)], events), events, top=1)
    assert seen.busiest == (("input", 0, 3), ("relay", 0, 3))
    np.testing.assert_array_equal(seen.active, [2, 2, 0])
    layers = traffic(simulate(network, weights, events), events).to_json()["layers"]
    assert [row["busiest_units"] for row in layers] == [[[0, 3], [1, 2]]] * 3
    assert [row["active_units"] for row in layers] == [2, 2, 2]


def test_spikes_as_far_apart_as_the_gap_are_a_burst_and_others_are_not():
    network, weights = relay()
    # Unit 0: 0, 100, 200 is a burst; then 301 ends it. Unit 1 spikes among them, but twice.
    events = EventStream([0, 50, 100, 150, 200, 301], [0, 1, 0, 1, 0, 0], (1, 1, 2))
    record = simulate(network, weights, events)
    assert traffic(record, events, burst_gap_us=100).bursts.tolist() == [1, 1, 1]
    assert traffic(record, events, burst_gap_us=99).bursts.tolist() == [0, 0, 0]
    # Two bursts of one unit, and a unit that goes on where another ended.
    events = EventStream([0, 1, 2, 50, 51, 52, 53, 54], [0] * 6 + [1] * 2, (1, 1, 2))
    record = simulate(network, weights, events)
    assert traffic(record, events, burst_gap_us=10).bursts.tolist() == [2, 2, 2]


def lead_of(t, unit, size):
    """When the unit with the most spikes took the lead for good, spike by spike."""
    counts, led = [0] * size, None
    winner = max(range(size), key=[unit.count(u) for u in range(size)].__getitem__)
    for time, u in zip(t, unit, strict=True):
        counts[u] += 1
        leads = all(counts[winner] > c for v, c in enumerate(counts) if v != winner)
        led = (time if led is None else led) if leads else None
    return np.inf if led is None else led


def test_the_decision_is_what_a_plain_count_finds():
    rng = np.random.default_rng(0)
    network, weights = relay()
    decided = 0
    for _ in range(30):
        n = int(rng.integers(1, 9))
        t, unit = np.cumsum(rng.integers(1, 9, n)), rng.integers(0, 2, n)
        events = EventStream(t, unit, (1, 1, 2))
        found = traffic(simulate(network, weights, events), events).decision_us
        assert found == lead_of(t.tolist(), unit.tolist(), 2)
        decided += np.isfinite(found)
    assert 15 < decided < 30


def test_spikes_go_to_nest_and_back():
    network, weights = relay()
    spikes = to_nest(simulate(network, weights, EVENTS), "out")
    np.testing.assert_allclose(spikes["times"], [0.1, 0.2, 0.3, 5.0, 9.0])
    back = from_nest(spikes, 2)
    np.testing.assert_array_equal(back.t, EVENTS.t)
    np.testing.assert_array_equal(back.unit, EVENTS.unit)
    with pytest.raises(DataError, match="no 'times'"):
        from_nest({"senders": np.zeros(1)}, 2)


def test_times_of_other_simulators_are_rounded_to_the_nearest_microsecond():
    times = np.array([0.0004, 0.0006, 1.0019, 2.00151])
    nest = {"senders": np.array([1, 1, 2, 2]), "times": times}
    assert from_nest(nest, 2).t.tolist() == [0, 1, 1002, 2002]
    nir = SimpleNamespace(idx=np.array([[0, 0, 1, 1]]), time=times[None] / 1e3, n_neurons=2)
    assert from_nir(nir)[0].t.tolist() == [0, 1, 1002, 2002]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"senders": np.array([1])}, "1 senders, 2 times"),
        ({"senders": np.array([1, 3])}, "sender 1 is 3; 2 units have 1 to 2"),
        ({"senders": np.array([0, 1])}, "sender 0 is 0"),
        ({"senders": np.array([1, 2**32 + 1])}, "sender 1 is 4294967297"),
        ({"senders": np.array([1, 1.5])}, "sender 1 is 1.5"),
        ({"senders": ["a", "b"]}, "give one number a spike"),
        ({"senders": [1, []], "times": []}, "senders are no array"),
        ({"times": np.array([1, 2])}, "in steps, not in ms"),
        ({"offsets": np.array([0.0, 0.1])}, "in steps, not in ms"),
        ({"times": np.array([1.0, np.nan])}, "spike 1 is at nan s"),
        ({"times": np.array([-1.0, 2.0])}, "spike 0 is at -0.001 s"),
        ({"times": np.array([1.0, 1e300])}, "spike 1 is at 1e[+]297 s"),
    ],
)
def test_spikes_of_nest_that_cannot_be_are_refused(changed, message):
    good = {"senders": np.array([1, 2]), "times": np.array([1.0, 2.0])}
    assert from_nest(good, 2).unit.tolist() == [0, 1]
    with pytest.raises(DataError, match=message):
        from_nest(good | changed, 2)


def test_times_of_nest_in_steps_are_steps_less_their_offsets():
    steps = {"senders": np.array([101, 103]), "times": np.array([15, 23])}
    found = from_nest(steps, 3, first_sender=101, resolution_ms=0.1)
    assert found.t.tolist() == [1500, 2300] and found.unit.tolist() == [0, 2]
    steps["offsets"] = np.array([0.0, 0.04])
    found = from_nest(steps, 3, first_sender=101, resolution_ms=0.1)
    assert found.t.tolist() == [1500, 2260]
    with pytest.raises(DataError, match="leave resolution_ms out"):
        from_nest({"senders": [1], "times": [1.5]}, 1, resolution_ms=0.1)


def test_units_of_nir_that_cannot_be_are_refused():
    for idx, time, message in (
        ([[0, -2]], [[1.0, 2.0]], "unit 1 is -2; 2 units have 0 to 1"),
        ([[0, 2]], [[1.0, 2.0]], "unit 1 is 2"),
        ([[0, 1]], [[1.0, np.inf]], "spike 1 is at inf s"),
        ([[0, 1]], [[1.0]], "give both"),
    ):
        data = SimpleNamespace(idx=np.array(idx), time=np.array(time), n_neurons=2)
        with pytest.raises(DataError, match=message):
            from_nir(data)


def test_spikes_come_from_nir_event_data_with_padding():
    data = SimpleNamespace(
        idx=np.array([[1, 0], [1, -1]]), time=np.array([[1e-3, 2e-3], [5e-6, np.inf]]), n_neurons=2
    )
    one, two = from_nir(data)
    np.testing.assert_array_equal(one.t, [1_000, 2_000])
    np.testing.assert_array_equal(two.t, [5])


def test_spikes_go_to_nir_and_back():
    pytest.importorskip("nir")
    network, weights = relay()
    batch = EventBatch.from_streams([EVENTS, EVENTS.slice_count(0, 2)])
    back = from_nir(to_nir(simulate(network, weights, batch), "out"))
    np.testing.assert_array_equal(back[0].t, EVENTS.t)
    np.testing.assert_array_equal(back[1].unit, EVENTS.unit[:2])
