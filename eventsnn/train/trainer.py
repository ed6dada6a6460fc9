"""The training run: epochs over a data set, a checkpoint after each, exact resume."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np

import eventsnn
from eventsnn.data.dataset import DataSet, labels_of, sensor_of
from eventsnn.data.identity import Identity
from eventsnn.errors import UserError
from eventsnn.options import flat
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.rules.learned import Arrays, Rates
from eventsnn.train import one_pass
from eventsnn.train.checkpoint import BEST_FILE, FILE, Checkpoint, load_checkpoint, save_checkpoint
from eventsnn.train.described import packed
from eventsnn.train.health import complaints
from eventsnn.train.held_out import split_of
from eventsnn.train.learning import Learner
from eventsnn.train.listener import Listener
from eventsnn.train.metrics import Metrics
from eventsnn.train.options import TrainOptions
from eventsnn.train.run_folder import hold
from eventsnn.train.same import agree, agree_on_weights
from eventsnn.train.start import first_weights
from eventsnn.train.taught import taught
from eventsnn.train.teacher import digest_in, meet
from eventsnn.train.trainable import check_trainable


class Trainer:
    """One run.

    Parameters
    ----------
    options : TrainOptions
        With layers filled in.
    data : DataSet
    folder : Path or None
        Where checkpoints and metrics go; None: nowhere.
    threads : int
        No number changes a result.
    tensorboard : bool
        Also write TensorBoard scalars into the folder.
    watch : bool
        Also evaluate the training half after each epoch, and note what learning cost.
    ranks : Ranks
        Who share out the work; the first one alone writes into the folder.
    """

    def __init__(
        self,
        options: TrainOptions,
        data: DataSet,
        folder: Path | None,
        threads: int = 1,
        tensorboard: bool = False,
        watch: bool = False,
        ranks: Ranks = ONE,
    ) -> None:
        check_trainable(options, data)
        # The word that the data have, whatever the options were made for.
        self.options = options = replace(options, data=data.spec)
        self.data, self.folder, self.threads, self.watch = data, folder, threads, watch
        self.kept: Identity | None = None
        self.history: list[dict[str, Any]] = []
        self.learner, self.ranks = Learner(options, threads), ranks
        self.learner.over(ranks)
        self.chosen, self.held_out = split_of(options, self.learner.rule.validate, data)
        self.began: Arrays = {}
        self.metrics = Metrics(folder if ranks.first else None, tensorboard)
        self.rates: list[Rates] = []
        self.resumed = False
        self._pass: list[list[one_pass.Portion]] = []
        self.first_step: float | None = None  # time.perf_counter() after it

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; what follows equals the uninterrupted run, bit for bit.

        Raises
        ------
        UserError
            If it learned from other data, or does not fit the options.
        """
        self.kept = self._same_data(checkpoint)
        self.learner.restore(checkpoint.arrays)
        self.began = digest_in(checkpoint.arrays)
        self.history = list(checkpoint.info["history"])
        self.rates = [Rates(**row) for row in checkpoint.info.get("start_rates", [])]
        self.resumed = True

    @property
    def identity(self) -> Identity:
        """What the data are."""
        return self.kept or self.data.identity

    def _same_data(self, checkpoint: Checkpoint) -> Identity | None:
        """Return what a checkpoint learned from, if it was opened by the same word."""
        if "data" not in checkpoint.info:  # of a version that kept no more than the word
            return None
        was = Identity.from_json(checkpoint.info["data"], "the checkpoint")
        changed = was.changes(self.data.identity)
        if changed:
            raise UserError(f"{changed}; bring back those that it learned from, or train anew")
        return was if was.spec == self.data.spec else None

    def run(self, listener: Listener) -> dict[str, Any]:
        """Learn, and return the summary of the run."""
        self.learn(listener)
        return self.summary()

    def learn(self, listener: Listener) -> None:
        """Train what is left of the epochs.

        Raises
        ------
        UserError
            If another run holds the folder, or has saved there what this one does not know.
        """
        agree(self.ranks, self.data, self.options)
        if self.folder is None or not self.ranks.first:
            self._learn(listener)
            return
        with hold(self.folder):
            self._check_saved(self.folder)
            self._learn(listener)

    def _check_saved(self, folder: Path) -> None:
        """Refuse to write over epochs that this run does not go on from."""
        if not (folder / FILE).exists():
            return
        saved = load_checkpoint(folder).info.get("history")
        if saved and not self.resumed:
            raise UserError(f"{folder}: holds a run already; add --resume, or give another --out")
        if self.resumed and saved != self.history:
            raise UserError(f"{folder}: another run went on there meanwhile; give --resume again")

    def _learn(self, listener: Listener) -> None:
        self.began = meet(self.learner, self.data.train, self.began)
        listener.compiling()
        self.learner.compile(self.data.train)
        self.metrics.begin(self.history)
        if not self.resumed:
            weights = first_weights(self.learner, self.data.train)
            self.rates = self.learner.start(self.data.train, weights)
            listener.started(self.rates)
        agree_on_weights(self.ranks, self.learner.snapshot, self.began)
        if not self.resumed:
            self._save(FILE)
        try:
            self._epochs(listener)
        finally:
            self.metrics.close()

    def _epochs(self, listener: Listener) -> None:
        for epoch in range(len(self.history), self.options.epochs):
            if self._patience_is_over():
                return
            row = self._epoch(epoch, listener)
            self.history.append(row)
            if row.get("best"):
                self._save(BEST_FILE)
            self._save(FILE)
            self.metrics.add(row)
            listener.epoch_ends(row)

    def summary(self) -> dict[str, Any]:
        """Evaluate both halves and return everything a script needs."""
        test = self.learner.evaluate(self.data.test, self.threads)
        train = self.learner.evaluate(self.data.train, self.threads)
        return {
            "test_accuracy": test["accuracy"],
            "train_accuracy": train["accuracy"],
            "no_answer": {"test": test["no_answer"], "train": train["no_answer"]},
            "epochs": len(self.history),
            "one_pass": one_pass.one_pass_summary(self.history) if self.options.one_pass else None,
            "seconds": sum(row["seconds"] for row in self.history),
            "spikes_per_recording": test["spikes_per_recording"],
            "operations_per_recording": test["operations_per_recording"],
            "training_operations_per_recording": self.learner.costs(),
            "history": self.history,
            "start_rates": [row._asdict() for row in self.rates],
            "options": self.options.to_json(),
            "layers": list(self.learner.sizes),
            "training_recordings": len(self.chosen),
            "test_recordings": len(self.data.test),
            "data_note": self.data.note,
            "out": None if self.folder is None else str(self.folder),
            "version": eventsnn.__version__,
            "seed": self.options.seed,
            "machine": machine(),
        }

    def _epoch(self, epoch: int, listener: Listener) -> dict[str, Any]:
        learner, online = self.learner, bool(self.options.one_pass)
        # Numbered, not continued: a resumed run draws what the whole one would have drawn.
        rng = np.random.default_rng([self.options.seed, 1, epoch])
        portions = self._portions(epoch, rng)
        listener.epoch_begins(epoch + 1, self.options.epochs, sum(one.new for one in portions))
        learner.begin_epoch(epoch, len(portions), self.options.epochs)
        started, right, done, loss = time.perf_counter(), 0, 0, 0.0
        for one in taught(learner, self.data.train, portions, rng, online):
            self.first_step = self.first_step or time.perf_counter()
            right, loss, done = right + one.right, loss + one.loss, done + one.new
            listener.progress(done, right / done)
        learner.end_epoch()
        seconds = time.perf_counter() - started
        test = learner.evaluate(self.data.test, self.threads)
        row = {
            "epoch": epoch + 1,
            "accuracy_while_learning": right / done,
            "test_accuracy": test["accuracy"],
            "no_answer": test["no_answer"],
            "spikes_per_recording": test["spikes_per_recording"],
            "seconds": seconds,
        }
        if np.isfinite(loss):
            row["loss"] = loss / done
        row |= self._watched() | self._validated()
        answers = np.stack([labels_of(self.data.test), test["predictions"]])
        if online:
            by_class = one_pass.accuracy_by_class(answers[0], answers[1], learner.sizes[-1])
            row |= {"recordings": done, "test_accuracy_by_class": by_class}
        own = flat(self.options.own)
        wrong = complaints([*self.history, row], learner.sizes, answers, own)
        return row | ({"warnings": wrong} if wrong else {})

    def _portions(self, epoch: int, rng: np.random.Generator) -> list[one_pass.Portion]:
        """Return what is learned in an epoch, in order: all samples, or a part of the one pass."""
        options, rule = self.options, self.learner.rule
        if not options.one_pass:
            return one_pass.portions_of(self.chosen[rng.permutation(len(self.chosen))], rule.batch)
        if not self._pass:
            labels = labels_of(self.data.train)[self.chosen]
            args = labels, options.epochs, rule.online_batch, options.seed
            self._pass = one_pass.pass_of(options.one_pass, *args)
        return [one_pass.Portion(self.chosen[order], new) for order, new in self._pass[epoch]]

    def _watched(self) -> dict[str, Any]:
        """Return the accuracy on the training half, and operations of learning so far."""
        if not self.watch:
            return {}
        accuracy = self.learner.evaluate(self.data.train, self.threads)["accuracy"]
        return {"train_accuracy": accuracy, "learning_so_far": self.learner.costs()}

    def _validated(self) -> dict[str, Any]:
        """Return the accuracy on the held-out recordings, and whether it is the best so far."""
        if not len(self.held_out):
            return {}
        held_out = self.data.train.select(self.held_out)  # type: ignore[union-attr]
        accuracy = self.learner.evaluate(held_out, self.threads)["accuracy"]
        before = max((row["validation_accuracy"] for row in self.history), default=-1.0)
        return {"validation_accuracy": accuracy, "best": accuracy > before}

    def _patience_is_over(self) -> bool:
        patience = self.learner.rule.patience
        last = self.history[-patience:] if patience else []
        return len(last) == patience > 0 and not any(row["best"] for row in last)

    def _save(self, file: str) -> None:
        saved = None if self.folder is None else self.checkpoint()  # of all ranks together
        if self.folder is not None and saved is not None and self.ranks.first:
            save_checkpoint(self.folder, saved, file)

    def checkpoint(self) -> Checkpoint:
        """Return the run as it stands."""
        info = {
            "options": self.options.to_json(),
            "layers": list(self.learner.sizes),
            "history": self.history,
            "start_rates": [row._asdict() for row in self.rates],
            "version": eventsnn.__version__,
            "seed": self.options.seed,
            "data_note": self.data.note,
            "input_shape": list(sensor_of(self.data.train)),
            "data": self.identity.to_json(),
            "recorded_sensor": list(self.data.recorded_sensor),
            "machine": machine(),
        }
        arrays, network = packed(self.options.network)
        return Checkpoint(self.learner.snapshot() | self.began | arrays, info | network)


def machine() -> str:
    """Return what the run ran on, in a line."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}"
    )
