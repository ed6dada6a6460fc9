"""Runs that are the same on any number of ranks, as a program for ``mpiexec``; prints digests.

``python ranks_program.py FOLDER THREADS,... CASE,... EPOCHS`` trains each case with each number of
threads; the first rank prints a JSON of digests by case. A folder that holds a run is gone on with.
EPOCHS is 2, or 1 to stop after the first one.
"""

import importlib.util
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import eventsnn
from eventsnn.data.digest import digest_of
from eventsnn.ranks.launch import world
from eventsnn.ranks.ranks import ONE
from eventsnn.train.checkpoint import load_checkpoint
from eventsnn.train.listener import Listener
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Trainer

DENSE = {"rule": "adjoint", "layers": (128, 40, 18, 4), "batch": 64, "rate": 0.01}
CASES = {
    "dense": DENSE | {"dropout": 0.3, "near_threshold": 0.7, "average": 0.3},
    "pruned": DENSE
    | {"synapses": 0.4, "operation_cost": 1e-4, "bits": 4, "spike_cost": 1e-3, "spike_target": 2.0},
    "clipped": DENSE
    | {"clip": 0.05, "optimizer": "sgd", "shift": 1.0, "rotate": 5.0, "drop": 0.1, "validate": 0.2},
    "conv": {"rule": "adjoint", "layers": "8x8x2-6c3-2p-4", "batch": 64, "rate": 0.01},
    "online": DENSE | {"batch": 16, "online": True, "replay": 8},
    "eventprop": {"rule": "eventprop", "layers": (128, 12, 4), "batch": 40},
    "relu": {"rule": "relu", "layers": (128, 40, 18, 4), "batch": 24, "sparsity": 0.5, "drop": 0.1},
    "stbp": {"rule": "stbp", "layers": "8x8x2-6c3-2avg-20-4", "batch": 40, "n_steps": 10}
    | {"step_us": 10_000, "threshold": 0.1},
    "ledinauskas2020": {"rule": "ledinauskas2020", "layers": "128-24-[24-24]-4", "batch": 30},
}


def mpiexec():
    """Return the launcher beside this Python or in the path, or skip; CI has one."""
    import pytest

    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is not None and importlib.util.find_spec("mpi4py") is not None:
        return found
    message = "needs mpi4py and mpiexec: pip install 'eventsnn[mpi]'"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    return pytest.skip(message)


def data_set():
    """Synthetic recordings of four classes, each with events in a quarter of the sensor."""
    rng = np.random.default_rng(0)

    def streams(count):
        out = []
        for k in range(count):
            n, label = int(rng.integers(60, 120)), k % 4
            x, y = rng.integers(0, 5, n) + 3 * (label % 2), rng.integers(0, 5, n) + 3 * (label // 2)
            t, p = np.sort(rng.integers(0, 100_000, n)), rng.integers(0, 2, n)
            arrays = {"x": x, "y": y, "t": t, "p": p}
            made = eventsnn.EventStream.from_arrays(**arrays, height=8, width=8, label=label)
            out.append(made)
        return out

    return eventsnn.DataSet.from_streams("quarters", streams(90), streams(20))


class Dies(Listener):
    """Kills rank 1 when the second epoch begins, as a machine that fails does.

    Before, it writes which shared memory it would leave behind into a file.
    """

    def __init__(self, rank, left):
        self.rank, self.left = rank, left

    def epoch_begins(self, epoch, epochs, samples):
        if epoch == 2 and self.rank == 1:
            self.left.write_text(json.dumps(stays_behind()))
            os.kill(os.getpid(), signal.SIGKILL)


def stays_behind():
    """Return the names in /dev/shm of memory that this process has; MPICH's own is taken away."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    names = {Path(line.split()[5]) for line in lines if "/dev/shm/" in line}
    names = {path for path in names if path.exists()}
    of_mpich = {path for path in names if path.name.startswith("mpich_shm_")}
    for path in of_mpich:
        path.unlink()
    return sorted(map(str, names - of_mpich))


def run(case, folder, threads, epochs, ranks=ONE, listener=None):
    data = data_set()
    options = completed(make_options({"layers": ()} | CASES[case] | {"epochs": 2}), data)
    trainer = Trainer(replace(options, epochs=2), data, folder, threads, ranks=ranks)
    if (folder / "model.safetensors").exists():
        trainer.resume(load_checkpoint(folder))
    if epochs == 1:
        trainer._patience_is_over = lambda: len(trainer.history) == 1  # as after Ctrl-C
    summary = trainer.run(listener or Listener())
    arrays = trainer.checkpoint().arrays
    right = [row["accuracy_while_learning"] for row in trainer.history]
    return [digest_of(dict(sorted(arrays.items()))), [*right, summary["test_accuracy"]]]


def main():
    folder, threads, cases, epochs = sys.argv[1:]
    found, ranks = {}, world()
    for case in cases.split(","):
        for count in map(int, threads.split(",")):
            place = Path(folder) / f"{case}-{count}"
            found[f"{case}-{count}"] = run(case, place, count, int(epochs), ranks)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
