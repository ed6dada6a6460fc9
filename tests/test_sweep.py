"""Sweeps: what is tried, who tries it, what is left when workers die, and what is said of it."""

import importlib
import json
import multiprocessing
import os
import signal
import sys
import tomllib
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.sweep_options import SweepOptions
from eventsnn.errors import DivergedError, Interrupted, UserError
from eventsnn.report.sweep_page import sweep_page
from eventsnn.sweep.dimension import Range
from eventsnn.sweep.example import TEXT, example
from eventsnn.sweep.folder import study_in
from eventsnn.sweep.read_space import read_space
from eventsnn.sweep.samplers import samplers
from eventsnn.sweep.space import Space
from eventsnn.sweep.study import read_study, study_of
from eventsnn.train import run_folder
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.learning import Learner
from eventsnn.train.options import known
from eventsnn.train.trainer import Trainer

if "CI" not in os.environ:
    pytest.importorskip("optuna", reason="an extra: pip install 'eventsnn[sweep]'")
commands = importlib.import_module("eventsnn.commands.sweep")
sweep_data = importlib.import_module("eventsnn.commands.sweep_data")
Journal = importlib.import_module("eventsnn.sweep.journal").Journal

TRAIN = {
    "data": "digits", "limit": 40, "rule": "adjoint", "layers": "2312-6-10", "epochs": 2,
    "batch": 16, "hold_out": 0.25,
}  # fmt: skip
SPACE = {"rate": {"low": 0.001, "high": 0.1, "log": True}, "spike_cost": [0.0, 0.01]}


