"""Training convolutions by the command line: learning, threads, resume, silent channels."""

import json
from unittest import mock

import numpy as np
import pytest

from eventsnn.data.source import open_data
from eventsnn.rules.gradient.silent import pull_up
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.trainer import Trainer

WORDS = ["--rule", "adjoint", "--layers", "34x34x2-6c5s2-2p-10", "--limit", "300"]
WORDS += ["--batch", "16", "--rate", "0.003"]
_CARDS = ("cl", "di", "he", "sp")


def test_a_convolution_learns_and_its_pooling_stays(call, tmp_path):
    code, out, err = call("train", *WORDS, "--epochs", 6, "--out", tmp_path / "a", "--json")
    summary = json.loads(out)
    assert code == 0 and summary["train_accuracy"] > 0.5
    assert summary["history"][-1]["loss"] < 0.8 * summary["history"][0]["loss"]
    rates = summary["start_rates"]
    assert [row["population"] for row in rates] == ["conv1", "pool1"]
    assert rates[0]["after"] == pytest.approx(0.15, rel=0.1) and rates[0]["before"] > 0.2
    assert "conv1" in err
    arrays = load_checkpoint(tmp_path / "a").arrays
    np.testing.assert_array_equal(arrays["weights.1"], [1])
    assert arrays["weights.0"].shape == (5, 5, 2, 6)
    code, out, _ = call("evaluate", tmp_path / "a", "--data", "digits", "--limit", 300, "--json")
    assert code == 0 and json.loads(out)["accuracy"] == summary["test_accuracy"]


def test_threads_and_resume_change_no_bit(call, tmp_path):
    for name, threads in (("one", 1), ("two", 2)):
        words = *WORDS, "--epochs", 2, "--dropout", 0.2, "--out", tmp_path / name
        assert call("train", *words, "--threads", threads)[0] == 0
    part = *WORDS, "--epochs", 2, "--dropout", 0.2, "--out", tmp_path / "part"
    save = Trainer._save

    def stop_after_one(self, file):
        save(self, file)
        if self.history:
            raise KeyboardInterrupt

    # The schedule knows of both epochs.
    with mock.patch.object(Trainer, "_save", stop_after_one):
        assert call("train", *part)[0] == 130
    assert call("train", "--out", tmp_path / "part", "--resume")[0] == 0
    one = load_checkpoint(tmp_path / "one").arrays
    for name in ("two", "part"):
        other = load_checkpoint(tmp_path / name).arrays
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_layers_in_a_toml_file(call, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('rule = "adjoint"\nlayers = "34x34x2-4c9s4-10"\nlimit = 20\nepochs = 1\n')
    code, out, _ = call("train", "--config", file, "--out", tmp_path / "run", "--json")
    assert code == 0 and json.loads(out)["layers"] == [2312, 4 * 7 * 7, 10]


def test_only_channels_that_were_silent_everywhere_are_pulled():
    topology = Conv2d((3, 3, 2), 4, (2, 2), planar=True)
    gradient = np.zeros(topology.weight_shape, np.float32)
    came = np.zeros(18, np.int64)
    came[:9] = 3  # the first polarity only
    spoke = np.zeros((4, 4), np.int64)
    spoke[2, 1] = 5
    pull_up(topology, gradient, came, spoke.reshape(-1), 0.8)
    assert not gradient[..., 1].any() and not gradient[:, :, 1].any()
    for quiet in (0, 2, 3):
        np.testing.assert_allclose(gradient[:, :, 0, quiet], -0.2)
    lists = Sparse(4, np.arange(17), np.arange(16) % 4)
    for shape in (Pool2d((4, 4, 1), 2), lists):
        still = np.zeros(shape.weight_shape, np.float32)
        pull_up(shape, still, np.ones(16, np.int64), np.zeros(4, np.int64), 0.8)
        assert not still.any()


def test_channels_behind_an_average_are_pulled_as_those_of_a_convolution():
    conv, mean = Conv2d((4, 4, 2), 3, (1, 1)), MeanConv2d((4, 4, 2), 2, 3)
    came = np.arange(32)
    spoke = np.zeros((16, 3), np.int64)
    spoke[5, 2] = 1
    gradients = [np.zeros((1, 1, 2, 3), np.float32) for _ in range(2)]
    pull_up(conv, gradients[0], came, spoke.reshape(-1), 1.0)
    pull_up(mean, gradients[1], came, spoke[2:6].reshape(-1), 1.0)
    np.testing.assert_array_equal(*gradients)
    of_channel = came.reshape(16, 2).sum(0) / came.sum()
    np.testing.assert_allclose(gradients[0][0, 0, :, 0], -of_channel, rtol=1e-6)
    assert not gradients[0][..., 2].any()


def test_a_convolution_learns_cards_by_way_of_tonics_reader(call, tmp_path, monkeypatch):
    """Filmed digits (synthetic) in the files that tonic's POKERDVS reads."""
    monkeypatch.setattr("tonic.datasets.POKERDVS._check_exists", lambda self: True)
    digits = open_data("digits", limit=600)
    halves = (("pips_train", digits.train), ("pips_test", digits.test))
    for folder, batch in halves:
        for k, stream in enumerate(batch):
            if stream.label < 4:
                rows = np.stack([stream.t, stream.x, stream.y, stream.polarity], 1)
                file = tmp_path / "POKERDVS" / folder / _CARDS[stream.label] / f"{k}.npy"
                file.parent.mkdir(parents=True, exist_ok=True)
                np.save(file, rows)
    words = ["--data", f"tonic:POKERDVS:{tmp_path}", "--layers", "35x35x2-6c5s2-2p-4"]
    words += ["--rule", "adjoint", "--batch", 16, "--rate", 0.003, "--epochs", 6]
    code, out, err = call("train", *words, "--out", tmp_path / "run", "--json")
    assert code == 0, err
    assert json.loads(out)["test_accuracy"] > 0.7
    code, out, _ = call("evaluate", tmp_path / "run", "--json")
    assert code == 0 and json.loads(out)["accuracy"] > 0.7
