"""Numbers that look like seconds or milliseconds in place of microseconds are warned of."""

import numpy as np
import pytest

import eventsnn as es

EVENTS = es.EventStream([125, 90_000], [0, 1], (1, 1, 2), duration=200_000)
WEIGHTS = [np.ones((2, 3)), np.ones((3, 1))]


def net(tau=20_000.0):
    return es.layers("2-3-1", es.LIF(tau), es.Readout(30_000))


@pytest.mark.parametrize("tau", [0.02, 20.0])
def test_time_constants_that_look_like_seconds_or_milliseconds_are_warned_of(tau):
    with pytest.warns(UserWarning, match=f"tau_us of hidden1 is {tau:g} microseconds.* 20_000"):
        es.simulate(net(tau), WEIGHTS, EVENTS)


def test_a_run_that_ends_before_its_first_event_is_warned_of():
    with pytest.warns(UserWarning, match="until_us is 2.7, and the first event is at 125 us"):
        es.simulate(net(), WEIGHTS, EVENTS, until_us=2.7)


def test_usual_runs_and_short_ones_are_not(recwarn):
    es.simulate(net(), WEIGHTS, EVENTS)
    es.simulate(net(), WEIGHTS, EVENTS, until_us=126)
    es.simulate(net(20.0), WEIGHTS, EVENTS.between(0, 1_000))
    es.simulate(net(1e-300), WEIGHTS, EVENTS)  # forgets at once
    assert not recwarn


def test_times_of_day_are_warned_of():
    with pytest.warns(UserWarning, match=r"is at 1700000000000000 us, 53 years.*start='first'"):
        es.EventStream([1_700_000_000_000_000], [0], (1, 1, 2))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((8, 4, 2), r"network is \(8, 4, 2\); give a Network.*deep-spiking"),
        (es.Classifier("2-3-2"), "give its network_ and weights_"),
    ],
)
def test_what_is_no_network_is_refused_with_what_to_give(given, message):
    with pytest.raises(es.UserError, match=message):
        es.simulate(given, {}, EVENTS)
