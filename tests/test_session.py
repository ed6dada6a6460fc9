"""Sessions: a stream in any pieces is one run, to the last bit, and memory does not grow."""

import tracemalloc
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from test_feedforward import make_batch
from test_prepared import dense, recurrent

import eventsnn as es
from eventsnn.errors import DataError, UserError

END = 90_000


def noisy():
    """Return recurrent cells with delays, a generator of spikes and a current that changes."""
    net, weights = recurrent()
    eye, cells = net.populations
    noise = es.Population("noise", (6,), generator=es.Poisson(rate_hz=300, seed=3))
    slow = es.Population(
        "slow", (4,), es.CubaLIF(9_000, 2_000), generator=es.StepCurrent([0, 20_000], [0.0, 1.4])
    )
    links = (
        *net.connections,
        es.connect(noise, cells, es.AllToAll(), delay_us=1_700),
        es.connect(cells, slow, es.AllToAll(), delay_us=400),
    )
    net = es.Network((eye, cells, noise, slow), links)
    return net, [*weights, np.full((6, 40), 0.11), np.full((40, 4), 0.01)]


NETWORKS = {"dense": dense, "recurrent": recurrent, "noisy": noisy}


def stream_of(seed=2, n=400):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, END, n))
    return es.EventStream(t, rng.integers(0, 32, n), (2, 4, 4), duration=END)


def pieces(stream, rng, n=30):
    cuts = [0, *sorted(rng.integers(0, END, n).tolist()), END]
    return [stream.between(a, b) for a, b in pairwise(cuts)]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stream_in_any_pieces_is_one_run_to_the_last_bit(name):
    net, weights = NETWORKS[name]()
    stream, rng = stream_of(), np.random.default_rng(7)
    names = [p.name for p in net.populations if p.neuron is not None and p.spiking]
    whole = es.simulate(net, weights, stream, engine="asynchronous", record=names)
    assert all(len(whole.spikes[n].t) > 20 for n in names)
    session = es.Session(net, weights, record=names)
    answers = [session.push(piece) for piece in pieces(stream, rng)]
    for n in names:
        for field in ("t", "unit", "value"):
            found = np.concatenate([getattr(a.spikes_of[n], field) for a in answers])
            np.testing.assert_array_equal(found, getattr(whole.spikes[n], field))
    for field in ("spikes", "deliveries", "synaptic_adds", "neuron_updates"):
        found, wanted = getattr(session.counts, field), getattr(whole.counts, field)
        np.testing.assert_array_equal(found, wanted, field)
    assert sum(a.operations for a in answers) == whole.counts.synaptic_adds.sum()
    assert sum(a.events for a in answers) == len(stream)
    neurons = [p.neuron is not None for p in net.populations]
    assert sum(a.spikes for a in answers) == whole.counts.spikes[0, neurons].sum()


@pytest.mark.parametrize("reads", ["integral", "maximum", "final"])
def test_the_answer_is_that_of_one_run_over_all_pieces(reads):
    net, weights = dense()
    stream = stream_of()
    whole = es.simulate(net, weights, stream, engine="asynchronous").readouts["output"]
    session = es.Session(net, weights, reads=reads)
    for piece in pieces(stream, np.random.default_rng(1)):
        answer = session.push(piece)
    scale = 900 if reads == "integral" else 1
    wanted = np.asarray(getattr(whole, reads)[0], np.float64) / scale
    np.testing.assert_array_equal(answer.scores, wanted)
    best = np.sort(wanted)[::-1]
    assert answer.label == wanted.argmax() and answer.margin == best[0] - best[1]


@pytest.mark.parametrize("name", ["dense", "recurrent"])
def test_a_window_slides_over_the_stream_alike_however_it_is_cut(name):
    net, weights = NETWORKS[name]()
    stream = stream_of()
    told = []
    for seed in range(3):
        rng, session = np.random.default_rng(seed), es.Session(net, weights, window_us=20_000)
        marks = set(range(5_000, END + 1, 5_000))
        cuts = sorted({0, *marks, *rng.integers(0, END, 20).tolist()})
        found = {}
        for a, b in pairwise(cuts):
            found[b] = session.push(stream.between(a, b)).scores
        told.append(np.array([found[mark] for mark in sorted(marks)]))
    np.testing.assert_array_equal(told[0], told[1])
    np.testing.assert_array_equal(told[0], told[2])
    assert (told[0] != 0).any(1).all()


