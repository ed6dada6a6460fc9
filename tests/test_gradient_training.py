"""Training with the spike adjoint, as people run it: what it learns, saves, resumes and refuses."""

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import eventsnn as es
from eventsnn.commands.stopping import held_out
from eventsnn.data.source import open_data
from eventsnn.engines import simulate
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.dense import backward as blockwise
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.network.layer_string import parse_layers
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.lif import LIF
from eventsnn.rules import find_rule
from eventsnn.rules.evaluation import spikes_allowed
from eventsnn.topology.dense import Dense
from eventsnn.train.apart import parted
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.learning import Learner
from eventsnn.train.model import open_model
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer

SMALL = ["--rule", "adjoint", "--limit", "120", "--layers", "2312-24-10", "--batch", "16"]


def assert_same_arrays(one, other):
    a, b = load_checkpoint(one).arrays, load_checkpoint(other).arrays
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def small_learner(threads=1, **given):
    data = open_data("digits", limit=64)
    given = {"rule": "adjoint", "layers": (2312, 20, 10), "epochs": 1} | given
    options = completed(make_options(given), data)
    learner = Learner(options, threads)
    learner.start(data.train)
    learner.begin_epoch(0, 4, 1)
    return learner, data.train


def give(learner, weights):
    """Change the weights, and nothing that the optimizer remembers."""
    params = learner.rule.kept(learner.network, weights)
    learner.state = replace(learner.state, params=params, averaged=None)


def test_digits_are_learned_within_a_minute(call, tmp_path):
    words = (
        "--rule",
        "adjoint",
        "--epochs",
        3,
        "--rate",
        0.001,
        "--out",
        tmp_path / "run",
        "--json",
    )
    code, out, _ = call("train", *words)
    summary = json.loads(out)
    assert code == 0 and summary["test_accuracy"] > 0.93
    losses = [row["loss"] for row in summary["history"]]
    assert losses == sorted(losses, reverse=True)
    code, out, _ = call("evaluate", tmp_path / "run", "--split", "all", "--json")
    both = json.loads(out)
    expected = (summary["test_accuracy"] * 359 + summary["train_accuracy"] * 1438) / 1797
    assert both["recordings"] == 1797 and both["accuracy"] == pytest.approx(expected)
    code, out, _ = call("simulate", tmp_path / "run", "digits", "--index", 3, "--json")
    assert code == 0 and json.loads(out)["events"] > 1000


@pytest.mark.parametrize("reads", ["integral", "maximum", "final", "counts"])
def test_every_output_learns(reads):
    options = {"batch": 64, "dropout": 0.0, "init_output": 0.1, "rate": 0.0015}
    learner, data = small_learner(reads=reads, **options)
    rng = np.random.default_rng(0)
    losses = [learner.learn(data, np.arange(64), rng).loss for _ in range(25)]
    assert losses[-1] < 0.9 * losses[0]


def test_two_threads_learn_the_same_bits(call, tmp_path):
    # More neurons than a block of the way back, more recordings than a group of the way forward.
    large = ("--rule", "adjoint", "--limit", 96, "--layers", "2312-200-10", "--batch", 48)
    assert blockwise.BLOCK < 200 and layered.GROUP < 48
    for threads in (1, 2):
        words = (*large, "--epochs", 1, "--threads", threads, "--out", tmp_path / str(threads))
        assert call("train", *words)[0] == 0
    assert_same_arrays(tmp_path / "1", tmp_path / "2")


