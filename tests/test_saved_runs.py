"""Saved runs: what they learned from is found again, what is damaged is one line, none is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from eventsnn.data.dataset import DataSet
from eventsnn.data.readers.film_file import write_film
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.files.outputs import write_whole
from eventsnn.train import run_folder
from eventsnn.train.checkpoint import (
    FILE,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from eventsnn.train.model import open_model
from eventsnn.train.options import completed, make_options
from eventsnn.train.saved_run import load_run
from eventsnn.train.trainer import Listener, Trainer

SHAPE = (1, 3, 4)


def some_recordings(n, classes=3, seed=0, shape=SHAPE):
    rng = np.random.default_rng(seed)
    streams = []
    for k in range(n):
        unit = (rng.integers(0, 4, 30) + 4 * (k % classes)) % np.prod(shape)
        streams.append(
            EventStream(np.sort(rng.integers(0, 900, 30)), unit, shape, k % classes, duration=1000)
        )
    return EventBatch.from_streams(streams, "mine")


def tiny(spec="mine", **given):
    data = DataSet(spec, some_recordings(12), some_recordings(6, seed=1))
    given = {"rule": "adjoint", "layers": (12, 5, 3), "epochs": 2, "batch": 4} | given
    return completed(make_options(given), data), data


HERDING = {"rule": "herding", "n_steps": 3, "epochs": 2}


def tiny_options(**given):
    if given.get("rule") == "herding":
        data = DataSet("mine", some_recordings(12), some_recordings(6, seed=1))
        return completed(make_options({"layers": (12, 5, 3)} | HERDING | given), data), data
    return tiny(**given)


def own_options(info):
    """Return the options of the rule, from what a checkpoint tells."""
    return info["options"]["herding" if info["options"]["rule"] == "herding" else "gradient"]


@pytest.fixture(scope="module", params=["adjoint", "herding"])
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    Trainer(*tiny_options(rule=request.param), folder).run(Listener())
    return folder


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "mine.events"
    write_film(path, [some_recordings(15)])
    return path


def train_words(film, out, *more):
    words = ("train", "--data", f"events:{film}", "--layers", "12-5-3", "--steps", 3, "--out", out)
    return (*words, "--epochs", 1, *more)


# What a run learned from


def test_a_run_on_data_of_a_program_is_not_taken_for_digits(tmp_path, call):
    options, data = tiny()
    assert Trainer(options, data, tmp_path).run(Listener())["options"]["data"] == "mine"
    run = load_run(tmp_path)
    assert (run.options.data, run.data.spec, run.data.absolute) == ("mine", "mine", "")
    assert run.data.classes == 3 and run.data.sensor == run.sensor == SHAPE
    for words in (("evaluate",), ("measure",), ("simulate",), ("train", "--resume", "--out")):
        code, _, err = call(*words, tmp_path)
        remedy = "give INPUT" if words == ("simulate",) else "give --data"
        assert code == 2 and "learned from 'mine'" in err and remedy in err
        assert len(err.splitlines()) == 1


def test_a_network_of_ones_own_has_no_data_of_its_own(call):
    code, _, err = call("simulate", Path(__file__).parents[1] / "examples" / "network.toml")
    assert code == 2 and "needs an INPUT" in err


def test_data_that_only_bear_the_name_of_others_are_not_those(tmp_path, call):
    Trainer(*tiny("digits"), tmp_path).run(Listener())
    code, _, err = call("evaluate", tmp_path)
    assert code == 2 and "data that a program made and no word opens; give --data" in err


def test_a_run_finds_its_data_from_another_folder(film, tmp_path, call, monkeypatch):
    monkeypatch.chdir(film.parent)
    assert call(*train_words("mine.events", tmp_path / "run"))[0] == 0
    monkeypatch.chdir(tmp_path)
    for words in (("evaluate", "run"), ("measure", "run"), ("simulate", "run")):
        code, out, err = call(*words, "--json")
        assert code == 0, err
    assert json.loads(out.splitlines()[0])["label"] in (0, 1, 2)
    assert call("train", "--out", "run", "--resume", "--epochs", 2)[0] == 0
    info = load_checkpoint("run").info
    assert info["options"]["data"] == info["data"]["spec"] == "events:mine.events"
    assert info["data"]["absolute"] == f"events:{film}"
    assert len(info["history"]) == 2
    for file in ("model.json", "metrics.jsonl"):  # what people pass on
        assert str(film.parent) not in (tmp_path / "run" / file).read_text()


def test_a_resumed_run_refuses_changed_data_and_takes_moved_ones(film, tmp_path, call):
    moved = tmp_path / "moved.events"
    moved.write_bytes(film.read_bytes())
    assert call(*train_words(moved, tmp_path / "run"))[0] == 0
    again = ("train", "--out", tmp_path / "run", "--resume", "--epochs", 2)
    moved.unlink()
    code, _, err = call(*again)
    assert code == 2 and "cannot be opened" in err and "give --data" in err
    assert call("evaluate", tmp_path / "run")[0] == 2
    code, _, err = call("simulate", tmp_path / "run")
    assert code == 2 and "cannot be opened" in err and "; give INPUT\n" in err
    batch = some_recordings(15)
    label = batch.label.copy()
    label[[0, 1]] = label[[1, 0]]
    for k, changed in enumerate([replace(batch, label=label), some_recordings(15, seed=9)]):
        write_film(moved, [changed])
        for more in ((), ("--data", f"events:{moved}")):
            code, _, err = call(*again, *more)
            assert code == 2 and "have changed" in err, (k, more)
        assert call("evaluate", tmp_path / "run")[0] == 2
        # What is named is what is meant.
        assert call("evaluate", tmp_path / "run", "--data", f"events:{moved}")[0] == 0
        moved.unlink()
    assert call(*again, "--data", f"events:{film}")[0] == 0
    run = load_run(tmp_path / "run")
    assert run.data.absolute == run.options.data == f"events:{film}"
    assert len(run.history) == 2


def test_a_program_resumes_on_the_same_recordings_only(tmp_path):
    options, data = tiny()
    Trainer(options, data, tmp_path).run(Listener())
    other = replace(data, train=some_recordings(12, seed=5))
    with pytest.raises(UserError, match="have changed: other events or labels"):
        Trainer(options, other, tmp_path).resume(load_checkpoint(tmp_path))
    again = Trainer(replace(options, epochs=3), data, tmp_path)
    again.resume(load_checkpoint(tmp_path))
    assert again.run(Listener())["epochs"] == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 1), ("limit", 9), ("skip", 1), ("eta", 0.1), ("layers", "12-6-3"), ("shift", 2)],
)
def test_a_resumed_run_refuses_what_would_change_its_weights(film, tmp_path, call, name, value):
    assert call(*train_words(film, tmp_path))[0] == 0
    before = (tmp_path / FILE).read_bytes()
    words = ("train", "--out", tmp_path, "--resume", "--epochs", 2, f"--{name}", value)
    code, _, err = call(*words)
    assert code == 2 and f"was trained with {name} " in err
    assert (tmp_path / FILE).read_bytes() == before


def test_a_run_of_a_version_that_kept_only_the_word_of_its_data_opens(film, tmp_path, call):
    assert call(*train_words(film, tmp_path))[0] == 0
    checkpoint = load_checkpoint(tmp_path)
    info = {name: value for name, value in checkpoint.info.items() if name != "data"}
    save_checkpoint(tmp_path, Checkpoint(checkpoint.arrays, info))
    assert call("evaluate", tmp_path)[0] == 0
    code, _, err = call("train", "--out", tmp_path, "--resume", "--data", "digits")
    assert code == 2 and "was trained with data events:" in err
    assert call("train", "--out", tmp_path, "--resume", "--epochs", 2)[0] == 0
    assert load_run(tmp_path).data.absolute == f"events:{film}"
    # A word that means something else today is noticed by the sensor.
    info["options"] = info["options"] | {"data": "digits"}
    save_checkpoint(tmp_path, Checkpoint(checkpoint.arrays, info))
    code, _, err = call("evaluate", tmp_path)
    assert code == 2 and "inputs of 1 x 3 x 4, digits has 2 x 34 x 34; give other --data" in err


def test_a_resumed_run_takes_no_other_sensor_and_no_epochs_back(film, tmp_path, call):
    run = tmp_path / "run"
    assert call(*train_words(film, run)[:-1], 2)[0] == 0
    again = ("train", "--out", run, "--resume")
    code, _, err = call(*again, "--data", "digits")
    assert code == 2 and "--layers" not in err
    assert "learned from inputs of 1 x 3 x 4, digits has 2 x 34 x 34; give other --data" in err
    code, _, err = call(*again, "--epochs", 1)
    assert code == 2
    assert "has learned 2 epochs, of which --resume takes none back; give --epochs 2 or more" in err
    code, _, err = call(*again, "--epochs", 2)
    assert code == 0 and "nothing left to learn: 2 of 2 epochs are done" in err
    code, _, err = call(*again, "--epochs", 3)
    assert code == 0 and "nothing left" not in err
    assert len(load_checkpoint(run).info["history"]) == 3


# What cannot be learned


def with_label(batch, index, label):
    labels = batch.label.copy()
    labels[index] = label
    return replace(batch, label=labels)


@pytest.mark.parametrize("half", ["train", "test"])
@pytest.mark.parametrize("rule", ["adjoint", "herding"])
@pytest.mark.parametrize(
    ("label", "text"), [(3, "3 classes|12 inputs and 4 classes"), (-1, "recording 5 .* no label")]
)
def test_recordings_that_the_outputs_cannot_tell_apart_are_refused(half, rule, label, text):
    options, data = tiny_options(rule=rule)
    data = replace(data, **{half: with_label(getattr(data, half), 5, label)})
    with pytest.raises(UserError, match=text):
        Trainer(options, data, None)


def test_more_classes_than_outputs_are_refused_everywhere(saved, tmp_path, call):
    write_film(tmp_path / "more.events", [some_recordings(20, 4)])
    more = f"events:{tmp_path / 'more.events'}"
    for command in ("evaluate", "measure"):
        code, _, err = call(command, saved, "--data", more)
        assert code == 2 and "tells 3 classes apart" in err and "has 4" in err
    if load_run(saved).options.rule == "adjoint":
        for word in ("--start-from", "--teacher"):
            rule = ("--rule", "adjoint") if word == "--teacher" else ()
            code, _, err = call("train", *rule, "--data", more, word, saved, "--layers", "12-5-4")
            assert code == 2 and str(saved) in err
        code, _, err = call("train", "--data", more, "--start-from", saved)
        assert code == 2 and "12 inputs and 4 classes; give --layers 12-5-4" in err


# Damage


def spoiled(saved, folder, change_info=None, change_arrays=None):
    checkpoint = load_checkpoint(saved)
    info = json.loads(json.dumps(checkpoint.info))
    arrays = dict(checkpoint.arrays)
    if change_info:
        change_info(info)
    if change_arrays:
        change_arrays(arrays)
    save_checkpoint(folder, Checkpoint(arrays, info))
    return folder


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_by_name_and_place(saved, tmp_path, call, value):
    name = "weight1" if "weight1" in load_checkpoint(saved).arrays else "weights.1"

    def change(arrays):
        arrays[name] = arrays[name].copy()
        arrays[name][4, 2] = value

    folder = spoiled(saved, tmp_path, change_arrays=change)
    for words in (("evaluate", folder), ("train", "--resume", "--out", folder)):
        code, _, err = call(*words)
        assert code == 2 and f"{name}[4, 2] is {value}" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda i: i["options"].update(gradient=1), "options gradient are 1"),
        (lambda i: i["options"].update(herding=[]), r"options herding are \[\]"),
        (lambda i: i.update(options=[1]), "it holds no options"),
        (lambda i: i["options"].update(epochs="two"), "epochs is 'two'; give a whole number"),
        (lambda i: i["options"].update(seed=True), "seed is True"),
        (lambda i: i["options"].update(rule=None), "rule is None"),
        (lambda i: i["options"].update(stranger=1), "unknown option 'stranger'"),
        (lambda i: own_options(i).update(batch=2**80, n_steps=2**80), "(batch|n_steps) is 12089"),
        (lambda i: own_options(i).update(stranger=1), "unknown option 'stranger'"),
        (lambda i: i["options"].update(layers=[12, 40_000_000, 3]), "the layers need"),
        (lambda i: i["options"].update(layers=[12, "9" * 5000, 3]), "is no layer"),
        (lambda i: i["options"].update(layers=[]), "it names no layers"),
        (lambda i: i.update(history=5), "its history is 5"),
        (lambda i: i.update(history=[5]), "row 0 of its history is 5"),
        (lambda i: i["history"][1].update(epoch=7), "row 1 of its history"),
        (lambda i: i["history"][0].update(seconds="a"), "seconds of epoch 1 is 'a'"),
        (lambda i: i["history"][0].pop("test_accuracy"), "test_accuracy of epoch 1 is None"),
        (lambda i: i.pop("input_shape"), "input_shape is None"),
        (lambda i: i.update(input_shape=[1, 3, 5]), "input_shape is .1, 3, 5."),
        (lambda i: i.update(start_rates=[{}]), "start_rates"),
        (lambda i: i["data"].pop("digest"), "digest of the data"),
        (lambda i: i["data"].update(sensor=[1, 4, 3]), "sensor"),
    ],
)
def test_a_header_that_is_none_is_one_line(saved, tmp_path, call, change, text):
    folder = spoiled(saved, tmp_path, change)
    with pytest.raises(UserError, match=f"is damaged .*{text}"):
        open_model(folder)
    code, _, err = call("evaluate", folder)
    assert code == 2 and len(err.splitlines()) == 1


def rewritten(saved, folder, change):
    """Change a file behind the door that wrote it: its arrays and header, not its digest."""
    arrays = dict(load_checkpoint(saved).arrays)
    with safe_open(saved / FILE, "np") as file:
        meta = file.metadata()
    change(arrays, meta)
    folder.mkdir(exist_ok=True)
    save_file(arrays, folder / FILE, meta)
    return folder


def zeroed(arrays, meta):
    for name in arrays:
        if name in ("weight1", "weights.0"):
            arrays[name] = np.zeros_like(arrays[name])


def seed_of(arrays, meta):
    info = json.loads(meta["run"])
    info["options"]["seed"] = 5
    meta["run"] = json.dumps(info)


@pytest.mark.parametrize("change", [zeroed, seed_of])
def test_arrays_or_a_header_that_changed_after_they_were_saved_are_refused(
    saved, tmp_path, call, change
):
    folder = rewritten(saved, tmp_path / "changed", change)
    code, out, err = call("evaluate", folder)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert "is damaged (its arrays or options are not those that were saved)" in err


def test_a_checkpoint_of_a_version_without_a_digest_still_loads(saved, tmp_path):
    folder = rewritten(saved, tmp_path / "old", lambda arrays, meta: meta.pop("digest"))
    old, new = load_checkpoint(folder), load_checkpoint(saved)
    assert old.info == new.info
    assert all(np.array_equal(old.arrays[name], new.arrays[name]) for name in new.arrays)


@pytest.mark.parametrize("name", ["optimizer.step", "scales", "n_trained", "phi", "tally"])
def test_arrays_of_another_shape_are_one_line(saved, tmp_path, call, name):
    if name not in load_checkpoint(saved).arrays:
        return
    folder = spoiled(saved, tmp_path, None, lambda a: a.update({name: np.zeros((0, 2))}))
    code, _, err = call("train", "--out", folder, "--resume", "--data", "digits")
    code, _, err = call("evaluate", folder)
    assert code == 2 and name in err and len(err.splitlines()) == 1


def test_a_herding_network_takes_back_only_what_training_can_leave():
    options, data = tiny_options(rule="herding")
    learner = Trainer(options, data, None).learner
    learner.start(data.train)
    net = learner.state
    snapshot = net.snapshot()
    units = 64  # potentials of a population are padded to 64: the first one has 12
    for name, at, value, text in [
        ("weight1", (4, 2), np.nan, r"weight1\[4, 2\] is nan"),
        ("phi", 3, np.inf, r"phi\[3\] is inf"),
        ("phi_back", 12, 3.0, r"phi_back\[12\] is 3.0, where there is no unit"),
        ("phi", units + 5, -3.0, r"phi\[69\] is -3.0, where there is no unit"),
        ("tally", (0, 0), -1, r"tally\[0, 0\] is -1"),
        ("n_trained", 0, 1 << 60, r"n_trained\[0\] is 1152921504606846976"),
    ]:
        array = snapshot[name].copy()
        array[at] = value
        with pytest.raises(UserError, match=text):
            net.restore(snapshot | {name: array})
    net.restore(snapshot)


def test_a_network_larger_than_memory_is_refused_before_it_is_made(film, call):
    for rule in ("herding", "adjoint"):
        words = ("--rule", rule, "--layers", "12-2000000000-3")
        code, _, err = call("train", "--data", f"events:{film}", *words)
        assert code == 2 and "of memory" in err and "12-2000000000-3" in err


# One run a folder, and what a killed one leaves


HOLDS = """
import sys, time
from pathlib import Path
from eventsnn.train.run_folder import hold
with hold(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other_process(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def test_two_runs_into_one_folder_at_once_are_refused(other_process, film, tmp_path, call):
    code, _, err = call(*train_words(film, tmp_path))
    assert code == 2 and f"{tmp_path}: another run is writing there" in err
    assert not (tmp_path / FILE).exists()
    other_process.kill()  # the lock dies with it
    other_process.wait()
    assert call(*train_words(film, tmp_path))[0] == 0


def test_a_folder_is_held_where_the_file_system_has_no_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "_locks", list)
    with run_folder.hold(tmp_path):
        with pytest.raises(UserError, match=f"process {os.getpid()} on"), run_folder.hold(tmp_path):
            pass
        note = (tmp_path / run_folder.NOTE).read_text()
    assert not (tmp_path / run_folder.NOTE).exists()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / run_folder.NOTE).write_text(f"{note.split()[0]} {ended.pid}")
    with run_folder.hold(tmp_path):
        pass
    (tmp_path / run_folder.NOTE).write_text(f"elsewhere {ended.pid}")
    with pytest.raises(UserError, match="on elsewhere"), run_folder.hold(tmp_path):
        pass


