"""Networks that learn from another one's probabilities: what they learn, resume to and refuse."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import elsewhere

from eventsnn.data.source import open_data
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.losses import CrossEntropy
from eventsnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from eventsnn.train.listener import Listener
from eventsnn.train.model import inherited
from eventsnn.train.options import TrainOptions, completed, make_options
from eventsnn.train.teacher import Teacher, Teachers
from eventsnn.train.trainer import Trainer

PLAIN = {"shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "scatter": 0.0, "drop": 0.0}
STILL = PLAIN | {"dropout": 0.0, "silent_pull": 0.0, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def data():
    return open_data("digits", limit=96)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A small network that is right more often than not."""
    folder = tmp_path_factory.mktemp("taught") / "teacher"
    given = {"rule": "adjoint", "layers": (2312, 14, 10), "epochs": 4, "batch": 8, "gain": 1.5}
    run(folder, given | {"rate": 0.005}, open_data("digits", limit=300))
    return folder


def run(folder, given, data, listener=None):
    trainer = Trainer(completed(make_options(given), data), data, folder)
    if folder is not None and folder.exists():
        trainer.resume(load_checkpoint(folder))
    trainer.learn(listener or Listener())
    return trainer


def pupil(taught, **given):
    return {"rule": "adjoint", "layers": (2312, 9, 10), "epochs": 2, "batch": 16,
            "teacher": str(taught)} | given  # fmt: skip


def altered(taught, folder, **info):
    """Save that network with an output of other weights and, where told, other options."""
    checkpoint = load_checkpoint(taught)
    other = checkpoint.arrays | {"weights.1": checkpoint.arrays["weights.1"] * np.float32(1.5)}
    save_checkpoint(folder, Checkpoint(other, checkpoint.info | info))
    return folder


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_towards_probabilities_is_the_slope_of_the_loss(seed):
    rng = np.random.default_rng(seed)
    loss, outputs = CrossEntropy("integral", gain=1.7), rng.normal(size=(3, 4))
    target = rng.dirichlet(np.ones(4), 3)
    graded = loss.towards(outputs, target)
    for row, column in np.ndindex(outputs.shape):
        costs = []
        for step in (1e-6, -1e-6):
            moved = outputs.copy()
            moved[row, column] += step
            raised = [math.exp(1.7 * x) for x in moved[row]]
            p = [x / sum(raised) for x in raised]
            costs.append(-sum(t * math.log(x) for t, x in zip(target[row], p, strict=True)))
        slope = (costs[0] - costs[1]) / 2e-6
        assert graded.gradient[row, column] == pytest.approx(slope, abs=1e-8)
    assert graded.loss[2] == pytest.approx(np.mean(costs))


def test_a_teacher_says_the_softmax_of_what_its_readout_kept(taught, data):
    teacher = Teacher(str(taught), data.test, 10)
    few = data.test.select(np.arange(3))
    found = teacher.probabilities(few)
    record = simulate(teacher.network, teacher.weights, few)
    unit = 30_000.0  # microseconds: the integral is told in time constants
    for row, integral in zip(found, record.readouts["output"].integral, strict=True):
        raised = [math.exp(1.5 * x / unit) for x in integral]
        np.testing.assert_allclose(row, [x / sum(raised) for x in raised], rtol=1e-5)
    np.testing.assert_array_equal(teacher.probabilities(few, threads=2), found)


def test_several_teachers_say_their_mean(taught, data, tmp_path):
    paths = (str(taught), str(altered(taught, tmp_path / "other")))
    few = data.test.select(np.arange(5))
    both = Teachers(paths, data.test, 10)
    one, other = (Teacher(path, data.test, 10).probabilities(few) for path in paths)
    assert np.abs(one - other).max() > 0.01
    np.testing.assert_allclose(both.probabilities(few), (one + other) / 2, rtol=1e-14)
    np.testing.assert_array_equal(Teachers(paths[:1], data.test, 10).probabilities(few), one)
    assert not np.array_equal(both.digest, Teachers(paths[::-1], data.test, 10).digest)


def test_a_run_learns_from_two_teachers_named_on_the_command_line_or_in_a_file(
    taught, call, tmp_path
):
    other = altered(taught, tmp_path / "other")
    config = tmp_path / "two.toml"
    config.write_text(f'teacher = ["{taught}", "{other}"]\n', "utf-8")
    words = ("--rule", "adjoint", "--layers", "2312-9-10", "--limit", 64, "--epochs", 1, "--json")
    for name, named in (
        ("words", ("--teacher", taught, "--teacher", other)),
        ("file", ("--config", config)),
        ("one", ("--teacher", taught)),
    ):
        code, out, err = call("train", *words, *named, "--out", tmp_path / name)
        assert code == 0 and f"learns from {taught}" in err
        told = json.loads(out)["options"]["gradient"]["teacher"]
        assert told == [str(taught), str(other)][: len(told)] and len(told) == 2 - (name == "one")
    by_word, by_file, by_one = (
        load_checkpoint(tmp_path / name).arrays for name in ("words", "file", "one")
    )
    np.testing.assert_array_equal(by_word["weights.0"], by_file["weights.0"])
    assert np.abs(by_word["weights.0"] - by_one["weights.0"]).max() > 0


@pytest.mark.parametrize("old", ["", "runs/wide"])
def test_options_of_a_time_when_a_teacher_was_one_word_are_read(old):
    now = make_options({"rule": "adjoint", "teacher": (old,) if old else ()})
    told = now.to_json()
    told["gradient"] = told["gradient"] | {"teacher": old}
    assert TrainOptions.from_json(told) == now


