"""Whether MPI started this process, and the ranks that it is one of."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from types import TracebackType

from eventsnn.errors import UserError
from eventsnn.ranks.ranks import ONE, Ranks

_SIZE = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "MPI_LOCALNRANKS")
_RANK = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK", "MPI_LOCALRANKID")
"""What MPICH (and Intel MPI, Slurm's srun), Open MPI and MVAPICH tell a process that they start."""
_SLURM = ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
"""How many there are in a step of Slurm with PMIx, which tells a process its number alone."""


def launched(env: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Return (rank, size) as the environment says, (0, 1) of a process that MPI did not start."""
    env = os.environ if env is None else env
    size = max(_number(env, name) for name in _SIZE)
    if not size and "PMIX_RANK" in env:
        size = next((n for n in (_number(env, name) for name in _SLURM) if n), 0)
    rank = max(_number(env, name) for name in _RANK)
    return (rank, size) if size > 1 else (0, 1)


def apart(env: Mapping[str, str] | None = None) -> int:
    """Return how many tasks Slurm started without an MPI between them, to the first one; else 0."""
    env = os.environ if env is None else env
    tasks = _number(env, "SLURM_STEP_NUM_TASKS")
    alone = tasks > 1 and launched(env)[1] == 1 and env.get("SLURM_PROCID") == "0"
    return tasks if alone else 0


def _number(env: Mapping[str, str], name: str) -> int:
    text = env.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@cache
def world() -> Ranks:
    """Return the ranks that this process is one of; all but the first are silent from now on.

    Raises
    ------
    UserError
        Where several were started, and mpi4py is missing or of another MPI.
    """
    rank, size = launched()
    if size < 2:
        return ONE
    if rank:
        be_silent()
    try:
        from eventsnn.ranks.mpi import MPIRanks
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py finds no library
        raise UserError(
            f"MPI started {size} processes, and mpi4py is not there ({error}); install it with "
            "pip install 'eventsnn[mpi]', or leave mpiexec out"
        ) from error
    ranks = MPIRanks()
    if ranks.size != size:
        raise UserError(
            f"MPI started {size} processes, and mpi4py sees {ranks.size}: it was built for another "
            "MPI; use the mpiexec that belongs to it"
        )
    _end_together(ranks)
    return ranks


def begun() -> Ranks:
    """Return what ``world`` has returned, or a process by itself where nobody asked."""
    return world() if world.cache_info().currsize else ONE


def _end_together(ranks: Ranks) -> None:
    """Let an error that nobody expects end all ranks."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        together = ranks.all_failed()
        usual(kind, error, trace)
        if not together:
            ranks.abort(1)

    sys.excepthook = hook


def be_silent() -> None:
    """Write nothing from now on: the first rank speaks for all."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - as long as the process
