"""Ties in EventProp, by hand and by differences of the reference engine; changed records."""

from dataclasses import replace

import numpy as np
import pytest

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.readout import Readout
from eventsnn.rules.eventprop.gradients import ReadoutErrors, eventprop
from eventsnn.topology.dense import Dense

TAU = 700.0
ONE = Dense(1, 1)
EACH = [False, True]
STREAM = EventStream([0], [0], (1, 1, 1), duration=3000)


def delayed(source, target, delay, each):
    """A connection of one synapse, whose delay is the connection's or its own."""
    return Connection(source, target, ONE, np.full((1, 1), delay) if each else delay)


def two_neurons(each, delay=0, out=None):
    """Twins that fire at one instant; a sends to b, or both to a readout."""
    neuron = CubaLIF(900.0, 400.0)
    populations = [Population("input", (1,)), Population("a", (1,), neuron)]
    populations.append(Population("b", (1,), neuron))
    connections = [Connection("input", "a", ONE), Connection("input", "b", ONE)]
    if out is None:
        connections.append(delayed("a", "b", delay, each))
    else:
        populations.append(Population("r", (1,), out))
        connections += [delayed("a", "r", delay, each), delayed("b", "r", delay, each)]
    return Network(tuple(populations), tuple(connections))


def weights_of(*values):
    return [np.full((1, 1), value) for value in values]


def differences(network, weights, c, read, step=1e-4):
    """Central difference of what ``read`` takes from the reference engine's record, by weight c."""
    found = []
    for sign in (-1, 1):
        moved = [w.copy() for w in weights]
        moved[c] += sign * step
        found.append(read(simulate(network, moved, STREAM, engine="reference")))
    return (found[1] - found[0]) / (2 * step)


@pytest.mark.parametrize("each", EACH)
def test_a_delivery_on_the_instant_of_a_spike_comes_after_it(each):
    network, weights = two_neurons(each), weights_of(4.5, 4.5, 4.0)
    record = simulate(network, weights, STREAM)
    first, _ = record.spikes["b"].t
    assert record.spikes["a"].t.tolist() == [first]
    errors = {"b": np.array([0.0, 1.0])}
    found = eventprop(network, weights, STREAM, record, errors).weights[2]
    expected = differences(network, weights, 2, lambda run: run.spikes["b"].t[1])
    assert expected < -10
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # What its time is worth: the delivery a little later, by delays of 0, 1 and 2 us.
    t = [
        simulate(two_neurons(each, delay), weights, STREAM, engine="reference").spikes["b"].t[1]
        for delay in range(3)
    ]
    worth = eventprop(network, weights, STREAM, record, errors).spike_t["a"]
    np.testing.assert_allclose(worth, (4 * t[1] - 3 * t[0] - t[2]) / 2, rtol=1e-4)
    # What comes after a spike cannot move it.
    errors = {"b": np.array([1.0, 0.0])}
    assert eventprop(network, weights, STREAM, record, errors).weights[2] == 0


@pytest.mark.parametrize("each", EACH)
def test_a_delivery_on_the_instant_of_a_spike_belongs_to_the_pause_after_it(each):
    """b is a, 512 us later, and hears of a's spike when it fires itself: that current is there
    when b is let go."""
    neuron = CubaLIF(900.0, 400.0, refractory_us=90)
    populations = tuple(Population(name, (1,), neuron) for name in "ab")
    connections = Connection("input", "a", ONE), delayed("input", "b", 512, each)
    connections = *connections, delayed("a", "b", 512, each)
    network = Network((Population("input", (1,)), *populations), connections)
    weights = weights_of(4.5, 4.5, 4.0)

    def second_spike(more):
        moved = weights_of(4.5, 4.5 + more, 4.0)
        return simulate(network, moved, STREAM, engine="reference").spikes["b"].t[1]

    record = simulate(network, weights, STREAM)
    first, second = record.spikes["b"].t[:2]
    assert first == record.spikes["a"].t[0] + 512 and second > first + 90
    errors = {"b": np.eye(len(record.spikes["b"]))[1]}
    found = eventprop(network, weights, STREAM, record, errors).weights[1]
    # To the side on which b fires earlier: there the delivery comes after its spike, too.
    step = 1e-4
    expected = (4 * second_spike(step) - 3 * second - second_spike(2 * step)) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("each", EACH)