def test_a_window_of_counts_holds_the_spikes_of_its_last_microseconds():
    net, weights = recurrent()
    stream = stream_of()
    whole = es.simulate(net, weights, stream, record=["cells"]).spikes["cells"]
    session = es.Session(net, weights, window_us=20_000)
    for end in range(1_000, END + 1, 1_000):
        answer = session.push(stream.between(end - 1_000, end))
        begin = max(0, 2_000 * -(-end // 2_000) - 20_000)  # nine tenths, and the one of now
        inside = whole.unit[(whole.t >= begin) & (whole.t < end)]
        np.testing.assert_array_equal(answer.scores, np.bincount(inside, minlength=40))


def test_a_session_that_was_saved_goes_on_with_the_same_bits(tmp_path):
    for name in NETWORKS:
        net, weights = NETWORKS[name]()
        stream, window = stream_of(), 20_000
        whole, first, second = (es.Session(net, weights, window_us=window) for _ in range(3))
        first.push(stream.between(0, 47_113))
        first.save(tmp_path / "session.npz")
        second.load(tmp_path / "session.npz")
        whole.push(stream.between(0, 47_113))
        for a, b in ((47_113, 60_000), (60_000, END)):
            one, other = (s.push(stream.between(a, b)) for s in (whole, second))
            np.testing.assert_array_equal(one.scores, other.scores)
            assert (one.spikes, one.operations) == (other.spikes, other.operations)


def test_after_a_reset_a_session_is_as_new_and_reset_answer_keeps_potentials():
    net, weights = dense()
    stream = stream_of()
    session, fresh = es.Session(net, weights), es.Session(net, weights)
    session.push(stream)
    session.reset()
    assert session.t_us == 0
    np.testing.assert_array_equal(session.push(stream).scores, fresh.push(stream).scores)
    half = stream.between(0, 45_000)
    session.reset()
    session.push(half)
    session.reset_answer()
    state = es.simulate(net, weights, half, state=True).state.reset_readouts()
    rest = stream.between(45_000, END)
    wanted = es.simulate(net, weights, rest, state=state).readouts["output"].integral[0] / 900
    np.testing.assert_array_equal(session.push(rest).scores, wanted)


def test_a_trained_model_answers_on_a_stream_as_it_predicts(tmp_path):
    streams = [BATCH[i] for i in range(len(BATCH))]
    labelled = [es.EventStream(s.t, s.unit, s.shape, i % 2) for i, s in enumerate(streams)]
    model = es.Classifier("4x4x2-8-2", "adjoint", epochs=1, seed=0).fit(labelled)
    model.save(tmp_path / "model")
    for given in (model, tmp_path / "model"):
        session = es.Session(given)
        for stream in labelled:
            session.reset()
            assert session.push(stream).label == model.predict(stream)


BATCH = make_batch(np.random.default_rng(5), (2, 4, 4), 6, 120, 80)


def test_a_day_of_stream_leaves_memory_flat_and_clocks_right():
    net, weights = dense()
    piece, late = stream_of(n=60), 86_400_000_000  # a day: beyond 2**31 microseconds by far
    soon, far = (es.Session(net, weights, record=["hidden1"]) for _ in range(2))
    moved = es.EventStream(piece.t + late, piece.unit, piece.shape, duration=late + END)
    one, other = soon.push(piece).spikes_of["hidden1"], far.push(moved).spikes_of["hidden1"]
    assert len(one.t) > 20 and far.t_us == late + END
    np.testing.assert_array_equal(one.t + late, other.t)
    np.testing.assert_array_equal(one.value, other.value)
    base = es.Session(*recurrent(), window_us=30_000)
    tracemalloc.start()
    for i in range(300):
        if i == 100:
            before = tracemalloc.get_traced_memory()[0]
        t = piece.t + (i + 1) * END
        base.push(es.EventStream(t, piece.unit, piece.shape, duration=(i + 2) * END))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000, grown


@pytest.mark.parametrize(
    "events, until, message",
    [
        ({"t": [3]}, None, "1 of 1 events of .*, the first at 3 us, come too late"),
        ({"t": [700]}, 600, "the last event of .* is at 700 us, the piece ends at 600 us"),
        ({"t": []}, 20, "the piece ends at 20 us, the session stands at 500 us"),
        ({"t": [600], "shape": (1, 4, 4)}, None, "a sensor of"),
        ({"t": [600]}, np.inf, "give the times of the whole stream"),
        (None, None, "give until_us"),
        ("dense", None, "give an EventStream"),
    ],
)
def test_a_piece_that_does_not_fit_is_refused_and_nothing_is_lost(events, until, message):
    net, weights = dense()
    session, other = es.Session(net, weights), es.Session(net, weights)
    stream = stream_of()
    for one in (session, other):
        one.push(stream.between(0, 500))
    if isinstance(events, dict):
        t = np.array(events["t"], np.int64)
        events = es.EventStream(t, np.zeros(len(t), np.int64), events.get("shape", (2, 4, 4)))
    with pytest.raises(UserError, match=message):
        session.push(events, until)
    rest = stream.between(500, END)
    np.testing.assert_array_equal(session.push(rest).scores, other.push(rest).scores)


def test_a_runaway_network_stops_the_session_until_it_is_reset():
    net, weights = recurrent()
    session = es.Session(net, weights, event_budget=5)
    with pytest.raises(UserError, match="more than 5 spikes"):
        session.push(stream_of())
    with pytest.raises(UserError, match=r"reset\(\)"):
        session.push(None, END + 1)
    session.reset()
    assert session.push(None, 10.0).t_us == 10


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        (0, {"window_us": 55}, "whole tens"),
        (0, {"reads": "final", "window_us": 100}, "leave window_us out"),
        (0, {"reads": "counts"}, "give integral or maximum or final"),
        (0, {"record": "hidden1"}, "list of names"),
        (0, {"record": ["hiden"]}, "hiden"),
        (1, {}, "without weights"),
        (2, {}, "give a Classifier"),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(args, kwargs, message):
    net, weights = dense()
    given = [(net, weights), (net,), (3.5,)][args]
    with pytest.raises(UserError, match=message):
        es.Session(*given, **kwargs)


def test_a_file_that_is_no_session_of_this_network_is_refused(tmp_path):
    net, weights = dense()
    session = es.Session(net, weights, window_us=20_000)
    session.push(stream_of())
    session.save(tmp_path / "a.npz")
    with pytest.raises(DataError, match="same window"):
        es.Session(net, weights).load(tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"populations of|another network|same window|classes"):
        es.Session(*recurrent(), window_us=20_000).load(tmp_path / "a.npz")
    session.state.save(tmp_path / "state.npz")
    with pytest.raises(DataError, match="not a saved session"):
        session.load(tmp_path / "state.npz")
    rng, data = np.random.default_rng(0), (tmp_path / "a.npz").read_bytes()
    for _ in range(60):
        wrong = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            wrong[place] = rng.integers(0, 256)
        (tmp_path / "b.npz").write_bytes(bytes(wrong))
        with suppress(UserError):
            session.load(tmp_path / "b.npz")


@pytest.mark.parametrize("stop", ["margin:60", "patience:9000"])
def test_an_answer_that_is_clear_is_that_of_simulate_and_nothing_more_is_delivered(stop):
    net, weights = dense()
    stream = stream_of()
    whole = es.simulate(net, weights, stream, until_us=stop, engine="asynchronous")
    assert whole.stopped.early.all()
    for seed in range(2):
        session = es.Session(net, weights, stop=stop)
        answers = [session.push(part) for part in pieces(stream, np.random.default_rng(seed))]
        assert answers[-1].clear and not answers[0].clear
        np.testing.assert_array_equal(answers[-1].scores, whole.stopped.scores[0])
        assert sum(a.skipped for a in answers) == (stream.t >= whole.duration[0]).sum() > 0
        np.testing.assert_array_equal(session.counts.synaptic_adds, whole.counts.synaptic_adds)
    session.reset_answer()
    again = es.EventStream(stream.t + END, stream.unit, stream.shape, duration=2 * END)
    answer = session.push(again)
    assert answer.clear and 0 < answer.skipped < len(again)


def test_spikes_of_an_output_are_watched_too():
    net = es.layers("2x4x4-12-3", hidden=es.LIF(9_000), output=es.LIF(9_000))
    rng = np.random.default_rng(0)
    weights = [rng.normal(0.2, 0.3, c.topology.weight_shape) for c in net.connections]
    stream = stream_of()
    stream = es.EventStream(stream.t, stream.unit, (4, 2, 4), duration=END)
    whole = es.simulate(net, weights, stream, until_us="margin:4,check_us=500")
    session = es.Session(net, weights, stop="margin:4,check_us=500")
    answers = [session.push(part) for part in pieces(stream, np.random.default_rng(0))]
    assert whole.stopped.early.all() and answers[-1].clear
    np.testing.assert_array_equal(answers[-1].scores, whole.stopped.scores[0])
    with pytest.raises(UserError, match="has no window"):
        es.Session(net, weights, stop="margin:4", window_us=1000)


def test_a_silence_of_days_costs_nothing_and_the_window_is_the_same_however_it_is_cut():
    net, weights = dense()
    burst, gap = stream_of(n=300), 3 * 86_400_000_000
    t = np.concatenate([burst.t, burst.t + gap, burst.t + 2 * gap])
    unit, end = np.concatenate([burst.unit] * 3), 2 * gap + END
    stream = es.EventStream(t, unit, burst.shape, duration=end)
    marks = [30_000, END, gap + 30_000, gap + END, 2 * gap + 31_111, end]
    told = []
    for seed in range(3):
        session, found = es.Session(net, weights, window_us=20_000), []
        rng = np.random.default_rng(seed)
        # Also within the silence, and between its begin and the rest of the window.
        cuts = {0, *marks, *rng.integers(END, END + 60_000, 3), *rng.integers(END, gap, 3)}
        cuts |= set((gap + rng.integers(0, END, 5)).tolist())
        for a, b in pairwise(sorted(int(cut) for cut in cuts)):
            answer = session.push(stream.between(a, b))
            found += [answer.scores] if b in marks else []
        told.append(found)
    np.testing.assert_array_equal(told[0], told[1])
    np.testing.assert_array_equal(told[0], told[2])
    assert np.ptp(told[0], axis=1).min() > 0


def test_a_session_that_rests_is_saved_as_it_is(tmp_path):
    net, weights = dense()
    stream = stream_of()
    later = es.EventStream(stream.t + 10**9, stream.unit, stream.shape, duration=10**9 + END)
    for at in (END + 3_333, END + 21_111, 10**8, 10**9 + 5_555):  # quiet, at rest, awake
        one, other = (es.Session(net, weights, window_us=20_000) for _ in range(2))
        for session in (one, other):
            session.push(stream)
            session.push(later.between(END, at), at)
        one.save(tmp_path / "a.npz")
        fresh = es.Session(net, weights, window_us=20_000)
        fresh.load(tmp_path / "a.npz")
        rest = later.between(at, 10**9 + END)
        np.testing.assert_array_equal(fresh.push(rest).scores, other.push(rest).scores)


def test_neurons_that_fire_by_themselves_never_rest():
    drum = es.CubaLIF(5_000, 1_000, bias=1.3)
    cells = es.Population("cells", (1,), drum)
    eye = es.Population("eye", (1, 1, 2))
    net = es.Network((eye, cells), (es.connect(eye, cells, es.AllToAll()),))
    session = es.Session(net, [0.0], window_us=100_000, reads="counts")
    nothing = es.EventStream([], [], (1, 1, 2), duration=3_000_000)
    assert 0 < session.push(nothing).scores[0] < session.counts.spikes[0, 1] / 20


def test_a_session_that_stops_is_not_saved_and_another_reading_is_refused(tmp_path):
    net, weights = dense()
    with pytest.raises(UserError, match="make it without"):
        es.Session(net, weights, stop="margin:60").save(tmp_path / "a.npz")
    es.Session(net, weights, reads="maximum").save(tmp_path / "a.npz")
    with pytest.raises(DataError, match="same window and reads"):
        es.Session(net, weights).load(tmp_path / "a.npz")
