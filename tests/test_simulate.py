"""The engines against each other and against what is known without them."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import networks, streams

from eventsnn.simulate import feedforward, simulate

SLOW = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow], derandomize=True
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
    reference = simulate(network, weights, stream, engine="reference", **options)
    assert_same(reference, simulate(network, weights, stream, engine="asynchronous", **options))
    if feedforward.supports(network):
        assert_same(reference, simulate(network, weights, stream, engine="feedforward", **options))
