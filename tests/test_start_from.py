"""Runs that start from a trained network: what they take over, resume to and refuse."""

import json
import shutil

import numpy as np
import pytest
from conftest import elsewhere
from safetensors.numpy import load_file, save_file

from eventsnn.data.source import open_data
from eventsnn.errors import UserError
from eventsnn.train.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint
from eventsnn.train.model import inherited, open_model
from eventsnn.train.options import completed, make_options
from eventsnn.train.start import first_weights
from eventsnn.train.trainer import Listener, Trainer

LAYERS = (2312, 14, 10)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small network of other neurons than the default, whose averaged weights are saved."""
    folder = tmp_path_factory.mktemp("trained") / "net"
    given = {"rule": "adjoint", "layers": LAYERS, "epochs": 4, "batch": 8, "rate": 0.005,
             "tau_us": 20_000.0, "reset": "zero", "reads": "maximum", "average": 0.5}  # fmt: skip
    run(folder, given, limit=300)
    return folder


def run(folder, given, listener=None, limit=96):
    data = open_data("digits", limit=limit)
    trainer = Trainer(completed(make_options(given), data), data, folder)
    if folder is not None and folder.exists():
        trainer.resume(load_checkpoint(folder))
    trainer.learn(listener or Listener())
    return trainer


def begun(trained, **given):
    """A trainer whose learner has only started."""
    data = open_data("digits", limit=64)
    given = inherited(trained) | {"start_from": str(trained), "epochs": 1} | given
    trainer = Trainer(completed(make_options(given), data), data, None)
    return trainer, trainer.learner.start(data.train, first_weights(trainer.learner, data.train))


def test_a_run_starts_from_the_weights_that_were_evaluated(trained):
    trainer, rates = begun(trained)
    arrays = load_checkpoint(trained).arrays
    for k, weights in enumerate(trainer.learner.state.weights):
        np.testing.assert_array_equal(weights, arrays[f"weights.{k}"])
        assert np.abs(weights - arrays[f"learning.{k}"]).max() > 0
    assert rates == [] and trainer.learner.state.optimizer.step == 0
    opened, _ = open_model(trained)
    test = trainer.data.test
    assert trainer.learner.evaluate(test, 1) == opened.evaluate(test, 1)


def test_the_command_takes_over_layers_neurons_and_readout_unless_told_otherwise(
    trained, call, tmp_path
):
    words = ("--start-from", trained, "--limit", 96, "--epochs", 1, "--rate", 1e-9, "--json")
    code, out, _ = call("train", *words, "--out", tmp_path / "more")
    found = json.loads(out)
    options = found["options"]
    assert code == 0 and options["rule"] == "adjoint" and options["layers"] == list(LAYERS)
    how = options["gradient"]
    assert (how["tau_us"], how["reset"], how["reads"]) == (20_000.0, "zero", "maximum")
    assert how["average"] == 0 and how["start_from"] == str(trained)
    before = json.loads(call("evaluate", trained, "--limit", 96, "--json")[1])
    assert found["test_accuracy"] == before["accuracy"] > 0.3
    code, out, _ = call("train", *words, "--tau-us", 40_000, "--out", tmp_path / "other")
    assert code == 0 and json.loads(out)["options"]["gradient"]["tau_us"] == 40_000.0


def test_a_started_run_resumes_to_the_same_bits_when_its_start_is_gone(trained, tmp_path):
    class Stops(Listener):
        def epoch_begins(self, epoch, epochs, samples):
            if epoch == 2:
                raise KeyboardInterrupt

    start = tmp_path / "start"
    shutil.copytree(trained, start)
    given = inherited(start) | {"start_from": str(start), "epochs": 2, "batch": 16}
    run(tmp_path / "whole", given)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", given, Stops())
    shutil.rmtree(start)
    run(tmp_path / "cut", given)
    whole, cut = (load_checkpoint(tmp_path / name).arrays for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], cut[name])


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"layers": (2312, 15, 10)}, r"net: weights of input->hidden1: shape \(2312, 14\); give"),
        ({"layers": (2312, 14, 14, 10)}, "net: holds weights of 2 connections, this network has 3"),
    ],
)
def test_other_layers_are_refused_by_name(trained, given, match):
    with pytest.raises(UserError, match=match):
        begun(trained, **given)


def test_another_sensor_weights_that_are_not_finite_and_no_network_are_refused(trained, tmp_path):
    checkpoint = load_checkpoint(trained)
    info = elsewhere(checkpoint.info)
    save_checkpoint(tmp_path / "sensor", Checkpoint(checkpoint.arrays, info))
    with pytest.raises(UserError, match="a sensor of 34 x 34 x 2, these recordings have 2 x 34"):
        begun(tmp_path / "sensor")
    broken = checkpoint.arrays["weights.1"].copy()
    broken[3, 2] = np.nan
    save_checkpoint(
        tmp_path / "nan", Checkpoint(checkpoint.arrays | {"weights.1": broken}, checkpoint.info)
    )
    with pytest.raises(
        UserError, match=r"nan/model.*: the checkpoint is damaged \(weights.1\[3, 2\] is nan\)"
    ):
        begun(tmp_path / "nan")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there is no checkpoint"):
        begun(tmp_path / "empty")
    (tmp_path / "stray").mkdir()
    save_file(load_file(trained / FILE), tmp_path / "stray" / FILE)
    with pytest.raises(UserError, match="not a checkpoint of eventsnn"):
        begun(tmp_path / "stray")


def test_rules_of_other_neurons_do_not_go_on_from_each_other(trained, call, tmp_path):
    for rule in ("herding", "eventprop"):
        code, _, err = call("train", "--rule", rule, "--start-from", trained)
        assert code == 2 and f"learned by adjoint, which {rule} cannot go on from" in err
    words = ("--limit", 40, "--layers", "2312-8-10", "--epochs", 1)
    assert call("train", *words, "--out", tmp_path / "mlp")[0] == 0
    code, _, err = call("train", "--start-from", tmp_path / "mlp")
    assert code == 2 and "was trained by deep-spiking" in err and len(err.splitlines()) == 1
