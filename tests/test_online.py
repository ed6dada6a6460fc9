"""One pass along a stream: what comes when, what is said before, what is kept and replayed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from eventsnn.data.source import open_data
from eventsnn.errors import UserError
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.classifier import Classifier
from eventsnn.train.learning import Learner
from eventsnn.train.one_pass import OnePass, accuracy_by_class, pass_of
from eventsnn.train.options import completed, make_options
from eventsnn.train.reservoir import Reservoir
from eventsnn.train.trainer import Listener, Trainer

LABELS = np.random.default_rng(3).integers(0, 4, 103)


def seen(portions):
    return [k for part in portions for one in part for k in one.order[: one.new].tolist()]


@pytest.mark.parametrize("order", ["given", "mixed", "classes"])
@pytest.mark.parametrize("size", [1, 5])
def test_every_recording_is_new_once(order, size):
    portions = pass_of(OnePass(True, order, 20, 3), LABELS, 4, size, seed=7)
    assert len(portions) == 4
    assert sorted(seen(portions)) == list(range(103))
    if order == "given":
        assert seen(portions) == list(range(103))
    if order == "mixed":
        assert seen(portions) != list(range(103))
    if order == "classes":
        for label, part in enumerate(portions):
            assert {LABELS[k] for k in seen([part])} == {label}


def test_what_is_replayed_came_before_and_the_memory_is_bounded():
    portions = pass_of(OnePass(True, "given", 8, 3), LABELS, 4, 2, seed=7)
    past, replays = set(), 0
    for part in portions:
        for one in part:
            again = one.order[one.new :].tolist()
            assert set(again) <= past and len(set(again)) == len(again)
            assert len(again) == min(3, len(past), 8)
            past |= set(one.order[: one.new].tolist())
            replays += len(again)
    assert replays > 100
    same = pass_of(OnePass(True, "given", 8, 3), LABELS, 4, 2, seed=7)
    other = pass_of(OnePass(True, "given", 8, 3), LABELS, 4, 2, seed=8)
    flat = [[one.order.tolist() for part in run for one in part] for run in (portions, same, other)]
    assert flat[0] == flat[1] != flat[2]


def test_everything_has_the_same_chance_to_be_kept():
    kept = np.zeros(40)
    for seed in range(400):
        memory = Reservoir(10, seed)
        for k in range(40):
            memory.offer(k)
        assert len(memory.items) == 10 and memory.seen == 40
        kept[memory.items] += 1
    # Of 400 runs, 100 keep each: five standard deviations of a binomial.
    assert np.abs(kept - 100).max() < 5 * np.sqrt(400 * 0.25 * 0.75)


def test_accuracy_by_class_says_nothing_of_a_class_that_is_not_there():
    found = accuracy_by_class(np.array([0, 0, 2, -1]), np.array([0, 1, 2, 2]), 3)
    assert found == [0.5, None, 1.0]


def trainer(tmp_path, name, **given):
    data = open_data("digits", limit=60)
    given = {"rule": "adjoint", "layers": (2312, 16, 10), "online": True, "epochs": 3} | given
    return Trainer(completed(make_options(given), data), data, tmp_path / name)


@pytest.mark.parametrize("rule", ["adjoint", "deep-spiking"])
def test_answers_are_of_the_network_before_it_learned(tmp_path, rule):
    run = trainer(tmp_path, "a", rule=rule)
    summary = run.run(Listener())
    learner = Learner(run.options, 1)
    learner.start(run.data.train)
    right = 0
    for part in range(3):
        learner.begin_epoch(part, 20, 3)
        for k in range(20 * part, 20 * part + 20):
            order = np.array([k])
            # Its own weights, not their average, answer along the stream.
            state = learner.state
            if rule == "adjoint":
                state = learner.rule.with_weights(learner.network, state.weights)
            said = learner.rule.predict(state, run.data.train, order).classes
            right += int(said[0] == run.data.train.label[k])
            rng = np.random.default_rng(0)  # nothing is drawn
            learner.learn(run.data.train, order, rng)
        learner.end_epoch()
    assert summary["one_pass"] == {"recordings": 60, "accuracy_before_learning": right / 60}
    assert {"adjoint": 10, "deep-spiking": 2}[rule] < right < 60
    for name, array in learner.snapshot().items():
        np.testing.assert_array_equal(array, run.learner.snapshot()[name])


class Counts(Listener):
    def __init__(self):
        self.begun, self.done = [], []

    def epoch_begins(self, epoch, epochs, samples):
        self.begun.append(samples)
        self.done.append(0)

    def progress(self, done, accuracy):
        self.done[-1] = done


def test_who_listens_is_told_how_many_recordings_a_part_has(tmp_path):
    told = Counts()
    trainer(tmp_path, "a", epochs=4, replay=5, replayed=2).run(told)
    assert told.begun == told.done == [15, 15, 15, 15]


class StopsAfter(Listener):
    def __init__(self, part):
        self.part = part

    def progress(self, done, accuracy):
        if self.part == 0 and done == 5:
            raise KeyboardInterrupt

    def epoch_ends(self, row):
        self.part -= 1


def test_a_pass_that_was_stopped_goes_on_with_the_same_bits(tmp_path):
    given = {"replay": 10, "replayed": 2, "online_order": "mixed"}
    whole = trainer(tmp_path, "whole", **given)
    whole.run(Listener())
    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path, "cut", **given).run(StopsAfter(2))
    rest = trainer(tmp_path, "cut", **given)
    rest.resume(load_checkpoint(tmp_path / "cut"))
    assert len(rest.history) == 2
    rest.run(Listener())
    for name, array in whole.learner.snapshot().items():
        np.testing.assert_array_equal(array, rest.learner.snapshot()[name])


def test_the_command_line_learns_a_stream_and_tells_what_is_forgotten(call, tmp_path):
    out = tmp_path / "run"
    words = ["train", "--online", "--rule", "adjoint", "--limit", "60", "--layers", "2312-16-10"]
    words += ["--online-order", "classes", "--out", str(out), "--json"]
    code, told, _ = call(*words)
    summary = json.loads(told)
    assert code == 0
    assert summary["one_pass"]["recordings"] == 60
    assert summary["epochs"] == 10 and summary["options"]["online"] is True
    assert all(len(row["test_accuracy_by_class"]) == 10 for row in summary["history"])
    assert summary["history"][0]["test_accuracy_by_class"][9] == 0.0  # never seen yet
    code, _, refused = call("train", "--resume", "--out", str(out), "--epochs", "12")
    assert code == 2 and "epochs 10, not 12" in refused
    assert "the pass is done" in call("train", "--resume", "--out", str(out))[2]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"replay": 5}, "give online"),
        ({"online_order": "classes"}, "give online"),
        ({"online": True, "replayed": 3}, "give replay"),
        ({"online": True, "online_order": "classes", "epochs": 3}, "10 here"),
        ({"online": True, "patience": 2, "validate": 0.2}, "patience"),
    ],
)
def test_what_makes_no_sense_in_a_pass_is_refused(given, said):
    data = open_data("digits", limit=60)
    with pytest.raises(UserError, match=said):
        completed(make_options({"rule": "adjoint"} | given), data)


def test_classes_of_which_there_is_no_recording_have_no_part(tmp_path):
    data = open_data("digits", limit=60)
    some = replace(data, train=data.train.select(np.flatnonzero(data.train.label % 3 > 0)))
    given = {"rule": "adjoint", "layers": (2312, 16, 10), "online": True}
    run = Trainer(completed(make_options(given | {"online_order": "classes"}), some), some, None)
    summary = run.run(Listener())
    counts = np.bincount(some.train.label)
    assert [row["recordings"] for row in summary["history"]] == counts[counts > 0].tolist()
    few = replace(data, train=data.train.select(np.arange(6)))
    assert completed(make_options(given), few).epochs == 6
    with pytest.raises(UserError, match="epochs is 7, the parts of the pass; it has 6"):
        completed(make_options(given | {"epochs": 7}), few)
    held = given | {"epochs": 6, "validate": 0.4}
    with pytest.raises(UserError, match="4 recordings are left to learn"):
        Trainer(completed(make_options(held), few), few, None).run(Listener())


def test_a_classifier_learns_online(tmp_path):
    model = Classifier("2312-16-10", rule="adjoint", online=True, epochs=2)
    model.fit(open_data("digits", limit=60))
    assert [row["recordings"] for row in model.history_] == [30, 30]
