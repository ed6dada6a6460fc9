"""Checks against runs that end there; policies against plain loops."""

import math

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.engines import simulate
from eventsnn.engines.outputs import recorded_outputs
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CountTarget, CrossEntropy, FirstSpike
from eventsnn.measure.anytime import Streamed, event_checks, stream, time_checks
from eventsnn.measure.policies import Policy, at_end, choose
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense


def network_of(hidden, output, delay=0):
    first = Conv2d((3, 4, 1), 2, 2, planar=True)
    return Network(
        (
            Population("input", (1, 3, 4)),
            Population("hidden", first.out_shape, hidden),
            Population("output", (3,), output),
        ),
        (
            Connection("input", "hidden", first),
            Connection("hidden", "output", Dense(first.n_out, 3), delay),
        ),
    )


def recordings(rng, n=3):
    streams = []
    for label in range(n):
        t = np.sort(rng.integers(0, 900, rng.integers(0, 60)))
        unit = rng.integers(0, 12, len(t))
        streams.append(EventStream(t, unit, (1, 3, 4), label % 3, int(rng.integers(900, 1100))))
    return EventBatch.from_streams(streams)


def weights_of(network, rng, dtype=np.float32):
    shapes = [c.topology.weight_shape for c in network.connections]
    return [rng.normal(0.3, 0.6, shape).astype(dtype) for shape in shapes]


@settings(max_examples=examples(25))
@given(
    st.integers(0, 2**32),
    st.sampled_from(["integral", "final", "maximum", "counts"]),
    st.sampled_from([0, 37]),
    st.sampled_from([np.float32, np.float64]),
)
def test_a_check_reads_what_a_run_that_ends_there_holds(seed, reads, delay, dtype):
    rng = np.random.default_rng(seed)
    tau = math.inf if seed % 3 == 0 else 200.0
    output = LIF(200.0) if reads == "counts" else Readout(tau)
    hidden = CubaLIF(100.0, 30.0) if seed % 2 else LIF(300.0)
    network = network_of(hidden, output, delay)
    weights, events = weights_of(network, rng, dtype), recordings(rng)
    record = simulate(network, weights, events)
    times = np.sort(rng.uniform(0, 1000, (len(events), 4)), axis=1)
    times[:, 1] = np.floor(times[:, 1])
    times.sort(axis=1)
    found = stream(record, weights, events, CrossEntropy(reads), times)
    for k in range(4):
        until = np.minimum(times[:, k], events.duration)
        cut = simulate(network, weights, events, until_us=until)
        np.testing.assert_array_equal(found.operations[:, k], cut.counts.synaptic_adds.sum(1))
        np.testing.assert_array_equal(found.events[:, k], cut.counts.spikes[:, 0])
        np.testing.assert_array_equal(found.spikes[:, k], cut.counts.spikes[:, 1:].sum(1))
        scores = recorded_outputs(cut, 2, reads)
        top = np.sort(scores, axis=1)
        margin = top[:, -1] - top[:, -2]
        if isinstance(hidden, LIF):  # the feed-forward engine: bit for bit
            # What nothing has reached yet gives no answer.
            expected = np.where((scores == 0).all(1), -1, scores.argmax(1))
            np.testing.assert_array_equal(found.prediction[:, k], expected)
            np.testing.assert_array_equal(found.margin[:, k], margin.astype(np.float32))
        else:  # the asynchronous one rounds what a readout holds at the end once less
            np.testing.assert_allclose(found.margin[:, k], margin, rtol=1e-5, atol=1e-5)
            clear = margin > 1e-4
            told = found.prediction[clear, k]
            np.testing.assert_array_equal(told, scores[clear].argmax(1))


def test_a_settled_check_reads_what_the_integral_becomes_when_nothing_more_comes():
    rng = np.random.default_rng(1)
    network = network_of(LIF(300.0), Readout(200.0))
    weights, events = weights_of(network, rng, np.float64), recordings(rng)
    record, loss = simulate(network, weights, events), CrossEntropy("integral")
    times = np.tile([150.0, 480.0, 2000.0], (3, 1))
    found = stream(record, weights, events, loss, times, settle=True)
    for k in (0, 1):
        # Recordings that hold only what came before, and last until nothing is left.
        cut = [
            EventStream(s.t[s.t < times[0, k]], s.unit[s.t < times[0, k]], s.shape, 0, 20_000)
            for s in events
        ]
        long = simulate(network, weights, EventBatch.from_streams(cut))
        top = np.sort(recorded_outputs(long, 2, "integral"), axis=1)
        np.testing.assert_allclose(found.margin[:, k], top[:, -1] - top[:, -2], rtol=1e-5)
    plain = recorded_outputs(record, 2, "integral")
    np.testing.assert_array_equal(found.prediction[:, 2], plain.argmax(1))


