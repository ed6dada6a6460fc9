"""``--stop``: when commands stop looking at a recording, and where its level is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.data.dataset import DataSet
from eventsnn.engines.stop import POLICIES, Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.measure.choose_stop import chosen_on
from eventsnn.options import Form
from eventsnn.train.learning import Learner
from eventsnn.train.own_data import open_own
from eventsnn.train.saved_run import SavedRun
from eventsnn.train.trainer import split_of

STOP_HELP = (
    "Deliver nothing more once an answer is clear, e.g. margin:2.0 (also entropy, patience, "
    "first_spike); a policy alone: at a level chosen on what was not learned."
)
LOSE_HELP = "Points of accuracy that such a level may lose."


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
            f"stop: {model} is run by its own rule ({run.options.rule}), which does not stop "
            "early; leave it out"
        )
    with console.working("choosing a level"):
        usual = Stop(asked.policy)
        found = chosen_on(learner.reading, held_out(model, learner, data), usual, lose / 100)
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


def held_out(model: Path, learner: Learner, data: DataSet) -> EventBatch:
    """Return the training recordings that a run did not learn: left out, or held out."""
    learned, _ = split_of(learner.options, learner.rule.validate, data)
    rest = np.setdiff1d(np.arange(len(data.train)), learned)
    if not len(rest):
        raise UserError(
            f"{model}: learned all training recordings, and a level is chosen on others; give one, "
            "such as margin:2.0, or train with --skip or --validate"
        )
    assert isinstance(data.train, EventBatch)  # a network that the simulator runs takes no images
    return data.train.select(rest)
