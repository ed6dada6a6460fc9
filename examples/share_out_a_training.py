"""Two processes share out a training, and find the weights that one process finds.

``mpiexec -n 2 eventsnn train ...`` is all that it takes, on one machine or on several.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import eventsnn as es

TRAIN = [sys.executable, "-m", "eventsnn", "train", "--rule", "adjoint", "--layers", "2312-24-10"]
TRAIN += ["--limit", "100", "--epochs", "2", "--batch", "32", "--threads", "1", "--json", "--out"]


def launcher():
    """Return the mpiexec of this environment or of the system."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    return found or sys.exit("no mpiexec: pip install 'eventsnn[mpi]'")


with tempfile.TemporaryDirectory() as folder:
    networks = []
    for ranks in (1, 2):
        out = str(Path(folder) / f"by-{ranks}")
        launch = [launcher(), "-n", str(ranks)] if ranks > 1 else []
        subprocess.run([*launch, *TRAIN, out], check=True, capture_output=True)
        networks.append(es.load(out))

one, two = networks
same = [np.array_equal(a, b) for a, b in zip(one.weights_, two.weights_, strict=True)]
print(f"weights of {len(same)} layers, equal to the last bit: {all(same)}")
