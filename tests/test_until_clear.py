"""Runs that end when the answer is clear are runs that end then: counts, spikes and readouts."""

import json

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsnn as es
from eventsnn.commands.stopping import held_out
from eventsnn.engines.layered import until_clear
from eventsnn.engines.layered.engine import MANY, links_of
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CrossEntropy
from eventsnn.measure.anytime import stream, time_checks
from eventsnn.measure.policies import Policy
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.graded_lif import GradedLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse
from eventsnn.train.held_out import split_of
from eventsnn.train.model import open_model

SHAPE = (1, 3, 4)


def first_connection(kind, rng):
    if kind == "conv":
        return Conv2d((3, 4, 1), 2, 2, planar=True)
    if kind == "wide":
        return Conv2d((3, 4, 1), 64, 2, planar=True)
    if kind == "dense":
        return Dense(12, 9)
    return Sparse.from_pairs(rng.integers(0, 12, 40), rng.integers(0, 9, 40), 12, 9)[0]


def network_of(kind, hidden, output, delays, rng):
    first = first_connection(kind, rng)
    size = first.n_out
    shape = first.out_shape if kind in ("conv", "wide") else (size,)
    return Network(
        (
            Population("input", SHAPE),
            Population("hidden", shape, hidden),
            Population("output", (3,), output),
        ),
        (
            Connection("input", "hidden", first, delays[0]),
            Connection("hidden", "output", Dense(size, 3), delays[1]),
        ),
    )


def recordings(rng, n=5):
    streams = []
    for label in range(n):
        t = np.sort(rng.integers(0, 900, rng.integers(0, 80)))
        unit = rng.integers(0, 12, len(t))
        streams.append(EventStream(t, unit, SHAPE, label % 3, int(rng.integers(900, 1100))))
    return EventBatch.from_streams(streams)


def weights_of(network, rng, dtype=np.float32):
    shapes = [c.topology.weight_shape for c in network.connections]
    return [rng.normal(0.3, 0.6, shape).astype(dtype) for shape in shapes]


def assert_same(a, b, bits=True):
    for field in ("spikes", "neuron_updates", "deliveries", "synaptic_adds"):
        np.testing.assert_array_equal(getattr(a.counts, field), getattr(b.counts, field), field)
    np.testing.assert_array_equal(a.duration, b.duration)
    assert a.spikes.keys() == b.spikes.keys() and a.readouts.keys() == b.readouts.keys()
    for name in a.spikes:
        for field in ("start", "t", "unit"):
            left, right = getattr(a.spikes[name], field), getattr(b.spikes[name], field)
            np.testing.assert_array_equal(left, right, f"{name} {field}")
    for name in a.unit_spikes:
        np.testing.assert_array_equal(a.unit_spikes[name], b.unit_spikes[name])
    for name in a.readouts:
        for field in ("final", "maximum", "maximum_t", "integral"):
            left, right = getattr(a.readouts[name], field), getattr(b.readouts[name], field)
            close = {"rtol": 0, "atol": 0} if bits else {"rtol": 1e-6, "atol": 1e-9}
            np.testing.assert_allclose(left, right, **close)


CASES = {
    "kind": st.sampled_from(["dense", "dense", "sparse", "conv"]),
    "hidden": st.sampled_from([LIF(300.0), IF(), LIF(90.0, 1.0, "zero", 40)]),
    "output": st.sampled_from([Readout(200.0), Readout(), LIF(200.0)]),
    "delays": st.sampled_from([(0, 0), (0, 0), (0, 37), (30, 80)]),
    "stop": st.sampled_from(
        ["margin:0.4", "margin:9,check_us=70", "entropy:1e-4,check_us=45", "patience:600", "first"]
    ),
}


def test_a_stopped_run_is_the_run_that_ends_then_with_the_counts_of_the_reference():
    early = []

    @settings(max_examples=examples(60), deadline=None)
    @given(seed=st.integers(0, 2**32), **CASES)
    def one(**drawn):
        early.extend(one_is_the_run_that_ends_then(**drawn))

    one()
    assert 0.02 < np.mean(early) < 0.98


