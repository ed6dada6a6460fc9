"""The command line as scripts and beginners use it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from eventsnn.bench import networks
from eventsnn.cli.train_command import command_of
from eventsnn.data.readers.film_file import write_film
from eventsnn.data.source import open_data
from eventsnn.files.outputs import write_whole
from eventsnn.measure.mistakes import confusion, mistakes
from eventsnn.rules import rules
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.model import open_model
from eventsnn.train.options import KNOWN, former_names, known, options_of

SMALL = ["--limit", "40", "--layers", "2312-12-10"]


def command(*words):
    return [sys.executable, "-m", "eventsnn", *map(str, words)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    words = command("train", "--out", folder, *SMALL, "--epochs", "2", "--json")
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return folder, json.loads(done.stdout.splitlines()[-1]), done


def test_train_prints_one_json_object_with_what_scripts_rely_on(model):
    folder, summary, done = model
    assert len(done.stdout.splitlines()) == 1
    assert "epoch 2/2" in done.stderr
    net, data = open_model(folder)[0].state, open_data("digits", limit=40)
    for half, key in ((data.train, "train_accuracy"), (data.test, "test_accuracy")):
        right = [int(net.predict(stream).argmax()) == stream.label for stream in half]
        assert len(right) == 40 and summary[key] == sum(right) / 40
    assert summary["epochs"] == 2 and summary["seconds"] > 0 and summary["seed"] == 0
    assert summary["seconds_to_first_step"] > 0
    assert len(summary["spikes_per_recording"]) == 3
    # Every input event is one spike, and adds one row of 12 weights.
    events = summary["spikes_per_recording"][0]
    assert summary["operations_per_recording"][0] == pytest.approx(12 * events)
    assert summary["options"]["layers"] == [2312, 12, 10]
    assert re.fullmatch(r"\d+\.\d+\.\d+", summary["version"])
    saved = json.loads((folder / "model.json").read_text())
    assert saved["history"] == summary["history"] and saved["options"] == summary["options"]


def test_evaluate_repeats_the_accuracy_of_training(model, call):
    folder, summary, _ = model
    code, out, _ = call("evaluate", folder, "--limit", 40, "--json")
    result = json.loads(out)
    assert code == 0 and result["accuracy"] == summary["test_accuracy"]
    assert result["spikes_per_recording"] == summary["spikes_per_recording"]
    code, out, _ = call("evaluate", folder / "model.safetensors", "--limit", 40)
    assert code == 0 and f"accuracy {summary['test_accuracy']:.2%}" in out


def test_evaluate_tells_what_is_taken_for_what_and_simulate_agrees(model, call):
    folder, _, _ = model
    words = ("evaluate", folder, "--limit", 40, "--split", "all", "--mistakes")
    code, out, _ = call(*words, "--json")
    result = json.loads(out)
    counts, wrong = np.array(result["confusion"]), result["mistakes"]
    assert code == 0 and counts.shape == (10, 10) and counts.sum() == result["recordings"] == 80
    assert counts.trace() / 80 == result["accuracy"] and counts.sum() - counts.trace() == len(wrong)
    assert wrong and {row["half"] for row in wrong} <= {"train", "test"}
    for row in wrong:
        assert counts[row["label"], row["prediction"]] > 0 and row["label"] != row["prediction"]
    where = "--split", wrong[-1]["half"], "--index", wrong[-1]["index"]
    code, out, _ = call("simulate", folder, "digits", *where, "--json")
    told = json.loads(out)
    assert [told[k] for k in ("label", "prediction")] == [
        wrong[-1][k] for k in ("label", "prediction")
    ]
    code, out, _ = call(*words)
    assert code == 0 and "taken for" in out and f"--split {wrong[0]['half']} --index" in out
    for row in wrong[:20]:
        told = f"{row['half']} {row['index']}: a {row['label']}, taken for a {row['prediction']}"
        assert told in out


def test_evaluate_names_the_recording_that_has_no_label(model, call, tmp_path):
    batch = open_data("digits", limit=12).test
    # Of two without a label, one is held out.
    label = np.where(np.arange(12) % 8 == 3, -1, batch.label)
    write_film(tmp_path / "some.events", [replace(batch, label=label)])
    words = ("evaluate", model[0], "--data", f"events:{tmp_path / 'some.events'}")
    halves = open_data(words[-1])
    for split, half in (("train", halves.train), ("test", halves.test)):
        (i,) = np.flatnonzero(half.label < 0)
        code, _, err = call(*words, "--split", split)
        assert code == 2 and f"recording {i} of the {split} half has no label" in err


def test_labels_beyond_what_a_network_knows_are_counted_as_mistakes():
    labels, said = np.array([0, 3, 1, 1]), np.array([0, 1, 1, 0])
    assert confusion(labels, said, 2) == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert mistakes(labels, said, "test") == [
        {"half": "test", "index": 1, "label": 3, "prediction": 1},
        {"half": "test", "index": 3, "label": 1, "prediction": 0},
    ]
    none = np.zeros(0, np.int64)
    assert confusion(none, none, 2) == [[0, 0], [0, 0]] and mistakes(none, none, "test") == []


def test_simulate_prints_one_object_an_input_and_draws_each(model, call, tmp_path):
    folder, _, _ = model
    words = ("--index", 0, "--index", 3, "--figure", tmp_path / "t.png", "--json")
    code, out, _ = call("simulate", folder, "digits", *words)
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and len(found) == 2
    for traffic in found:
        assert traffic["events"] == traffic["spikes"][0] > 1000
        assert traffic["operations"][0] == 12 * traffic["events"]
        assert len(traffic["layers"]) == 3
        first = traffic["latency_to_first_output_spike"]
        assert first is None or 0 <= first < traffic["duration"]
    for name in ("t-0.png", "t-3.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_simulate_reads_a_recording_in_n_mnist_format_and_a_structured_array(model, call, tmp_path):
    folder, _, _ = model
    events = np.zeros(3, [("x", int), ("y", int), ("t", int), ("p", int)])
    events["x"], events["y"], events["t"], events["p"] = [5, 6, 7], [1, 2, 3], [10, 20, 300], 1
    np.save(tmp_path / "a.npy", events)
    raw = b"".join(
        bytes(
            [e["x"], e["y"], e["p"] << 7 | int(e["t"]) >> 16, int(e["t"]) >> 8 & 255, e["t"] & 255]
        )
        for e in events
    )
    (tmp_path / "a.bin").write_bytes(raw)
    results = []
    for name in ("a.npy", "a.bin"):
        code, out, _ = call("simulate", folder, tmp_path / name, "--json")
        assert code == 0
        results.append(json.loads(out) | {"input": ""})
    assert results[0] == results[1]
    assert results[0]["events"] == 3 and results[0]["layers"][0]["first_spike"] == 10


def test_people_see_a_table_and_the_next_step(call, tmp_path):
    code, out, _ = call("train", "--out", tmp_path / "run", *SMALL, "--epochs", 1)
    assert code == 0
    assert "test accuracy" in out and "synaptic adds" in out and "eventsnn simulate" in out
    assert "emulated" in out and "N-MNIST" not in out
    code, out, _ = call("simulate", tmp_path / "run", "digits", "--index", 1)
    assert code == 0 and "layer 2" in out and "busiest units" in out


def test_film_tells_what_it_filmed_and_writes_a_data_set(call, tmp_path):
    film, picture = tmp_path / "film.safetensors", tmp_path / "film.svg"
    words = ("film", "digits", "--limit", 20, "--out", film, "--figure", picture, "--json")
    code, out, _ = call(*words)
    result = json.loads(out)
    assert code == 0 and result["recordings"] == 20 and result["filmed"]["events"] > 1000
    assert b"<svg" in picture.read_bytes()[:400]
    again = json.loads(call("film", "digits", "--limit", 20, "--json")[1])
    assert again["filmed"] == result["filmed"]
    words = ("train", "--data", f"events:{film}", "--layers", "2312-8-10", "--epochs", 1)
    code, out, _ = call(*words, "--out", tmp_path / "run", "--json")
    assert code == 0 and json.loads(out)["epochs"] == 1


def test_a_run_stopped_in_its_first_epoch_begins_again_by_the_same_command(
    call, monkeypatch, tmp_path
):
    from eventsnn.train.trainer import Trainer

    def interrupted(self, epoch, listener):
        raise KeyboardInterrupt

    words = ("train", "--out", tmp_path / "cut", *SMALL, "--epochs", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_epoch", interrupted)
        code, _, err = call(*words)
    assert code == 130 and "give the same command again" in err and "--resume" not in err
    assert call(*words)[0] == 0
    assert len(load_checkpoint(tmp_path / "cut").info["history"]) == 1
    assert call(*words)[0] == 2  # now there is something to lose


@pytest.mark.parametrize("words", [("film", "digits"), ("train",), ("evaluate", "runs/none")])
def test_ctrl_c_outside_of_learning_says_so(call, monkeypatch, words):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for name in ("eventsnn.data.camera.saccade.film", "eventsnn.commands.train.open_data"):
        monkeypatch.setattr(name, interrupted)
    monkeypatch.setattr("eventsnn.commands.results.open_model", interrupted)
    code, out, err = call(*words)
    assert (code, out) == (130, "") and "interrupted; nothing was saved" in err


def test_an_interrupted_run_resumes_to_the_same_bits(call, monkeypatch, tmp_path, capsys):
    from eventsnn.train.trainer import Trainer

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options = (*SMALL, "--seed", 5)
    assert call("train", "--out", whole, *options, "--epochs", 3)[0] == 0
    original = Trainer._epoch

    def interrupted(self, epoch, listener):
        if epoch == 1:
            self.learner.state.train(self.data.train, np.arange(10))  # half an epoch, lost
            raise KeyboardInterrupt
        return original(self, epoch, listener)

    monkeypatch.setattr(Trainer, "_epoch", interrupted)
    code, _, err = call("train", "--out", cut, *options, "--epochs", 3)
    assert code == 130
    assert f"1 of 3 epochs are saved in {cut}, go on with: eventsnn train --out {cut}" in err
    monkeypatch.setattr(Trainer, "_epoch", original)
    assert call("train", "--out", cut, "--resume")[0] == 0
    assert_same_weights(whole, cut)


def test_a_killed_run_resumes_to_the_same_bits(call, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options = ("--limit", "200", "--layers", "2312-30-10", "--epochs", "12")
    assert call("train", "--out", whole, *options)[0] == 0
    for _ in range(3):
        words = command("train", "--out", cut, *options)
        words += ["--resume"] if (cut / "model.safetensors").exists() else []
        before = len(load_checkpoint(cut).info["history"]) if "--resume" in words else -1
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            done = (cut / "model.safetensors").exists()
            if done and len(load_checkpoint(cut).info["history"]) > max(before, 0):
                process.send_signal(signal.SIGKILL)
                process.wait()
            time.sleep(0.005)
    assert call("train", "--out", cut, "--resume", "--epochs", 12)[0] == 0
    assert_same_weights(whole, cut)


def assert_same_weights(one, other):
    a, b = load_checkpoint(one).arrays, load_checkpoint(other).arrays
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def broken_recordings(tmp_path):
    """Folders in N-MNIST's layout, each with one recording that cannot be read."""
    good = bytes([1, 2, 128, 0, 10])
    cases = {
        "truncated": good + good[:3],
        "unsorted": bytes([1, 2, 0, 0, 10, 1, 2, 0, 0, 9]),
        "outside": bytes([34, 2, 0, 0, 10]),
        "empty": b"",
    }
    for name, data in cases.items():
        for half in ("Train", "Test"):
            folder = tmp_path / name / half / "3"
            folder.mkdir(parents=True)
            (folder / "00001.bin").write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("name", ["truncated", "unsorted", "outside", "empty", "missing"])