@pytest.mark.parametrize(
    ("step", "expected"),
    [(50.0, [50, 100, 150, 200]), (200.0, [200]), (199.0, [199, 398]), (1e9, [1e9])],
)
def test_checks_by_time_begin_after_a_step_and_reach_the_end_of_the_longest(step, expected):
    streams = [EventStream([1], [0], (1, 1, 1), 0, duration) for duration in (70, 200)]
    network = Network(
        (Population("in", (1,)), Population("out", (1,), LIF(300.0))),
        (Connection("in", "out", Dense(1, 1)),),
    )
    record = simulate(network, [np.ones((1, 1))], EventBatch.from_streams(streams))
    assert time_checks(record, step).tolist() == [expected, expected]


def test_first_spikes_are_read_as_the_loss_scores_them():
    rng = np.random.default_rng(0)
    network = network_of(CubaLIF(100.0, 30.0), CubaLIF(100.0, 30.0))
    weights, events = weights_of(network, rng), recordings(rng)
    weights = [3 * w for w in weights]
    record = simulate(network, weights, events)
    found = stream(record, weights, events, FirstSpike(100.0), time_checks(record, 50.0))
    for r in range(len(events)):
        t, unit = record.spikes["output"].recording(r)
        if len(t):
            assert found.prediction[r, -1] == unit[0]
            assert found.spoke[r].argmax() == np.flatnonzero(found.t[r] > t[0])[0]
        else:
            assert not found.spoke[r].any()


def test_checks_by_events_come_just_after_the_event():
    rng = np.random.default_rng(3)
    network = network_of(LIF(300.0), LIF(200.0))
    weights, events = weights_of(network, rng), recordings(rng)
    record = simulate(network, weights, events)
    seen = np.array([1, 5, 20, 1000])
    found = stream(record, weights, events, CountTarget(), event_checks(events, seen))
    long = 0
    for r, recording in enumerate(events):
        times = recording.t.tolist()
        for k, n in enumerate(seen.tolist()):
            if n <= len(times):
                # A microsecond later, so that what came at the same time is seen, too.
                assert found.t[r, k] == times[n - 1] + 1
                assert found.events[r, k] == sum(t <= times[n - 1] for t in times)
                long += 1
            else:
                assert found.t[r, k] == recording.duration
                assert found.events[r, k] == len(times)
    assert long >= 4


def test_checks_by_events_know_recordings_that_end_with_the_event_and_empty_ones():
    shape = (1, 3, 4)
    full = EventStream([3, 7, 7, 20], [0, 1, 2, 3], shape, 0, 40)
    events = EventBatch.from_streams([full, EventStream([], [], shape, 0, 40)])
    checks = event_checks(events, np.array([1, 2, 4, 5]))
    assert checks.tolist() == [[4.0, 8.0, 21.0, np.inf], [np.inf] * 4]


def test_entropy_is_in_nats_and_a_margin_is_the_lead():
    """One output spike: scores 1, 0, 0; its probabilities by hand."""
    network = Network(
        (Population("input", (1,)), Population("output", (3,), LIF(1000.0))),
        (Connection("input", "output", Dense(1, 3)),),
    )
    weights = [np.array([[1.5, 0.2, 0.2]], np.float32)]
    events = EventBatch.from_streams([EventStream([10], [0], (1, 1, 1), 1, 100)])
    record = simulate(network, weights, events)
    found = stream(record, weights, events, CrossEntropy("counts"), np.array([[10.0, 11.0]]))
    one, two = math.e / (math.e + 2), 1 / (math.e + 2)
    nats = -one * math.log(one) - 2 * two * math.log(two)
    assert found.entropy[0].tolist() == pytest.approx([math.log(3), nats])
    assert found.margin[0].tolist() == [0, 1] and found.prediction[0, 1] == 0
    assert found.spoke[0].tolist() == [False, True]
    # The spike is at 10 us: a check at 10 us has not seen it.
    assert found.operations[0].tolist() == [0, 3] and found.spikes[0].tolist() == [0, 1]


def test_a_synapse_with_a_delay_of_its_own_is_refused():
    network = network_of(LIF(300.0), Readout(200.0), np.arange(36).reshape(12, 3))
    rng = np.random.default_rng(0)
    weights, events = weights_of(network, rng), recordings(rng)
    record = simulate(network, weights, events)
    with pytest.raises(UserError, match="delay"):
        stream(record, weights, events, CrossEntropy("final"), time_checks(record, 100.0))