def test_a_killed_run_resumes_to_the_same_bits(call, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert call("train", "--out", whole, *SMALL, "--epochs", 10)[0] == 0
    for kill in range(3):
        words = [sys.executable, "-m", "eventsnn", "train", "--out", str(cut)]
        saved = (cut / "model.safetensors").exists()
        words += ["--resume"] if saved else [*SMALL, "--epochs", "10"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            done = (cut / "model.safetensors").exists()
            if done and len(load_checkpoint(cut).info["history"]) > kill:
                process.send_signal(signal.SIGKILL)
                process.wait()
            time.sleep(0.003)
    assert call("train", "--out", cut, "--resume")[0] == 0
    assert_same_arrays(whole, cut)
    rows = [json.loads(line) for line in (cut / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(1, 11))


def test_a_toml_file_says_the_same_as_the_command_line(call, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(
        'rule = "adjoint"\nlimit = 120\nlayers = [2312, 24, 10]\nbatch = 16\nepochs = 1\n'
    )
    assert call("train", "--config", config, "--out", tmp_path / "a")[0] == 0
    assert call("train", *SMALL, "--epochs", 1, "--out", tmp_path / "b")[0] == 0
    assert_same_arrays(tmp_path / "a", tmp_path / "b")
    config.write_text("epochs = 1\nratee = 3\n")
    code, _, err = call("train", "--config", config)
    assert code == 2 and "unknown option 'ratee'; did you mean rate? known are" in err
    config.write_text("epochs = \n")
    code, _, err = call("train", "--config", config)
    assert code == 2 and "not TOML" in err


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('rate = "fast"', "rate is 'fast'; give a number"),
        ("batch = 3.5", "batch is 3.5; give a whole number"),
        ("data = 5", "data is 5; give a word in quotes"),
        ("reads = 1", "reads is 1; choose one of integral, "),
        ("scaled = 3", "scaled is 3; give true or false"),
        ("seed = true", "seed is True; give a whole number"),
        ('limit = "x"', "limit is 'x'; give a whole number"),
        ("layers = 7", "layers is 7; give sizes"),
    ],
)
def test_values_of_the_wrong_kind_in_a_file_are_named(call, tmp_path, line, text):
    config = tmp_path / "run.toml"
    config.write_text(f'rule = "adjoint"\n{line}\n')
    code, _, err = call("train", "--config", config)
    assert code == 2 and text in err


def test_validation_keeps_the_best_epoch_and_stops_early(call, tmp_path):
    words = (*SMALL, "--validate", 0.2, "--patience", 2, "--epochs", 30, "--rate", 0.03, "--json")
    code, out, _ = call("train", *words, "--out", tmp_path / "run")
    summary = json.loads(out)
    rows = summary["history"]
    assert code == 0 and summary["training_recordings"] == 96
    best = max(range(len(rows)), key=lambda k: rows[k]["validation_accuracy"])
    assert rows[best]["best"]
    kept = load_checkpoint(tmp_path / "run" / "best.safetensors").info["history"]
    assert len(kept) == best + 1
    assert len(rows) < 30 and not any(row["best"] for row in rows[-2:])
    assert call("train", "--out", tmp_path / "run", "--resume")[0] == 0
    again = load_checkpoint(tmp_path / "run").info["history"]
    assert len(again) == len(rows)


def test_tensorboard_scalars_are_written(call, tmp_path):
    words = (*SMALL, "--epochs", 1, "--tensorboard", "--out", tmp_path / "run")
    assert call("train", *words)[0] == 0
    (file,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert b"test_accuracy" in file.read_bytes()


def test_an_exploding_run_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    data = open_data("digits", limit=64)
    given = {"rule": "adjoint", "layers": (2312, 20, 10), "epochs": 2, "batch": 32}
    trainer = Trainer(completed(make_options(given), data), data, tmp_path / "run")
    trainer.learn(Listener())
    before = load_checkpoint(tmp_path / "run").arrays
    resumed = Trainer(completed(make_options(given | {"epochs": 3}), data), data, tmp_path / "run")
    resumed.resume(load_checkpoint(tmp_path / "run"))
    weights = resumed.learner.state.weights
    weights[0][1000, 3] = np.nan
    give(resumed.learner, weights)
    with pytest.raises(UserError, match=r"input->hidden1 are no longer finite.*rate"):
        resumed.run(Listener())
    after = load_checkpoint(tmp_path / "run").arrays
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_silent_neurons_wake():
    learner, data = small_learner(silent_pull=1.0, batch=64, rate=0.02, dropout=0.0)
    weights = learner.state.weights
    weights[0][:, :5] = -0.001
    give(learner, weights)
    rng = np.random.default_rng(0)
    before = learner.state.weights[0][:, :5].copy()
    learner.learn(data, np.arange(64), rng)
    came = np.bincount(data.unit, minlength=2312) > 20
    moved = learner.state.weights[0][:, :5] - before
    assert (moved[came].mean(0) > 0.01).all()


def test_dropped_neurons_learn_nothing_in_that_recording():
    learner, data = small_learner(dropout=0.5, silent_pull=0.0, weight_decay=0.0, batch=1)
    before = learner.state.weights[0].copy()
    learner.learn(data, np.arange(1), np.random.default_rng(0))
    moved = np.abs(learner.state.weights[0] - before).max(0) > 0
    assert 0 < moved.sum() < 20


@pytest.mark.parametrize("layers", [(2312, 20, 10), (2312, 30, 20, 10)])
def test_reading_ahead_changes_no_bit(layers):
    given = {"layers": layers, "dropout": 0.3, "shift": 2.0, "scatter": 0.5, "batch": 16}
    chunks = np.split(np.arange(64), 4)
    apart, data = small_learner(**given)
    rng = np.random.default_rng(3)
    one_by_one = [apart.learn(data, chunk, rng)[:2] for chunk in chunks]
    for threads in (1, 2):
        learner, data = small_learner(threads, **given)
        each = learner.learn_all(data, chunks, np.random.default_rng(3))
        assert [learned[:2] for learned in each] == one_by_one
        for mine, theirs in zip(learner.state.weights, apart.state.weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_checkpoint_holds_plain_arrays_and_gives_every_number_back():
    learner, data = small_learner(layers=(2312, 37, 10), average=0.5)
    learner.learn(data, np.arange(16), np.random.default_rng(0))
    arrays = learner.snapshot()
    for name in ("weights.0", "learning.0", "optimizer.0.0", "optimizer.1.0"):
        assert arrays[name].shape == (2312, 37) and arrays[name].any()
    again, _ = small_learner(layers=(2312, 37, 10), average=0.5)
    again.restore(arrays)
    for name, array in again.snapshot().items():
        np.testing.assert_array_equal(array, arrays[name])


def test_neurons_are_dropped_where_it_is_asked_for():
    """A hidden population's incoming weights stay as they were where it was dropped."""
    given = {"dropout": 0.9, "silent_pull": 0.0, "weight_decay": 0.0, "init_spikes": 9.0}
    still = []
    for where in ("all", "last"):
        learner, data = small_learner(layers=(2312, 40, 40, 10), dropout_at=where, **given)
        before = [w.copy() for w in learner.state.weights]
        learner.learn(data, np.arange(1), np.random.default_rng(0))
        pairs = zip(learner.state.weights, before, strict=True)
        still.append([float((a == b).all(0).mean()) for a, b in pairs])
    assert still[0][0] > 0.7 and still[0][1] > 0.7
    assert still[1][0] < 0.5 and still[1][1] > 0.7


def test_dropped_neurons_do_not_count_as_silent_ones():
    """The cost of a spike that depends on the rate knows which neurons could not fire."""
    given = {"spike_cost": 0.1, "spike_target": 0.5, "dropout": 0.5}
    for where, rates in (("all", (0.5, 0.5)), ("last", (0.25, 0.5))):
        learner, _ = small_learner(layers=(2312, 8, 8, 10), dropout_at=where, **given)
        spoke = [np.ones(size, np.int64) for size in learner.sizes]
        costs = learner.rule._cost_of(learner.state, spoke, 4)
        expected = [0.1 / 4 * (rate / 0.5 - 1) for rate in rates]
        assert list(costs.values()) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["init_scale", "upper_scale", "eta_decay", "n_steps", "step_by"])
@pytest.mark.parametrize("rule", ["adjoint", "eventprop"])
def test_what_only_herding_knows_is_refused_by_the_other_rules(rule, name):
    with pytest.raises(UserError, match=f"rule {rule} has no {name}"):
        make_options({"rule": rule, name: 0.5})


def test_options_of_another_rule_are_refused(call):
    code, _, err = call("train", "--rule", "adjoint", "--eta", 0.1)
    assert code == 2 and "rule adjoint has no eta" in err
    code, _, err = call("train", "--batch", 3)
    assert code == 2 and "rule deep-spiking has no batch" in err
    code, _, err = call("train", "--rule", "adjoint", "--dropout", 1)
    assert code == 2 and "dropout is 1" in err
    code, _, err = call("train", "--rule", "adjoint", "--dropout-at", "first")
    assert code == 2 and "dropout_at is 'first'; choose one of all, last" in err
    code, _, err = call("train", "--rule", "adjoint", "--dropout", 0, "--dropout-at", "last")
    assert code == 2 and "dropout_at is 'last'; give dropout too" in err
    code, _, err = call("train", "--rule", "gradient")
    assert code == 2 and "choose one of adjoint, deep-spiking, herding, eventprop" in err


def test_real_vectors_are_refused(call, shared):
    words = ("--data", f"mnist:{shared / 'data' / 'mnist'}", "--limit", 10, "--shift", 0)
    extra = ("--rotate", 0, "--scale", 0, "--elastic", 0, "--scatter", 0, "--drop", 0)
    code, _, err = call("train", "--rule", "adjoint", *words, *extra)
    assert code == 2 and "film" in err


def test_skip_leaves_out_the_first_recordings(call, tmp_path):
    words = (*SMALL, "--skip", 100, "--epochs", 1, "--out", tmp_path / "run", "--json")
    code, out, _ = call("train", *words)
    assert code == 0 and json.loads(out)["training_recordings"] == 20
    code, _, err = call("train", *SMALL, "--skip", 120)
    assert code == 2 and "skip" in err


def test_what_is_held_out_is_not_learned_and_is_the_same_for_every_seed(call, tmp_path):
    data, parts = es.open_data("digits", limit=120), []
    for seed in (0, 1):
        run = tmp_path / str(seed)
        words = ("--skip", 20, "--hold-out", 0.25, "--seed", seed, "--epochs", 1, "--out", run)
        code, out, _ = call("train", *SMALL, *words, "--json")
        assert code == 0 and json.loads(out)["training_recordings"] == 75
        learner, saved = open_model(run)
        rest = held_out(learner, saved, data)
        apart = parted(120, 20, 0.25)[1]
        both = data.train.select(np.r_[0:20, apart])
        assert sorted(rest.label) == sorted(both.label) and len(rest) == 45
        assert rest.t.sum() == both.t.sum()
        parts.append(apart)
        assert es.load(run).options["hold_out"] == 0.25
    assert parts[0].tolist() == parts[1].tolist() and parts[0].min() >= 20
    code, _, err = call("train", *SMALL, "--skip", 118, "--hold-out", 0.1)
    assert code == 2 and "hold_out 0.1" in err and "change skip, hold_out" in err


@pytest.mark.parametrize("loss", ["cross-entropy", "first-spike"])
def test_eventprop_learns_and_resumes_to_the_same_bits(call, tmp_path, loss):
    config = tmp_path / "run.toml"
    config.write_text(
        f'rule = "eventprop"\nlayers = "2312-8-10"\nlimit = 30\nbatch = 10\nloss = "{loss}"\n'
        "init_spikes = 3.0\nschedule = 'constant'\n"
    )
    words = ("--config", config, "--epochs", 4, "--out", tmp_path / "whole", "--json")
    code, out, _ = call("train", *words)
    rows = json.loads(out)["history"]
    assert code == 0 and rows[-1]["loss"] < 0.97 * rows[0]["loss"]
    cut = ("--config", config, "--epochs", 2, "--out", tmp_path / "cut")
    assert call("train", *cut)[0] == 0
    assert call("train", "--out", tmp_path / "cut", "--resume", "--epochs", 4)[0] == 0
    assert_same_arrays(tmp_path / "whole", tmp_path / "cut")


def begin(rule, layers, **given):
    """A learner before its first update, what it draws, and the data."""
    data = open_data("digits", limit=40)
    given = {"rule": rule, "layers": parse_layers(layers), "batch": 8, "rate": 0.01} | given
    learner = Learner(completed(make_options(given), data))
    return learner, learner.start(data.train), data.train


def test_a_recurrent_layer_starts_with_the_spikes_that_were_asked_for():
    learner, rates, few = begin("eventprop", "2312-12r-[12]-10", init_spikes=2.0)
    assert [round(rate.after) for rate in rates] == [2, 2]
    weights = dict(zip(learner.network.connections, learner.state.weights, strict=True))
    for connection, array in weights.items():
        if connection.target == "hidden1":
            np.testing.assert_allclose(array.std(), learner.state.weights[0].std(), rtol=0.15)
    alone = {c.name: a for c, a in weights.items()}
    alone["hidden1->hidden1"] = np.zeros((12, 12), np.float32)
    spikes = [
        simulate(learner.network, given, few).counts.spikes
        for given in (alone, [*weights.values()])
    ]
    assert (spikes[0] != spikes[1]).any()


@pytest.mark.parametrize(
    ("rule", "layers", "fixed"),
    [
        ("eventprop", "2312-12rf-12r-10", ["input->hidden1", "hidden1->hidden1"]),
        ("eventprop", "2312-12-[12]-10", ["hidden1=>hidden2"]),
        ("adjoint", "2312-12f-12-10", ["input->hidden1"]),
        ("adjoint", "34x34x2-3c5s4f-2avg-4c3-10", ["input->conv1"]),
    ],
)
def test_what_is_fixed_stays_and_everything_else_learns(rule, layers, fixed):
    learner, _, data = begin(rule, layers, weight_decay=0.1, average=0.5)
    before = [w.copy() for w in learner.state.weights]
    learner.begin_epoch(0, 5, 1)
    for step in range(3):
        learner.learn(data, np.arange(8 * step, 8 * step + 8), np.random.default_rng(0))
    for now in (learner.state.weights, learner.state.model):
        pairs = zip(learner.network.connections, before, now, strict=True)
        same = [c.name for c, old, new in pairs if np.array_equal(old, new)]
        assert same == fixed


def test_additions_are_told_by_the_population_that_they_reach():
    learner, _, data = begin("eventprop", "2312-12r-[10]-10")
    told = learner.evaluate(data, 1)
    spikes = told["spikes_per_recording"]
    expected = [12 * spikes[0] + 12 * spikes[1], 20 * spikes[1], 10 * spikes[2]]
    # A spike in the last delay of a recording is not delivered any more.
    np.testing.assert_allclose(told["operations_per_recording"], expected, rtol=0.02)


def test_rules_say_which_part_of_the_layers_they_do_not_have():
    for rule, layers, message in (
        ("adjoint", "2312-12r-10", "hidden1 is recurrent"),
        ("adjoint", "2312-[12]-10", "2 connections lead into hidden1: input->hidden1, input=>hid"),
        ("eventprop", "34x34x2-2p-10", "pool1 is if"),
        ("deep-spiking", "2312-12@2-10", "has no layer 12@2"),
    ):
        kind = find_rule(rule)
        with pytest.raises(UserError, match=message):
            kind(kind.Options()).network(parse_layers(layers))


def test_a_recurrent_run_resumes_to_the_same_bits(call, tmp_path):
    words = ["--rule", "eventprop", "--layers", "2312-[8r-8]-10", "--limit", 16, "--batch", 8]
    words += ["--schedule", "constant", "--epochs"]
    assert call("train", *words, 2, "--out", tmp_path / "whole")[0] == 0
    assert call("train", *words, 1, "--out", tmp_path / "cut")[0] == 0
    assert call("train", "--out", tmp_path / "cut", "--resume", "--epochs", 2)[0] == 0
    assert_same_arrays(tmp_path / "whole", tmp_path / "cut")
    for command in ("evaluate", "measure"):
        code, out, err = call(command, tmp_path / "whole", "--limit", 4)
        assert code == 0, err
    code, out, _ = call("simulate", tmp_path / "whole", "digits", "--index", 0)
    assert code == 0 and "hidden2" in out


def test_a_network_that_runs_away_while_it_learns_is_stopped_by_what_neurons_can_fire(call):
    words = ("--rule", "eventprop", "--layers", "2312-8-10", "--limit", 60, "--rate", 1e6)
    code, _, err = call("train", *words, "--weight-decay", 0)
    most = 18 * int(open_data("digits", limit=60).train.duration.max()) // 300
    assert 18_000 < most < 20_000
    found = int(re.search(r"more than (\d+) spikes", err)[1])
    assert code == 2 and 18_000 <= found <= most and "lower the learning rate" in err


def test_only_neurons_that_fire_by_themselves_have_a_bound_of_spikes():
    events = EventBatch.from_streams([EventStream([5], [0], (1, 1, 1), duration=900_000)])
    size = Dense(1, 2)
    made = [
        Network((Population("in", (1,)), Population("n", (2,), n)), (Connection("in", "n", size),))
        for n in (CubaLIF(10_000.0, 5_000.0), LIF(10_000.0))
    ]
    assert [spikes_allowed(network, events) for network in made] == [6_000, 50_000_000]


def test_eventprop_refuses_what_it_does_not_have(call):
    for name in ("dropout", "spike-cost", "near-threshold", "near-threshold-weight"):
        code, _, err = call("train", "--rule", "eventprop", f"--{name}", 0.1)
        assert code == 2 and f"eventprop has no {name.replace('-', '_')}" in err
    code, _, err = call("train", "--rule", "eventprop", "--reads", "counts", "--limit", 10)
    assert code == 2 and "spike counts have no derivative" in err


def test_a_run_starts_with_the_activity_that_was_asked_for():
    for spikes in (0.5, 3.0):
        data = open_data("digits", limit=16)
        given = {"rule": "adjoint", "layers": (2312, 30, 20, 10), "init_spikes": spikes}
        learner = Learner(completed(make_options(given), data))
        learner.start(data.train)
        fired = learner.evaluate(data.train, 1)["spikes_per_recording"]
        assert fired[1] / 30 == pytest.approx(spikes, rel=0.1)
        assert fired[2] / 20 == pytest.approx(spikes, rel=0.1)


def test_silent_recordings_are_refused_by_name():
    from eventsnn.events import EventBatch, EventStream
    from eventsnn.rules.gradient.start import Aim, start_weights

    empty = EventBatch.from_streams([EventStream([], [], (2, 34, 34), 0, 100)])
    options = make_options({"rule": "adjoint", "layers": (2312, 5, 10)})
    network = options.own.network(options.layers)
    with pytest.raises(UserError, match="hidden1 stays silent"):
        start_weights(network, empty, Aim(1.0, 0.1), np.random.default_rng(0))


def test_scaled_rates_follow_the_initial_weights_and_the_output_has_its_own():
    moved, plain = [], {"rate": 0.01, "weight_decay": 0.0, "silent_pull": 0.0}
    for scaled in (False, True):
        learner, data = small_learner(scaled=scaled, output_rate=0.3, **plain)
        before = [w.copy() for w in learner.state.weights]
        learner.learn(data, np.arange(64), np.random.default_rng(0))
        # Adam's first step moves every weight that has a gradient by the rate.
        moved.append(
            [np.abs(w - b).max() for w, b in zip(learner.state.weights, before, strict=True)]
        )
        spread = [np.sqrt(np.mean(b.astype(float) ** 2)) for b in before]
    rates = [0.01, 0.003]
    assert moved[0] == pytest.approx(rates, rel=1e-3)
    assert moved[1] == pytest.approx([r * s for r, s in zip(rates, spread, strict=True)], rel=1e-3)


def averaging(tmp_path, name, listener=None):
    data = open_data("digits", limit=64)
    given = {"rule": "adjoint", "layers": (2312, 20, 10), "epochs": 2, "batch": 8, "average": 0.3}
    trainer = Trainer(completed(make_options(given), data), data, tmp_path / name)
    if (tmp_path / name).exists():
        trainer.resume(load_checkpoint(tmp_path / name))
    trainer.learn(listener or Listener())
    return trainer


def test_the_average_falls_exponentially_and_begins_as_a_plain_mean():
    learner, data = small_learner(average=0.25)
    learner.begin_epoch(0, 16, 1)
    order, seen = np.arange(64), []
    for first in range(0, 64, 4):
        learner.learn(data, order[first : first + 4], np.random.default_rng(first))
        seen.append([w.astype(np.float64) for w in learner.state.weights])
        if first == 8:
            for k, mean in enumerate(learner.state.model):
                np.testing.assert_allclose(mean, np.mean([w[k] for w in seen], 0), atol=1e-6)
    # The plain mean until 1 / step is below the share a step, then the closed form.
    share, plain = 1 - np.exp(-1 / 4), 4
    falls = (1 - share) ** np.arange(len(seen) - plain, -1, -1)
    for k, mean in enumerate(learner.state.model):
        start = np.mean([w[k] for w in seen[:plain]], 0)
        later = sum(share * f * w[k] for f, w in zip(falls[1:], seen[plain:], strict=True))
        np.testing.assert_allclose(mean, falls[0] * start + later, atol=1e-6)
        assert np.abs(mean - learner.state.weights[k]).max() > 1e-5


def test_the_average_is_what_is_saved_evaluated_and_opened(tmp_path):
    trainer = averaging(tmp_path, "run")
    learner, arrays = trainer.learner, load_checkpoint(tmp_path / "run").arrays
    opened, _ = open_model(tmp_path / "run")
    assert learner.state.averaged is not None
    for k, mean in enumerate(learner.state.model):
        np.testing.assert_array_equal(arrays[f"weights.{k}"], mean)
        np.testing.assert_array_equal(arrays[f"learning.{k}"], learner.state.weights[k])
        np.testing.assert_array_equal(opened.state.model[k], mean)
    said = opened.evaluate(trainer.data.test, 1)
    plain, _ = open_model(tmp_path / "run")
    give(plain, learner.state.model)
    assert said == learner.evaluate(trainer.data.test, 1) == plain.evaluate(trainer.data.test, 1)
    assert said["accuracy"] == trainer.history[-1]["test_accuracy"]


def test_an_averaged_run_resumes_to_the_same_bits(tmp_path):
    class Stops(Listener):
        def epoch_begins(self, epoch, epochs, samples):
            if epoch == 2:
                raise KeyboardInterrupt

    averaging(tmp_path, "whole")
    with pytest.raises(KeyboardInterrupt):
        averaging(tmp_path, "cut", Stops())
    averaging(tmp_path, "cut")
    assert_same_arrays(tmp_path / "whole", tmp_path / "cut")
