"""The spike adjoint of dense layers against central differences of the smooth toy."""

from dataclasses import replace

import numpy as np
import pytest
from doors import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from smooth_toy import Frozen, Toy, kernel_of, toy_gradient

from eventsnn.engines import simulate
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.rules.adjoint.dynamics import dynamics
from eventsnn.topology.dense import Dense

SIZES = (6, 5, 4, 3)


def some_events(rng, recordings=3, n=60, duration=40_000):
    return EventBatch.from_streams(
        [
            EventStream(
                np.sort(rng.integers(0, duration, n)),
                rng.integers(0, SIZES[0], n),
                (1, 1, SIZES[0]),
                label=k % 3,
                duration=duration,
            )
            for k in range(recordings)
        ]
    )


def chain(neurons, delays):
    populations = [Population("p0", (SIZES[0],))]
    connections = []
    for i, neuron in enumerate(neurons, 1):
        populations.append(Population(f"p{i}", (SIZES[i],), neuron))
        shape = Dense(SIZES[i - 1], SIZES[i])
        connections.append(Connection(f"p{i - 1}", f"p{i}", shape, delays[i - 1]))
    return Network(tuple(populations), tuple(connections))


NEURONS = st.one_of(
    st.builds(
        LIF,
        st.sampled_from([2_000.0, 10_000.0, 40_000.0]),
        st.sampled_from([0.5, 1.0]),
        st.sampled_from(["subtract", "zero"]),
        st.sampled_from([0.0, 0.0, 1.0, 3_000.0]),
    ),
    st.builds(IF, st.just(1.0), st.sampled_from(["subtract", "zero"]), st.sampled_from([0.0, 900])),
)
OUTPUTS = st.one_of(
    st.tuples(NEURONS, st.just("counts")),
    st.tuples(
        st.sampled_from([Readout(5_000.0), Readout()]), st.sampled_from(["final", "integral"])
    ),
)


@settings(max_examples=examples(30), phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(NEURONS, min_size=1, max_size=2),
    OUTPUTS,
    st.lists(st.sampled_from([0, 0, 700]), min_size=3, max_size=3),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 10_000),
)
def test_the_adjoint_is_the_gradient_of_the_smooth_toy(hidden, output, delays, cost, seed):
    rng = np.random.default_rng(seed)
    network = chain([*hidden, output[0]], delays)
    batch = some_events(rng)
    weights = [rng.normal(0.15, 0.25, c.topology.weight_shape) for c in network.connections]
    passed = layered.run(network, weights, batch)
    last = len(network.populations) - 1
    given_errors = rng.normal(size=(len(batch), network.populations[last].size))
    found = adjoint(passed, weights, {last: (output[1], given_errors)}, spike_cost=cost)
    expected = toy_gradient(network, batch, passed, weights, output[1], given_errors, cost)
    for mine, theirs in zip(found.weights, expected, strict=True):
        scale = max(np.abs(theirs).max(), 1e-3)
        np.testing.assert_allclose(mine / scale, theirs / scale, atol=1e-6)


@settings(max_examples=examples(15), phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(NEURONS, min_size=1, max_size=2),
    OUTPUTS,
    st.lists(st.sampled_from([0, 0, 700]), min_size=3, max_size=3),
    st.sampled_from([0.3, 0.8]),
    st.integers(0, 10_000),
)
def test_near_spikes_are_spikes_of_amplitude_zero_in_the_smooth_toy(
    hidden, output, delays, share, seed
):
    rng = np.random.default_rng(seed)
    network = chain([*hidden, output[0]], delays)
    batch = some_events(rng)
    weights = [rng.normal(0.04, 0.2, c.topology.weight_shape) for c in network.connections]
    passed = layered.run(network, weights, batch, near=share)
    last = len(network.populations) - 1
    given_errors = rng.normal(size=(len(batch), network.populations[last].size))
    errors = {last: (output[1], given_errors)}
    found = adjoint(passed, weights, errors, spike_cost=0.2, near_weight=0.7)
    rest = (output[1], given_errors, 0.2, 0.7)
    expected = toy_gradient(network, batch, passed, weights, *rest)
    for mine, theirs in zip(found.weights, expected, strict=True):
        scale = max(np.abs(theirs).max(), 1e-3)
        np.testing.assert_allclose(mine / scale, theirs / scale, atol=1e-6)


