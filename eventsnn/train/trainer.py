"""The training run: epochs over a data set, a checkpoint after each, exact resume."""

from __future__ import annotations

import os
import platform
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

import eventsnn
from eventsnn.data.source import Data, DataSet, labels_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.learn.herding import HerdingMLP
from eventsnn.measure.herding_costs import costs
from eventsnn.train.augment import augment
from eventsnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from eventsnn.train.options import TrainOptions

_CHUNK = 64  # samples between two calls of the listener, and to a Ctrl-C


class Listener:
    """Told how a run goes; the command line draws it."""

    def compiling(self) -> None:
        """Kernels are compiled or loaded now."""

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Epoch ``epoch`` (from 1) begins."""

    def progress(self, done: int, accuracy: float) -> None:
        """``done`` samples are learned; the accuracy so far in this epoch, while learning."""

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """One row of the history is complete, and saved."""


class Trainer:
    """One run.

    Parameters
    ----------
    options : TrainOptions
        With layers filled in.
    data : DataSet
    folder : Path or None
        Where checkpoints go; None: nowhere.
    threads : int
        For evaluation; no number changes a result.
    """

    def __init__(
        self, options: TrainOptions, data: DataSet, folder: Path | None, threads: int = 1
    ) -> None:
        self.options, self.data, self.folder, self.threads = options, data, folder, threads
        self.history: list[dict[str, Any]] = []
        rng = np.random.default_rng([options.seed, 0])
        scale, upper = options.init_scale, options.upper_scale or options.init_scale
        weights = [
            (upper if layer else scale) * rng.standard_normal(shape)
            for layer, shape in enumerate(pairwise(options.layers))
        ]
        self.net = HerdingMLP(weights, options.herding)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; what follows equals the uninterrupted run, bit for bit."""
        self.net.restore(checkpoint.arrays)
        self.history = list(checkpoint.info["history"])

    def run(self, listener: Listener) -> dict[str, Any]:
        """Train what is left of the epochs; return the summary of the run."""
        listener.compiling()
        self._compile()
        if not self.history:
            self._save()
        for epoch in range(len(self.history), self.options.epochs):
            listener.epoch_begins(epoch + 1, self.options.epochs, len(self.data.train))
            row = self._epoch(epoch, listener)
            self.history.append(row)
            self._save()
            listener.epoch_ends(row)
        return self.summary()

    def summary(self) -> dict[str, Any]:
        """Evaluate both halves and return everything a script needs."""
        test = evaluate(self.net, self.data.test, self.threads)
        train = evaluate(self.net, self.data.train, self.threads)
        return {
            "test_accuracy": test["accuracy"],
            "train_accuracy": train["accuracy"],
            "epochs": len(self.history),
            "seconds": sum(row["seconds"] for row in self.history),
            "spikes_per_recording": test["spikes_per_recording"],
            "operations_per_recording": test["operations_per_recording"],
            "training_operations_per_recording": costs(self.net.counts, max(self.net.n_trained, 1)),
            "history": self.history,
            "options": self.options.to_json(),
            "layers": list(self.net.sizes),
            "training_recordings": len(self.data.train),
            "test_recordings": len(self.data.test),
            "data_note": self.data.note,
            "out": None if self.folder is None else str(self.folder),
            "version": eventsnn.__version__,
            "seed": self.options.seed,
            "machine": machine(),
        }

    def _compile(self) -> None:
        """Run one sample through a throwaway copy, so that no epoch's time has compilation."""
        copy = HerdingMLP(self.net.weights, self.options.herding)
        original, self.net = self.net, copy
        self._learn(np.zeros(1, np.int64), np.random.default_rng(0))
        self.net = original
        copy.outputs(self.data.test, np.zeros(1, np.int64))

    def _epoch(self, epoch: int, listener: Listener) -> dict[str, Any]:
        self.net.options = self.options.at_epoch(epoch)
        # Numbered, not continued: a resumed run draws what the whole one would have drawn.
        rng = np.random.default_rng([self.options.seed, 1, epoch])
        order = rng.permutation(len(self.data.train))
        labels = labels_of(self.data.train)
        started, right = time.perf_counter(), 0
        for first in range(0, len(order), _CHUNK):
            chunk = order[first : first + _CHUNK]
            outputs = self._learn(chunk, rng)
            right += int((outputs.argmax(1) == labels[chunk]).sum())
            done = first + len(outputs)
            listener.progress(done, right / done)
        self._check_finite(epoch)
        seconds = time.perf_counter() - started
        test = evaluate(self.net, self.data.test, self.threads)
        return {
            "epoch": epoch + 1,
            "accuracy_while_learning": right / len(order),
            "test_accuracy": test["accuracy"],
            "spikes_per_recording": test["spikes_per_recording"],
            "seconds": seconds,
        }

    def _learn(self, chunk: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Learn the samples ``chunk``, changed at random where the options say so."""
        data, change = self.data.train, self.options.augmentation
        if not change or not isinstance(data, EventBatch):
            return self.net.train(data, chunk)
        return self.net.train(augment(data, chunk, change, rng), np.arange(len(chunk)))

    def _check_finite(self, epoch: int) -> None:
        for layer, weight in enumerate(self.net.weights):
            if not np.isfinite(weight).all():
                raise UserError(
                    f"epoch {epoch + 1}: weights of layer {layer + 1} are no longer finite; "
                    f"lower eta (it is {self.net.options.eta})"
                )

    def _save(self) -> None:
        if self.folder is None:
            return
        info = {
            "options": self.options.to_json(),
            "layers": list(self.net.sizes),
            "history": self.history,
            "version": eventsnn.__version__,
            "seed": self.options.seed,
            "data_note": self.data.note,
            "input_shape": list(input_shape(self.data.train)),
            "machine": machine(),
        }
        save_checkpoint(self.folder, Checkpoint(self.net.snapshot(), info))


def evaluate(net: HerdingMLP, data: Data, threads: int = 1) -> dict[str, Any]:
    """Predict every sample of ``data``.

    Returns
    -------
    dict
        ``accuracy`` (0..1), ``spikes_per_recording`` (a population, input first),
        ``operations_per_recording`` (a layer), ``recordings``.
    """
    outputs, counts = net.outputs(data, np.arange(len(data)), threads)
    accuracy = float((outputs.argmax(1) == labels_of(data)).mean())
    result: dict[str, Any] = {"accuracy": accuracy, "recordings": len(data)}
    return result | costs(counts, len(data))


def open_model(path: str | Path) -> tuple[HerdingMLP, TrainOptions]:
    """Read a trained network from a checkpoint's folder or file."""
    checkpoint = load_checkpoint(path)
    options, history = options_of(checkpoint, path), checkpoint.info.get("history", [])
    shapes = pairwise(options.layers)
    net = HerdingMLP([np.zeros(shape) for shape in shapes], options.at_epoch(len(history)))
    try:
        net.restore(checkpoint.arrays)
    except UserError as error:
        raise UserError(f"{path}: the checkpoint is damaged ({error}); train it anew") from error
    return net, options


def options_of(checkpoint: Checkpoint, path: str | Path) -> TrainOptions:
    """Return the options that a checkpoint was trained with."""
    try:
        return TrainOptions.from_json(checkpoint.info["options"])
    except (KeyError, TypeError, UserError) as error:
        raise UserError(f"{path}: the checkpoint is damaged ({error}); train it anew") from error


def machine() -> str:
    """Return what the run ran on, in a line."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}"
    )


def input_shape(data: Data) -> tuple[int, ...]:
    """Return the sensor (polarities, height, width), or (height, width) of images."""
    return data.shape if isinstance(data, EventBatch) else data.images.shape[1:]