def one_is_the_run_that_ends_then(seed, kind, hidden, output, delays, stop):
    rng = np.random.default_rng(seed)
    network = network_of(kind, hidden, output, delays, rng)
    weights, events = weights_of(network, rng), recordings(rng)
    if stop == "first":
        stop = "first_spike,check_us=60" if output.spiking else "margin:0.1,check_us=13"
    stop = Stop.of(stop if "check_us" in stop else f"{stop},check_us=100")
    record = es.simulate(network, weights, events, until_us=stop)
    assert_same(record, es.simulate(network, weights, events, until_us=record.duration))
    # The instrumented run: plain Python, one event after the other.
    told = es.simulate(network, weights, events, until_us=record.duration, engine="reference")
    for field in ("deliveries", "synaptic_adds", "neuron_updates"):
        np.testing.assert_array_equal(getattr(record.counts, field), getattr(told.counts, field))
    early = record.duration < events.duration
    np.testing.assert_array_equal(record.stopped.early, early)
    assert (record.duration[early] % stop.check_us == 0).all()
    return early


@pytest.mark.parametrize("policy", ["margin", "entropy", "patience"])
def test_it_stops_at_the_check_at_which_the_policy_of_measure_does(policy):
    early = []

    @settings(max_examples=examples(14), deadline=None)
    @given(seed=st.integers(0, 2**32))
    def one(seed):
        early.extend(one_stops_as_measure_says(seed, policy))

    one()
    assert 0.02 < np.mean(early) < 0.98


def one_stops_as_measure_says(seed, policy):
    rng = np.random.default_rng(seed)
    output = [Readout(200.0), Readout(), LIF(200.0)][seed % 3]
    reads = "counts" if output.spiking else "integral"
    network = network_of("dense", LIF(300.0), output, (0, 37 * (seed % 2)), rng)
    weights, events = weights_of(network, rng), recordings(rng)
    whole = es.simulate(network, weights, events)
    times = time_checks(whole, 60)
    seen = stream(whole, weights, events, CrossEntropy(reads), times, settle=True)
    lax = {"margin": 0.5, "entropy": 0.8, "patience": 120.0}
    strict = {"margin": 12.0, "entropy": 1e-5, "patience": 700.0}
    level = (strict if seed % 4 else lax)[policy]
    at = Policy(seen, policy).stops(level)
    rows = np.arange(len(events))
    record = es.simulate(network, weights, events, until_us=Stop(policy, level, 60))
    np.testing.assert_array_equal(record.duration, seen.t[rows, at])
    np.testing.assert_array_equal(record.counts.synaptic_adds.sum(1), seen.operations[rows, at])
    said = record.stopped.scores
    answered = (said != 0).any(1)
    np.testing.assert_array_equal(
        said.argmax(1)[answered], seen.prediction[rows, at][answered].astype(int)
    )
    return record.stopped.early


def test_a_graph_with_a_cycle_stops_from_state_to_state():
    rng = np.random.default_rng(3)
    network = Network(
        (
            Population("input", SHAPE),
            Population("hidden", (8,), CubaLIF(100.0, 30.0)),
            Population("output", (3,), Readout(200.0)),
        ),
        (
            Connection("input", "hidden", Dense(12, 8)),
            Connection("hidden", "hidden", Dense(8, 8), 20),
            Connection("hidden", "output", Dense(8, 3)),
        ),
    )
    weights, events = weights_of(network, rng), recordings(rng, 8)
    record = es.simulate(network, weights, events, until_us="margin:0.3,check_us=50")
    assert record.stopped.early.sum() > 0
    told = es.simulate(network, weights, events, until_us=record.duration)
    assert_same(record, told, bits=False)
    by_hand = es.simulate(network, weights, events, until_us=record.duration, engine="reference")
    np.testing.assert_array_equal(record.counts.synaptic_adds, by_hand.counts.synaptic_adds)


def test_both_engines_stop_alike():
    rng = np.random.default_rng(5)
    network = network_of("dense", LIF(300.0), Readout(200.0), (0, 9), rng)
    weights, events = weights_of(network, rng), recordings(rng, 9)
    stop = Stop("margin", 1.5, 50)
    fast, queue = (
        es.simulate(network, weights, events, until_us=stop, engine=engine)
        for engine in ("feedforward", "asynchronous")
    )
    assert 0 < fast.stopped.early.sum() < 9
    assert_same(fast, queue, bits=False)
    np.testing.assert_allclose(fast.stopped.scores, queue.stopped.scores, rtol=1e-5)


NEURONS = [LIF(90.0, 1.0, "zero", 40), LIF(90.0), GradedLIF(90.0)]


