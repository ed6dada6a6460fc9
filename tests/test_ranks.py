"""Ranks: processes that share out one run, and change no bit of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import ranks_program

from eventsnn.cli.ranks import check_ranks
from eventsnn.errors import UserError
from eventsnn.ranks import launch
from eventsnn.ranks.message import KINDS, read, size_of, write
from eventsnn.ranks.ranks import ONE, OneRank
from eventsnn.ranks.sums import GroupSums, exchanged
from eventsnn.rules import find_rule, rules
from eventsnn.train.checkpoint import load_checkpoint

PROGRAM = """
import json, sys
from pathlib import Path
import ranks_program as program
from eventsnn.cli.app import app
from eventsnn.ranks.mpi import MPIRanks

folder, ranks = Path(sys.argv[1]), program.world()
together = {case: program.run(case, folder / case, 2, 2, ranks) for case in program.CASES}
print(json.dumps(together))
places = {case: folder / f"{case}-apart" for case in ("dense", "conv", "eventprop")}
apart = MPIRanks(share=False)
found = {case: program.run(case, place, 1, 2, apart) for case, place in places.items()}
print(json.dumps(found))
for words in json.loads(sys.argv[2]):
    app(words, standalone_mode=False, prog_name="eventsnn")
sys.stdout.flush()
dies = program.Dies(ranks.rank, folder / "left.json")
program.run("dense", folder / "dies", 1, 2, ranks, dies)
"""
SMALL = ("--limit", "40", "--skip", "0", "--epochs", "1", "--layers", "2312-14-10", "--json")


def commands(folder):
    """Return what is asked: a training, and what it saved evaluated and measured."""
    words = [str(folder / "run"), "--limit", "21", "--threads", "1", "--json"]
    train = ["train", "--rule", "adjoint", *SMALL, "--threads", "1", "--out", words[0]]
    return [train, ["evaluate", *words, "--stop", "margin:0.5"], ["measure", *words]]


class OfThree(NamedTuple):
    """What three ranks left and said; a launch for all tests, as each process loads kernels."""

    folder: Path
    code: int
    together: dict
    apart: dict
    told: list


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    ranks_program.run("dense", folder / "dense-apart", 1, 1)  # one epoch, the other by ranks
    words = [sys.executable, "-c", PROGRAM, str(folder), json.dumps(commands(folder))]
    command = [ranks_program.mpiexec(), "-n", "3", *words]
    env = os.environ | {"PYTHONPATH": str(Path(ranks_program.__file__).parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 5, done.stderr
    return OfThree(folder, done.returncode, *found[:2], found[2:])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The digest and the accuracies of each case in one process."""
    folder = tmp_path_factory.mktemp("alone")
    return {case: ranks_program.run(case, folder / case, 1, 2) for case in ranks_program.CASES}


def test_three_ranks_of_two_threads_change_no_bit(of_three, alone):
    assert of_three.together == alone


def test_ranks_that_share_no_memory_change_no_bit(of_three, alone):
    assert of_three.apart == {case: alone[case] for case in ("dense", "conv", "eventprop")}


def test_a_run_whose_rank_died_goes_on_with_another_number_of_ranks(of_three, alone):
    assert of_three.code != 0
    saved = load_checkpoint(of_three.folder / "dies")
    assert [row["epoch"] for row in saved.info["history"]] == [1]
    assert json.loads((of_three.folder / "left.json").read_text()) == []
    assert ranks_program.run("dense", of_three.folder / "dies", 2, 2) == alone["dense"]
    begun_by_one = load_checkpoint(of_three.folder / "dense-apart")
    assert [row["epoch"] for row in begun_by_one.info["history"]] == [1, 2]
    assert of_three.apart["dense"] == alone["dense"]


def test_commands_of_ranks_tell_what_one_process_does(of_three, call, tmp_path):
    train, *asked = commands(of_three.folder)
    code, _, err = call(*train[:-1], str(tmp_path / "run"))
    assert code == 0, err
    runs = [load_checkpoint(folder / "run").arrays for folder in (tmp_path, of_three.folder)]
    assert runs[0].keys() == runs[1].keys()
    assert all(np.array_equal(runs[0][name], runs[1][name]) for name in runs[0])
    for words, told in zip(asked, of_three.told[1:], strict=True):
        code, out, err = call(*words)
        assert code == 0, err
        assert told == json.loads(out)


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ({}, (0, 1)),
        ({"PMI_SIZE": "1", "PMI_RANK": "0"}, (0, 1)),
        ({"PMI_SIZE": "4", "PMI_RANK": "3"}, (3, 4)),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"}, (1, 2)),
        ({"PMI_SIZE": "many", "SLURM_NTASKS": "8"}, (0, 1)),
        ({"PMIX_RANK": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "8"}, (3, 4)),
        ({"OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "1", "SLURM_NTASKS": "8"}, (1, 2)),
    ],
)
def test_a_launch_is_known_by_its_environment(env, found):
    assert launch.launched(env) == found


