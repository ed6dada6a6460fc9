"""Sessions in files."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.asynchronous.state import State
from eventsnn.errors import DataError
from eventsnn.files.arrays import read_npz
from eventsnn.files.outputs import check_output_file, write_whole
from eventsnn.live.outputs import STEPS, Outputs
from eventsnn.losses.loss import READS
from eventsnn.rules.learned import Arrays
from eventsnn.text import shown

VERSION = 1
"""Of the files of ``Session.save``."""

_PREFIX, _LEARNED = "state_", "learned_"


class SavedSession(NamedTuple):
    """Where a session stood.

    Attributes
    ----------
    state : State
    past : float64 array (n_steps, classes)
        What was read in the steps of the window before the current one.
    here : float64 array (classes,)
        Spikes of the output in the current one, where they are what is read.
    slid : (int, int, int)
        As ``Sliding.note`` returns it.
    note : tuple of int
        What else was kept with it.
    taken : int
        Events since the network was at rest; 0 in files of before.
    learned : dict from str to array
        See ``learned_file``; of a session that learns.
    """

    state: State
    past: NDArray[np.float64]
    here: NDArray[np.float64]
    slid: tuple[int, int, int]
    note: tuple[int, ...]
    taken: int
    learned: Arrays


def write_session(
    path: Path,
    state: State,
    outputs: Outputs,
    run: Ongoing,
    note: Sequence[int],
    taken: int,
    learned: Arrays,
) -> None:
    """Write a session, whole or not at all; see ``Session.save``."""
    check_output_file("session", path)
    size = outputs.population.size
    arrays: dict[str, Any] = {_PREFIX + name: array for name, array in state.arrays().items()}
    arrays["session"] = np.array(_facts(outputs))
    arrays["past"] = np.array(outputs.past, np.float64).reshape(-1, size)
    arrays["note"] = np.array(note, np.int64).reshape(-1)
    arrays["here"], arrays["taken"] = outputs.counted(run), np.array([taken], np.int64)
    arrays |= {_LEARNED + name: array for name, array in learned.items()}
    data = io.BytesIO()
    np.savez(data, **arrays)
    write_whole(path, data.getvalue())


def read_session(path: str | os.PathLike[str], outputs: Outputs) -> SavedSession:
    """Read a session of outputs that are read so; see ``Session.load``."""
    where, every = os.fspath(path), {**read_npz(path)}
    learned = {n.removeprefix(_LEARNED): a for n, a in every.items() if n.startswith(_LEARNED)}
    arrays = {n: a for n, a in every.items() if not n.startswith(_LEARNED)}
    names = ("session", "past", "here", "note")
    facts, past, here, note = (arrays.pop(name, np.zeros(0)) for name in names)
    if facts.dtype.kind not in "iu" or note.dtype != np.int64 or note.ndim != 1 or len(note) < 3:
        raise DataError(f"{where}: not a saved session; give a file of Session.save")
    taken = arrays.pop("taken", np.zeros(1, np.int64))
    if taken.shape != (1,) or taken.dtype != np.int64 or taken[0] < 0:
        raise DataError(f"{where}: taken holds {shown(taken.tolist())}; save it again")
    wanted, size = _facts(outputs), outputs.population.size
    if facts.tolist() != wanted:
        raise DataError(
            f"{where}: a session of (version, window_us, reads) {shown(facts.tolist())}, this one "
            f"has {wanted}; make the session with the same window and reads"
        )
    if past.ndim != 2 or past.shape[1] != size or len(past) >= STEPS or here.shape != (size,):
        raise DataError(
            f"{where}: what it read of the output is {past.shape} and {here.shape}, of {size} "
            "classes; give a session of this network"
        )
    for name, array in (("past", past), ("here", here)):
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise DataError(f"{where}: {name} holds what no output leaves; save it again")
    state = {name.removeprefix(_PREFIX): array for name, array in arrays.items()}
    found = State.from_arrays(state, where)
    quiet, happened, resting, *rest = note.tolist()
    if min(quiet, happened) < 0 or resting not in (0, 1):
        raise DataError(f"{where}: note holds {shown(note.tolist())}; save it again")
    notes = (quiet, happened, resting), tuple(rest), int(taken[0])
    return SavedSession(found, past, here, *notes, learned)


def _facts(outputs: Outputs) -> list[int]:
    """Return what two sessions must have in common."""
    return [VERSION, outputs.window_us or 0, READS.index(outputs.reads)]