@pytest.mark.parametrize("neuron", NEURONS, ids=["refractory", "plain", "graded"])
@pytest.mark.parametrize("kind", ["dense", "sparse", "conv", "wide"])
def test_threads_and_pieces_change_no_bit(kind, neuron, monkeypatch):
    rng = np.random.default_rng(1)
    network = network_of(kind, neuron, Readout(200.0), (0, 0), rng)
    weights, events = weights_of(network, rng), recordings(rng, 20)
    stop = Stop("margin", 0.5, 50)
    whole = es.simulate(network, weights, events, until_us=stop)
    assert whole.stopped.early.sum() > 0
    prepared = es.prepare(network, weights)
    for name, value, threads in (("TOGETHER", 3, 3), ("MOST_BYTES", 1, 1)):
        monkeypatch.setattr(until_clear, name, value)
        pieces = prepared.simulate(events, until_us=stop, threads=threads)
        assert_same(whole, pieces)
        np.testing.assert_array_equal(whole.stopped.scores, pieces.stopped.scores)


def test_so_many_recordings_run_in_turns_as_their_states_have_room(monkeypatch):
    rng = np.random.default_rng(1)
    network = network_of("dense", LIF(90.0), Readout(200.0), (0, 0), rng)
    links = links_of(network, tuple(weights_of(network, rng)), MANY)
    assert until_clear.together(links) == until_clear.TOGETHER
    found = []
    for room in (100_000, 200_000):
        monkeypatch.setattr(until_clear, "MOST_BYTES", room)
        found.append(until_clear.together(links))
    assert 1 < found[0] < until_clear.TOGETHER and abs(found[1] - 2 * found[0]) <= 1


def test_no_recordings_stop_at_once():
    rng = np.random.default_rng(1)
    network = network_of("dense", LIF(90.0), Readout(200.0), (0, 0), rng)
    weights = weights_of(network, rng)
    none = recordings(rng)[:0]
    for engine in ("feedforward", "asynchronous"):
        record = es.simulate(network, weights, none, until_us="margin:1", engine=engine)
        assert len(record) == 0 and record.stopped.scores.shape == (0, 3)


@pytest.mark.parametrize(
    "text, line",
    [
        ("margin", "give a policy and its level"),
        ("margin:x", "give a policy and its level"),
        ("margin:2,every=3", "give a policy and its level"),
        ("margin:nan", "level is nan; give a finite number"),
        ("hope:1", "choose one of margin, entropy, patience, first_spike"),
        ("margin:1,check_us=0", "check_us is 0; give at least 1"),
    ],
)
def test_a_stop_that_is_none_is_one_line(text, line):
    with pytest.raises(UserError, match=line):
        Stop.of(text)


def test_a_run_that_cannot_stop_says_why():
    rng = np.random.default_rng(1)
    network = network_of("dense", LIF(90.0), Readout(200.0), (0, 0), rng)
    weights, events = weights_of(network, rng), recordings(rng)
    run = {"network": network, "weights": weights, "events": events}
    with pytest.raises(UserError, match="never spike; give another policy"):
        es.simulate(**run, until_us="first_spike")
    with pytest.raises(UserError, match="begins at rest and has an end"):
        es.simulate(network, weights, events[0], until_us="margin:1", state=True)
    with pytest.raises(UserError, match="reference engine does not stop early"):
        es.simulate(**run, until_us="margin:1", engine="reference")


