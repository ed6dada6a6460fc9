"""One trial: a training run in a folder of its own, judged on what was held out of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsnn.data.dataset import Data, DataSet, some_of
from eventsnn.errors import UserError
from eventsnn.rules.learned import Rates
from eventsnn.sweep.journal import Claim, Journal
from eventsnn.train.apart import parted
from eventsnn.train.checkpoint import FILE, load_checkpoint
from eventsnn.train.listener import Listener
from eventsnn.train.options import TrainOptions
from eventsnn.train.trainer import Trainer


class _GivenUp(Exception):
    """The pruner has given up the trial."""


def run_trial(
    claim: Claim, journal: Journal, trainer: Trainer, told: Listener
) -> tuple[str, dict[str, Any]]:
    """Train what is left of a trial's epochs, and note in the journal how it does.

    Returns
    -------
    state : str
        ``done``, ``pruned`` or ``failed``.
    found : dict
        ``accuracy`` and ``operations`` (additions or multiply-accumulates a recording) on what was
        held out, ``epochs``, ``seconds`` of learning; ``why`` it failed, in a line.

    Raises
    ------
    UserError
        If it cannot be saved: that is no fault of the trial.
    """
    judge = _Judge(claim, journal, trainer, told)
    state = "done"
    try:
        judge.catch_up()
        trainer.learn(judge)
    except _GivenUp:
        state = "pruned"
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise
        state, judge.found = "failed", judge.found | {"why": str(error)}
    journal.end(claim, state, judge.found)
    return state, judge.found


def trainer_of(options: TrainOptions, data: DataSet, folder: Path, threads: int) -> Trainer:
    """Return the run of a trial, as its worker left it or at the start.

    Raises
    ------
    UserError
        If the folder holds another run.
    """
    trainer = Trainer(options, data, folder, threads)
    if (folder / FILE).exists():
        saved = load_checkpoint(folder)
        if saved.info.get("options") != trainer.options.to_json():
            raise UserError(f"{folder}: holds a run with other options; give another --out")
        trainer.resume(saved)
    return trainer


def held_out_of(options: TrainOptions, data: DataSet) -> Data:
    """Return the training recordings that judge a trial."""
    _, apart = parted(len(data.train), options.skip, options.hold_out)
    return some_of(data.train, apart)


class _Judge(Listener):
    """Evaluates what was held out after each epoch; passes on what the run tells."""

    def __init__(self, claim: Claim, journal: Journal, trainer: Trainer, told: Listener) -> None:
        self.claim, self.journal, self.trainer, self.told = claim, journal, trainer, told
        self.held_out = held_out_of(trainer.options, trainer.data)
        self.found: dict[str, Any] = {}

    def catch_up(self) -> None:
        """Judge the epoch that was saved last by a worker that died."""
        if self.trainer.history:
            self._judge(len(self.trainer.history))

    def compiling(self) -> None:
        """Pass it on."""
        self.told.compiling()

    def started(self, rates: list[Rates]) -> None:
        """Pass it on."""
        self.told.started(rates)

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Pass it on."""
        self.told.epoch_begins(epoch, epochs, samples)

    def progress(self, done: int, accuracy: float) -> None:
        """Pass it on."""
        self.told.progress(done, accuracy)

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Judge it."""
        self._judge(row["epoch"])
        self.told.epoch_ends(row | {"held_out_accuracy": self.found["accuracy"]})

    def _judge(self, epoch: int) -> None:
        trainer = self.trainer
        seen = trainer.learner.evaluate(self.held_out, trainer.threads)
        self.found = {
            "accuracy": float(seen["accuracy"]),
            "held_out": len(self.held_out),
            "operations": float(sum(seen["operations_per_recording"])),
            "epochs": epoch,
            "seconds": float(sum(row["seconds"] for row in self._history(epoch))),
        }
        last = epoch >= trainer.options.epochs
        if self.journal.tell(self.claim, epoch, self.found) and not last:
            raise _GivenUp

    def _history(self, epoch: int) -> list[dict[str, Any]]:
        return self.trainer.history[:epoch]