class Silent(Listener):
    def compiling(self):
        raise AssertionError("compiles before it has read the teacher")


def test_a_mistyped_teacher_is_refused_before_anything_is_compiled(taught, data, tmp_path):
    with pytest.raises(UserError, match=r"nowhere: there is no checkpoint"):
        run(None, pupil(taught, teacher=str(tmp_path / "nowhere")), data, Silent())


def test_a_network_learns_nothing_from_itself(taught, data):
    given = inherited(taught) | STILL | {"start_from": str(taught), "teacher": str(taught)}
    weights = load_checkpoint(taught).arrays
    for share, moves in ((1.0, False), (0.5, True)):
        options = make_options(given | {"epochs": 1, "teacher_share": share, "rate": 1e-3})
        trainer = Trainer(completed(options, data), data, None)
        trainer.learn(Listener())
        moved = [
            np.abs(w - weights[f"weights.{k}"]).max()
            for k, w in enumerate(trainer.learner.state.weights)
        ]
        # Two ways to a softmax differ by rounding, which Adam's epsilon keeps small.
        assert (max(moved) > 1e-4) == moves and (max(moved) < 1e-8) != moves


def test_what_only_the_teacher_says_does_not_depend_on_the_labels(taught, data):
    swapped = replace(data.train, label=(data.train.label + 3) % 10)
    given = pupil(taught, teacher_share=1.0)
    one = run(None, given, data).learner.state.weights
    other = run(None, given, replace(data, train=swapped)).learner.state.weights
    mixed = run(None, given | {"teacher_share": 0.9}, data).learner.state.weights
    for a, b, c in zip(one, other, mixed, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.abs(a - c).max() > 0


def test_a_network_learns_from_its_teacher_alone(taught):
    data = open_data("digits", limit=300)
    swapped = replace(data.train, label=(data.train.label + 3) % 10)
    given = pupil(taught, teacher_share=1.0, epochs=6, rate=0.005)
    trainer = run(None, given, replace(data, train=swapped))
    assert trainer.history[-1]["test_accuracy"] > 0.5


class Stops(Listener):
    def epoch_begins(self, epoch, epochs, samples):
        if epoch == 2:
            raise KeyboardInterrupt


def test_a_taught_run_resumes_to_the_same_bits_with_the_teacher_elsewhere(
    taught, data, call, tmp_path
):
    given = pupil(taught, limit=96)
    run(tmp_path / "whole", given, data)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", given, data, Stops())
    shutil.copytree(taught, tmp_path / "moved")
    words = (
        "train",
        "--out",
        tmp_path / "cut",
        "--resume",
        "--teacher",
        tmp_path / "moved",
        "--json",
    )
    code, out, err = call(*words)
    assert code == 0 and f"learns from {tmp_path / 'moved'}, too" in err
    assert json.loads(out)["options"]["gradient"]["teacher"] == [str(tmp_path / "moved")]
    whole, cut = (load_checkpoint(tmp_path / name).arrays for name in ("whole", "cut"))
    assert whole.keys() == cut.keys() and "teacher" in whole
    for name in whole:
        np.testing.assert_array_equal(whole[name], cut[name])


def test_another_teacher_on_the_way_is_refused(taught, data, call, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", pupil(taught, limit=96), data, Stops())
    other = altered(taught, tmp_path / "other")
    checkpoint = load_checkpoint(taught)
    options = json.loads(json.dumps(checkpoint.info["options"]))
    options["gradient"]["tau_us"] = 20_000.0  # the weights are the same, the neurons are not
    info = checkpoint.info | {"options": options}
    save_checkpoint(tmp_path / "faster", Checkpoint(checkpoint.arrays, info))
    words = ("train", "--out", tmp_path / "cut", "--resume")
    for those in ([other], [tmp_path / "faster"], [taught, taught]):
        code, _, err = call(*words, *(word for path in those for word in ("--teacher", path)))
        assert code == 2 and f"{those[-1].name}: not what this run began to learn from" in err
    code, _, err = call("evaluate", tmp_path / "cut", "--json")
    assert code == 0  # what has learned needs no teacher


def test_teachers_that_cannot_teach_are_refused_by_name(taught, data, call, tmp_path):
    def refused(match, **given):
        with pytest.raises(UserError, match=match):
            run(None, pupil(taught) | given, data)

    checkpoint = load_checkpoint(taught)
    sensor = elsewhere(checkpoint.info)
    save_checkpoint(tmp_path / "sensor", Checkpoint(checkpoint.arrays, sensor))
    refused("34 x 34 x 2, these recordings .* another teacher", teacher=str(tmp_path / "sensor"))
    refused("knows 10 classes, the network that learns has 12", layers=(2312, 9, 12))
    refused("there is no checkpoint", teacher=str(tmp_path / "nowhere"))
    refused("loss is 'count-target'; give cross-entropy", loss="count-target", reads="counts")
    refused("teacher is ''; give the folder", teacher=("",))
    refused("teacher is 3; give the folder", teacher=(str(taught), 3))
    refused("teacher_share is 0; give more than 0", teacher_share=0)
    refused("teacher_share is 0.7; give teacher too", teacher=(), teacher_share=0.7)
    words = ("--limit", 40, "--layers", "2312-8-10", "--epochs", 1)
    assert call("train", *words, "--out", tmp_path / "mlp")[0] == 0
    said = "mlp: learned by deep-spiking, and gives no probabilities"
    refused(said, teacher=str(tmp_path / "mlp"))
