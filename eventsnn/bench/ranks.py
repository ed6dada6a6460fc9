"""How much faster ranks learn, and what their number is worth where there are more of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from eventsnn.bench.control import machine
from eventsnn.bench.scaling import StepModel
from eventsnn.errors import UserError

BATCHES = (64, 256)
"""Recordings of a batch: the usual one, and one of four times as many groups."""


def bench_ranks(most: int, *, rounds: int = 5) -> dict[str, Any]:
    """Measure a training step of 2312-800-10 by one rank, two, and so on up to ``most``.

    Each number of ranks is a launch of ``mpiexec`` of its own, one thread a rank; the events are
    synthetic.

    Returns
    -------
    dict
        Ready for JSON: ``rows``, ``speedup`` by batch and ranks, ``same_bits``, and the ``model``
        that one and two ranks are fitted by.

    Raises
    ------
    UserError
        If a launch fails, or there is no ``mpiexec``.
    """
    if most < 2 or rounds < 1:
        raise UserError(f"bench: {most} ranks, {rounds} rounds; give at least 2 ranks and 1 round")
    rows = [row for ranks in range(1, most + 1) for row in _launched(ranks, rounds)]
    alone = {row["batch"]: row for row in rows if row["ranks"] == 1}
    bits = all(row["digest"] == alone[row["batch"]]["digest"] for row in rows)
    speedup = {
        f"batch_{row['batch']}_ranks_{row['ranks']}": alone[row["batch"]]["ms_per_step"]
        / row["ms_per_step"]
        for row in rows
        if row["ranks"] > 1
    }
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    found = {"rounds": rounds, "machine": machine(), "load": load, "same_bits": bits, "rows": rows}
    return found | {"speedup": speedup, "model": StepModel.fitted(rows)._asdict()}


def _launched(ranks: int, rounds: int) -> list[dict[str, Any]]:
    """Return what so many ranks print, a row a batch."""
    words = [sys.executable, "-m", "eventsnn.bench.of_ranks", str(rounds), *map(str, BATCHES)]
    if ranks > 1:
        words = [mpiexec(), "-n", str(ranks), *words]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        raise UserError(f"bench: {ranks} ranks ended with code {done.returncode}: {told[:200]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def mpiexec() -> str:
    """Return the launcher beside this Python or in the path."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise UserError("bench: there is no mpiexec; pip install 'eventsnn[mpi]' brings one")
    return found