def test_bad_recordings_are_one_line_that_names_the_file(call, tmp_path, name):
    folder = broken_recordings(tmp_path) / name
    code, out, err = call("train", "--data", f"nmnist:{folder}", "--out", tmp_path / "run")
    assert code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert (str(folder) if name == "missing" else "00001.bin") in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--layers", "784-20-10", "--limit", "20"], "give --layers 2312-20-10"),
        (["train", "--layers", "2312-20-9", "--limit", "99"], "give --layers 2312-20-10"),
        (["train", "--layers", "2312,10"], "write them as 2312-200-10"),
        (["train", "--data", "digit"], "unknown kind 'digit'"),
        (["train", "--data", "mnist:"], "the path is missing"),
        (["train", "--data", "mnist:nowhere"], "nowhere"),
        (["train", "--data", "tonic:NOSUCH:x"], "NOSUCH"),
        (["train", "--rule", "hebb"], "rule is 'hebb'; choose one of"),
        (["train", "--eta", "nan"], "eta is nan"),
        (["train", "--epochs", "0"], "epochs is 0"),
        (["train", "--limit", "9", "--skip", "9" * 25], f"skip is {'9' * 25}"),
        (["train", "--epoch", "3"], "No such option: --epoch"),
        (["train", "--resume"], "--resume needs --out"),
        (["train", "--back-quantizer", "x"], "back_quantizer is 'x'; choose one of"),
        (["evaluate", "nowhere"], "nowhere: there is no checkpoint"),
        (["evaluate", "nowhere", "--split", "tset"], "give test, train or all"),
        (["simulate", "nowhere", "digits"], "nowhere: there is no checkpoint"),
        (["film", "cats"], "give one of digits, mnist:PATH, a .npy or .npz file"),
        (["film", "digits", "--figure", "a.gif"], "ends in .png"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_words_are_one_line_with_the_remedy(call, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(*words)
    assert code == 2 and out == ""
    assert message in err and err.count("\n") == 1 and "Traceback" not in err


def test_an_existing_run_is_never_overwritten(model, call):
    folder, _, _ = model
    before = (folder / "model.safetensors").read_bytes()
    code, _, err = call("train", "--out", folder, *SMALL)
    assert code == 2 and "holds a run already; add --resume" in err
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_resumed_run_keeps_its_options(model, call):
    folder, _, _ = model
    code, _, err = call("train", "--out", folder, "--resume", "--eta", "0.5")
    assert code == 2 and "was trained with eta 0.02, not 0.5" in err


@pytest.mark.parametrize("damage", ["cut", "noise", "other", "empty"])
def test_a_damaged_checkpoint_is_one_line(model, call, tmp_path, damage):
    from safetensors.numpy import save

    data = (model[0] / "model.safetensors").read_bytes()
    data = {
        "cut": data[: len(data) // 2],
        "noise": b"\xff" * 100,
        "other": save({"x": np.ones(3)}),
        "empty": b"",
    }[damage]
    (tmp_path / "model.safetensors").write_bytes(data)
    code, out, err = call("evaluate", tmp_path)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert str(tmp_path / "model.safetensors") in err


def test_an_empty_event_array_is_refused(model, call, tmp_path):
    np.save(tmp_path / "none.npy", np.zeros(0, [("x", int), ("y", int), ("t", int), ("p", int)]))
    code, _, err = call("simulate", model[0], tmp_path / "none.npy")
    assert code == 2 and "holds no events" in err


def test_a_model_refuses_data_of_another_sensor(model, call, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((1, 28, 28), np.uint8))
    code, _, err = call("simulate", model[0], tmp_path / "image.npy")
    assert code == 2 and "image.npy: inputs of 28 x 28, " in err
    assert "learned from 2 x 34 x 34; give another INPUT" in err


def test_files_are_as_readable_as_the_user_wants(tmp_path):
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "page.html", b"here")
    finally:
        os.umask(old)
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_help_lists_every_command(call):
    code, out, _ = call("--help")
    assert code == 0
    for name in ("train", "evaluate", "simulate", "film"):
        assert name in out


def test_a_folder_of_runs_that_cannot_be_is_refused_before_data_are_read(
    call, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eventsnn.data.readers.digits.digit_halves", None)
    (tmp_path / "runs").write_text("")
    code, _, err = call("train", "--limit", 20)
    assert code == 2 and err == "error: --out runs: runs is a file; give a folder\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train --epochs zero", r"--epochs is 'zero': .*integer.*\(see eventsnn train --help\)"),
        ("bench --rounds=0", r"--rounds is '0': .*1 \(see eventsnn bench --help\)"),
        ("exchange", r"eventsnn exchange: give one of its commands"),
        ("exchange chek", r".*Did you mean 'check'\?"),
        ("trian", r".*Did you mean 'train'\? \(see eventsnn --help\)"),
    ],
)
def test_a_word_that_cannot_be_read_is_named_with_its_value_and_where_help_is(words, told, call):
    code, _, err = call(*words.split())
    assert code == 2 and re.search(rf"^error: {told}", err.splitlines()[-1])