@settings(max_examples=examples(20), phases=[Phase.explicit, Phase.generate])
@given(st.tuples(NEURONS, NEURONS), st.integers(0, 10_000))
def test_thresholds_and_time_constants_have_the_gradient_of_the_smooth_toy(neurons, seed):
    rng = np.random.default_rng(seed)
    network, batch = chain(neurons, [0, 0]), some_events(rng)
    weights = [rng.normal(0.15, 0.25, c.topology.weight_shape) for c in network.connections]
    passed = layered.run(network, weights, batch)
    given_errors = rng.normal(size=(len(batch), SIZES[2]))
    gradients = adjoint(passed, weights, {2: ("counts", given_errors)}, spike_cost=0.2)
    found = dynamics(passed, weights, gradients)
    frozen = Frozen(passed, batch)

    def total(p, **changed):
        out = 0.0
        for r in range(len(batch)):
            toy = Toy(network, frozen, r, weights)
            model, delivered, spikes, _ = toy.layers[p - 1]
            # The moved model: what was frozen is the spikes and what they carried before.
            moved = replace(model, **changed)
            kernel = kernel_of(moved, spikes, delivered)
            toy.layers[p - 1] = (moved, delivered, spikes, kernel)
            out += toy.loss(weights, "counts", given_errors[r], 0.2)
        return out

    for p, neuron in enumerate(neurons, 1):
        names = ["threshold", *(["tau_us"] if isinstance(neuron, LIF) else [])]
        for name in names:
            value = getattr(neuron, name)
            sides = [total(p, **{name: value * (1 + sign * 1e-5)}) for sign in (1, -1)]
            slope = (sides[0] - sides[1]) / (2e-5 * value)
            np.testing.assert_allclose(getattr(found[p], name), slope, rtol=1e-6, atol=1e-8)