def test_a_note_of_another_users_process_holds_the_folder(tmp_path, monkeypatch):
    def not_mine(process, number):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(run_folder, "_locks", list)
    monkeypatch.setattr(os, "kill", not_mine)
    (tmp_path / run_folder.NOTE).write_text(f"{socket.gethostname()} 4711")
    with pytest.raises(UserError, match="process 4711 on"), run_folder.hold(tmp_path):
        pass
    assert (tmp_path / run_folder.NOTE).exists()


def test_a_run_that_began_while_another_finished_does_not_write_over_it(tmp_path):
    options, data = tiny()
    late, resumed = Trainer(options, data, tmp_path), Trainer(options, data, tmp_path)
    Trainer(options, data, tmp_path).run(Listener())
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        late.run(Listener())
    resumed.resume(load_checkpoint(tmp_path))
    further = Trainer(replace(options, epochs=3), data, tmp_path)
    further.resume(load_checkpoint(tmp_path))
    further.run(Listener())
    assert (tmp_path / FILE).read_bytes() != before
    with pytest.raises(UserError, match="another run went on there meanwhile"):
        resumed.run(Listener())


def test_what_a_killed_save_left_is_removed(tmp_path):
    names = ("a.html.0123abcd.tmp", "a.html.4567abcd.tmp", "a.html.mine.tmp", "my.tmp")
    old, young, *own = (tmp_path / name for name in names)
    for path in (old, young, *own):
        path.write_bytes(b"half")
    for path in (old, *own):
        os.utime(path, (time.time() - 7200,) * 2)
    write_whole(tmp_path / "a.html", b"whole")  # another process may be writing the young one
    kept = sorted(p.name for p in own)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", young.name, *kept]
    for name in (FILE, "best.safetensors", "model.json", "metrics.jsonl"):
        (tmp_path / f"{name}.89abcdef.tmp").write_bytes(b"half")
    with run_folder.hold(tmp_path):  # no other run writes here; the young page is somebody else's
        left = sorted(p.name for p in tmp_path.glob("*.tmp"))
        assert left == sorted([young.name, *kept])


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_lock_that_is_no_file_is_refused_and_not_waited_for(tmp_path, make):
    make(tmp_path / ".lock")
    with (
        pytest.raises(UserError, match=r"\.lock: is no file; remove it"),
        run_folder.hold(tmp_path),
    ):
        pass


def test_a_film_is_as_readable_as_other_files_and_what_a_killed_one_left_is_removed(tmp_path):
    events = EventBatch.from_streams([EventStream([1], [0], (1, 1, 2), 0, 5)])
    left = tmp_path / "a.events.0123abcd.tmp"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 7200,) * 2)
    write_film(tmp_path / "a.events", [events])
    (tmp_path / "other").write_bytes(b"")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.events", "other"]
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1  # what the umask says


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_with_130_and_one_line_however_often_it_is_pressed(film, tmp_path, times):
    program = (
        "import signal, sys, time; import eventsnn.cli.app as cli\n"
        "from eventsnn.train.trainer import Trainer\n"
        # A shell starts what runs in the background with Ctrl-C ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait():\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(30)\n"
        "def epoch(self, epoch, listener):\n"
        "    try:\n"
        "        wait()\n"
        "    finally:\n"
        f"        wait() if {times} > 1 else None\n"
        "Trainer._epoch = epoch\n"
        "cli.main()\n"
    )
    words = [sys.executable, "-c", program, *map(str, train_words(film, tmp_path))]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(times):
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert process.returncode == 130 and len(errors) == 1 and "Traceback" not in err
    assert ("at once" in err) == (times == 2)