def test_neither_the_package_nor_the_digits_load_a_heavy_library():
    code = (
        "import sys, eventsnn.data.readers.digits as digits; digits.digit_images()\n"
        "print(sorted({'matplotlib', 'tonic', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_imported():
    import eventsnn

    for name in eventsnn.__all__:
        assert getattr(eventsnn, name).__name__.rpartition(".")[2] == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = eventsnn.nothing


def test_real_recordings_and_mnist_train_through_the_same_command(shared, call, tmp_path):
    for kind, inputs in (("nmnist", 2312), ("mnist", 784)):
        words = ("--data", f"{kind}:{shared / 'data' / kind}", "--limit", 50, "--epochs", 1)
        code, out, _ = call("train", *words, "--out", tmp_path / kind, "--json")
        summary = json.loads(out)
        assert code == 0 and summary["layers"] == [inputs, 200, 10]


def test_the_camera_is_compared_with_real_recordings_by_a_command(shared, call, tmp_path):
    data = shared / "data"
    words = ("film", f"mnist:{data / 'mnist'}", "--compare", f"nmnist:{data / 'nmnist'}", "--json")
    code, out, _ = call(*words, "--figure", tmp_path / "c.png")
    result = json.loads(out)
    assert code == 0 and result["recordings"] == 600
    assert result["map_correlation"] >= 0.96
    assert abs(result["count_ratio"] - 1) <= 0.03
    assert result["rate_difference"] <= 0.10


NETWORK = """
[[population]]
name = "input"
shape = [2, 34, 34]

[[population]]
name = "neurons"
shape = [20]
neuron = { model = "lif", tau_us = 20000, threshold = 1.0 }

[[connection]]
source = "input"
target = "neurons"
weights = 0.01
delay_us = 500
"""


def test_simulate_runs_a_network_from_a_toml_file(call, tmp_path):
    (tmp_path / "net.toml").write_text(NETWORK)
    words = ("simulate", tmp_path / "net.toml", "digits", "--index", 2)
    code, out, _ = call(*words, "--figure", tmp_path / "n.png", "--json")
    found = json.loads(out)
    assert code == 0 and found["populations"] == ["input", "neurons"]
    # Twenty equal neurons fire together, half a millisecond after an event.
    assert found["spikes"][1] % 20 == 0 and found["spikes"][1] > 0
    assert found["synaptic_adds"][0][1] == 20 * found["deliveries"][0][1]
    assert found["latency_to_first_output_spike"] > 500
    assert (tmp_path / "n.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = call(*words)
    assert code == 0 and "neurons" in out
    (tmp_path / "bad.toml").write_text(NETWORK.replace("tau_us", "tau"))
    code, _, err = call("simulate", tmp_path / "bad.toml", "digits")
    assert code == 2 and err.count("\n") == 1 and "'tau'" in err


def test_bench_prints_what_scripts_rely_on(call, monkeypatch):
    monkeypatch.setattr(networks, "balanced", partial(networks.balanced, neurons=500, fan_out=20))
    code, out, _ = call("bench", "--limit", 3, "--rounds", 1, "--threads", 1, "--json")
    result = json.loads(out)
    assert code == 0 and "emulated" in result["data_note"]
    for key in (
        "control_ns_per_event",
        "feedforward_dense_controls",
        "asynchronous_dense_controls",
        "conv2d_controls",
        "sparse_recurrent_updates_per_second",
        "queue_push_pop_ns",
    ):
        assert result[key] > 0


OWN_FLAGS = {"out", "resume", "config", "tensorboard", "threads", "as_json"}


OURS = {kind: rule for kind, rule in rules().items() if rule.__module__.startswith("eventsnn.")}
OWN_RULES = [kind for kind, rule in OURS.items() if rule.learns]


@pytest.mark.parametrize("rule", OWN_RULES)
def test_the_flags_of_train_are_the_options_of_a_run_and_of_its_rule(rule, call):
    shown = {one.name: one for one in command_of(rule).params if not one.hidden}
    options = KNOWN | options_of(rule)
    assert set(shown) - {"help"} == OWN_FLAGS | set(options) and len(options_of(rule)) > 10
    hidden = {one.name for one in command_of(rule).params if one.hidden}
    assert hidden == (set(known()) | set(former_names())) - set(options) and hidden
    code, out, _ = call("train", "--rule", rule, "--help")
    words = set(re.findall(r"--[a-z-]+", out))
    assert code == 0 and all(set(one.opts) <= words for one in shown.values())
    strangers = {word for one in command_of(rule).params if one.hidden for word in one.opts}
    assert not strangers & words


def test_help_of_train_is_that_of_the_default_rule_and_tells_of_the_others(call):
    code, out, _ = call("train", "--help")
    assert code == 0 and "--eta" in out and "--batch" not in out
    told = " ".join(out.replace("│", " ").split())
    assert "eventsnn train --rule NAME --help (NAME: adjoint or eventprop or " in told
    code, out, err = call("train", "--rule", "hebb", "--help")
    assert (code, out) == (2, "") and "rule is 'hebb'; choose one of adjoint, " in err


def test_the_rule_of_a_file_of_options_chooses_the_help(call, tmp_path):
    (tmp_path / "run.toml").write_text('rule = "eventprop"\n')
    for words, there in (((), "--tau-syn-us"), (("--rule", "adjoint"), "--spike-cost")):
        code, out, _ = call("train", "--config", tmp_path / "run.toml", *words, "--help")
        assert code == 0 and there in out
    code, out, _ = call("train", "--config", tmp_path / "none.toml", "--help")
    assert code == 0 and "--eta" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch", "3"], "rule deep-spiking has no batch, rules adjoint and eventprop and "),
        (["--rule", "adjoint", "--eta", "0.1"], "rule adjoint has no eta, rule deep-spiking has"),
        (
            ["--rule=eventprop", "--dropout", "0"],
            "rule eventprop has no dropout, rules adjoint and relu have",
        ),
        (["--rule", "adjoint", "--tau-syn-us", "9"], "has no tau_syn_us, rule eventprop has"),
    ],
)
def test_flags_of_another_rule_are_refused_in_a_line_that_says_whose_they_are(call, words, message):
    code, out, err = call("train", *words)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_an_error_is_one_line_and_code_2_where_a_stream_is_closed(closed, tmp_path):
    words = ["sh", "-c", f'"$@" {closed}', "sh", *command("evaluate", tmp_path / "none")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("error: ") == ("2>&-" not in closed)
    assert len(done.stderr.splitlines()) == (closed == ">&-")


def as_process(before):
    """Run ``eventsnn --version`` as a process of its own, after a line of Python."""
    program = (
        "import atexit, os, runpy, signal, sys\n"
        "stop = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        # A shell starts what runs in the background with Ctrl-C ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"{before}\n"
        "sys.argv = ['eventsnn', '--version']\n"
        "runpy.run_module('eventsnn', run_name='__main__')\n"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_while_the_command_line_is_imported_is_one_line_and_130():
    done = as_process("sys.modules['eventsnn.cli.app'] = type('', (), {'main': lambda: stop()})")
    assert done.returncode == 130 and done.stderr == "error: interrupted; nothing was done\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_while_python_ends_changes_nothing():
    done = as_process("atexit.register(stop)")  # called after those that are registered later
    assert (done.returncode, done.stderr) == (0, "") and re.match(r"\d", done.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("option", ["--config", "--energy", "--levels", "events:", "a network"])
def test_a_pipe_or_a_device_in_place_of_a_file_is_refused_and_not_waited_for(
    option, model, tmp_path, call
):
    pipe, large = tmp_path / "pipe.toml", tmp_path / "large.toml"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(1 << 40)
    for path, told in ((pipe, "not a regular file"), ("/dev/zero", "not a regular file")):
        words = {
            "--config": ("train", "--config", path),
            "events:": ("train", "--data", f"events:{path}"),
            "a network": ("simulate", pipe, "digits"),
        }.get(option, ("measure", model[0], option, path))
        code, _, err = call(*words)
        assert code == 2 and told in err and len(err.splitlines()) == 1
    if option in ("--config", "--energy", "--levels"):
        code, _, err = call(*words[:-1], large)
        assert code == 2 and f"{1 << 40} bytes" in err
