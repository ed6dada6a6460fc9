"""Ranks: processes that share out one run, and change no bit of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

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

PROGRAM = Path(ranks_program.__file__)
ALL = ",".join(ranks_program.CASES)


@pytest.fixture(scope="module")
def mpiexec():
    return ranks_program.mpiexec()


def launched(mpiexec, ranks, *words, **env):
    command = [mpiexec, "-n", str(ranks), sys.executable, *map(str, words)]
    env = os.environ | env
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The digest and the accuracy of each case in one process."""
    folder = tmp_path_factory.mktemp("alone")
    return {case: ranks_program.run(case, folder / case, 1, 2) for case in ranks_program.CASES}


def test_two_ranks_of_two_threads_change_no_bit(mpiexec, alone, tmp_path):
    done = launched(mpiexec, 2, PROGRAM, tmp_path, "2", ALL, "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {f"{case}-2": found for case, found in alone.items()}


def test_a_run_whose_rank_died_goes_on_with_another_number_of_ranks(mpiexec, alone, tmp_path):
    done = launched(mpiexec, 2, PROGRAM, tmp_path, "1", "dense", "dies")
    assert done.returncode != 0 and "dense-1" not in done.stdout
    saved = load_checkpoint(tmp_path / "dense-1")
    assert [row["epoch"] for row in saved.info["history"]] == [1]
    cases = ("dense", "conv", "eventprop")
    done = launched(mpiexec, 3, PROGRAM, tmp_path, "1", ",".join(cases), "2", APART="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {f"{case}-1": alone[case] for case in cases}


COMMANDS = """
import json, sys
from eventsnn.cli.app import app
for words in json.loads(sys.argv[1]):
    app(words, standalone_mode=False, prog_name="eventsnn")
"""


def test_commands_of_ranks_tell_what_one_process_does(mpiexec, call, tmp_path):
    small = ["--limit", "40", "--skip", "0", "--epochs", "1", "--layers", "2312-14-10", "--json"]
    train = ["train", "--rule", "adjoint", *small, "--threads", "1", "--out"]
    code, _, err = call(*train, str(tmp_path / "run"))
    assert code == 0, err
    words = [str(tmp_path / "run"), "--limit", "21", "--threads", "1", "--json"]
    asked = [["evaluate", *words, "--stop", "margin:0.5"], ["measure", *words]]
    again = [*train, str(tmp_path / "shared")]
    done = launched(mpiexec, 2, "-c", COMMANDS, json.dumps([again, *asked]))
    assert done.returncode == 0, done.stderr
    _, *found = [json.loads(line) for line in done.stdout.splitlines()]
    runs = [load_checkpoint(tmp_path / name).arrays for name in ("run", "shared")]
    assert runs[0].keys() == runs[1].keys()
    assert all(np.array_equal(runs[0][name], runs[1][name]) for name in runs[0])
    for command, told in zip(asked, found, strict=True):
        code, out, err = call(*command)
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
    assert alone == {"deep-spiking", "given", "hm2bp", "lee2016", "relu", "stbp",
                     "ledinauskas2020"}  # fmt: skip
    for kind in alone:
        with pytest.raises(UserError, match=f"rule {kind}: .*leave mpiexec out"):
            find_rule(kind)().over(Of(0, 2))
