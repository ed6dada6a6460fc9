"""The event-driven MLP on a stream: the bits of recordings of T steps, in any pieces."""

from itertools import pairwise

import numpy as np
import pytest

import eventsnn as es
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream

SHAPE, SAMPLES, T = (1, 2, 4), 30, 5
RNG = np.random.default_rng


def net_of(**given):
    rng = RNG(0)
    weights = [rng.normal(0, 0.4, (8, 9)), rng.normal(0, 0.4, (9, 3))]
    options = {"n_steps": T, "fractional": True, "back_quantizer": "noreset-herding"} | given
    return es.HerdingMLP(weights, **options)


def by_events(k):
    """Samples of T steps of k events, as recordings and as one stream."""
    rng, n = RNG(1), T * k
    t = np.sort(rng.integers(0, 1000, (SAMPLES, n)), axis=1)
    unit = rng.integers(0, 8, (SAMPLES, n))
    return t, unit, [1000] * SAMPLES


def by_time():
    rng = RNG(2)
    parts = [np.sort(rng.integers(0, 100 * T, rng.integers(0, 40))) for _ in range(SAMPLES)]
    return parts, [rng.integers(0, 8, len(part)) for part in parts], [100 * T] * SAMPLES


def both(t, unit, duration):
    streams = [
        EventStream(a, b, SHAPE, label=k % 3, duration=d)
        for k, (a, b, d) in enumerate(zip(t, unit, duration, strict=True))
    ]
    begin = np.cumsum([0, *duration])
    whole = [
        (s.t + b, s.unit, int(b), int(b + s.duration)) for s, b in zip(streams, begin, strict=False)
    ]
    return EventBatch.from_streams(streams), whole


@pytest.mark.parametrize("fractional", [True, False])
@pytest.mark.parametrize("steps", ["events", "time"])
def test_a_stream_gives_the_bits_of_recordings_of_t_steps(steps, fractional):
    t, unit, duration = by_events(6) if steps == "events" else by_time()
    batch, whole = both(t, unit, duration)
    kind = {"step_by": "count" if steps == "events" else "time", "fractional": fractional}
    ours, theirs = net_of(**kind), net_of(**kind)
    size = {"step_events": 6} if steps == "events" else {"step_us": 100}
    session, rng, said = es.StepSession(ours, **size), RNG(3), []
    expected = theirs.train(batch, np.arange(SAMPLES))
    for k, (times, units, begin, end) in enumerate(whole):
        cuts = [begin, *np.sort(rng.integers(begin, end, 3)).tolist(), end]
        for a, b in pairwise(cuts):
            part = (times >= a) & (times < b)
            stream = EventStream(times[part], units[part], SHAPE, duration=b)
            answer = session.push(stream, label=k % 3)
        said.append(answer.scores)
    np.testing.assert_array_equal(said, expected)
    for mine, yours, before in zip(ours.weights, theirs.weights, net_of().weights, strict=True):
        np.testing.assert_array_equal(mine, yours)
        assert (mine != before).any()
    np.testing.assert_array_equal(ours.counts, theirs.counts)


def test_without_a_class_nothing_is_learned():
    net = net_of()
    session = es.StepSession(net, step_events=4, samples=3)
    t = np.arange(400)
    answer = session.push(EventStream(t, t % 8, SHAPE, duration=400))
    assert answer.events == 400 and answer.operations >= 400 * 9 and session._unit.size == 0
    for mine, before in zip(net.weights, net_of().weights, strict=True):
        np.testing.assert_array_equal(mine, before)


def test_a_step_session_that_was_saved_goes_on_with_the_same_bits(tmp_path):
    whole, cut = (es.StepSession(net_of(), step_events=7) for _ in range(2))
    rng = RNG(5)
    t, unit = np.sort(rng.integers(0, 9000, 900)), rng.integers(0, 8, 900)
    for k in range(9):
        a, b = 1000 * k, 1000 * (k + 1)
        part = (t >= a) & (t < b)
        piece = EventStream(t[part], unit[part], SHAPE, duration=b)
        if k == 4:
            cut.save(tmp_path / "s.npz")
            cut = es.StepSession(net_of(), step_events=7)
            cut.load(tmp_path / "s.npz")
        one, two = (session.push(piece, label=k % 3) for session in (whole, cut))
        np.testing.assert_array_equal(one.scores, two.scores)
    for mine, yours in zip(whole.net.weights, cut.net.weights, strict=True):
        np.testing.assert_array_equal(mine, yours)
    with pytest.raises(DataError, match="no such session"):
        es.StepSession(net_of(), step_events=8).load(tmp_path / "s.npz")


