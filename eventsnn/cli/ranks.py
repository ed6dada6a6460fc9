"""Which commands several processes of MPI share out, and which of them each does for itself."""

from __future__ import annotations

from collections.abc import Sequence

from eventsnn.commands.console import ERR
from eventsnn.errors import UserError
from eventsnn.ranks.launch import apart, be_silent, launched

SHARED = ("train", "evaluate", "measure")
APART = ("sweep",)
"""Its processes find each other by their study."""


def check_ranks(words: Sequence[str]) -> None:
    """Refuse several processes of a command that each would do as a whole, or warn of them.

    Raises
    ------
    UserError
        In the first process; others end without a word.
    """
    rank, size = launched()
    command = next((word for word in words if not word.startswith("-")), "")
    if command in SHARED and (tasks := apart()):
        ERR.print(
            f"warning: Slurm started {tasks} tasks that know nothing of each other, and each does "
            f"all of this {command}; to share it out, start them with srun --mpi=pmi2, or pmix",
            soft_wrap=True,
        )
    if size == 1 or command in SHARED + APART:
        return
    if rank:
        be_silent()
    told = f"eventsnn {command}".rstrip()
    raise UserError(
        f"{told}: MPI started {size} processes, which would all do the same; leave mpiexec out "
        f"(ranks share out {', '.join(SHARED)})"
    )
