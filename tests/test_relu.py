"""ReLU networks on frames beside plain numpy: frames, gradients, counts, pruning, prices."""

import json

import numpy as np
import pytest

from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.measure.energy import MODELS
from eventsnn.measure.own import measure_own
from eventsnn.ranks.ranks import ONE
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.relu import ReLU, walk
from eventsnn.rules.relu.frames import cut_of, frames_of
from eventsnn.rules.relu.options import ReLUOptions
from eventsnn.rules.relu.rule import prune
from eventsnn.train.options import recipe

SHAPE, UNITS, LAYERS = (2, 3, 4), 24, (24, 9, 7, 3)
LENGTH = 90_001  # no multiple of the frames


def recordings(n=6, seed=0, events=60):
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        t = np.sort(rng.integers(0, LENGTH, events))
        unit = (rng.integers(0, 8, events) + 8 * (k % 3)) % UNITS
        streams.append(EventStream(t, unit, SHAPE, k % 3, LENGTH))
    return EventBatch.from_streams(streams, "noise")


DATA = recordings()


def made(seed=0, threads=1, **given):
    rule = ReLU(ReLUOptions(**given), threads)
    network = rule.network(LAYERS)
    state, _ = rule.start(network, DATA, np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1)
    params = [p + rng.normal(0, 0.1, p.shape).astype(np.float32) for p in state.params]
    return rule, rule.begin(network, params, state.gain)