def trained_pair(dtype=np.float64, output=None, recordings=40):
    network = chain([LIF(10_000.0), output or LIF(10_000.0)], [0, 0])
    rng = np.random.default_rng(3)
    weights = [
        rng.normal(0.2, 0.25, c.topology.weight_shape).astype(dtype) for c in network.connections
    ]
    return network, weights, some_events(rng, recordings)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_threads_gives_the_same_bits(dtype):
    network, weights, batch = trained_pair(dtype, recordings=100)
    answers, pieces = [], set()
    for threads in (1, 2, 3):
        passed = layered.run(network, weights, batch, threads, near=0.5)
        pieces.add(len(passed.pieces))
        errors = {2: ("counts", np.ones((100, SIZES[2])))}
        found = adjoint(passed, weights, errors, threads=threads)
        answers.append((found.weights, dynamics(passed, weights, found)))
    assert pieces == {2, 3, 4}
    for gradients, dynamic in answers[1:]:
        assert dynamic == answers[0][1]
        for mine, theirs in zip(answers[0][0], gradients, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_the_delivery_at_which_a_neuron_wakes_is_owed_and_those_before_are_not():
    cell = Population("cell", (1,), IF(refractory_us=5))
    network = Network((Population("in", (2,)), cell), (Connection("in", "cell", Dense(2, 1)),))
    # Sender 0 makes the spikes at 0 and 5, what sender 1 delivers meets a neuron that sleeps.
    stream = EventStream([0, 3, 4, 5], [0, 1, 1, 0], (1, 1, 2), duration=9)
    weights = [np.ones((2, 1))]
    passed = layered.run(network, weights, EventBatch.from_streams([stream]))
    assert passed.spikes(1).tolist() == [[2]]
    found = adjoint(passed, weights, {1: ("counts", np.ones((1, 1)))})
    assert found.weights[0].tolist() == [[2], [0]]


def test_each_recording_of_a_batch_answers_for_its_own_errors():
    network, weights, batch = trained_pair(recordings=20)
    given_errors = np.random.default_rng(1).normal(size=(20, SIZES[2]))

    def gradients(events, rows):
        passed = layered.run(network, weights, events, threads=2)
        found = adjoint(passed, weights, {2: ("counts", given_errors[rows])})
        return len(passed.pieces), found.weights

    pieces, together = gradients(batch, slice(None))
    alone = [gradients(batch.part(k, k + 1), slice(k, k + 1))[1] for k in range(20)]
    assert pieces == 2
    for c, whole in enumerate(together):
        np.testing.assert_allclose(whole, sum(one[c] for one in alone), atol=1e-12)


@given(st.integers(0, 300), st.integers(1, 20))
def test_pieces_are_whole_groups_and_leave_no_thread_idle(n, threads):
    pieces = layered.pieces_of(n, threads)
    assert [r for piece in pieces for r in range(piece.start, piece.stop)] == list(range(n))
    assert all(piece.start % layered.GROUP == 0 for piece in pieces)
    groups = -(-n // layered.GROUP)
    assert len(pieces) >= min(threads, groups)


def test_the_pass_is_the_record_of_the_engines():
    network, weights, batch = trained_pair()
    passed = layered.run(network, weights, batch)
    record = simulate(network, weights, batch, engine="reference")
    for p in (1, 2):
        np.testing.assert_array_equal(passed.spikes(p)[:, :].sum(1), record.counts.spikes[:, p])
    np.testing.assert_array_equal(passed.spikes(2), record.unit_spikes["p2"])


@pytest.mark.parametrize("step", [1, 4000])
def test_a_near_spike_is_where_a_silent_neuron_first_came_that_close(step):
    network, weights, batch = trained_pair()
    batch = replace(batch, t=batch.t // step * step)
    weights[0] = weights[0] * 0.4
    passed = layered.run(network, weights, batch, near=0.5)
    lower = chain([LIF(10_000.0, threshold=0.5), LIF(10_000.0)], [0, 0])
    crossed = simulate(lower, weights, batch, engine="reference", record="all").spikes["p1"]
    fired, found = passed.spikes(1), 0
    for piece in passed.pieces:
        for k, r in enumerate(range(piece.rows.start, piece.rows.stop)):
            near, part = piece.near[1], slice(*crossed.start[r : r + 2])
            units, first = np.unique(crossed.unit[part], return_index=True)
            expected = {
                (u, t)
                for u, t in zip(units, crossed.t[part][first], strict=True)
                if not fired[r, u]
            }
            mine = slice(*near.start[k : k + 2])
            assert set(zip(near.unit[mine], near.t[mine], strict=True)) == expected
            found += len(expected)
    assert found > 10 and fired.sum() > 10


@pytest.mark.parametrize("delay", [0, 5_000])
def test_near_spikes_count_up_to_the_maximum_of_a_readout(delay):
    _, weights, batch = trained_pair(output=Readout(5_000.0))
    network = chain([LIF(10_000.0), Readout(5_000.0)], [0, delay])
    weights[0] = weights[0] * 0.4
    given_errors = np.random.default_rng(0).normal(size=(40, SIZES[2]))
    plain, near = (layered.run(network, weights, batch, near=share) for share in (0.0, 0.5))
    errors = {2: ("maximum", given_errors)}
    found = adjoint(near, weights, errors, near_weight=0.7).weights[0]
    expected, counted = adjoint(plain, weights, errors).weights[0].copy(), 0
    peak = near.readouts[2].maximum_t
    for piece in near.pieces:
        train = piece.near[1]
        rows = np.repeat(np.arange(40)[piece.rows], np.diff(train.start))
        for r, t, i in zip(rows, train.t, train.unit, strict=True):
            gap = t + delay - peak[r]  # what comes too late has no maximum behind it
            late = np.where(gap <= 0, np.exp(np.minimum(gap, 0) / 5_000.0), 0.0)
            worth = 0.7 * float((given_errors[r] * weights[1][i] * late).sum())
            one = batch[int(r)]
            before = one.t <= t
            share = worth * np.exp((one.t[before] - t) / 10_000.0)
            np.add.at(expected[:, i], one.unit[before], share)
            counted += worth != 0
    assert counted > 20
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())


def test_near_spikes_change_nothing_that_is_recorded():
    network, weights, batch = trained_pair()
    plain, near = (layered.run(network, weights, batch, near=share) for share in (0.0, 0.6))
    assert not any(piece.near for piece in plain.pieces)
    for p in (1, 2):
        np.testing.assert_array_equal(plain.spikes(p), near.spikes(p))


def test_long_recordings_do_not_overflow():
    network, weights, batch = trained_pair(np.float32)
    # 40 ms are 4 time constants; the same events 400 times as far apart are 1,600.
    slow = EventBatch.from_streams(
        [EventStream(s.t * 400, s.unit, s.shape, s.label, s.duration * 400) for s in batch]
    )
    errors = {2: ("counts", np.ones((40, SIZES[2])))}
    found = []
    for dtype in (np.float32, np.float64):
        exact = [w.astype(dtype) * 5 for w in weights]
        found.append(adjoint(layered.run(network, exact, slow), exact, errors).weights)
    assert np.abs(found[1][0]).max() > 0
    for single, double in zip(*found, strict=True):
        np.testing.assert_allclose(single, double, atol=2e-5 * np.abs(double).max())


def test_networks_that_are_not_layered_are_refused():
    with pytest.raises(UserError, match="layered network"):
        layered.check_layered(chain([CubaLIF(5_000.0, 2_000.0)], [0]))


def test_spikes_have_no_gradient_by_potentials():
    network, weights, batch = trained_pair()
    passed = layered.run(network, weights, batch)
    with pytest.raises(
        UserError, match=r"errors of .* are by final; there is a gradient by counts"
    ):
        adjoint(passed, weights, {2: ("final", np.zeros((40, SIZES[2])))})
    with pytest.raises(UserError, match="a readout gives"):
        layered.outputs_of(passed, 2, "integral")


@pytest.mark.parametrize("reads", ["final", "maximum", "integral"])
def test_a_readout_gradient_is_that_of_its_potentials(reads):
    network, weights, batch = trained_pair(output=Readout(5_000.0))
    passed = layered.run(network, weights, batch)
    given_errors = np.random.default_rng(0).normal(size=(40, SIZES[2]))
    found = adjoint(passed, weights, {2: (reads, given_errors)}).weights[1]

    def total(w):
        run = layered.run(network, [weights[0], w], batch)
        return float((layered.outputs_of(run, 2, reads) * given_errors).sum())

    for index in np.ndindex(found.shape):
        step = np.zeros_like(weights[1])
        step[index] = 1e-6
        slope = (total(weights[1] + step) - total(weights[1] - step)) / 2e-6
        np.testing.assert_allclose(found[index], slope, rtol=1e-6, atol=1e-6)


def test_what_comes_on_the_instant_at_which_a_pause_ends_has_its_part_in_the_gradient_by_tau():
    neuron = LIF(1_000.0, 1.0, "zero", refractory_us=100.0)
    populations = (Population("in", (1,)), Population("out", (1,), neuron))
    network = Network(populations, (Connection("in", "out", Dense(1, 1)),))
    # Spikes at 100 and at 300 us; the event at 200 us comes as the first pause ends.
    events = EventBatch.from_streams([EventStream([0, 100, 200, 300], [0] * 4, (1, 1, 1))])
    weights = [np.array([[0.7]])]
    passed = layered.run(network, weights, events)
    assert passed.pieces[0].trains[1].t.tolist() == [100, 300]
    gradients = adjoint(passed, weights, {1: ("counts", np.ones((1, 1)))})
    # Each spike has one delivery 100 us before it: 0.7 exp(-100 / tau), derived by tau.
    by_hand = 2 * 0.7 * 100 / 1_000.0**2 * np.exp(-0.1)
    assert dynamics(passed, weights, gradients)[1].tau_us == pytest.approx(by_hand)
