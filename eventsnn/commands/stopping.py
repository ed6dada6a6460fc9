"""``--stop``: when commands stop looking at a recording, and where its level is chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.data.dataset import DataSet, first_of
from eventsnn.engines.stop import POLICIES, Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.measure.choose_stop import chosen_on
from eventsnn.options import Form
from eventsnn.train.held_out import split_of
from eventsnn.train.learning import Learner
from eventsnn.train.own_data import open_own
from eventsnn.train.saved_run import SavedRun

STOP_HELP = (
    "Deliver nothing more once an answer is clear, e.g. margin:2.0 (also entropy, patience, "
    "first_spike); a policy alone: at a level chosen on what was not learned."
)
LOSE_HELP = "Points of accuracy that the level of a policy alone may lose; default: 0.1."
USUAL_LOSE = 0.1


class AskedStop(NamedTuple):
    """A stop, or the policy whose level is to be chosen (``stop`` None)."""

    policy: str
    stop: Stop | None


def _read(text: Any) -> AskedStop:
    if isinstance(text, AskedStop):
        return text
    if text in POLICIES and text != "first_spike":
        return AskedStop(text, None)
    stop = Stop.of(text)
    return AskedStop(stop.policy, stop)


StopForm = Form((str, AskedStop), "a policy, or a policy and its level, such as margin:2.0", _read)


def check_judged(asked: AskedStop | None, split: str) -> None:
    """Refuse to judge a level by the recordings that choose it."""
    if asked is not None and asked.stop is None and split != "test":
        raise UserError(
            f"stop: the level of {asked.policy} is chosen on training recordings, and --split "
            f"{split} judges by them; leave --split out, or give a level, such as margin:2.0"
        )


def stop_of(
    asked: AskedStop, lose: float, model: Path, opened: tuple[Learner, SavedRun], console: Console
) -> tuple[Stop, dict[str, Any]]:
    """Return the stop, and what is told of how it was chosen; ``lose`` are points of accuracy."""
    learner, run = opened
    if asked.stop is not None:
        return asked.stop, _told(asked.stop)
    with progress_bars(console) as bars:
        data = open_own(model, run, None, progress=Bar(bars, "preparing data"))
    if learner.reading is None:
        raise UserError(
            f"stop: {model} is run by its own rule ({run.options.kind}), which does not stop "
            "early; leave it out"
        )
    rest = held_out(learner, run, data)
    if rest is None:
        raise UserError(
            f"{model}: learned all training recordings, and a level is chosen on others; give one, "
            "such as margin:2.0, or train with --hold-out or --validate"
        )
    with console.working("choosing a level"):
        found = chosen_on(learner.reading, rest, Stop(asked.policy), lose / 100)
    return found.stop, _told(found.stop) | {
        "chosen_on": found.recordings,
        "lose": lose / 100,
        "chosen": {
            "accuracy": found.point.accuracy,
            "accuracy_at_end": found.end.accuracy,
            "operations": found.point.operations,
            "operations_at_end": found.end.operations,
        },
    }


def _told(stop: Stop) -> dict[str, Any]:
    return {"policy": stop.policy, "level": stop.level, "check_us": stop.check_us}


def held_out(learner: Learner, run: SavedRun, data: DataSet) -> EventBatch | None:
    """Return the training recordings that a run did not learn, left out or held out; None: none.

    ``data`` begin with those that it had.
    """
    had = run.options.limit if run.data is None else run.data.recordings[0]
    data = replace(data, train=first_of(data.train, had))
    learned, _ = split_of(learner.options, learner.rule.validate, data)
    rest = np.setdiff1d(np.arange(len(data.train)), learned)
    return data.train.select(rest) if len(rest) and isinstance(data.train, EventBatch) else None
