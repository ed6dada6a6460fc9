from types import SimpleNamespace

import numpy as np
import pytest

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.measure.spike_formats import from_nest, from_nir, to_nest, to_nir
from eventsnn.measure.traffic import traffic
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.simulate import simulate
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


def test_traffic_needs_all_spikes():
    network, weights = relay()
    with pytest.raises(UserError, match="spikes of relay were not kept"):
        traffic(simulate(network, weights, EVENTS, record=["out"]), EVENTS)


def test_a_figure_of_the_traffic_is_written(tmp_path):
    network, weights = relay()
    traffic(simulate(network, weights, EVENTS), EVENTS).save_figure(tmp_path / "traffic.png")
    assert (tmp_path / "traffic.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["traffic.png"]


def test_spikes_go_to_nest_and_back():
    network, weights = relay()
    spikes = to_nest(simulate(network, weights, EVENTS), "out")
    np.testing.assert_allclose(spikes["times"], [0.1, 0.2, 0.3, 5.0, 9.0])
    back = from_nest(spikes, 2)
    np.testing.assert_array_equal(back.t, EVENTS.t)
    np.testing.assert_array_equal(back.unit, EVENTS.unit)
    with pytest.raises(DataError, match="no 'times'"):
        from_nest({"senders": np.zeros(1)}, 2)


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