def test_what_a_step_session_cannot_take_is_refused():
    with pytest.raises(UserError, match="one of the two"):
        es.StepSession(net_of())
    with pytest.raises(UserError, match="step_us is 0"):
        es.StepSession(net_of(), step_us=0)
    with pytest.raises(UserError, match="or a HerdingMLP"):
        es.StepSession(3, step_us=10)
    session = es.StepSession(net_of(), step_us=100)
    session.push(EventStream([5], [1], SHAPE, duration=250))
    with pytest.raises(DataError, match="everything before 250 us"):
        session.push(EventStream([249], [1], SHAPE, duration=300))
    with pytest.raises(UserError, match="class from 0 to 2"):
        session.push(EventStream([260], [1], SHAPE, duration=300), label=3)
    for shape, said in (((1, 3, 4), "12 inputs, but the network takes 8"), ((2, 2, 2), "a sensor")):
        with pytest.raises(UserError, match=said):
            session.push(EventStream([260], [7], shape, duration=400))
    with pytest.raises(UserError, match="999,999,999,998 steps of 100 us; give shorter pieces"):
        session.push(EventStream([], [], SHAPE, duration=300), 1e14)
    for stream, until in ((None, 400), (EventStream([], [], SHAPE, duration=300), "soon")):
        with pytest.raises(UserError, match="session: "):
            session.push(stream, until)
    # What was refused left the session as it was.
    answer = session.push(EventStream([260], [1], SHAPE, duration=500))
    assert (answer.t_us, answer.events) == (500, 1)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("t", lambda a: a[::-1]),
        ("t", lambda a: a + 0.5),
        ("unit", lambda a: a[:-1]),
        ("unit", lambda a: a + 8),
        ("place", lambda a: a + T * (np.arange(5) == 1)),
        ("said", lambda a: a * np.nan),
        ("t_us", lambda a: a * np.inf),
        ("net.drive", lambda a: a * np.nan),
        ("options", lambda a: a[1:]),
    ],
)
def test_a_damaged_file_is_refused_and_so_is_one_of_other_options(tmp_path, name, change):
    session = es.StepSession(net_of(), step_us=1000)
    t = np.arange(0, 5900, 100)
    session.push(EventStream(t, t % 8, SHAPE, duration=5900), label=1)
    session.save(tmp_path / "a.npz")
    arrays = dict(np.load(tmp_path / "a.npz"))
    if name == "net.drive":
        arrays[name] = arrays[name] + 1
    np.savez(tmp_path / "b.npz", **(arrays | {name: change(arrays[name])}))
    with pytest.raises(DataError, match="no such session"):
        es.StepSession(net_of(), step_us=1000).load(tmp_path / "b.npz")
    with pytest.raises(DataError, match=r"eta is 0.01, here 0.5"):
        es.StepSession(net_of(eta=0.5), step_us=1000).load(tmp_path / "a.npz")


def test_a_trained_network_goes_on_learning_with_the_same_bits_when_it_was_saved(tmp_path):
    data = es.open_data("digits", limit=20)
    fitted = es.Classifier("2312-12-10", rule="deep-spiking", epochs=1, dtype="float64").fit(data)
    fitted.save(tmp_path / "run")
    recording, nets = data.test[0], []
    for model in (fitted, tmp_path / "run"):
        session = es.StepSession(model, step_events=40)
        before = [w.copy() for w in session.net.weights]
        session.push(recording, label=1)
        assert any((w != b).any() for w, b in zip(session.net.weights, before, strict=True))
        nets.append(session.net)
    own = fitted.learner.state
    for mine, yours, kept, b in zip(*(n.weights for n in nets), own.weights, before, strict=True):
        np.testing.assert_array_equal(mine, yours)
        np.testing.assert_array_equal(kept, b)  # a Classifier stays what it was


def test_a_session_of_another_rule_is_told_where_to_go(tmp_path):
    data = es.open_data("digits", limit=20)
    model = es.Classifier("2312-12-10", epochs=1).fit(data)
    with pytest.raises(UserError, match="of the rule adjoint; give one of deep-spiking"):
        es.StepSession(model, step_events=40)