def frames_by_hand(rule, data, i):
    """Counts of the pixels of every frame, by a histogram over times and units."""
    own, stream = rule.options, data[i]
    end = own.until_us or stream.duration
    edges = [-(-end * k // own.frames) for k in range(own.frames + 1)]
    seen = stream.t < end
    found = np.histogram2d(stream.t[seen], stream.unit[seen], [edges, np.arange(UNITS + 1)])[0]
    return (found > 0).astype(float) if own.values == "binary" else found


def outputs_by_hand(rule, state, data, i):
    """Signals of every layer in float64, the input first."""
    signals = [frames_by_hand(rule, data, i).reshape(-1) * state.gain]
    for k, (w, b) in enumerate(zip(state.weights, state.biases, strict=True)):
        sums = signals[-1] @ w.astype(float) + b
        signals.append(sums if k == len(state.weights) - 1 else np.maximum(sums, 0))
    return signals


KINDS = [
    {},
    {"frames": 3},
    {"values": "binary", "frames": 2},
    {"until_us": 30_000},
    {"until_us": 41_000, "frames": 4, "values": "binary"},
]


@pytest.mark.parametrize("given", KINDS, ids=str)
def test_frames_are_histograms_of_events(given):
    rule = ReLU(ReLUOptions(**given))
    found = frames_of(DATA, np.array([3, 0]), cut_of(rule.options, UNITS))
    for k, i in enumerate((3, 0)):
        wanted = frames_by_hand(rule, DATA, i).reshape(-1)
        part = slice(found.start[k], found.start[k + 1])
        assert found.pixels[part].tolist() == np.flatnonzero(wanted).tolist()
        assert found.values[part].tolist() == wanted[wanted > 0].tolist()
        assert found.seen[k] == (DATA[i].t < (rule.options.until_us or LENGTH)).sum()


@pytest.mark.parametrize("given", KINDS, ids=str)
def test_answers_and_counts_are_those_of_plain_matrix_products(given):
    rule, state = made(**given)
    state.weights[0][np.random.default_rng(5).random(state.weights[0].shape) < 0.4] = 0
    signals = [outputs_by_hand(rule, state, DATA, i) for i in range(len(DATA))]
    found = rule.predict(state, DATA, np.arange(len(DATA)), threads=2)
    assert found.classes.tolist() == [int(s[-1].argmax()) for s in signals]
    assert found.spikes.tolist() == [sum(int((s[k] > 0).sum()) for s in signals) for k in range(4)]
    wanted = [
        sum(int(((s[k] > 0)[:, None] & (w != 0)).sum()) for s in signals)
        for k, w in enumerate(state.weights)
    ]
    assert found.adds.tolist() == wanted
    seen = sum(int((DATA[i].t < (rule.options.until_us or LENGTH)).sum()) for i in range(6))
    counted = 0 if rule.options.values == "binary" else seen
    assert found.neurons == (6 * (9 + 7 + 3) + counted, 0, 6 * (9 + 7))


def test_gradients_are_quotients_of_differences():
    rule, state = made(frames=2)
    frames, kept = rule.frames(DATA, np.arange(6), LAYERS), walk.everyone(state, 6)
    kept[0][:, 2], kept[1][3] = 0, 2.0
    weigh = np.random.default_rng(3).normal(size=(6, 3)).astype(np.float32)

    def value():
        return float((walk.forward(state, frames, kept).sent[-1] * weigh.astype(float)).sum())

    passed = walk.forward(state, frames, kept)
    found = walk.gradients(state, passed, walk.errors_of(state, passed, weigh), ONE.columns)
    for param, gradient in zip(state.params, found, strict=True):
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        old, quotient = param[place], 0.0
        for step in (1e-3, -1e-3):
            param[place] = old + np.float32(step)
            quotient += value() / (2 * step)
        param[place] = old
        assert quotient == pytest.approx(gradient[place], rel=5e-3)
    assert (found[0][:, 2] == 0).all() and (found[1][2] == 0).all()


def test_threads_change_no_bit():
    ends = []
    for threads in (1, 3):
        rule, state = made(threads=threads, batch=4)
        state = rule.begin_epoch(state, Epoch(0, 2, 1))
        for order in (np.arange(4), np.arange(4, 6)):
            state, _ = rule.learn(state, Batch(DATA, order), np.random.default_rng(7))
        ends.append(rule.arrays(state))
    for name, array in ends[0].items():
        np.testing.assert_array_equal(array, ends[1][name])


def test_pruning_takes_the_smallest_and_they_stay_away():
    weights = np.array([[3.0, -0.5, 0.0, 2.0], [-4.0, 0.1, 1.0, -1.5]], np.float32)
    prune(weights, 0.5)
    assert weights.tolist() == [[3.0, 0.0, 0.0, 2.0], [-4.0, 0.0, 0.0, -1.5]]
    rule, state = made(sparsity=0.75, prune_until=0.5, batch=6)
    shares = []
    for epoch in range(4):
        state = rule.begin_epoch(state, Epoch(epoch, 50, 4))
        for _ in range(50):
            state, _ = rule.learn(state, Batch(DATA, np.arange(6)), np.random.default_rng(0))
        shares.append(float((state.weights[0] == 0).mean()))
    assert 0 < shares[0] < shares[1] and shares[1:] == [0.75] * 3
    told = rule.costs(state)  # forward, and a gradient a synapse and the errors below
    forward, back = (told[f"{k}_per_recording"][0] for k in ("operations", "backward_operations"))
    assert 0 < forward < back < 2 * forward


def test_multiply_accumulates_are_priced_and_binary_frames_only_add():
    model = next(m for m in MODELS if m.name == "cmos45-float32-sram")
    for values in ("counts", "binary"):
        rule, state = made(values=values)
        result = measure_own(rule, state, DATA, (model,)).result
        first, *upper = result["operations"]["synaptic_operations"].values()
        neurons = {"counts": 60 * 0.9, "binary": 0.0}[values] + 19 * 0.9
        price = {"counts": 4.6, "binary": 0.9}[values]
        told = result["energy"][0]
        memory = 12.5 * 4 * (first + sum(upper)) / 1e3
        arithmetic = (price * first + 4.6 * sum(upper) + neurons) / 1e3
        assert told["memory_nj"] == pytest.approx(memory)
        assert told["tests_nj"] == pytest.approx(16 * 0.9 / 1e3) and told["decays_nj"] == 0
        assert told["total_nj"] == pytest.approx(arithmetic + memory + 16 * 0.9 / 1e3)


def test_its_recipe_changes_recordings_as_that_of_the_adjoint_does():
    ours, theirs = recipe("relu"), recipe("adjoint")
    moves = ("shift", "rotate", "scale", "elastic", "scatter", "drop")
    assert {name: ours[name] for name in moves} == {name: theirs[name] for name in moves}


def test_recordings_of_another_sensor_are_refused(tmp_path, call):
    rule, state = made()
    other = EventBatch.from_streams([EventStream([1], [0], (1, 2, 2), 0, 10)], "small")
    with pytest.raises(UserError, match="small: 4 inputs, the network takes 24"):
        rule.predict(state, other, np.arange(1))
    out = tmp_path / "run"
    words = ("--rule", "relu", "--limit", 40, "--epochs", 1, "--frames", 3, "--layers", "2312-9-10")
    code, told, err = call("train", *words, "--out", out, "--json")
    assert code == 0 and json.loads(told)["layers"] == [2312, 9, 10], err
    code, _, err = call("train", "--rule", "relu", "--layers", "34x34x2-4c5-10", "--json")
    assert code == 2 and "relu" in err
