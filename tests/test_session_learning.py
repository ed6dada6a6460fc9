"""A session that learns: windows of a stream, truncated, bounded, saved, and as recordings are."""

from dataclasses import replace

import numpy as np
import pytest

import eventsnn as es
from eventsnn.data.source import open_data
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.rules import find_rule
from eventsnn.rules.gradient.chunk import Chunk
from eventsnn.rules.learned import Batch, Window

RNG = np.random.default_rng
SHAPE = (1, 2, 3)


def rule_of(kind, **given):
    usual = {"adjoint": {"near_threshold": 0.7, "dropout": 0.3}, "eventprop": {"reads": "maximum"}}
    return find_rule(kind)(**(usual[kind] | given))


def network_of(rule, layers="2x3x1-8-4"):
    return rule.network(es.network.layer_string.parse_layers(layers))


def weights_of(network, seed=0, scale=0.5):
    rng = RNG(seed)
    return [rng.normal(0.1, scale, c.topology.weight_shape) for c in network.connections]


def stream_of(n=600, until=400_000, seed=1):
    rng = RNG(seed)
    t = np.sort(rng.integers(0, until, n))
    return EventStream(t, rng.integers(0, 6, n), SHAPE, duration=until)


def session_of(kind, window_us=100_000, **how):
    rule = rule_of(kind)
    network = network_of(rule)
    learning = es.Learning(rate=0.01, rule=rule, **how)
    session = es.Session(network, weights_of(network), window_us=window_us, reads=rule.loss.reads)
    return session.learns(learning)


def same(one, other):
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.outputs.now(one._run), other.outputs.now(other._run))


@pytest.mark.parametrize("kind", ["adjoint", "eventprop"])
def test_a_window_that_covers_everything_gives_the_bits_of_the_rule_on_that_recording(kind):
    data, rule = open_data("digits", limit=12).train, rule_of(kind)
    network = network_of(rule, "2312-20-10")
    state, _ = rule.start(network, data, RNG(0))
    weights = [w.copy() for w in state.weights]
    how = es.Learning(rate=0.002, rule=rule)
    session = es.Session(network, weights, reads=rule.loss.reads).learns(how)
    steady = rule.along_stream(network, 0.002)
    state, moved = steady.with_weights(network, weights), 0
    for k in range(12):
        session.reset()
        for begin, end in ((0, 90_000), (90_000, int(data.duration[k]))):
            session.push(data[k].between(begin, end))
        found = session.learn(int(data.label[k]))
        state, learned = steady.learn(state, Batch(data, np.array([k])), RNG(0))
        assert (found.right, found.loss) == (learned.right, learned.loss)
        for mine, theirs, old in zip(session.weights, state.weights, weights, strict=True):
            np.testing.assert_array_equal(mine, theirs.reshape(-1))
            moved += int((theirs != old).sum())
    assert moved > 10_000


