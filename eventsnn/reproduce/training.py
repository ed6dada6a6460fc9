"""Rows that train through the trainer: they save themselves each epoch, and go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventsnn.data.facts import facts_of
from eventsnn.data.identity import without_folder
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.samples import percent
from eventsnn.train.checkpoint import FILE, load_checkpoint
from eventsnn.train.listener import Listener
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Trainer

_KEPT = (
    "seconds",
    "spikes_per_recording",
    "operations_per_recording",
    "training_operations_per_recording",
    "training_recordings",
    "test_recordings",
)


class _Reports(Listener):
    """Passes the trainer's reports on to the row, all epochs as one count."""

    def __init__(self, context: RowContext) -> None:
        self.context, self.first, self.total, self.note = context, 0, 1, ""

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Note where the epoch begins."""
        self.first, self.total = (epoch - 1) * samples, epochs * samples

    def progress(self, done: int, accuracy: float) -> None:
        """Pass it on."""
        self.context.report(self.first + done, self.total, self.note)

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Show the test error from here on."""
        self.note = f"test {1 - row['test_accuracy']:.2%}"


def trainer_of(context: RowContext, given: Mapping[str, Any], watch: bool) -> Trainer:
    """Return the trainer of a row's data and seed, as it was saved or at the start.

    Parameters
    ----------
    context : RowContext
    given : mapping
        Options of ``train``, without data and seed.
    watch : bool
        Whether it also follows the training half.
    """
    named = {**given, "data": context.data.spec, "seed": context.seed}
    options = make_options(named, facts_of(context.data))
    trainer = Trainer(completed(options, context.data), context.data, context.folder, watch=watch)
    if (context.folder / FILE).exists():
        trainer.resume(load_checkpoint(context.folder))
    return trainer


def trained(trainer: Trainer, context: RowContext) -> Result:
    """Train what is left of the epochs; return errors in percent, history and costs."""
    summary = trainer.run(_Reports(context))
    return {
        "test_error": percent(summary["test_accuracy"]),
        "train_error": percent(summary["train_accuracy"]),
        "history": history_of(summary["history"]),
        **{name: summary[name] for name in _KEPT},
        "options": summary["options"] | {"data": word_of_row(context)},
    }


def word_of_row(context: RowContext) -> str:
    """Return the word of a row's data without the folder: others will read the result."""
    return without_folder(context.data.spec, context.data.absolute)


def history_of(history: list[Result]) -> list[Result]:
    """Return errors after each epoch and, where watched, spikes a sample learned in it."""
    rows, before = [], {"forward": 0.0, "backward": 0.0}
    for row in history:
        found = {"epoch": row["epoch"], "test_error": percent(row["test_accuracy"])}
        if "train_accuracy" in row:
            costs, n = row["learning_so_far"], row["epoch"]
            summed = {
                "forward": n * sum(costs["spikes_per_recording"]),
                "backward": n * sum(costs.get("error_spikes_per_recording", [0.0])),
            }
            found["train_error"] = percent(row["train_accuracy"])
            found |= {f"{side}_spikes": summed[side] - before[side] for side in summed}
            before = summed
        rows.append(found | {"seconds": row["seconds"]})
    return rows