def test_the_text_of_a_stop_gives_it_again():
    for stop in (Stop("margin", 2.5), Stop("entropy", 0.1, 500), Stop("first_spike")):
        assert Stop.of(str(stop)) == stop


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A small network of digits."""
    data = es.open_data("digits", limit=120)
    options = {"early_us": 20_000, "epochs": 8, "batch": 8, "validate": 0.3, "tau_us": 1e9}
    model = es.Classifier("2312-20-10", "adjoint", **options).fit(data)
    folder = tmp_path_factory.mktemp("stop") / "model"
    model.save(folder)
    return model, data, folder


def test_predictions_that_stop_are_those_at_the_stop(learned):
    model, data, _ = learned
    stop = Stop("margin", 0.2)
    found = model.learner.until_clear(data.test, stop)
    assert found.early.mean() > 0.2
    np.testing.assert_array_equal(model.predict(data.test, stop=stop), found.classes)
    assert model.predict(data.test[3], stop="margin:0.2") == found.classes[3]
    assert model.score(data.test, stop=stop) == np.mean(found.classes == data.test.label)
    never = model.predict(data.test, stop="margin:1e9")
    np.testing.assert_array_equal(never, model.predict(data.test))
    # A run that ends then, of the public API, counts the same operations.
    run = es.simulate(model.network_, model.weights_, data.test, until_us=found.t_us)
    np.testing.assert_array_equal(found.adds.sum(1), run.counts.synaptic_adds.sum(1))


def test_a_level_is_the_cheapest_that_loses_no_more_than_allowed(learned):
    model, data, _ = learned
    whole = model.score(data.train)
    for lose in (0.0, 0.05):
        stop = es.choose_stop(model, data.train, lose=lose)
        assert model.score(data.train, stop=stop) >= whole - lose - 1e-9
    lax, strict = (es.choose_stop(model, data.train, lose=lose).level for lose in (0.1, 0.0))
    assert lax < strict
    with pytest.raises(UserError, match="lose is 2; give a share"):
        es.choose_stop(model, data.train, lose=2)


def json_of(call, *words):
    code, out, err = call(*words, "--json")
    assert code == 0, err
    return json.loads(out.splitlines()[-1])


def test_evaluate_measure_and_simulate_stop_alike(learned, call):
    model, data, folder = learned
    stop = "margin:0.2"
    told = json_of(call, "evaluate", folder, "--data", "digits", "--limit", 120, "--stop", stop)
    found = model.learner.until_clear(data.test, Stop.of(stop))
    assert told["accuracy"] == np.mean(found.classes == data.test.label)
    assert told["operations_per_recording"] == found.adds.mean(0).tolist()
    assert told["stopped_us"] == found.t_us.mean() and told["stopped_early"] == found.early.mean()
    assert told["stop"] == {"policy": "margin", "level": 0.2, "check_us": 2000}
    words = ("--data", "digits", "--limit", 120, "--stop", stop)
    measured = json_of(call, "measure", folder, *words)["stopped"]
    assert measured["operations_per_recording"] == told["operations_per_recording"]
    assert measured["recordings_per_second"]["stopped"] > 0
    one = json_of(call, "simulate", folder, "digits", "--index", 0, "--stop", stop)
    assert one["duration"] == found.t_us[0] and one["prediction"] == found.classes[0]


def test_what_chooses_a_level_is_what_a_run_held_out_also_of_data_that_have_grown(learned):
    _, data, folder = learned
    learner, run = open_model(folder)
    rest = held_out(learner, run, es.open_data("digits"))
    used, held = split_of(learner.options, 0.3, data)
    assert len(held) == 36 and not set(held) & set(used)
    assert [stream.t.tolist() for stream in rest] == [data.train[int(k)].t.tolist() for k in held]


@pytest.mark.parametrize(
    "command, words, line",
    [
        ("evaluate", ("--stop", "margin", "--split", "train"), "--split train judges by them"),
        ("measure", ("--stop", "margin", "--split", "all"), "--split all judges by them"),
        ("evaluate", ("--lose", 1), "lose: is for a level that is chosen"),
        ("evaluate", ("--stop", "margin:1", "--lose", 1), "lose: is for a level that is chosen"),
    ],
)
def test_a_stop_that_means_nothing_is_refused(learned, call, command, words, line):
    code, out, err = call(command, learned[2], "--data", "digits", *words)
    assert code == 2 and not out and line in err and len(err.splitlines()) == 1


def test_a_policy_alone_is_given_a_level_on_what_was_not_learned(learned, call, tmp_path):
    folder = tmp_path / "skipped"
    words = ["--layers", "2312-8-10", "--limit", 80, "--epochs", 1, "--skip", 30]
    json_of(call, "train", "--rule", "adjoint", "--out", folder, *words)
    told = json_of(call, "evaluate", folder, "--stop", "margin", "--lose", 30, "--limit", 80)
    assert told["stop"]["chosen_on"] == 30 and told["stop"]["lose"] == 0.3
    saved, data = es.load(folder), es.open_data("digits", limit=80)
    chosen = es.choose_stop(saved, data.train[:30], lose=0.3)
    assert chosen.level == told["stop"]["level"]
    assert told["accuracy"] == saved.score(data.test, stop=chosen)