def test_a_recording_without_a_label_is_named():
    network = network_of(LIF(300.0), LIF(200.0))
    rng = np.random.default_rng(0)
    weights = weights_of(network, rng)
    events = EventBatch.from_streams([EventStream([1], [0], (1, 3, 4))])
    record = simulate(network, weights, events)
    with pytest.raises(UserError, match="no label"):
        stream(record, weights, events, CountTarget(), time_checks(record, 100.0))


def some_streamed(rng, n=40, k=12):
    ordered = np.cumsum(rng.integers(1, 50, (n, k)), axis=1)
    return Streamed(
        np.cumsum(rng.integers(1, 9, (n, k)), axis=1).astype(float),
        ordered,
        ordered // 3,
        ordered // 2,
        rng.integers(0, 3, (n, k)).astype(np.int16),
        np.maximum(rng.normal(0.5, 0.5, (n, k)), 0).astype(np.float32),
        rng.uniform(0, 1, (n, k)).astype(np.float32),
        np.sort(rng.random((n, k)) < 0.2, axis=1),
        rng.integers(0, 3, n),
    )


def stop_of(streamed, name, level, r):
    """The first check that satisfies a policy, by a plain loop."""
    leader, since = None, 0.0
    for k in range(streamed.t.shape[1]):
        leads = streamed.margin[r, k] > 0
        now = streamed.prediction[r, k] if leads else None
        if k and now == leader:
            since += streamed.t[r, k] - streamed.t[r, k - 1]
        else:
            since = 0.0
        leader = now
        satisfied = {
            "margin": streamed.margin[r, k] >= level,
            "entropy": streamed.entropy[r, k] <= level,
            "patience": since >= level,
            "first_spike": streamed.spoke[r, k],
        }[name]
        if leads and satisfied:
            return k
    return streamed.t.shape[1] - 1


@settings(max_examples=examples(40))
@given(st.integers(0, 2**32), st.sampled_from(["margin", "entropy", "patience", "first_spike"]))
def test_a_policy_stops_at_the_first_check_that_satisfies_it(seed, name):
    rng = np.random.default_rng(seed)
    streamed = some_streamed(rng)
    policy = Policy(streamed, name)
    for level in (*policy.levels(6)[:-1], 0.7, 12.0):
        if name == "first_spike":
            level = 1.0
        stops = [stop_of(streamed, name, level, r) for r in range(len(streamed))]
        np.testing.assert_array_equal(policy.stops(level), stops)
        point = policy.at(level)
        cost = [streamed.operations[r, k] for r, k in enumerate(stops)]
        right = [streamed.prediction[r, k] == streamed.label[r] for r, k in enumerate(stops)]
        assert point.operations == pytest.approx(np.mean(cost))
        assert point.spikes == pytest.approx(np.mean([x // 3 for x in cost]))
        assert point.accuracy == pytest.approx(np.mean(right))


def test_a_level_is_chosen_on_one_half_and_reported_on_the_other():
    rng = np.random.default_rng(0)
    streamed = some_streamed(rng, 400)
    told = choose(streamed, "margin", 0.02)
    assert told["chosen"]["recordings"] == told["reported"]["recordings"] == 200
    assert told["chosen"]["lost"] <= 0.02 + 1e-9
    there = Policy(streamed.select(slice(1, None, 2)), "margin")
    level = math.inf if told["level"] is None else told["level"]
    assert told["reported"]["accuracy"] == there.at(level).accuracy
    assert told["reported"]["operations_at_end"] == at_end(there.streamed).operations
    assert told["reported"]["spikes_at_end"] == at_end(there.streamed).spikes
    assert told["reported"]["spikes"] == there.at(level).spikes
    # Changing the half that reports never moves the level.
    other = streamed.select(np.repeat(np.arange(0, 400, 2), 2))
    assert choose(other, "margin", 0.02)["level"] == told["level"]


def test_a_policy_that_loses_too_much_at_every_level_sees_recordings_to_their_end():
    rng = np.random.default_rng(0)
    streamed = some_streamed(rng, 50)
    streamed.prediction[:, :-1] = (streamed.label[:, None] + 1) % 3
    streamed.prediction[:, -1] = streamed.label
    streamed.margin[:] = 1.0
    for name in ("margin", "entropy", "first_spike"):
        told = choose(streamed, name, 0.0)
        assert told["reported"]["saved"] == 0 and told["reported"]["accuracy"] == 1