def test_commands_that_every_process_would_do_alike_are_refused(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "0")
    for words in (["train", "--json"], ["evaluate", "runs/a"], ["sweep", "a.toml"]):
        check_ranks(words)
    for words in (["simulate", "train"], ["--version"], []):
        with pytest.raises(UserError, match=r"MPI started 2 processes.*leave mpiexec out"):
            check_ranks(words)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"}, True),
        ({"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}, False),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, False),
        ({"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0", "PMI_SIZE": "2"}, False),
    ],
)
def test_tasks_of_slurm_without_an_mpi_are_warned_of_once(env, said, monkeypatch, capsys):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    check_ranks(["train", "--json"])
    assert ("Slurm started 2 tasks" in capsys.readouterr().err) == said
    check_ranks(["sweep", "a.toml"])
    assert capsys.readouterr().err == ""


def test_without_mpi4py_several_processes_are_refused_in_one_line(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setenv("PMI_RANK", "0")
    for name in ("mpi4py", "eventsnn.ranks.mpi"):
        monkeypatch.setitem(sys.modules, name, None)
    launch.world.cache_clear()
    with pytest.raises(UserError, match=r"4 processes.*pip install 'eventsnn\[mpi\]'"):
        launch.world()
    assert launch.begun() is ONE


def test_memory_that_ranks_cannot_share_is_refused_in_one_line(monkeypatch):
    mpi = pytest.importorskip("eventsnn.ranks.mpi")
    monkeypatch.setattr(mpi.shutil, "disk_usage", lambda _: SimpleNamespace(free=3 << 20))
    alone = SimpleNamespace(size=1, Allgather=lambda own, every: every.__setitem__(0, own[0]))
    rooms = mpi.SharedRooms(alone)
    rooms._check_room(2 << 20)
    if Path("/dev/shm").is_dir():
        with pytest.raises(UserError, match=r"3 MiB are free.*need 4 MiB"):
            rooms._check_room(4 << 20)


class Of(OneRank):
    """One of several ranks, for what needs no others."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("n", [0, 1, 4, 16, 63, 64, 800])
def test_every_target_and_every_recording_has_one_owner(n, size):
    groups = [range(k, min(k + 16, n)) for k in range(0, n, 16)]
    columns, rows = [], []
    for rank in range(size):
        columns += range(n)[Of(rank, size).columns(n)]
        rows += range(n)[Of(rank, size).rows(groups)]
    assert columns == rows == list(range(n))


class Told(Of):
    """One of two ranks that is told what the other gathered."""

    def __init__(self, rank, other):
        super().__init__(rank, 2)
        self.other, self.own = other, []

    def gathered(self, message):
        self.own.append(message)
        return [message, self.other][:: 1 - 2 * self.rank]


def test_ranks_of_other_data_are_refused_alike():
    other = [np.frombuffer(b"this", np.uint8)]
    for rank in (0, 1):
        with pytest.raises(UserError, match=r"rank 1: the data is not that of rank 0; look"):
            Told(rank, other).agree("that", "the data", "look")
    Told(0, other).agree("this", "the data", "look")


def test_a_message_holds_arrays_of_every_kind():
    rng = np.random.default_rng(0)
    sent = [rng.integers(0, 2, n).astype(kind) for n, kind in enumerate(KINDS)]
    data = np.empty(size_of(sent), np.uint8)
    write(sent, data)
    for array, found in zip(sent, read(data), strict=True):
        assert array.dtype == found.dtype
        np.testing.assert_array_equal(array, found)


@pytest.mark.parametrize("from_zero", [True, False])
def test_groups_are_added_in_order(from_zero):
    groups = list(np.random.default_rng(1).standard_normal((5, 3, 2, 4), np.float32))
    (found,) = exchanged(ONE, [GroupSums(groups, (3, 2, 4), np.float32, from_zero)])
    total = groups[0].copy()
    for group in groups[1:]:
        total += group
    np.testing.assert_array_equal(found.array, total.reshape(6, 4))
    assert found.weight(5) == 5


def test_rules_that_ranks_cannot_share_say_so_by_their_name():
    alone = {kind for kind in rules() if find_rule(kind)().groups(64) is None}
    assert alone >= {"deep-spiking", "given", "hm2bp", "lee2016"}
    assert not alone & {"adjoint", "eventprop", "relu", "stbp", "ledinauskas2020"}
    for kind in alone:
        with pytest.raises(UserError, match=f"rule {kind}: .*leave mpiexec out"):
            find_rule(kind)().over(Of(0, 2))