@pytest.mark.parametrize("c", [0, 1])
def test_a_delivery_on_the_instant_at_which_a_pause_ends_comes_after_the_end(each, c):
    populations = (Population("input", (1,)), Population("a", (1,), CubaLIF(900.0, 400.0, 1, 90)))
    network = Network(populations, (Connection("input", "a", ONE), delayed("a", "a", 90, each)))
    weights = weights_of(4.5, 5.0)
    record = simulate(network, weights, STREAM)
    assert len(record.spikes["a"]) > 2
    errors = {"a": np.eye(len(record.spikes["a"]))[1]}
    found = eventprop(network, weights, STREAM, record, errors).weights[c]
    expected = differences(network, weights, c, lambda run: run.spikes["a"].t[1])
    assert abs(expected) > 10
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("each", EACH)
def test_two_spikes_that_make_a_maximum_together_own_its_time_once(each):
    """The readout jumps to both weights at once: moved together, nothing changes.

    Alone, the first of the order only decays longer when it comes earlier, and the last of it
    moves the maximum: with it the other's weight decays.
    """
    network, weights = two_neurons(each, 40, Readout(TAU)), weights_of(4.5, 4.5, 0.3, 0.5)
    record = simulate(network, weights, STREAM)
    (at,), maximum = record.spikes["a"].t, record.readouts["r"].maximum
    assert record.spikes["b"].t.tolist() == [at]
    np.testing.assert_allclose(maximum, 0.8)
    assert record.readouts["r"].maximum_t == at + 40
    errors = {"r": ReadoutErrors(maximum=np.ones((1, 1)))}
    found = eventprop(network, weights, STREAM, record, errors)
    np.testing.assert_allclose(found.weights[2:], 1.0)
    np.testing.assert_allclose(found.spike_t["a"], 0.3 / TAU)
    np.testing.assert_allclose(found.spike_t["b"], -0.3 / TAU)


@pytest.mark.parametrize("each", EACH)
def test_the_time_of_a_maximum_is_owned_in_every_recording_anew(each):
    network, weights = two_neurons(each, 40, Readout(TAU)), weights_of(4.5, 4.5, 0.3, 0.5)
    batch = EventBatch.from_streams([STREAM, STREAM])
    record = simulate(network, weights, batch)
    errors = {"r": ReadoutErrors(maximum=np.array([[1.0], [2.0]]))}
    found = eventprop(network, weights, batch, record, errors).spike_t
    np.testing.assert_allclose(found["b"], np.array([-0.3, -0.6]) / TAU)


def spoiled(record, name, **changed):
    spikes = replace(record.spikes[name], **changed)
    return replace(record, spikes={**record.spikes, name: spikes})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"unit": np.array([0, 7], np.int32)}, "b: spike 1 has 7; give a record as simulate"),
        ({"unit": np.array([-1, 0], np.int32)}, "b: spike 0 has -1"),
        ({"unit": np.array([0, 0.5])}, r"b: t is float64 .2,., unit is float64 .2,."),
        ({"unit": np.array([0], np.int32)}, r"unit is int32 .1,., value is float64 .2,."),
        ({"t": np.array([0, np.nan])}, "b: spike 1 has nan"),
        ({"t": np.array([0, 1e9])}, r"b: spike 1 has 1000000000\.0"),
        ({"t": np.array([9.0, 8.0])}, r"b: spike 1 at 8\.0 us stands after a later one"),
        ({"value": np.array([np.inf, 1])}, "b: spike 0 has inf"),
        ({"start": np.array([0, 10**6])}, "b: start does not rise from 0 to 2 over 1 recordings"),
        ({"start": np.array([0, 1, 2])}, "b: start does not rise"),
        ({"start": np.array([0.0, 2.0])}, r"start is float64 .2,."),
    ],
    ids=str,
)
def test_a_record_that_was_changed_is_refused_before_a_kernel_reads_it(changed, message):
    network, weights = two_neurons(False), weights_of(4.5, 4.5, 4.0)
    record = simulate(network, weights, STREAM)
    with pytest.raises(UserError, match=message):
        eventprop(network, weights, STREAM, spoiled(record, "b", **changed), {})


def test_readouts_that_were_changed_are_refused():
    network, weights = two_neurons(False, 40, Readout(TAU)), weights_of(4.5, 4.5, 0.3, 0.5)
    record = simulate(network, weights, STREAM)
    for changed in (np.zeros((1, 2)), np.full((1, 1), np.nan), np.array([["a"]])):
        wrong = replace(record.readouts["r"], maximum_t=changed)
        with pytest.raises(UserError, match="r: maximum_t has shape"):
            eventprop(network, weights, STREAM, replace(record, readouts={"r": wrong}), {})