def study(tmp_path, stem="study", train=None, space=None, **asked):
    """Write a study file; JSON of words and numbers is TOML, too."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in asked.items()]
    for table, values in (("train", TRAIN | (train or {})), ("space", space or SPACE)):
        lines += [f"[{table}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
    path = tmp_path / f"{stem}.toml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def run(path, folder, **more):
    return commands.sweep(path, SweepOptions(out=folder, **more), 1, Console(quiet=True))


def facts(result):
    """What of each trial has to be the same, whoever ran it."""
    keys = ("trial", "state", "values", "seed", "accuracy", "operations", "epochs")
    return [{key: row[key] for key in keys} for row in result["trials"]]


def weights(folder, trial):
    return load_checkpoint(folder / f"trial-{trial}").arrays


def test_a_grid_has_every_point_once_and_conditions_leave_out_what_is_not_there():
    table = {
        "rule": ["adjoint", "stbp"], "batch": {"low": 8, "high": 24, "step": 8},
        "threshold": {"low": 0.5, "high": 2.0, "points": 3, "log": True},
        "near_threshold": {"values": [0.0, 0.7], "when": {"rule": "adjoint"}},
        "near_threshold_weight": {"values": [1, 2], "when": {"near_threshold": 0.7}},
    }  # fmt: skip
    space = read_space(table, known("adjoint"))
    wanted = []
    for rule, batch, threshold in product(["adjoint", "stbp"], [8, 16, 24], [0.5, 1.0, 2.0]):
        point = {"rule": rule, "batch": batch, "threshold": threshold}
        if rule == "stbp":
            wanted.append(point)
            continue
        wanted.append(point | {"near_threshold": 0.0})
        for weight in (1, 2):
            wanted.append(point | {"near_threshold": 0.7, "near_threshold_weight": weight})
    grid = samplers()["grid"]()
    assert grid.most(space) == len(wanted) == 36
    found = [grid.points(space, "seed")(k) for k in range(36)]
    assert sorted(map(str, found)) == sorted(map(str, wanted)) and found != space.grid
    seen = {(name, value) for point in space.edges() for name, value in point.items()}
    assert seen == {(name, value) for point in wanted for name, value in point.items()} - {
        ("batch", 16)
    }


def test_random_points_follow_from_study_and_number_and_spread_over_the_ranges():
    table = {
        "rate": {"low": 1e-4, "high": 1e-1, "log": True}, "dropout": {"low": 0.0, "high": 0.5},
        "batch": {"low": 1, "high": 4}, "loss": ["cross-entropy", "mean-square"],
        "silent_pull": {"low": 0.1, "high": 0.5, "step": 0.2},
    }  # fmt: skip
    space = read_space(table, known("adjoint"))
    draw = samplers()["random"]().points(space, "a")
    rows = [draw(k) for k in range(4000)]
    assert rows[:50] == [draw(k) for k in range(50)]
    other = samplers()["random"]().points(space, "b")
    assert all(draw(k) != other(k) for k in range(50))
    # A column does not follow from another one: options above or below change nothing.
    fewer = samplers()["random"]().points(Space(space.dimensions[1:]), "a")
    assert [row["dropout"] for row in rows[:50]] == [fewer(k)["dropout"] for k in range(50)]
    logs = np.log10([row["rate"] for row in rows])
    assert abs(np.histogram(logs, 3, (-4, -1))[0] / 4000 - 1 / 3).max() < 0.03
    assert abs(np.histogram([r["dropout"] for r in rows], 5, (0, 0.5))[0] / 4000 - 0.2).max() < 0.03
    for name, values in (("batch", [1, 2, 3, 4]), ("silent_pull", [0.1, 0.3, 0.5])):
        counts = Counter(row[name] for row in rows)
        assert sorted(counts) == values
        assert max(abs(n / 4000 - 1 / len(values)) for n in counts.values()) < 0.03
    whole = Range("batch", (), 1, 100, True, None, True)
    assert {whole.at(k / 5000) for k in range(5000)} == set(range(1, 101))
    assert read_space({"batch": {"low": 1, "high": 100, "log": True}}, known()).dimensions == (
        whole,
    )


def dead(folder, path, when):
    """Work on a study in a process of its own, and kill it when a method is called again."""
    if when is not None:
        method, calls, left = getattr(Journal, when[0]), when[1], []

        def last(*args):
            left.append(0)
            if len(left) == calls:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*args)

        setattr(Journal, when[0], last)
    run(path, folder)
    os._exit(0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals and forks of POSIX")
def test_four_workers_two_of_them_killed_do_every_trial_once_with_the_bits_of_one(tmp_path):
    path, alone, many = study(tmp_path, trials=6), tmp_path / "alone", tmp_path / "many"
    one = run(path, alone)
    fork = multiprocessing.get_context("fork")
    # The first dies with an epoch saved that the journal does not know, the second one before
    # its trial has any values.
    for deaths in ((("tell", 2), ("_claimed", 1)), (None, None)):
        workers = [fork.Process(target=dead, args=(many, path, when)) for when in deaths]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        codes = [-signal.SIGKILL if when else 0 for when in deaths]
        assert [worker.exitcode for worker in workers] == codes
    result = json.loads((many / "sweep.json").read_text())
    assert facts(result) == facts(one) and result["best"] == one["best"] is not None
    assert result["front"] == one["front"]
    assert sum(row["taken_up"] for row in result["trials"]) == 2
    assert [row["trial"] for row in result["trials"]] == list(range(6))
    ended = [json.loads(line) for line in (many / "journal.log").read_text().splitlines()]
    assert Counter(op["trial_id"] for op in ended if op["op_code"] == 6) == dict.fromkeys(
        range(6), 1
    )
    for trial in range(6):
        mine, theirs = weights(alone, trial), weights(many, trial)
        assert all((mine[name] == theirs[name]).all() for name in mine)
    seeds = {row["seed"] for row in result["trials"]}
    assert len(seeds) == 6 and result["trials"][3]["seed"] == read_study(path).seed_of(3)


def test_a_trial_in_which_workers_keep_dying_is_given_up_one_that_they_leave_is_not(tmp_path):
    asked = read_study(study(tmp_path, trials=2))
    journal = Journal(tmp_path, asked)
    for _ in range(5):  # each of them dies: its lock is free, and the trial said to run
        claim = journal.claim(1)
        assert claim.number == 0 and claim.point == asked.points(0)
        assert Journal(tmp_path, asked).claim(1) is None  # as long as it lives nobody takes it
        claim.held.close()
    assert journal.claim(1) is None
    assert journal.rows()[0]["why"] == "5 workers died in it after epoch 0"
    for _ in range(8):
        claim = journal.claim(2)
        assert claim.number == 1
        journal.leave(claim)
        claim.held.close()
    assert [row["state"] for row in journal.rows()] == ["failed", "running"]


def test_without_locks_of_the_file_system_notes_tell_workers_of_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "_locks", lambda: [])
    journal = Journal(tmp_path, read_study(study(tmp_path, trials=1)))
    mine = journal.claim(1)
    note = tmp_path / ".workers" / "trial-0" / ".lock.json"
    host, process = note.read_text().split()
    assert int(process) == os.getpid() and journal.claim(1) is None
    note.write_text(f"another-{host} 7")  # who knows whether it lives
    assert journal.claim(1) is None
    note.write_text(f"{host} {2**22 + 1}")  # no process has such a number
    assert journal.claim(1).number == mine.number == 0


def test_a_sweep_that_was_stopped_goes_on_with_the_same_trials_also_by_tpe(tmp_path, monkeypatch):
    asked = {"trials": 12, "sampler": "tpe", "train": {"epochs": 1}}
    path, whole, parts = study(tmp_path, **asked), tmp_path / "whole", tmp_path / "parts"
    one = run(path, whole)
    values = [row["values"]["rate"] for row in one["trials"]]
    assert values != [study_rate(path, k) for k in range(12)] and len(set(values)) == 12
    epoch, calls = Trainer._epoch, []

    def pressed(*args):
        calls.append(0)
        if len(calls) in (3, 12):
            raise KeyboardInterrupt
        return epoch(*args)

    monkeypatch.setattr(Trainer, "_epoch", pressed)
    for done in (2, 10):
        with pytest.raises(Interrupted, match=rf"{done} of 12 trials are done.*--resume --out"):
            run(path, parts)
    again = run(None, parts, resume=True)
    assert facts(again) == facts(one) and again["left"] == 0
    assert [row["taken_up"] for row in again["trials"]].count(1) == 2
    calls[:] = [0, 0]
    more = study(tmp_path, **asked | {"trials": 13})
    with pytest.raises(Interrupted, match=r"12 of 13 trials are done.*--trials 13$"):
        run(more, parts)  # the folder's own study has fewer
    more = run(None, parts, resume=True, trials=13)
    assert facts(more)[:12] == facts(one) and len(more["trials"]) == 13


def study_rate(path, number):
    found = read_study(path)
    return samplers()["random"]().points(found.space, found._seed)(number)["rate"]


def test_a_trial_that_diverges_has_failed_with_its_reason_and_others_go_on(tmp_path, monkeypatch):
    epoch = Trainer._epoch

    def diverges(trainer, number, listener):
        if trainer.options.own.spike_cost and number:
            raise DivergedError("epoch 2: weights are no longer finite; lower the learning rate")
        return epoch(trainer, number, listener)

    monkeypatch.setattr(Trainer, "_epoch", diverges)
    result = run(study(tmp_path, trials=5, goal="front"), tmp_path / "out")
    states = {row["values"]["spike_cost"]: row["state"] for row in result["trials"]}
    assert states == {0.0: "done", 0.01: "failed"} and result["left"] == 0
    why = {row["why"] for row in result["trials"] if row["state"] == "failed"}
    assert why == {"epoch 2: weights are no longer finite; lower the learning rate"}
    assert result["trials"][result["best"]]["state"] == "done"
    monkeypatch.setattr("eventsnn.report.sweep_page._pictures", lambda _: [])  # others draw them
    assert "failed: epoch 2: weights are no longer finite" in sweep_page(result)


def test_a_sweep_whose_trials_all_failed_ends_with_an_exit_code(tmp_path, monkeypatch, call):
    def diverges(*given):
        raise DivergedError("epoch 1: weights are no longer finite; lower the learning rate")

    monkeypatch.setattr(Trainer, "_epoch", diverges)
    code, out, said = call("sweep", study(tmp_path, trials=2), "--out", tmp_path / "out")
    assert (
        code == 2 and "no trial came to its end: epoch 1: weights are" in said and "failed" in out
    )


def test_a_full_disk_ends_the_worker_not_the_trial(tmp_path, monkeypatch):
    path, folder = study(tmp_path, trials=2), tmp_path / "out"
    save = Trainer._save

    def full(trainer, file):
        if trainer.history:
            error = UserError(f"{trainer.folder}: the checkpoint cannot be written: disk full")
            raise error from OSError(28, "disk full")
        save(trainer, file)

    monkeypatch.setattr(Trainer, "_save", full)
    for _ in range(6):  # of which none died
        with pytest.raises(UserError, match="cannot be written: disk full"):
            run(path, folder)
    monkeypatch.undo()
    with (folder / "journal.log").open("a") as file:
        file.write('{"op_code":4,"worker')  # what it could still write of a line
    result = run(path, folder)
    assert [row["state"] for row in result["trials"]] == ["done"] * 2
    assert facts(result) == facts(run(path, tmp_path / "other"))


def test_the_median_gives_up_trials_and_the_table_and_the_page_say_so(tmp_path, call, monkeypatch):
    evaluate = Learner.evaluate

    def by_rate(learner, *args):  # so that it is known which of them are worse
        return evaluate(learner, *args) | {"accuracy": 1 - learner.options.own.rate}

    monkeypatch.setattr(Learner, "evaluate", by_rate)
    path = study(
        tmp_path, "pruned", {"epochs": 3, "seed": 5}, {"rate": [0.1, 0.2, 0.3, 0.4]},
        sampler="grid", pruner="median", unpruned_trials=1, unpruned_epochs=1,
    )  # fmt: skip
    words = ("sweep", path, "--out", tmp_path / "out", "--threads", 1)
    code, out, err = call(*words, "--html", tmp_path / "page.html", "--test")
    assert code == 0 and "pruner median: holds a trial against those that are done" in err
    assert "pruned after epoch 2" in err and "pruned" in out and "on the test half: 90.00%" in out
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "pruned" in page and "on the test half" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    code, out, _ = call("sweep", "--resume", "--out", tmp_path / "out", "--json")
    result, above = json.loads(out), []
    for row in result["trials"]:
        # Held against the median of those before it that came to their second epoch.
        rate, before = row["values"]["rate"], np.median(above) if above else 1.0
        above.append(rate)
        assert row["state"] == ("pruned" if rate > before + 1e-9 else "done") and row["seed"] == 5
        assert row["epochs"] == (2 if row["state"] == "pruned" else 3)
    assert {row["state"] for row in result["trials"]} == {"done", "pruned"}
    # What is best is a run like others, which every command takes.
    best = tmp_path / "out" / f"trial-{result['best']}"
    assert result["trials"][result["best"]]["values"] == {"rate": 0.1}
    code, out, _ = call("evaluate", best, "--limit", 40, "--json")
    assert code == 0 and json.loads(out)["accuracy"] == 0.9


def test_another_study_another_version_and_another_run_in_the_folder_are_refused(
    tmp_path, monkeypatch
):
    folder = tmp_path / "out"
    path = study(tmp_path, trials=1)
    run(path, folder)
    other = study(tmp_path, trials=1, train={"batch": 8}, space=SPACE | {"spike_cost": [0.0]})
    with pytest.raises(UserError, match=r"train\.batch was 16, and is 8; space\.spike_cost was"):
        run(other, folder)
    run(study(tmp_path, trials=2), folder)  # more trials are no other study
    path = study(tmp_path, "named")
    with pytest.raises(UserError, match="name was 'study', and is 'named'"):
        run(path, folder)
    monkeypatch.setattr(eventsnn, "__version__", "9.9")
    with pytest.raises(UserError, match=r"was begun by eventsnn .*, and this is 9\.9"):
        run(study(tmp_path), folder)
    monkeypatch.undo()
    with pytest.raises(UserError, match="holds a training run"):
        run(study(tmp_path), folder / "trial-0")
    swapped = study(tmp_path, trials=2, space=dict(reversed(SPACE.items())))
    with pytest.raises(UserError, match=r"order in \[space\] was 'rate, spike_cost', and is 'sp"):
        run(swapped, folder)  # a grid would try other points by the same numbers
    with pytest.raises(UserError, match="holds no sweep"):
        run(None, tmp_path, resume=True)
    (folder / "study.json").write_text("[]")
    with pytest.raises(UserError, match="is no study of a sweep"):
        study_in(folder)
    (folder / "study.json").unlink()
    for left in ("journal.log", "trial-0"):
        with pytest.raises(UserError, match=rf"holds {left} of a sweep whose study\.json is gone"):
            run(other, folder)
        (folder / "journal.log").unlink(missing_ok=True)


def test_a_journal_that_is_cut_anywhere_is_gone_on_with_and_one_that_is_damaged_refused(tmp_path):
    path, folder = study(tmp_path, train={"epochs": 1}, trials=3), tmp_path / "out"
    whole = facts(run(path, folder))
    journal = folder / "journal.log"
    text = journal.read_bytes()
    for cut in (len(text) // 2, len(text) - 1):
        journal.write_bytes(text[:cut])
        assert facts(run(path, folder)) == whole
    for wrong in (b"garbage\n", b"[]\n", b'{"op_code": 4}\n', b'{"op_code": 99}\n', b"\0\0\n"):
        journal.write_bytes(text + wrong + text)
        with pytest.raises(UserError, match=r"journal\.log: is damaged, .*; remove it, and trials"):
            run(path, folder)
    journal.unlink()
    assert facts(run(path, folder)) == whole


def test_names_are_data_in_the_folder_the_table_and_the_page(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "../[red]é<b>\u202e$x$"
    path = study(tmp_path, "my study", {"epochs": 1}, name=name, trials=2)
    path.write_text(path.read_text("utf-8"), "utf-8-sig")  # as some editors of Windows do
    code, _, err = call("sweep", path, "--html", "page.html", "--threads", 1)
    assert code == 0 and (tmp_path / "runs" / "sweep-my-study" / "trial-1").is_dir()
    assert "../[red]é<b>\\u202e$x$: 2 trials" in err
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<b>" not in page and "[red]é&lt;b&gt;\\u202e" in page


DOOR = [
    ("trails = 3", "trails is unknown; did you mean trials?"),
    ("trials = 0", "trials is 0; give"),
    ("trials = 2.5", "trials is 2.5; give a whole number"),
    ('sampler = "best"', "sampler is 'best'; choose one of grid, nsga2, random, tpe"),
    ('pruner = "median"\ngoal = "front"', "pruner is median, and goal is front"),
    ("rate = 0.1", "rate: is an option of train; give it in [train] or [space]"),
    ("train = 3\n[space]\nbatch = [8]", "train is 3; give a table"),
    ("[train]\nlearning_rate = 1", "did you mean rate?"),
    ("[train]\nthreads = 1", "[train]: unknown options ['threads']"),
    ("[train]\nbatch = 0", "[train]: batch is 0; give at least 1"),
    ("[train]\nhold_out = 0.0", "hold_out is 0, and a sweep judges by it"),
    ("[train]\nrate = 0.1\n[space]\nrate = [1.0]", "space.rate: is given in [train], too"),
    ("[space]", "space: is empty"),
    ("[space]\nrat = [1]", "space.rat: there is no such option; did you mean rate?"),
    ("[space]\nrate = 0.1", "space.rate: is 0.1; give a list"),
    ("[space]\nrate = []", "space.rate: the list is empty"),
    ("[space]\nrate = [0.1, -1]", "space.rate: -1; give more than 0"),
    ("[space]\nrate = [0.1, 0.1]", "space.rate: value 0.1 stands there twice"),
    (
        '[space]\nlayers = ["2312-9-10", "2312-09-10"]',
        "space.layers: value '2312-09-10' stands there twice",
    ),
    ("[train]\nnear = 0.1\n[space]\nnear_threshold = [0.7]", "is given in [train], too"),
    ('name = ""', "name is ''; give one, or leave it out"),
    (
        "[train]\nlimit = 40\nhold_out = 0.001",
        "40 training recordings, of which skip leaves out 0, hold_out 0.001",
    ),
    (
        "[space]\nbatch = [8, 9]\nmomentum = {values = [0.1], when = {batch = 8}}\n"
        "rate = {values = [0.1], when = {batch = 9, momentum = 0.1}}",
        "space.rate: when: momentum is there with batch (8,) alone, and batch shall be (9,)",
    ),
    ("[space]\nrate = [nan]", "space.rate: nan; give a finite number"),
    ("[space]\nrate = [[0.1]]", "space.rate: value [0.1]; give numbers"),
    ("[space]\nrate = {low = 0.1}", "space.rate: high is missing"),
    ("[space]\nrate = {low = 1.0, high = 0.1}", "space.rate: low is 1.0 and high 0.1"),
    ("[space]\ndropout = {low = 0.0, high = 0.5, log = true}", "log is true and low 0.0"),
    ("[space]\nrate = {low = 0.1, high = 1.0, lgo = true}", "lgo is unknown"),
    ("[space]\nrate = {low = 0.1, high = inf}", "space.rate: inf; give a finite number"),
    ("[space]\nbatch = {low = 1.5, high = 8}", "space.batch: 1.5; give a whole number"),
    ("[space]\nbatch = {low = 8, high = 9, step = 2}", "step is 2, beyond high"),
    ("[space]\nbatch = {low = 8, high = 9, points = 5}", "some are equal; give fewer"),
    ("[space]\nloss = {low = 1, high = 2}", "space.loss: is {"),
    ("[space]\nepochs = [0, 1]", "space.epochs: 0; give at least 1"),
    ("[space]\nlimit = [10, 20]", "space.limit: it changes which recordings are held out"),
    ("[space]\nrate = {values = [0.1], when = {batch = 8}}", "when names 'batch'; give an option"),
    ("[space]\nbatch = [8]\nrate = {values = [0.1], when = {batch = 9}}", "which it never is"),
    ('sampler = "grid"\n[space]\nrate = {low = 0.1, high = 1.0}', "a grid has some; give a list"),
    ('sampler = "grid"\ntrials = 3\n[space]\nbatch = [8, 9]', "and the grid has 2 points"),
    (
        'sampler = "grid"\n[space]\nbatch = {low = 1, high = 1000}\nseed = {low = 1, high = 1000}',
        "the grid has more than 100,000 points",
    ),
    ('[space]\nrule = ["adjoint", "hm2bp"]\nnear_threshold = [0.7]', "rule hm2bp has no near"),
    ("[space]\npatience = [3]", "trial 0 with patience 3: "),
    ('sampler = "tpe"\n[space]\npatience = [0, 3]', "with patience 3: "),
    ('[space]\nlayers = ["2312-9-10", "2312-x-10"]', "space.layers: "),
]


@pytest.mark.parametrize(("text", "told"), DOOR)
def test_a_study_that_cannot_be_is_refused_with_file_key_value_and_remedy(
    text, told, tmp_path, monkeypatch
):
    monkeypatch.setattr(commands, "join", lambda *_: pytest.fail("it was not refused"))
    path = tmp_path / "wrong.toml"
    if "[space]" not in text:
        text += "\n[space]\nmomentum = [0.5]"
    if "train" not in text:
        text += "\n[train]"
    if "rule" not in text:
        text = text.replace("[train]", '[train]\nrule = "adjoint"')
    path.write_text(text)
    with pytest.raises(UserError) as error:
        run(path, tmp_path / "out")
    assert str(error.value).startswith(f"{path}: ") and told in str(error.value)
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_the_data_is_refused_before_anything_is_written(tmp_path):
    path = study(tmp_path, train={"epochs": 1}, space={"rate": [0.01], "seed": [0, 1]})
    path.write_text(path.read_text().replace("2312-6-10", "100-6-10"))
    with pytest.raises(UserError, match=r"study\.toml: trial 0 with .*100"):
        run(path, tmp_path / "out")
    path.write_text(path.read_text().replace('"digits"', '"nmnist:nowhere"'))
    with pytest.raises(UserError, match="nowhere"):
        run(path, tmp_path / "out")
    with pytest.raises(UserError, match=r"--out .*study\.toml is a file; give a folder"):
        run(path, path)  # asked before data are
    assert not (tmp_path / "out").exists()


def test_a_view_that_cannot_be_fails_its_trial_alone(tmp_path):
    views = {"sensor_crop": ["20x20", "99x99"]}
    path = study(tmp_path, train={"epochs": 1}, space=views, sampler="grid")
    path.write_text(path.read_text().replace('layers = "2312-6-10"\n', ""))
    result = run(path, tmp_path / "out")
    rows = {row["values"]["sensor_crop"]: row for row in result["trials"]}
    assert rows["20x20"]["state"] == "done" and rows["99x99"]["state"] == "failed"
    assert rows["99x99"]["why"] == "crop is 99x99, the sensor 34x34x2; give a part of it"


def test_other_data_than_those_of_the_other_workers_end_a_worker(tmp_path, monkeypatch):
    folder, opened = tmp_path / "out", sweep_data.data_of
    run(study(tmp_path, train={"epochs": 1}, trials=1), folder)

    def fewer(*args):  # as another machine may have them
        data = opened(*args)
        return replace(data, train=data.train.part(0, 30))

    monkeypatch.setattr(sweep_data, "data_of", fewer)
    path = study(tmp_path, train={"epochs": 1}, trials=2)
    with pytest.raises(UserError, match=r"have changed.*give those of the other trials"):
        run(path, folder)
    monkeypatch.undo()
    assert [row["state"] for row in run(path, folder)["trials"]] == ["done", "done"]


def test_the_test_half_chooses_nothing(tmp_path, monkeypatch):
    path, opened = study(tmp_path, trials=2, pruner="median", unpruned_trials=0), sweep_data.data_of
    one = run(path, tmp_path / "one", test=True)

    def others(*args):  # other recordings, and fewer
        data = opened(*args)
        return replace(data, test=data.train.part(0, 9))

    monkeypatch.setattr(sweep_data, "data_of", others)
    two = run(path, tmp_path / "two", test=True)
    assert facts(two) == facts(one) and (two["best"], two["front"]) == (one["best"], one["front"])
    assert two["test"] != one["test"] and two["test"][0]["recordings"] == 9


def test_the_small_study_is_what_example_prints_and_it_names_what_is_missing(call, monkeypatch):
    code, out, _ = call("sweep", "--example")
    assert code == 0 and out == TEXT
    asked = study_of(tomllib.loads(out), "example", "example")
    assert asked.tables == example().tables and asked.trials == 8
    asked.check(8)
    code, _, err = call("sweep", "--resume")
    assert code == 2 and "--resume needs --out FOLDER" in err
    monkeypatch.setattr("eventsnn.sweep.needed.find_spec", lambda name: None)
    code, _, err = call("sweep")
    assert code == 2 and "pip install 'eventsnn[sweep]'" in err
