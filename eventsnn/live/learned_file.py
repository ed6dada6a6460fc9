"""What a learning session has learned and remembers, as arrays in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch
from eventsnn.live.learner import StreamLearner
from eventsnn.live.memory import Mark, Memory
from eventsnn.rules.learned import Arrays, Window

_RULE, _CELLS = "rule.", "cells."


def learned_arrays(learner: StreamLearner, memory: Memory) -> Arrays:
    """Return everything that a session adds that learns."""
    out = {_RULE + name: array for name, array in learner.rule.arrays(learner.state).items()}
    counts = [learner.learned, learner.right, learner.replay.seen, len(learner.replay.items)]
    out["counts"] = np.array(counts, np.int64)
    out["mark.t"] = np.array([mark.t_us for mark in memory.marks], np.int64)
    out["mark.rest"] = np.array([mark.cells is None for mark in memory.marks])
    for k, mark in enumerate(memory.marks):
        if mark.cells is not None:
            out[f"mark.{k}.x"], out[f"mark.{k}.times"] = mark.cells
    out["events.t"], out["events.unit"] = memory.events()
    out["events.lost"] = np.array([memory.lost])
    for k, window in enumerate(learner.replay.items):
        out |= {f"replay.{k}.{name}": array for name, array in _of_window(window).items()}
    return out


def restore_learned(
    learner: StreamLearner, memory: Memory, arrays: Mapping[str, NDArray[Any]], where: str
) -> None:
    """Take back what ``learned_arrays`` returned.

    Raises
    ------
    DataError
        Where something is missing, or is not as it is saved.
    """
    if not arrays:
        raise UserError(f"{where}: of a session that did not learn; leave learns out")
    try:
        own = {n.removeprefix(_RULE): a for n, a in arrays.items() if n.startswith(_RULE)}
        learner.state = learner.rule.restore(learner.network, own)
        learner.learned, learner.right, seen, kept = map(int, arrays["counts"])
        learner.replay.seen = seen
        learner.replay.items = [_window(arrays, f"replay.{k}.", memory) for k in range(kept)]
        pairs = zip(arrays["mark.t"].tolist(), arrays["mark.rest"].tolist(), strict=True)
        marks = [
            Mark(t, None if rest else (arrays[f"mark.{k}.x"], arrays[f"mark.{k}.times"]))
            for k, (t, rest) in enumerate(pairs)
        ]
        memory.restore(marks, arrays["events.t"], arrays["events.unit"], arrays["events.lost"])
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{where}: what it learned is damaged ({error}); save it again") from error


def _of_window(window: Window) -> Arrays:
    batch = window.events
    label = np.array([int(batch.label[0]), int(batch.duration[0])], np.int64)
    out: Arrays = {"t": np.asarray(batch.t), "unit": np.asarray(batch.unit), "label": label}
    out["rest"] = np.array([window.since is None])
    for name, variables in (window.since or {}).items():
        out |= {f"{_CELLS}{variable}.{name}": array for variable, array in variables.items()}
    return out


def _window(arrays: Mapping[str, NDArray[Any]], prefix: str, memory: Memory) -> Window:
    own = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    t, unit, start = own["t"], own["unit"], np.array([0, len(own["t"])], np.int64)
    label, duration = own["label"][:1], own["label"][1:]
    batch = EventBatch(t, unit, start, label, duration, memory.shape, source="the stream")
    if bool(own["rest"][0]):
        return Window(batch, None)
    since: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in own.items():
        if name.startswith(_CELLS):
            variable, population = name.removeprefix(_CELLS).split(".", 1)
            since.setdefault(population, {})[variable] = array
    return Window(batch, since)