@pytest.mark.parametrize("kind", ["adjoint", "eventprop"])
def test_how_a_stream_is_cut_changes_nothing_that_is_learned(kind):
    whole, cut, stream = session_of(kind), session_of(kind), stream_of()
    rng, before = RNG(4), [w.copy() for w in whole.weights]
    for turn, end in enumerate((30_000, 110_000, 250_000, 330_000, 400_000)):
        whole.push(stream.between(int(whole.t_us), end))
        for at in [*np.sort(rng.integers(cut.t_us, end, 5)).tolist(), end]:
            cut.push(stream.between(int(cut.t_us), int(at)))
        assert whole.memory.marks[0].t_us == max(0, (end - 1) // 10_000 * 10_000 - 90_000)
        assert whole.learn(turn % 4).loss == cut.learn(turn % 4).loss
        same(whole, cut)
    assert any((a != b).any() for a, b in zip(before, whole.weights, strict=True))


def test_the_truncated_adjoint_is_that_of_senders_who_deliver_what_was_there_at_the_beginning():
    """Potentials at the beginning are put there by two more inputs, in a run from rest."""
    rng, rule = RNG(2), rule_of("adjoint", dropout=0.0, batch=1)
    network = network_of(rule, "6-8-4")
    w = [a * 1.5 for a in weights_of(network)]
    v = {"hidden1": rng.uniform(-0.5, 0.9, 8), "output": rng.normal(0, 0.3, 4)}
    t, unit = np.sort(rng.integers(1, 90_000, 200)), rng.integers(0, 6, 200)
    batch = EventBatch.from_streams(
        [EventStream(t, unit, (1, 1, 6), label=2, duration=100_000)], "window"
    )
    state = replace(rule.with_weights(network, w), params=[a.copy() for a in w])
    came = np.bincount(unit, minlength=6)
    since = {name: {"v": one} for name, one in v.items()}
    walked = rule.walk(state, Chunk(batch, came, {}, since=since))
    mine = [g.whole(1) if hasattr(g, "whole") else g for g in walked.gradients]

    wider = network_of(rule, "8-9-4")
    one, two = np.zeros((8, 9)), np.zeros((9, 4))
    one[:6, :8], two[:8], two[8] = w[0], w[1], v["output"]
    one[6, :8], one[7, 8] = v["hidden1"], 1.0  # the ninth neuron fires at once, and never again
    told = EventBatch.from_streams(
        [EventStream([0, 0, *t], [6, 7, *unit], (1, 1, 8), label=2, duration=100_000)], "all"
    )
    passed = layered.run(wider, [one, two], told, near=0.7)
    outputs = layered.outputs_of(passed, "output", "integral")
    graded = rule.loss(outputs, np.array([2]))
    errors = {"output": ("integral", graded.gradient)}
    theirs = adjoint(passed, [one, two], errors).weights
    assert passed.spikes("hidden1")[0, :8].sum() > 20 and passed.spikes("hidden1")[0, 8] == 1
    np.testing.assert_allclose(walked.loss, graded.loss, rtol=1e-9)
    np.testing.assert_allclose(mine[0], theirs[0][:6, :8], rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(mine[1], theirs[1][:8], rtol=1e-7, atol=1e-10)
    at_rest = rule.walk(state, Chunk(batch, came, {}))
    assert abs(at_rest.loss[0] - walked.loss[0]) > 1e-3  # where it begins matters


def test_truncated_eventprop_is_the_slope_of_the_loss_of_a_window():
    rng, rule = RNG(5), rule_of("eventprop", reads="integral")
    network = network_of(rule, "6-5-3")
    w = [rng.normal(2.0, 2.0, (6, 5)), rng.normal(0, 1.0, (5, 3))]
    hidden = {"v": rng.uniform(-0.3, 0.6, 5), "current": rng.uniform(0, 1.5, 5)}
    since = {"hidden1": hidden, "output": {"v": rng.normal(0, 0.5, 3)}}
    t, unit = np.sort(rng.integers(1, 50_000, 60)), rng.integers(0, 6, 60)
    batch = EventBatch.from_streams(
        [EventStream(t, unit, (1, 1, 6), label=1, duration=60_000)], "window"
    )

    def walked(weights):
        state = replace(rule.with_weights(network, weights), params=[a.copy() for a in weights])
        return rule.walk(state, Chunk(batch, np.bincount(unit, minlength=6), {}, since=since))

    found, checked = walked(w), 0
    assert found.spoke[1].sum() > 5
    for c, place in [(0, (i, j)) for i in range(6) for j in range(5)] + [(1, (0, 1)), (1, (3, 2))]:
        slopes = []
        for step in (1e-6, 3e-6):
            up, down = [a.copy() for a in w], [a.copy() for a in w]
            up[c][place] += step
            down[c][place] -= step
            slopes.append(float(walked(up).loss[0] - walked(down).loss[0]) / (2 * step))
        if abs(slopes[0] - slopes[1]) < 1e-6 * (1 + abs(slopes[0])):  # no spike came or went
            np.testing.assert_allclose(found.gradients[c][place], slopes[0], rtol=1e-4, atol=1e-7)
            checked += 1
    assert checked > 25


def silent(session):
    reads, weights = session.outputs.reads, weights_of(session.network)
    return es.Session(session.network, weights, window_us=100_000, reads=reads)


@pytest.mark.parametrize("kind", ["adjoint", "eventprop"])
def test_a_session_that_was_saved_goes_on_learning_with_the_same_bits(kind, tmp_path):
    how, stream = {"replay": 3, "replayed": 2, "seed": 9}, stream_of()
    whole = session_of(kind, **how)
    rest = None
    for turn, end in enumerate(range(40_000, 400_001, 40_000)):
        for session in (whole, rest) if rest else (whole,):
            session.push(stream.between(int(session.t_us), end - 15_000))
            session.learn(turn % 3)
            session.push(stream.between(end - 15_000, end))
        if end == 200_000:
            whole.save(tmp_path / "here.npz")
            rest = session_of(kind, **how)
            rest.load(tmp_path / "here.npz")
    same(whole, rest)
    assert rest.learner.learned == 10 and rest.learner.right == whole.learner.right
    assert len(rest.learner.replay.items) == 3
    with pytest.raises(UserError, match="call learns"):
        silent(whole).load(tmp_path / "here.npz")
    silent(whole).save(tmp_path / "silent.npz")
    with pytest.raises(UserError, match="did not learn"):
        rest.load(tmp_path / "silent.npz")


def test_a_damaged_file_of_a_learning_session_is_refused(tmp_path):
    session = session_of("adjoint")
    session.push(stream_of())
    session.save(tmp_path / "a.npz")
    arrays = dict(np.load(tmp_path / "a.npz"))
    arrays["learned_events.unit"] = arrays["learned_events.unit"] + 7
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(DataError, match="what it learned is damaged"):
        session_of("adjoint").load(tmp_path / "b.npz")


def test_what_is_remembered_is_bounded_whatever_comes():
    session = session_of("adjoint", window_us=None, record_events=500)
    for k in range(40):
        begin = 10_000 * k
        session.push(EventStream(np.arange(100) * 100 + begin, np.zeros(100), SHAPE,
                                 duration=begin + 10_000))  # fmt: skip
        assert session.memory.kept <= 500
        if k in (4, 5):
            assert len(session.memory.events()[0]) == 500
    with pytest.raises(UserError, match="more than the 500 events that are remembered"):
        session.learn(0)
    session.reset_answer()
    session.push(None, 410_000)
    session.push(EventStream([410_001], [0], SHAPE, duration=420_000))
    assert len(session.memory.events()[0]) == 1
    session.learn(0)


@pytest.mark.parametrize("step", [100_000, 10_000, 3_000])
def test_a_window_with_too_many_events_is_refused_however_it_was_cut(step):
    session, stream = session_of("adjoint", record_events=1000), stream_of(3000, 100_000)
    for end in [*range(step, 100_000, step), 100_000]:
        session.push(stream.between(int(session.t_us), end))
    with pytest.raises(UserError, match="more than the 1,000 events that are remembered"):
        session.learn(0)


def test_a_silence_in_many_pieces_takes_no_room_and_what_is_learned_is_what_is_answered():
    session = session_of("adjoint")
    session.push(EventStream([10, 20], [1, 1], SHAPE, duration=5_000))
    for k in range(1, 500):
        session.push(None, 5_000 + 1_000 * k)
    assert len(session.memory._parts) == 0
    # It rests where nothing had come for ten steps, which are a window.
    assert [mark.t_us for mark in session.memory.marks] == [110_000]
    assert len(session.outputs.past) == 0


def test_a_silence_longer_than_the_window_leaves_one_mark():
    session = session_of("adjoint")
    session.push(EventStream([10, 20], [1, 1], SHAPE, duration=5_000_000))
    assert session.memory.kept == 0
    session.push(EventStream([5_000_100], [2], SHAPE, duration=5_000_200))
    assert [mark.t_us for mark in session.memory.marks] == [5_000_100]
    t, unit = session.memory.events()
    assert t.tolist() == [5_000_100] and unit.tolist() == [2]
    session.learn(3)


def test_a_session_learns_what_passes_before_it_and_is_tested_before():
    data, rule = open_data("digits", limit=300).train, es.rules.Adjoint(near_threshold=0.7)
    network = es.layers("34x34x2-40-10", hidden=es.LIF(30_000), output=es.Readout(30_000))
    weights = es.start(network, data, spikes=1.0, seed=0)
    session = es.Session(network, weights).learns(es.Learning(rate=0.001, rule=rule))
    right = []
    for k in range(300):
        session.push(EventStream(data[k].t + int(session.t_us), data[k].unit, data.shape,
                                 duration=int(session.t_us + data.duration[k])))  # fmt: skip
        right.append(session.learn(int(data.label[k])).right)
        session.reset_answer()
    assert session.learner.right == sum(right) and session.learner.learned == 300
    assert np.mean(right[150:]) > 0.7 > np.mean(right[:40])


@pytest.mark.parametrize(
    ("layers", "given", "said"),
    [
        ("2x3x1-8-4", {"refractory_us": 1000.0}, "refractory time"),
        ("2x3x1-2c2-4", {}, "begin at rest in a window"),
    ],
)
def test_networks_that_a_window_would_cut_are_refused(layers, given, said):
    rule = rule_of("adjoint", **given)
    network = network_of(rule, layers)
    with pytest.raises(UserError, match=said):
        es.Session(network, weights_of(network)).learns(es.Learning(rule=rule))


def test_what_cannot_be_learned_is_refused_in_a_line():
    network = network_of(rule_of("adjoint"))
    weights = weights_of(network)
    with pytest.raises(UserError, match="give its rule"):
        es.Session(network, weights).learns(es.Learning())
    with pytest.raises(UserError, match="call learns"):
        es.Session(network, weights).learn(0)
    with pytest.raises(UserError, match="rule stbp"):
        es.Session(network, weights).learns(es.Learning(rule=find_rule("stbp")()))
    with pytest.raises(UserError, match="the session reads final"):
        es.Session(network, weights, reads="final").learns(es.Learning(rule=rule_of("adjoint")))
    session = session_of("adjoint")
    for label in (-1, 4, 1.0, True, None, "two"):
        with pytest.raises(UserError, match="give a class from 0 to 3"):
            session.learn(label)
    assert isinstance(session.memory.window(0, 10.0), Window)
